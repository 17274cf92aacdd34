"""G-9: an erased user is named nowhere any more, and the books are what they were."""

import json
from datetime import datetime, timedelta
from io import BytesIO
from uuid import uuid4

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from auth import audit, replays
from auth.memberships import Role
from auth.sessions import Door
from billing import customer_imports, customer_notes, customer_users, erasing, long_acts
from billing.erasing import Erased, NobodyHere, StillNeeded
from billing.many import Many, Noun, What
from db.session import Database
from tests.auth import steps
from tests.auth.factor_steps import set_up
from tests.auth.passkey_steps import with_passkey
from tests.billing.access_steps import ZOE, asked
from tests.billing.profile_steps import begin
from tests.cast import Cast
from tests.world import nothing_changes, tables_of, world

BOOKS = (
    "invoice",
    "invoice_line",
    "payment",
    "payment_allocation",
    "payment_method",
    "ledger_entry",
    "ledger_posting",
)
HOUR = timedelta(hours=1)


def erase(database: Database, email: str, now: datetime) -> Erased:
    with database.transaction() as db:
        return erasing.erase(db, email=email, now=now)


def named(owner: Connection, *words: str) -> list[str]:
    """The rows of any table that hold one of the words, in any case."""
    rows = {
        table: owner.scalars(text(f'select t::text from "{table}" t')).all() for table in tables_of(owner)
    }
    return [
        f"{table}: {row}"
        for table, found in rows.items()
        for row in found
        if any(word in row.lower() for word in words)
    ]


@pytest.fixture
def full_life(database: Database, owner: Connection, cast: Cast, now: datetime) -> None:
    """Petra has been everywhere: staff of Contoso too, apps, notes, links, failed tries, stored answers."""
    invited = steps.invite(
        database, cast.mallory, customer_id=None, email=cast.emails["petra"], name="Petra", role=Role.MEMBER,
        now=now,
    )  # fmt: skip
    steps.accept_as(database, invited.token, cast.petra.user_id, now)
    set_up(database, cast.petra.user_id, now)
    with_passkey(database, cast.petra.user_id, now)
    steps.start_session(database, cast.petra.user_id, now)
    steps.ask_for_reset(database, owner, cast.emails["petra"], now)
    begin(database, cast, now)
    steps.sign_in(database, cast.emails["petra"], now, password="wrong-wrong-wrong")
    with database.transaction(partner_id=cast.petra.partner_id, customer_id=cast.petra.customer_id) as db:
        audit.record(db, cast.petra, action="tag.created", subject_kind="tag", subject_id=None, now=now)
        given = {"operation": "op", "key": "k"}
        assert replays.claim(db, cast.petra, input_hash=b"x", now=now, **given) is None
        replays.store(db, cast.petra, answer='{"name":"Petra","email":"petra@acme.example"}', **given)


def test_an_erased_user_is_named_nowhere(
    database: Database, owner: Connection, cast: Cast, full_life: None, now: datetime
) -> None:
    assert named(owner, "petra")
    books = {table: rows for table, rows in world(owner).items() if table in BOOKS}
    assert erase(database, cast.emails["petra"], now) == Erased(places=2, had_account=True)
    assert named(owner, "petra") == []
    assert {table: rows for table, rows in world(owner).items() if table in BOOKS} == books
    assert steps.sign_in(database, cast.emails["petra"], now + HOUR) is None
    rows = owner.execute(
        text(
            "select m.name, m.status, p.disabled_at is not null"
            " from membership m join person p on p.id = m.user_id where p.name = 'Erased user'"
        )
    )
    assert [tuple(row) for row in rows] == [("Erased user", "REMOVED", True)] * 2
    for table in (
        "session",
        "device",
        "personal_token",
        "totp_factor",
        "passkey",
        "recovery_code",
        "personal_event",
    ):
        held = owner.scalar(
            text(f"select count(*) from {table} where user_id = :u"), {"u": cast.petra.user_id}
        )
        assert held == 0, table


def test_the_others_stay_as_they_are(
    database: Database, owner: Connection, cast: Cast, full_life: None, now: datetime
) -> None:
    session = steps.start_session(database, cast.carl.user_id, now)
    others = ("person", "membership", "session", "device", "customer", "partner", "invite")
    before = [row for row in named(owner, "carl", "mallory", "gus") if row.startswith(others)]
    erase(database, cast.emails["petra"], now)
    assert [row for row in named(owner, "carl", "mallory", "gus") if row.startswith(others)] == before
    assert steps.knock(database, session.session_token, Door.PORTAL, "acme-1a2b3c", now) is not None
    log = owner.execute(text("select actor_name, action from audit_event where action like 'tag.%'")).one()
    assert tuple(log) == ("Erased user", "tag.created")


