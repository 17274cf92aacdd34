"""C-1, O2: after every story of identity was told, no row of any table holds a token or a password."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import api_keys, invites, signin
from auth.passwords import choose
from db.session import Database
from tests.auth import steps
from tests.auth.steps import accept, accept_as, ask_for_reset, finish_reset, invite, sign_in
from tests.cast import PASSWORD, Cast
from tests.leaks import forms_of, leaks_at_rest, leaks_in

MINUTE = timedelta(minutes=1)
NIAS = "gravel-otter-mislaid-42"
PETRAS = "umbrella-kettle-sixty-moss"
CARLS = "tangerine-bolt-ferry-wick"
WRONG = "wrongly-guessed-by-somebody"


@pytest.fixture
def secrets(database: Database, owner: Connection, cast: Cast, now: datetime) -> dict[str, str]:
    """Tell every story, and give back all that was secret in it."""
    told = {"PASSWORD": PASSWORD, "NIAS": NIAS, "PETRAS": PETRAS, "CARLS": CARLS, "WRONG": WRONG}
    acme = cast.customers["acme"]

    nia = invite(database, cast.ada, customer_id=acme, now=now)
    told["first invite"] = nia.token
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        again = invites.resend(db, cast.ada, membership_id=nia.membership_id, now=now)
        told["second invite"] = invites.token_of(db, again)
    accepted = accept(database, told["second invite"], now, new=choose(NIAS, words=("Nia",)))
    assert accepted.signed_in is not None
    told["accepted session"] = accepted.signed_in.session_token
    told["accepted device"] = str(accepted.signed_in.device_token)

    foreign = invite(
        database, cast.mallory, customer_id=cast.customers["initech"], email=cast.emails["petra"], now=now
    )
    told["foreign invite"] = foreign.token
    accept_as(database, foreign.token, cast.petra.user_id, now)

    told["lost reset"] = str(ask_for_reset(database, owner, cast.emails["petra"], now))
    told["reset"] = str(ask_for_reset(database, owner, cast.emails["petra"], now + MINUTE))
    told["reset device"] = finish_reset(database, told["reset"], now + MINUTE, new=choose(PETRAS, words=()))
    assert sign_in(database, cast.emails["petra"], now, password=WRONG) is None
    petra = sign_in(database, cast.emails["petra"], now, password=PETRAS)
    assert petra is not None
    told["session"], told["device"] = petra.session_token, str(petra.device_token)

    carl = sign_in(database, cast.emails["carl"], now)
    assert carl is not None
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["carl"], address=steps.HOME, now=now)
    checked = signin.check(attempt, PASSWORD)
    with database.transaction() as db:
        told["changed session"] = str(
            signin.change_password(
                db, checked, session_id=carl.session_id, new=choose(CARLS, words=()), agent="", now=now
            )
        )

    with database.transaction(partner_id=cast.ada.partner_id) as db:
        told["key"] = api_keys.create(db, cast.ada, name="CI", scopes=["tags:read"], now=now).token
        told["portal token"] = api_keys.create_portal_token(
            db, cast.northwind_key, customer_id=acme, origins=["https://a.example"], now=now
        ).token
    return told


def test_no_secret_of_any_story_is_at_rest(
    database: Database, owner: Connection, secrets: dict[str, str]
) -> None:
    assert len(secrets) == 18
    assert "None" not in secrets.values()
    jobs = owner.scalars(text("select task_name from procrastinate_jobs order by id")).all()
    changed = "send_password_changed"
    again = "send_waiting_invites"  # asked with each address, whoever has it
    assert [job for job in jobs if job != again] == (
        ["send_reset"] * 2 + [changed] + ["send_mailed_code"] * 2 + [changed]
    )
    assert jobs.count(again) == 2
    assert leaks_at_rest(owner, secrets) == []


def test_the_search_finds_what_is_there(owner: Connection, secrets: dict[str, str]) -> None:
    """A search that can't fail shows nothing: each form of each secret is planted and found."""
    for name, secret in secrets.items():
        assert leaks_in(f"x{secret}y", secrets) == [name]
        assert leaks_in(secret.upper(), secrets) == [name]
        assert leaks_in(f"\\x{secret.encode().hex()}00", secrets) == [name]
        assert len(forms_of(secret)) >= 3
    owner.execute(text("update person set name = :leak where name = 'Carl'"), {"leak": secrets["reset"]})
    assert leaks_at_rest(owner, secrets) == ["person: reset"]
