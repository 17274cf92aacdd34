"""Customers from a CSV file: what is taken in, what each row comes to, and that nothing is done twice."""

import io
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session

from billing import customer_import_rows, customer_imports, customers
from billing.customer_fields import CustomerInput
from billing.import_files import message_of
from billing.import_tables import ImportState
from db.session import Database
from errors import Conflict, Forbidden, Invalid, NotFound
from integrations import rounds
from tests.billing.importing import BLUE, HEAD, Imports
from tests.cast import Cast
from tests.world import difference, nothing_changes, world


def test_a_new_row_becomes_a_customer_in_setup_and_a_second_run_changes_nothing(
    imports: Imports, owner: Connection
) -> None:
    first = imports.run(BLUE)
    assert imports.counts(first) == (1, 0, 0, 0)
    assert imports.find(first).state is ImportState.DONE
    row = owner.execute(text("select * from customer where external_id = 'B-1'")).mappings().one()
    assert (row["company"], row["status"], row["tax_id"], row["postal_code"]) == (
        "Bluebird", "SETUP", "123456789", "61602",
    )  # fmt: skip
    kept = world(owner, without=("customer_import", "customer_import_row"))
    second = imports.run(BLUE)
    assert imports.counts(second) == (0, 0, 1, 0)
    after = world(owner, without=("customer_import", "customer_import_row"))
    assert set(difference(kept, after)) == {"audit_event", "procrastinate_jobs", "procrastinate_events"}


def test_an_imported_customer_is_what_the_page_would_have_made(imports: Imports, owner: Connection) -> None:
    """O2: the same row made by the rule, and by an import: same columns, same words, same log."""
    imports.run(BLUE)
    fields = {"company": "Bluebird", "address": "1 Main St", "city": "Peoria", "state": "IL"}
    fields |= {"tax_id": "12-3456789", "postal_code": "61602", "country": "US", "external_id": "B-2"}
    imports.act(customers.create, fields=CustomerInput(**fields), now=imports.now)
    own = "'slug', 'id', 'external_id'"
    twins = owner.scalars(
        text(f"select to_jsonb(c) - array[{own}] from customer c where company = 'Bluebird'")
    ).all()
    assert len(twins) == 2
    assert twins[0] == twins[1]
    words = owner.scalars(
        text("select array_agg(token) from search_token t join customer c on c.id = t.subject_id"
             " where company = 'Bluebird' group by c.id")
    ).all()  # fmt: skip
    assert [set(those) - {"1", "2", "b1", "b2"} for those in words] == [
        {"bluebird", "12", "3456789", "123456789", "b"}
    ] * 2
    logged = owner.execute(
        text("select actor_name, actor_id, action, subject_kind, details from audit_event"
             " where action = 'customer.created' order by id desc limit 2")
    ).all()  # fmt: skip
    assert logged[0] == logged[1]


def test_the_check_writes_no_customer(imports: Imports, owner: Connection) -> None:
    mine = ("customer_import", "customer_import_row")
    queue = ("audit_event", "procrastinate_jobs", "procrastinate_events")
    with nothing_changes(owner, without=(*mine, *queue)):
        found = imports.check(BLUE, "Other,,1 Main St,Peoria,IL,9,US,")
    assert imports.counts(found) == (1, 0, 0, 1)
    assert imports.problems(found) == [(3, ["BAD_ZIP"])]


def test_every_wrong_field_of_a_row_is_told_with_the_pages_words(imports: Imports) -> None:
    found = imports.check(",1,1 Main St,,XX,9,US,B")
    [row] = imports.act(customer_imports.report, import_id=found)
    assert {one["field"] for one in row.problems} == {"company", "city", "state", "postal_code", "tax_id"}
    assert "Enter the ZIP code as 12345 or 12345-6789." in {message_of(one) for one in row.problems}


def test_customers_are_found_by_external_id_then_tax_id_then_name_and_zip(imports: Imports) -> None:
    imports.run(BLUE)
    for row in (
        "Bluebird,,,Pekin,,,,B-1",
        "Renamed,123456789,1 Main St,Galena,IL,61602,US,",
        "RENAMED,,2 Side St,Peoria,IL,61602-1234,US,",
    ):
        assert imports.counts(imports.run(row)) == (0, 1, 0, 0), row


def test_blanks_overwrite_nothing(imports: Imports, owner: Connection) -> None:
    imports.run(BLUE)
    imports.run(",,,Pekin,,,,B-1")
    row = owner.execute(text("select company, tax_id, city from customer where external_id = 'B-1'")).one()
    assert tuple(row) == ("Bluebird", "123456789", "Pekin")


