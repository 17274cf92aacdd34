"""C-4: every kind of token at every place that takes one. Only its own place opens."""

from collections.abc import Callable
from datetime import datetime
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from auth import accepting, api_keys, resets, sessions, signin
from auth.sessions import Door
from auth.tokens import DeadLink, digest_of, keyed_digest, link_token, new_token, same
from db.session import Database
from tests.auth import steps
from tests.auth.steps import invite, start_session
from tests.cast import PASSWORD_HASH, Cast
from tests.world import nothing_changes

Place = Callable[[Database, str, datetime], bool]


def at_invite(database: Database, token: str, now: datetime) -> bool:
    with database.transaction() as db:
        return accepting.look(db, token=token, now=now).email == "nia@acme.example"


def at_accept(database: Database, token: str, now: datetime) -> bool:
    return steps.accept(database, token, now).slug == "acme-1a2b3c"


def at_reset(database: Database, token: str, now: datetime) -> bool:
    with database.transaction() as db:
        return resets.look(db, token=token, now=now).email == "petra@acme.example"


def at_finish(database: Database, token: str, now: datetime) -> bool:
    return bool(steps.finish_reset(database, token, now))


def at_portal(database: Database, token: str, now: datetime) -> bool:
    return steps.knock(database, token, Door.PORTAL, "acme-1a2b3c", now) is not None


def at_switcher(database: Database, token: str, now: datetime) -> bool:
    with database.transaction() as db:
        return sessions.find(db, token_hash=digest_of(token), now=now) is not None


def at_api(database: Database, token: str, now: datetime) -> bool:
    with database.transaction() as db:
        return api_keys.knock(db, token_hash=digest_of(token), now=now) is not None


def at_sign_in(database: Database, token: str, now: datetime) -> bool:
    with database.transaction() as db:
        attempt = signin.begin(
            db, email="petra@acme.example", address="192.0.2.1", device_token=token, now=now
        )
        return attempt.device_id is not None


PLACES: dict[str, Place] = {
    "invite": at_invite, "accept": at_accept, "reset": at_reset, "finish": at_finish, "portal": at_portal,
    "switcher": at_switcher, "api": at_api, "sign-in": at_sign_in,
}  # fmt: skip
OPENS = {
    "invite": {"invite", "accept"},
    "session": {"portal", "switcher"},
    "device": {"sign-in"},
    "key": {"api"},
    "portal token": {"api"},
    "reset": {"reset", "finish"},  # after the session, which it ends
    "random": set(),
    "password hash": set(),
    "digest of the invite": set(),
}


@pytest.fixture
def tokens(database: Database, owner: Connection, cast: Cast, now: datetime) -> dict[str, str]:
    """A live one of every kind there is, and some that only look like one."""
    signed_in = start_session(database, cast.petra.user_id, now)
    invited = invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    reset = steps.ask_for_reset(database, owner, cast.emails["petra"], now)
    key = cast.northwind_key
    with database.transaction(partner_id=key.partner_id) as db:
        portal = api_keys.create_portal_token(
            db, key, customer_id=cast.customers["acme"], origins=["https://a.example"], now=now
        )
    assert reset is not None
    assert signed_in.device_token is not None
    return {
        "invite": invited.token, "reset": reset, "session": signed_in.session_token,
        "device": signed_in.device_token, "key": cast.keys["northwind"], "portal token": portal.token,
        "random": new_token(), "password hash": PASSWORD_HASH,
        "digest of the invite": digest_of(invited.token).hex(),
    }  # fmt: skip


def test_a_token_opens_its_own_place_and_no_other(
    database: Database, owner: Connection, tokens: dict[str, str], now: datetime
) -> None:
    assert tokens.keys() == OPENS.keys()
    opened: dict[str, set[str]] = {kind: set() for kind in tokens}
    off_the_diagonal = [(kind, place) for kind in tokens for place in PLACES if place not in OPENS[kind]]
    assert len(off_the_diagonal) == len(tokens) * len(PLACES) - 9
    with nothing_changes(owner, without={"throttle_bucket"}):
        for kind, place in off_the_diagonal:
            try:
                if PLACES[place](database, tokens[kind], now):
                    opened[kind].add(place)
            except DeadLink:
                pass
    assert not any(opened.values()), opened
    for kind, places in OPENS.items():
        for place in sorted(places, key=list(PLACES).index):
            assert PLACES[place](database, tokens[kind], now), (kind, place)


def test_a_link_token_is_of_one_purpose_and_record(database: Database) -> None:
    first, second = uuid4(), uuid4()
    with database.transaction() as db:
        made = {
            link_token(db, purpose, *bound)
            for purpose in ("invite", "reset", "pay", "invite,reset", "")
            for bound in ((first, second), (second, first), (first,), (f"{first}{second}",), ())
        }
        again = link_token(db, "invite", first, second)
        digest = keyed_digest(db, "invite", first, second)
    assert len(made) == 25
    assert again in made
    assert {len(token) for token in made} == {43}
    assert len(digest) == 32


def test_another_secret_makes_other_tokens(database: Database) -> None:
    other = Database(database.engine, database._deferrer, secret="another-secret-" + "y" * 40)
    with database.transaction() as db, other.transaction() as other_db:
        assert link_token(db, "invite", "x") != link_token(other_db, "invite", "x")


def test_tokens_are_compared_whole() -> None:
    token = new_token()
    assert same(token, token)
    assert not same(token, token[:-1])
    assert not same(token, token + "=")
    assert not same("", token)
    assert not same("\ud800", token)
