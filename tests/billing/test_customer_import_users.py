"""Users in a file of customers: who is added, who is invited and how often, and what holds an invite back."""

import pytest
from sqlalchemy import Connection, text

from auth import invites
from auth.throttle import Limit
from billing import customer_import_rows, customer_imports
from billing.import_files import message_of
from billing.import_tables import ImportState
from errors import Forbidden
from tests.billing.importing import HEAD, Imports
from tests.cast import Cast

PEOPLE = f"{HEAD},User 1 name,User 1 e-mail,User 2 name,User 2 e-mail,User 2 role"
WITH_ONE = f"{HEAD},User 1 name,User 1 e-mail"
BLUE = "Bluebird,,1 Main St,Peoria,IL,61602,US,B-1"
TWO = f"{BLUE},Bea Blue,bea@blue.example,Bob Blue,bob@blue.example,Viewer"


def people(owner: Connection) -> list[tuple[str, str, str]]:
    """Everybody of the imported customer: address, role, status."""
    found = owner.execute(
        text("select m.email, m.role, m.status from membership m join customer c on c.id = m.customer_id"
             " where c.external_id = 'B-1' order by m.created_at, m.id")
    ).all()  # fmt: skip
    owner.rollback()
    return [tuple(one) for one in found]


def count(owner: Connection, what: str) -> int:
    """How many rows there are of `what`."""
    found = owner.scalar(text(f"select count(*) from {what}"))
    owner.rollback()
    return int(found or 0)


def status(owner: Connection) -> str:
    found = owner.scalar(text("select status from customer where external_id = 'B-1'"))
    owner.rollback()
    return str(found)


def test_users_are_invited_and_their_customer_is_active(imports: Imports, owner: Connection) -> None:
    mails = count(owner, "mail")
    found = imports.run(TWO, f"{BLUE.replace('B-1', 'B-2').replace('Bluebird', 'Redbird')},,,,,", head=PEOPLE)
    assert imports.counts(found) == (2, 0, 0, 0)
    assert people(owner) == [
        ("bea@blue.example", "MANAGER", "INVITED"), ("bob@blue.example", "VIEWER", "INVITED"),
    ]  # fmt: skip
    assert status(owner) == "ACTIVE"
    assert owner.scalar(text("select status from customer where external_id = 'B-2'")) == "SETUP"
    assert count(owner, "mail") == mails + 2
    assert count(owner, "customer c where status = 'ACTIVE' and not exists"
                 " (select from membership m where m.customer_id = c.id)") == 0  # fmt: skip
    assert imports.find(found).users_added == 2


def test_the_check_adds_nobody_and_counts_them(imports: Imports, owner: Connection) -> None:
    before = count(owner, "membership")
    found = imports.check(TWO, head=PEOPLE)
    assert imports.find(found).users_added == 2
    assert (count(owner, "membership"), count(owner, "customer where external_id = 'B-1'")) == (before, 0)


def test_a_second_run_invites_nobody_again(imports: Imports, owner: Connection) -> None:
    imports.run(TWO, head=PEOPLE)
    before = count(owner, "invite"), count(owner, "mail"), count(owner, "membership")
    second = imports.run(TWO, head=PEOPLE)
    assert imports.counts(second) == (0, 0, 1, 0)
    assert (count(owner, "invite"), count(owner, "mail"), count(owner, "membership")) == before


def test_one_more_user_in_the_file_is_invited_alone(imports: Imports, owner: Connection) -> None:
    imports.run(f"{BLUE},Bea Blue,bea@blue.example,,,", head=PEOPLE)
    before = count(owner, "invite")
    assert imports.counts(imports.run(TWO.replace(",Viewer", ","), head=PEOPLE)) == (0, 1, 0, 0)
    assert people(owner)[1] == ("bob@blue.example", "PAYER", "INVITED")
    assert count(owner, "invite") == before + 1


def test_a_removed_user_stays_removed(imports: Imports, owner: Connection) -> None:
    imports.run(TWO, head=PEOPLE)
    owner.execute(text("update membership set status = 'REMOVED', removed_at = now()"
                       " where email = 'bob@blue.example'"))  # fmt: skip
    owner.commit()
    assert imports.counts(imports.run(TWO, head=PEOPLE)) == (0, 0, 1, 0)
    assert len(people(owner)) == 2


def test_without_invites_users_wait_and_a_later_run_invites_them(imports: Imports, owner: Connection) -> None:
    invited, mails = count(owner, "invite"), count(owner, "mail")
    assert imports.counts(imports.run(TWO, head=PEOPLE, send_invites=False)) == (1, 0, 0, 0)
    assert (count(owner, "invite"), count(owner, "mail")) == (invited, mails)
    assert status(owner) == "ACTIVE"
    assert imports.counts(imports.run(TWO, head=PEOPLE, send_invites=False)) == (0, 0, 1, 0)
    assert imports.counts(imports.run(TWO, head=PEOPLE)) == (0, 1, 0, 0)
    assert (count(owner, "invite"), count(owner, "mail")) == (invited + 2, mails + 2)
    assert imports.counts(imports.run(TWO, head=PEOPLE)) == (0, 0, 1, 0)