def test_several_matches_are_refused(imports: Imports) -> None:
    same = {"company": "Twin", "address": "1 A St", "city": "Peoria", "state": "IL", "country": "US"}
    for _ in range(2):
        fields = CustomerInput(postal_code="61602", **same)
        imports.act(customers.create, fields=fields, now=imports.now)
    found = imports.check("Twin,,1 A St,Peoria,IL,61602,US,")
    assert imports.problems(found) == [(2, ["SEVERAL_MATCHES"])]


def test_a_weaker_match_with_another_external_id_is_refused(imports: Imports) -> None:
    imports.run(BLUE)
    found = imports.check(BLUE.replace("B-1", "B-9"))
    assert imports.problems(found) == [(2, ["OTHER_CUSTOMER"])]


def test_the_second_row_about_one_customer_is_refused_even_in_another_batch(
    imports: Imports, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_import_rows, "BATCH", 2)
    others = [f"Co {n},,1 A St,Peoria,IL,61602,US,C-{n}" for n in range(3)]
    found = imports.run(BLUE, *others, BLUE.replace("Bluebird", "Blue Bird"))
    assert imports.counts(found) == (4, 0, 0, 1)
    assert imports.problems(found) == [(6, ["REPEATED"])]


def test_an_archived_customer_is_not_changed(imports: Imports, owner: Connection) -> None:
    imports.run(BLUE)
    id_ = owner.scalar(text("select id from customer where external_id = 'B-1'"))
    imports.act(customers.archive, customer_id=id_, now=imports.now)
    assert imports.problems(imports.check(",,,Pekin,,,,B-1")) == [(2, ["CUSTOMER_ARCHIVED"])]


def test_what_changed_since_the_check_is_refused_not_guessed(imports: Imports, owner: Connection) -> None:
    found = imports.check(BLUE)
    imports.run(BLUE)
    imports.act(customer_imports.confirm, import_id=found, now=imports.now)
    imports.work(found)
    assert imports.counts(found) == (0, 0, 0, 1)
    assert imports.problems(found) == [(2, ["CONFLICT"])]
    assert owner.scalar(text("select count(*) from customer where company = 'Bluebird'")) == 1


def test_a_worker_killed_half_way_goes_on_where_it_stopped(
    imports: Imports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_import_rows, "BATCH", 2)
    rows = [f"Co {n},,1 A St,Peoria,IL,61602,US,C-{n}" for n in range(5)]
    found = imports.check(*rows)
    imports.act(customer_imports.confirm, import_id=found, now=imports.now)

    class Killed(BaseException):
        """What a kill looks like from inside."""

    batches = iter([False, True])
    real = customer_import_rows._keep

    def killed(*given: Any) -> None:
        real(*given)
        if next(batches):
            raise Killed

    monkeypatch.setattr(customer_import_rows, "_keep", killed)
    with pytest.raises(Killed):
        imports.work(found)
    assert imports.counts(found) == (2, 0, 0, 0)
    monkeypatch.setattr(customer_import_rows, "_keep", real)
    imports.work(found)
    imports.work(found)
    assert imports.counts(found) == (5, 0, 0, 0)
    assert owner.scalar(text("select count(*) from customer where company like 'Co %'")) == 5


def test_two_workers_at_once_do_it_once(
    imports: Imports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_import_rows, "BATCH", 3)
    found = imports.check(*[f"Co {n},,1 A St,Peoria,IL,61602,US,C-{n}" for n in range(20)])
    imports.act(customer_imports.confirm, import_id=found, now=imports.now)
    with ThreadPoolExecutor(4) as crowd:
        list(crowd.map(imports.work, [found] * 4))
    assert imports.counts(found) == (20, 0, 0, 0)
    assert owner.scalar(text("select count(*) from customer where company like 'Co %'")) == 20


def test_of_two_who_confirm_at_once_one_does(imports: Imports, owner: Connection) -> None:
    found = imports.check(BLUE)
    before = owner.scalar(
        text("select count(*) from procrastinate_jobs where task_name = 'import_customers'")
    )

    def confirm(_: int) -> str:
        try:
            imports.act(customer_imports.confirm, import_id=found, now=imports.now)
        except Conflict as refusal:
            return refusal.code
        return "done"

    with ThreadPoolExecutor(4) as crowd:
        said = sorted(crowd.map(confirm, range(4)))
    assert said == ["IMPORT_MOVED_ON"] * 3 + ["done"]
    queued = owner.scalar(
        text("select count(*) from procrastinate_jobs where task_name = 'import_customers'")
    )
    assert queued == before + 1


