"""G-8: the refusals that matter are a list, each is told once, and no storm fills the log."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from api.context import KeyInBrowser, WrongOrigin
from auth import refusals, signin
from auth.actors import Action, MissingRight, Stopped, ViewOnly
from auth.refusals import AGAIN, MINUTE, MOST_A_MINUTE, MOST_REMEMBERED, Teller
from auth.throttle import TooMany
from db.session import Database
from errors import Refusal
from portal.csrf import CrossSite
from portal.signed_in import EVENTS
from tests.auth import mailed_steps, steps
from tests.auth.factor_steps import prove, set_up
from tests.auth.passkey_steps import Authenticator, ask, events, with_passkey
from tests.auth.passkey_steps import sign_in as passkey_sign_in
from tests.cast import Cast

MATTER = {Stopped, MissingRight, ViewOnly, TooMany, CrossSite, KeyInBrowser, WrongOrigin}
# What is tried at one person's way in stands in that person's own history.
PERSONAL = {
    "sign_in.failed", "sign_in.code_failed", "second_factor.failed", "step_up.failed",
    "password.change_failed", "passkey.failed", "passkey.copied",
}  # fmt: skip


def kinds(kind: type[Refusal] = Refusal) -> Iterator[type[Refusal]]:
    for inner in kind.__subclasses__():
        yield inner
        yield from kinds(inner)


def test_the_refusals_that_matter_are_a_closed_list() -> None:
    assert {kind for kind in kinds() if kind.matters} == MATTER
    assert EVENTS.keys() >= PERSONAL


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Mapping[str, Any]]]:
    """What the server's log says from here on, of refusals."""
    monkeypatch.setattr(refusals, "TELLER", Teller())
    with capture_logs() as lines:
        yield lines


class Seconds:
    """A clock that is set by hand."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_each_is_told_once_and_again_after_a_while(cast: Cast) -> None:
    seconds = Seconds()
    teller = Teller(seconds)
    team, keys = (
        MissingRight(action, by_key=False, actor=cast.clem)
        for action in (Action.MANAGE_TEAM, Action.MANAGE_KEYS)
    )
    with capture_logs() as lines:
        for refusal in (team, team, keys, team, MissingRight(Action.MANAGE_TEAM, by_key=False)):
            teller.tell(refusal)
        seconds.now += AGAIN - 1
        teller.tell(team)
        assert len(lines) == 3
        seconds.now += 1
        teller.tell(team)
    assert [line["scope"] for line in lines] == ["team:write", "api_keys:write", "team:write", "team:write"]
    assert lines[0] == {
        "event": "refused", "log_level": "warning", "code": "FORBIDDEN", "scope": "team:write",
        "kind": "STAFF", "actor": str(cast.clem.id), "partner": str(cast.clem.partner_id),
    }  # fmt: skip


def test_what_does_not_matter_is_not_told() -> None:
    with capture_logs() as lines:
        for kind in kinds():
            if not kind.matters:
                Teller().tell(kind.__new__(kind))
    assert lines == []


def test_a_storm_fills_no_log_and_no_memory() -> None:
    class One(Stopped):
        def __init__(self, number: int) -> None:
            self._number = number

        def about(self) -> dict[str, str]:
            return {"number": str(self._number)}

    seconds = Seconds()
    teller = Teller(seconds)
    with capture_logs() as lines:
        for number in (*range(MOST_A_MINUTE), *range(MOST_A_MINUTE)):
            teller.tell(One(number))
        assert len(lines) == MOST_A_MINUTE
        for number in range(10_000):
            teller.tell(One(number))
        assert len(lines) == MOST_A_MINUTE + 1
        assert lines[-1]["event"] == "more refusals than are told"
        for minute in range(1, 121):
            seconds.now += MINUTE
            for number in range(200):
                teller.tell(One(minute * 100_000 + number))
    assert len(lines) == 121 * (MOST_A_MINUTE + 1)
    assert len(teller._told) == MOST_REMEMBERED
    One.matters = False  # it is no refusal of ours


def test_a_full_limit_is_told_once_without_saying_whose(
    database: Database, cast: Cast, now: datetime, told: list[Mapping[str, Any]]
) -> None:
    refused = 0
    for _ in range(30):
        try:
            steps.sign_in(database, cast.emails["petra"], now, password="wrong")
        except TooMany:
            refused += 1
    assert refused == 20
    (line,) = told
    assert (line["code"], line["limit"], len(line["whose"])) == ("TOO_MANY", "sign-in address", 12)
    assert "petra" not in str(line)


def test_what_is_tried_at_ones_way_in_stands_in_ones_own_history_once_each(
    database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    petra, email = cast.petra.user_id, cast.emails["petra"]
    app, laptop = set_up(database, petra, now), with_passkey(database, petra, now)
    session = steps.start_session(database, petra, now)
    before = len(events(owner, petra))
    steps.sign_in(database, email, now, password="wrong")
    with database.transaction() as db:
        attempt = signin.begin(db, email=email, address=steps.HOME, now=now)
    checked = signin.check(attempt, "wrong")
    again: dict[str, Any] = {"session_id": session.session_id, "agent": "", "now": now}
    with database.transaction() as db:
        assert signin.step_up(db, checked, **again) is None
    with database.transaction() as db:
        assert signin.change_password(db, checked, new=steps.CHOSEN, **again) is None
    assert prove(database, petra, other_than(app.code(now)), now) is None
    token = mailed_steps.ask(database, email, now)
    code = mailed_steps.mailed(database, owner, token)
    assert code is not None
    assert mailed_steps.finish(database, token, mailed_steps.other_than(code), now) is None
    thief = Authenticator(credential_id=laptop.credential_id)
    assert passkey_sign_in(database, thief.answer(ask(database, now)), now) is None
    laptop.count -= 1
    assert passkey_sign_in(database, laptop.answer(ask(database, now)), now) is None
    new = [action for action in events(owner, petra)[before:] if action != "sign_in.code_asked"]
    assert len(new) == len(PERSONAL)
    assert set(new) == PERSONAL
    # A hundred tries more: the limits stop them long before the history is long.
    for _ in range(100):
        with suppress(TooMany):
            steps.sign_in(database, email, now, password="wrong")
    assert events(owner, petra).count("sign_in.failed") <= 10


def other_than(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06}"