def test_staff_are_erased_with_the_names_on_their_notes(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        customer_notes.add(db, cast.clem, customer_id=cast.customers["acme"], text="Pays late.", now=now)
    erase(database, "Clem@Northwind.example", now)
    assert named(owner, "clem") == []
    assert owner.scalar(text("select author_name from customer_note")) == "Erased user"


def test_staff_are_erased_with_the_names_on_their_imports(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        customer_imports.start(db, cast.clem, file_name="a.csv", file=BytesIO(b"Company\nAcme\n"), now=now)
    erase(database, cast.emails["clem"], now)
    assert named(owner, "clem") == []
    assert owner.scalar(text("select asked_by_name from customer_import")) == "Erased user"


def test_staff_are_erased_with_the_names_on_their_long_acts(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        archived = Many(Noun.CUSTOMERS, What.ARCHIVE, archiving_id=uuid4())
        long_acts.begin(db, cast.clem, archived, record_ids=[cast.customers["acme"]], now=now)
    erase(database, cast.emails["clem"], now)
    assert named(owner, "clem") == []
    assert owner.scalar(text("select asked_by_name from long_act")) == "Erased user"


def test_who_stands_in_a_file_of_customers_is_erased_there_too(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    content = (
        b"Company,User 1 name,User 1 e-mail\nAcme,Petra, PETRA@acme.example\nGlobex,Petra,other@x.example\n"
    )
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        customer_imports.start(db, cast.clem, file_name="a.csv", file=BytesIO(content), now=now)
    erase(database, cast.emails["petra"], now)
    rows = owner.scalars(text("select cells from customer_import_row order by position")).all()
    assert rows == [["Acme", "Erased user", "Erased user"], ["Globex", "Petra", "other@x.example"]]


@pytest.mark.parametrize(
    "typed",
    ["\tpetra@acme.example", "\xa0petra@acme.example\xa0", "Ｐetra@acme.example", "PETRA@ACME.EXAMPLE "],
)
def test_however_an_address_was_typed_in_a_file_it_is_erased(
    database: Database, owner: Connection, cast: Cast, typed: str, now: datetime
) -> None:
    content = f'Company,User 1 name,User 1 e-mail\nAcme, Petra ,"{typed}"\n'.encode()
    with database.transaction(partner_id=cast.clem.partner_id) as db:
        customer_imports.start(db, cast.clem, file_name="a.csv", file=BytesIO(content), now=now)
    erase(database, cast.emails["petra"], now)
    [cells] = owner.scalars(text("select cells from customer_import_row")).all()
    assert cells == ["Acme", "Erased user", "Erased user"]


def test_who_only_asked_for_access_is_erased_too(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    asked(database, cast, now)
    assert erase(database, ZOE, now) == Erased(places=0, had_account=False)
    assert named(owner, "zoe") == []


@pytest.mark.parametrize(
    "answer", ['{"id":"usr_%s","name":"Pe\\"tra"}', '{"name":"Pe\\"tra","email":"petra@acme.example"}']
)
def test_an_answer_kept_for_a_key_names_nobody_by_id_or_address(
    database: Database, owner: Connection, cast: Cast, answer: str, now: datetime
) -> None:
    assert cast.petra.id is not None
    owner.execute(text("update membership set name = 'Pe\"tra' where id = :id"), {"id": cast.petra.id})
    kept = answer % cast.petra.id.hex if "%s" in answer else answer
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        given = {"operation": "op", "key": "k"}
        replays.claim(db, cast.ada, input_hash=b"x", now=now, **given)
        replays.store(db, cast.ada, answer=kept, **given)
    erase(database, cast.emails["petra"], now)
    cleaned = owner.scalar(text("select answer from stored_answer"))
    assert json.loads(cleaned)["name"] == "Erased user"
    assert "petra@" not in cleaned


def test_who_was_only_invited_is_erased_too(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    steps.invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    assert erase(database, "nia@acme.example", now) == Erased(places=1, had_account=False)
    assert named(owner, "nia") == []


def test_a_removed_place_is_erased_too_and_the_address_is_free_again(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.remove(db, cast.ada, membership_id=cast.petra.id, now=now)
    erase(database, cast.emails["petra"], now)
    assert named(owner, "petra") == []
    invited = steps.invite(
        database,
        cast.ada,
        customer_id=cast.customers["acme"],
        email=cast.emails["petra"],
        name="Petra",
        now=now,
    )
    assert steps.accept(database, invited.token, now).signed_in is not None


@pytest.mark.parametrize(("who", "place"), [("ada", "Northwind"), ("gus", "Globex")])
def test_the_last_who_can_let_others_in_is_needed(
    database: Database, owner: Connection, cast: Cast, who: str, place: str, now: datetime
) -> None:
    with nothing_changes(owner), pytest.raises(StillNeeded, match=f"At {place}: This is the last"):
        erase(database, cast.emails[who], now)


def test_nobody_is_found_by_an_unknown_address(database: Database, owner: Connection, now: datetime) -> None:
    with nothing_changes(owner), pytest.raises(NobodyHere):
        erase(database, "nobody@example.org", now)


def test_the_function_that_cleans_logs_touches_nobody_who_is_not_erased(
    database: Database, owner: Connection, cast: Cast, full_life: None, now: datetime
) -> None:
    with nothing_changes(owner), database.transaction() as db:
        db.execute(
            text("select erase_from_logs(:u, :m)"),
            {"u": cast.petra.user_id, "m": [cast.petra.id, cast.carl.id]},
        )


@pytest.mark.parametrize(
    "change", ["update audit_event set actor_name = 'Erased user'", "delete from personal_event"]
)
def test_nobody_else_changes_the_logs(
    database: Database, owner: Connection, full_life: None, change: str
) -> None:
    with nothing_changes(owner):
        with pytest.raises(DBAPIError, match="permission denied"), database.transaction() as db:
            db.execute(text(change))
        with pytest.raises(DBAPIError, match="append-only"):
            owner.execute(text(change))