def test_canceling_deletes_the_rows_and_is_too_late_after_the_confirm(
    imports: Imports, owner: Connection
) -> None:
    found = imports.check(BLUE)
    imports.act(customer_imports.cancel, import_id=found, now=imports.now)
    assert owner.scalar(text("select count(*) from customer_import_row")) == 0
    assert imports.find(found).state is ImportState.CANCELED
    with pytest.raises(Conflict):
        imports.act(customer_imports.confirm, import_id=found, now=imports.now)
    done = imports.run(BLUE)
    with nothing_changes(owner), pytest.raises(Conflict):
        imports.act(customer_imports.cancel, import_id=done, now=imports.now)


def test_whoever_lost_the_right_gets_nothing_imported(
    imports: Imports, cast: Cast, owner: Connection
) -> None:
    found = imports.check(BLUE)
    imports.act(customer_imports.confirm, import_id=found, now=imports.now)
    owner.execute(text("update membership set role = 'READ_ONLY' where id = :id"), {"id": cast.ada.id})
    owner.commit()
    imports.work(found)
    assert imports.find(found).state is ImportState.STOPPED
    assert owner.scalar(text("select count(*) from customer where company = 'Bluebird'")) == 0


def test_strangers_and_readers_are_refused(imports: Imports, cast: Cast, owner: Connection) -> None:
    found = imports.check(BLUE)
    rules: Sequence[tuple[Callable[..., Any], dict[str, Any]]] = (
        (customer_imports.find, {}),
        (customer_imports.report, {}),
        (customer_imports.sample, {}),
        (customer_imports.confirm, {"now": imports.now}),
        (customer_imports.cancel, {"now": imports.now}),
        (customer_imports.choose_columns, {"fields": ["company"], "now": imports.now}),
    )
    with nothing_changes(owner):
        for rule, what in rules:
            with pytest.raises(NotFound):
                imports.act(rule, who=cast.actors["mallory"], import_id=found, **what)
            for name in ("rita", "carl"):
                with pytest.raises((Forbidden, NotFound)):
                    imports.act(rule, who=cast.actors[name], import_id=found, **what)
        with pytest.raises(Forbidden):
            file = io.BytesIO(HEAD.encode())
            imports.act(
                customer_imports.start, who=cast.actors["rita"], file_name="x", file=file, now=imports.now
            )


def test_old_imports_lose_their_rows(imports: Imports, database: Database, owner: Connection) -> None:
    found = imports.check(BLUE)
    assert rounds.clear_imports(database, now=imports.now + timedelta(days=29)) == 0
    assert rounds.clear_imports(database, now=imports.now + timedelta(days=31)) == 1
    assert owner.scalar(text("select count(*) from customer_import_row")) == 0
    assert imports.find(found).state is ImportState.CANCELED
    assert rounds.clear_imports(database, now=imports.now + timedelta(days=31)) == 0


def test_columns_are_refused_when_two_are_one_field_or_none_tells_the_company(
    imports: Imports, owner: Connection
) -> None:
    found = imports.start(BLUE)
    for fields, code in (
        (["company", "company"], "TWICE"), (["nonsense", "company"], "UNKNOWN_FIELD"), (["city"], "REQUIRED"),
    ):  # fmt: skip
        with nothing_changes(owner), pytest.raises(Invalid) as refused:
            imports.act(customer_imports.choose_columns, import_id=found, fields=fields, now=imports.now)
        assert code in [one.code for one in refused.value.problems]


def test_a_row_with_more_cells_than_columns_is_refused(imports: Imports) -> None:
    assert imports.problems(imports.check(BLUE + ",,", BLUE + ",more")) == [(3, ["TOO_MANY_CELLS"])]


def test_the_log_says_who_imported_which_file_and_what_came_of_it(
    imports: Imports, owner: Connection
) -> None:
    imports.run(BLUE)
    told = owner.execute(
        text("select actor_name, action, details from audit_event where subject_kind = 'customer_import'"
             " order by id")
    ).all()  # fmt: skip
    assert [one.action.partition(".")[2] for one in told] == [
        "uploaded", "checked", "confirmed", "finished",
    ]  # fmt: skip
    assert {one.actor_name for one in told} == {imports.actor.name}
    assert told[-1].details == {
        "file": "c.csv", "created": 1, "updated": 0, "unchanged": 0, "refused": 0,
    }  # fmt: skip


def test_only_the_partner_sees_an_import(database: Database, imports: Imports, cast: Cast) -> None:
    imports.check(BLUE)

    def seen(db: Session) -> int:
        return int(db.scalar(text("select count(*) from customer_import_row")) or 0)

    with database.transaction(partner_id=imports.actor.partner_id) as db:
        assert seen(db) == 1
    with database.transaction(partner_id=imports.actor.partner_id, customer_id=cast.customers["acme"]) as db:
        assert seen(db) == 0
    with database.transaction(partner_id=cast.actors["mallory"].partner_id) as db:
        assert seen(db) == 0
