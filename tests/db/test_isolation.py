"""The second layer alone: what row-level security gives, whatever SQL is sent."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.tables import METADATA
from billing import pay_links
from db.policies import Guard, guard_of, protect_all
from db.session import Database, defer, enter
from tests.billing.acting import Acts, invoice_of
from tests.cast import Cast


def test_every_table_names_its_guard_and_the_database_forces_it(owner: Connection) -> None:
    secured = dict(
        owner.execute(
            text("select relname, relrowsecurity and relforcerowsecurity from pg_class where relkind = 'r'")
        ).all()
    )
    for table in METADATA.sorted_tables:
        guard_of(table)
        assert secured[table.name], table.name


def test_the_app_role_owns_nothing_and_is_no_superuser(owner: Connection) -> None:
    owned = owner.scalars(
        text("select relname from pg_class c join pg_roles r on r.oid = relowner where rolname = 'remit_app'")
    ).all()
    rights = owner.execute(
        text("select rolsuper, rolbypassrls, rolcreaterole from pg_roles where rolname = 'remit_app'")
    ).one()
    assert owned == []
    assert tuple(rights) == (False, False, False)


def test_without_a_tenant_no_row_is_readable(database: Database) -> None:
    with database.transaction() as db:
        for table in METADATA.sorted_tables:
            if guard_of(table) is not Guard.GLOBAL:
                assert db.execute(text(f"select count(*) from {table.name}")).scalar_one() == 0, table.name


def test_a_global_table_is_closed_to_the_app_role(database: Database) -> None:
    with pytest.raises(DBAPIError, match="permission denied"), database.transaction() as db:
        db.execute(text("select * from throttle_bucket"))


def test_a_partner_sees_only_its_own_customers(database: Database, cast: Cast) -> None:
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        seen = set(db.execute(text("select company from customer")).scalars())
    assert seen == {"Acme", "Globex"}


def test_a_customer_sees_only_itself_and_its_own_people(database: Database, cast: Cast) -> None:
    with database.transaction(
        partner_id=cast.partners["northwind"], customer_id=cast.customers["acme"]
    ) as db:
        assert db.execute(text("select company from customer")).scalars().all() == ["Acme"]
        people = set(db.execute(text("select name from membership")).scalars())
        keys = db.execute(text("select count(*) from api_key")).scalar_one()
    assert people == {"Carl", "Petra", "Vera"}
    assert keys == 0


def test_a_row_cannot_be_written_into_another_tenant(database: Database, cast: Cast) -> None:
    with pytest.raises(DBAPIError, match="row-level security"), database.transaction() as db:
        enter(db, partner_id=cast.partners["northwind"])
        db.execute(
            text(
                "insert into tag select :other, gen_random_uuid(), null, 'a', 'a', '#000000', null, "
                "now(), now()"
            ),
            {"other": cast.partners["contoso"]},
        )


def test_a_row_cannot_point_at_another_tenants_row(database: Database, cast: Cast) -> None:
    with (
        pytest.raises(DBAPIError, match="fk_membership_partner_id_customer_id"),
        database.transaction() as db,
    ):
        enter(db, partner_id=cast.partners["northwind"])
        db.execute(
            text("update membership set customer_id = :other where name = 'Gus'"),
            {"other": cast.customers["initech"]},
        )


@pytest.mark.parametrize(
    "table", [table.name for table in METADATA.sorted_tables if table.info["append_only"]]
)
@pytest.mark.parametrize("change", ["update {} set partner_id = partner_id", "delete from {}"])
def test_history_cannot_be_changed(database: Database, table: str, change: str) -> None:
    if table == "personal_event":
        change = change.replace("partner_id", "user_id")
    with pytest.raises(DBAPIError, match="permission denied"), database.transaction() as db:
        db.execute(text(change.format(table)))


LOOKUPS = {
    "find_user", "find_session", "find_device", "find_personal_token", "find_invite", "find_gateway_account",
    "partner_ids", "count_try", "return_try", "drop_old_tries", "knock_key",
    "knock_session", "places_of_user", "check_ledger_entry", "find_pending_sign_in", "people_with_seeds",
    "places_that_need_factor", "find_logo", "find_passkey", "find_mailed_code", "issue_challenge",
    "use_challenge", "erase_from_logs", "find_partner", "find_access_link", "knock_impersonation",
    "merge_tag_in_views", "drop_one_time_rows", "find_pay_link", "has_partner", "find_mail",
    "note_unread_thread", "drop_old_unread_threads", "find_waiting_invites",
}  # fmt: skip


def test_the_lookups_before_a_tenant_is_known_are_a_closed_list(owner: Connection) -> None:
    found = owner.scalars(
        text("select proname from pg_proc where prosecdef and pronamespace = 'public'::regnamespace")
    ).all()
    assert sorted(found) == sorted(LOOKUPS)


def test_a_guest_reads_one_invoice_and_its_company_and_changes_nothing(
    database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    acts = Acts(database, owner, now)
    shown, hidden = invoice_of(owner, cast, "acme"), invoice_of(owner, cast, "acme")
    acts(cast.ada, pay_links.create, invoice_id=hidden)
    link = acts(cast.ada, pay_links.create, invoice_id=shown)
    with database.transaction() as db:
        pay_links.open_link(db, token=link.token, is_counted=False, now=now)
        assert db.execute(text("select id from invoice")).scalars().all() == [shown]
        assert db.execute(text("select id from customer")).scalars().all() == [cast.customers["acme"]]
        seen = {
            table.name: found
            for table in METADATA.sorted_tables
            if guard_of(table) is not Guard.GLOBAL
            and (found := db.execute(text(f"select count(*) from {table.name}")).scalar_one())
        }
        # The gateway's account is what the partner's customers pay into; it has no secret.
        assert seen == {"invoice": 1, "customer": 1, "partner": 1, "gateway_account": 1}
        assert db.execute(text("delete from invoice")).rowcount == 0  # type: ignore[attr-defined]
    with pytest.raises(DBAPIError, match="row-level security"), database.transaction() as db:
        pay_links.open_link(db, token=link.token, is_counted=False, now=now)
        db.execute(text("update invoice set memo = 'mine'"))


def test_the_policies_in_the_database_are_those_the_tables_are_made_with(owner: Connection) -> None:
    made = {
        tuple(statement.split()[2:5:2])
        for statement in protect_all(METADATA)
        if statement.startswith("create policy")
    }
    found = {tuple(row) for row in owner.execute(text("select policyname, tablename from pg_policies"))}
    # A new table's migration has every statement of db.policies.protect.
    assert found == made


def test_a_guest_who_pays_writes_about_the_one_invoice_and_nothing_else(
    database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    acts = Acts(database, owner, now)
    shown, other = invoice_of(owner, cast, "acme"), invoice_of(owner, cast, "acme")
    made = acts(cast.ada, pay_links.create, invoice_id=shown)

    def rows(statement: str) -> int:
        with database.transaction() as db:
            pay_links.let_in_to_pay(db, token=made.token, link_id=made.link.id, now=now)
            count: int = db.execute(text(statement)).rowcount  # type: ignore[attr-defined]
            db.rollback()
            return count

    written = {}
    for table in METADATA.sorted_tables:
        if guard_of(table) in (Guard.GLOBAL, Guard.USER_ROW, Guard.PERSONAL) or table.info["append_only"]:
            continue
        assert rows(f"delete from {table.name}") == 0, table.name
        changed = rows(
            f"update {table.name} set partner_id = partner_id"
            if "partner_id" in table.c
            else f"update {table.name} set id = id"
        )
        if changed:
            written[table.name] = changed
    # The customer's own row holds what it owes.
    assert written == {"customer": 1, "invoice": 1}
    assert rows(f"update invoice set memo = memo where id = '{other}'") == 0
    place = f"'{cast.ada.partner_id}', gen_random_uuid(), '{cast.customers['acme']}'"
    card = "'CARD', 'CREDIT', 'visa', '4242', 'f', 'sandbox', 'a', 'r', false, now(), now()"
    for statement in (
        "insert into payment_method (partner_id, id, customer_id, kind, funding, brand, last4, fingerprint,"
        " gateway, gateway_account, gateway_ref, is_default, created_at, updated_at)"
        f" values ({place}, {card})",
        "insert into payment_method_setup (partner_id, id, customer_id, gateway, gateway_account, created_at)"
        f" values ({place}, 'sandbox', 'a', now())",
        "insert into payment_allocation (partner_id, id, customer_id, payment_id, invoice_id, amount_minor,"
        f" status) values ({place}, gen_random_uuid(), '{other}', 1, 'RESERVED')",
        "insert into tag (partner_id, id, owner_id, name, name_key, colour, created_at, updated_at)"
        f" values ({place}, 'x', 'x', '#000000', now(), now())",
    ):
        with pytest.raises(DBAPIError, match="row-level security"):
            rows(statement)


def test_the_queue_job_exists_only_if_the_transaction_commits(database: Database, owner: Connection) -> None:

    with database.transaction() as db:
        defer(db, "send_mail", mail_id="1")
    with pytest.raises(RuntimeError), database.transaction() as db:
        defer(db, "send_mail", mail_id="2")
        raise RuntimeError
    jobs = owner.execute(text("select task_name, args from procrastinate_jobs")).all()
    assert [tuple(job) for job in jobs] == [("send_mail", {"mail_id": "1"})]