def test_what_the_days_limit_holds_back_is_told_and_sent_by_a_later_run(
    imports: Imports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = invites.PARTNER_DAY
    monkeypatch.setattr(invites, "PARTNER_DAY", Limit(limit.name, 1, limit.window, limit.message))
    found = imports.run(TWO, head=PEOPLE)
    assert imports.counts(found) == (1, 0, 0, 0)
    [row] = imports.act(customer_imports.report, import_id=found)
    assert [one["code"] for one in row.problems] == ["INVITE_HELD_BACK"]
    assert message_of(row.problems[0]).startswith("bob@blue.example: 1,000 invites were sent today.")
    assert (imports.find(found).users_added, imports.find(found).invites_held) == (2, 1)
    assert len(people(owner)) == 2
    monkeypatch.setattr(invites, "PARTNER_DAY", limit)
    before = count(owner, "invite")
    assert imports.counts(imports.run(TWO, head=PEOPLE)) == (0, 1, 0, 0)
    assert count(owner, "invite") == before + 1


@pytest.mark.parametrize(
    ("users", "told"),
    [
        ("Bea,not an address,,,", [("BAD_EMAIL", "user_1_email")]),
        (",bea@blue.example,,,", [("REQUIRED", "user_1_name")]),
        ("Bea,bea@blue.example,Bob,BEA@blue.example,", [("DUPLICATE", "user_2_email")]),
        ("Bea,bea@blue.example,Bob,bob@blue.example,Boss", [("UNKNOWN_ROLE", "user_2_role")]),
        (",,Bob,bob@blue.example,Payer", [("NO_MANAGER", "user_1_role")]),
        ("4111 1111 1111 1111,bea@blue.example,,,", [("CARD_NUMBER", "user_1_name")]),
    ],
)
def test_bad_users_are_told_by_column_before_anything_is_written(
    imports: Imports, owner: Connection, users: str, told: list[tuple[str, str]]
) -> None:
    found = imports.check(f"{BLUE},{users}", head=PEOPLE)
    [row] = imports.act(customer_imports.report, import_id=found)
    assert [(one["code"], one["field"]) for one in row.problems] == told
    assert imports.counts(found) == (0, 0, 0, 1)


def test_a_worker_killed_among_users_invites_everybody_once(
    imports: Imports, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(customer_import_rows, "USERS_BATCH", 2)
    lines = [f"Co {n},,1 A St,Peoria,IL,61602,US,C-{n},Ann,ann{n}@co.example,,," for n in range(5)]
    found = imports.check(*lines, head=PEOPLE)
    imports.act(customer_imports.confirm, import_id=found, now=imports.now)

    class Killed(BaseException):
        """What a kill looks like from inside."""

    real, batches = customer_import_rows._keep, iter([False, True])

    def killed(*given: object) -> None:
        real(*given)  # type: ignore[arg-type]
        if next(batches):
            raise Killed

    monkeypatch.setattr(customer_import_rows, "_keep", killed)
    with pytest.raises(Killed):
        imports.work(found)
    monkeypatch.setattr(customer_import_rows, "_keep", real)
    imports.work(found)
    assert imports.counts(found) == (5, 0, 0, 0)
    assert count(owner, "invite where email_key like 'ann%@co.example'") == 5


def test_a_repeated_rows_users_are_not_counted(imports: Imports) -> None:
    found = imports.check(TWO, TWO, head=PEOPLE)
    assert imports.counts(found) == (1, 0, 0, 1)
    assert imports.find(found).users_added == 2


def test_users_take_the_right_to_manage_them(imports: Imports, cast: Cast, owner: Connection) -> None:
    found = imports.start(TWO, head=PEOPLE)
    fields = imports.find(found).fields
    with pytest.raises(Forbidden):
        imports.act(
            customer_imports.choose_columns, who=cast.actors["rita"], import_id=found, fields=fields,
            now=imports.now,
        )  # fmt: skip
    imports.act(customer_imports.choose_columns, import_id=found, fields=fields, now=imports.now)
    imports.work(found)
    imports.act(customer_imports.confirm, import_id=found, now=imports.now)
    owner.execute(text("update membership set role = 'READ_ONLY' where id = :id"), {"id": cast.ada.id})
    owner.commit()
    imports.work(found)
    assert imports.find(found).state is ImportState.STOPPED


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("fr", "fr"),
        ("FR", "fr"),
        ("Français", "fr"),
        ("FRENCH", "fr"),
        ("fr-CA", "fr"),
        ("fr_CA", "fr"),
        ("en", "en"),
        ("English", "en"),
        (" anglais ", "en"),
        ("en-US", "en"),
        ("", None),
    ],
)
def test_a_file_says_in_which_language_its_users_are_invited(
    imports: Imports, owner: Connection, written: str, read: str | None
) -> None:
    found = imports.run(f"{BLUE},Bea Blue,bea@blue.example,{written}", head=f"{WITH_ONE},User 1 language")
    assert imports.counts(found) == (1, 0, 0, 0)
    assert owner.scalar(text("select locale from membership where email = 'bea@blue.example'")) == read


@pytest.mark.parametrize("column", ["Langue de l’utilisateur 1", "langue", "Language", "user_1_locale"])
def test_its_column_is_known_by_many_names(imports: Imports, column: str) -> None:
    begun = imports.find(imports.start(f"{BLUE},Bea,bea@blue.example,fr", head=f"{WITH_ONE},{column}"))
    assert begun.fields[-1] == "user_1_locale"


@pytest.mark.parametrize("written", ["Deutsch", "de", "f", "fran", "frisian", "français du Canada"])
def test_a_language_there_is_not_is_told_at_its_column(imports: Imports, written: str) -> None:
    found = imports.check(f"{BLUE},Bea,bea@blue.example,{written}", head=f"{WITH_ONE},User 1 language")
    [row] = imports.act(customer_imports.report, import_id=found)
    assert [(one["code"], one["field"]) for one in row.problems] == [("UNKNOWN_LANGUAGE", "user_1_locale")]
