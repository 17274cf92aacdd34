"""API keys in the dashboard: shown once, rotated with an overlap, ended at once."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from auth import api_keys
from auth.actors import KEY_SCOPES
from auth.tokens import digest_of
from db import ids
from db.session import Database
from portal.partner.api_keys import CHANGES, READS
from tests.cast import Cast
from tests.figures import rounds
from tests.money.race import at_once
from tests.portal.conftest import Clock, Person, text_of
from tests.world import nothing_changes

KEYS = "/api-keys"
NEW = {"key": "a-form", "name": "Nightly export", "scopes": ["customers:read", "invoices:read"], "days": "90"}
MADE_ALREADY = "This form made a key already, and its text was shown that once."


def token_in(answer: Response) -> str:
    (token,) = re.findall(r'value="(remit_[^"]+)"', answer.text)
    return token


def works(database: Database, token: str, clock: Clock) -> bool:
    with database.transaction() as db:
        return api_keys.knock(db, token_hash=digest_of(token), now=clock()) is not None


@pytest.fixture
def made(ada: Person, owner: Connection) -> tuple[str, str]:
    """The address and the token of a key that Ada made."""
    token = token_in(ada.post(f"{KEYS}/new", NEW))
    id_ = owner.scalar(text("select id from api_key where name = 'Nightly export'"))
    assert id_ is not None
    return f"{KEYS}/{ids.shown('key', id_)}", token


def test_a_key_is_made_shown_once_and_works(
    ada: Person, database: Database, owner: Connection, clock: Clock
) -> None:
    form = ada.get(f"{KEYS}/new")
    assert f'href="{ada.home}{KEYS}"' in form.text
    assert "checked" not in form.text
    assert "See customers customers:read" in text_of(form)
    assert "Change the settings, but not the sign-in policy or the logo settings:write" in text_of(form)
    assert "No key can manage the team or other keys." in text_of(form)
    answer = ada.post(f"{KEYS}/new", NEW)
    assert answer.status_code == 200
    assert "Copy the key now" in text_of(answer)
    token = token_in(answer)
    assert works(database, token, clock)
    row = owner.execute(text("select * from api_key where name = 'Nightly export'")).one()
    assert row.scopes == ["customers:read", "invoices:read"]
    assert row.expires_at == clock.now + timedelta(days=90)
    listed = ada.get(KEYS)
    assert token not in listed.text
    shown = text_of(listed).replace("\xa0", " ")
    assert "Nightly export Created Mar 10, 2026, 1:00 PM EDT by Ada" in shown
    assert "customers:read invoices:read Active" in shown
    events = owner.scalars(text("select action from audit_event where subject_kind = 'api_key'")).all()
    assert events == ["api_key.created"]


def test_a_form_makes_one_key_however_often_it_is_sent(
    ada: Person, database: Database, owner: Connection, clock: Clock
) -> None:
    """The page with the key is the form's answer: reloading it sends the form again."""
    (typed,) = re.findall(r'name="key" value="([^"]+)"', ada.get(f"{KEYS}/new").text)
    token = token_in(ada.post(f"{KEYS}/new", {**NEW, "key": typed}))
    clock.now += timedelta(minutes=1)
    with nothing_changes(owner):
        again = ada.post(f"{KEYS}/new", {**NEW, "key": typed})
    assert (again.status_code, again.headers["location"]) == (303, ada.home + KEYS)
    assert MADE_ALREADY in text_of(ada.get(KEYS))
    assert works(database, token, clock)
    (other,) = re.findall(r'name="key" value="([^"]+)"', ada.get(f"{KEYS}/new").text)
    assert token_in(ada.post(f"{KEYS}/new", {**NEW, "key": other})) != token


def test_a_form_is_one_persons(
    ada: Person, signed_in: Callable[[str], Person], cast: Cast, owner: Connection, made: tuple[str, str]
) -> None:
    """Nobody's key is in the way of another's, whatever their forms say."""
    wrong = ada.post(f"{KEYS}/new", {**NEW, "key": "another", "name": ""})
    assert 'name="key" value="another"' in wrong.text
    assert token_in(signed_in("mallory").post(f"{KEYS}/new", NEW)) != made[1]


def test_a_form_sent_twice_at_the_same_time_makes_one_key(ada: Person, owner: Connection) -> None:
    answers = at_once([lambda: ada.post(f"{KEYS}/new", NEW)] * rounds(5, 20))
    codes = sorted(answer.status_code for answer in answers if isinstance(answer, Response))
    assert codes == [200, *[303] * (len(answers) - 1)]
    assert owner.scalar(text("select count(*) from api_key where name = 'Nightly export'")) == 1


@pytest.mark.parametrize(
    ("fields", "field", "told"),
    [
        ({"name": " "}, "name", "Enter a name that says where the key is used."),
        ({"scopes": []}, "scopes", "Choose at least one scope."),
        ({"scopes": ["team:write"]}, "scopes", "no API key can have it."),
        ({"days": "9999"}, "days", "Choose how long the key is good for."),
    ],
)
def test_a_wrong_key_is_told_at_the_field(
    ada: Person, owner: Connection, fields: dict[str, str | list[str]], field: str, told: str
) -> None:
    with nothing_changes(owner):
        answer = ada.post(f"{KEYS}/new", {**NEW, **fields})
    assert answer.status_code == 422
    assert f'id="error-{field}"' in answer.text
    assert told in text_of(answer)


def test_the_last_use_is_noted_once_a_minute(
    ada: Person, made: tuple[str, str], database: Database, owner: Connection, clock: Clock
) -> None:
    used = text("select last_used_at from api_key where name = 'Nightly export'")
    assert owner.scalar(used) is None
    assert works(database, made[1], clock)
    first = clock.now
    assert owner.scalar(used) == first
    clock.now += timedelta(seconds=59)
    assert works(database, made[1], clock)
    assert owner.scalar(used) == first
    clock.now += timedelta(seconds=1)
    assert works(database, made[1], clock)
    assert owner.scalar(used) == clock.now


def test_a_rotated_key_works_for_a_day_beside_its_successor(
    ada: Person, made: tuple[str, str], database: Database, clock: Clock
) -> None:
    address, token = made
    assert "Rotate Nightly export?" in text_of(ada.get(f"{address}/rotate"))
    answer = ada.post(f"{address}/rotate")
    successor = token_in(answer)
    assert "The earlier key works for 24 hours more." in text_of(answer)
    assert successor != token
    assert works(database, token, clock)
    assert works(database, successor, clock)
    assert "Rotated" in text_of(ada.get(KEYS))
    clock.now += timedelta(hours=24)
    assert not works(database, token, clock)
    assert works(database, successor, clock)
    clock.now += timedelta(days=89)
    assert not works(database, successor, clock)


def test_a_key_that_was_rotated_is_not_rotated_again_by_the_same_form(
    ada: Person, made: tuple[str, str], database: Database, owner: Connection, clock: Clock
) -> None:
    successor = token_in(ada.post(f"{made[0]}/rotate"))
    with nothing_changes(owner):
        again = ada.post(f"{made[0]}/rotate")
    assert (again.status_code, again.headers["location"]) == (303, ada.home + KEYS)
    told = text_of(ada.get(KEYS))
    assert "This key was rotated already, and its successor's text was shown that once." in told
    assert works(database, successor, clock)


def test_a_rotation_sent_twice_at_the_same_time_makes_one_key(
    ada: Person, made: tuple[str, str], owner: Connection
) -> None:
    answers = at_once([lambda: ada.post(f"{made[0]}/rotate")] * rounds(5, 20))
    codes = sorted(answer.status_code for answer in answers if isinstance(answer, Response))
    assert codes == [200, *[303] * (len(answers) - 1)]
    assert owner.scalar(text("select count(*) from api_key where name = 'Nightly export'")) == 2


def test_a_key_is_rotated_once_whoever_asks_at_the_same_time(
    made: tuple[str, str], database: Database, cast: Cast, owner: Connection, clock: Clock
) -> None:
    key_id = ids.parsed(made[0].rpartition("/")[2], "key")

    def rotate() -> str:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            return api_keys.rotate(db, cast.ada, key_id=key_id, now=clock()).token

    outcomes = at_once([rotate] * rounds(5, 20))
    assert sum(isinstance(outcome, str) for outcome in outcomes) == 1
    assert owner.scalar(text("select count(*) from api_key where name = 'Nightly export'")) == 2


def test_a_revoked_key_is_dead_at_the_next_request(
    ada: Person, made: tuple[str, str], database: Database, owner: Connection, clock: Clock
) -> None:
    address, token = made
    assert "Revoke Nightly export?" in text_of(ada.get(f"{address}/revoke"))
    assert works(database, token, clock)
    assert ada.post(f"{address}/revoke").headers["location"] == ada.home + KEYS
    assert not works(database, token, clock)
    with nothing_changes(owner):
        for path in ("rotate", "revoke"):
            assert ada.get(f"{address}/{path}").status_code == 409
        assert ada.post(f"{address}/rotate").status_code == 409


@pytest.mark.parametrize("name", ["sue", "clem", "rita"])
def test_only_admins_have_to_do_with_keys(
    signed_in: Callable[[str], Person], made: tuple[str, str], owner: Connection, name: str
) -> None:
    person = signed_in(name)
    assert f'href="{person.home}{KEYS}"' not in person.get("/customers").text
    with nothing_changes(owner):
        assert person.get(KEYS).status_code == 403
        assert person.get(f"{KEYS}/new").status_code == 403
        assert person.post(f"{KEYS}/new", NEW).status_code == 403
        for path in ("rotate", "revoke"):
            assert person.get(f"{made[0]}/{path}").status_code == 403
            assert person.post(f"{made[0]}/{path}").status_code == 403


def test_a_strangers_key_is_as_good_as_none(
    mallory: Person, made: tuple[str, str], owner: Connection
) -> None:
    nobody = f"{KEYS}/key_{'0' * 32}"
    with nothing_changes(owner):
        for path in ("rotate", "revoke"):
            for ask in (mallory.get, mallory.post):
                answers = [ask(f"{address}/{path}") for address in (made[0], nobody, f"{KEYS}/x")]
                assert {answer.status_code for answer in answers} == {404}
                assert len({answer.text for answer in answers}) == 1


def test_keys_take_a_fresh_proof(ada: Person, made: tuple[str, str], owner: Connection, clock: Clock) -> None:
    clock.now += timedelta(minutes=16)
    with nothing_changes(owner, without=("session",)):
        for address in (f"{KEYS}/new", f"{made[0]}/rotate", f"{made[0]}/revoke"):
            answer = ada.post(address, NEW)
            assert answer.status_code == 403
            assert 'action="/account/prove"' in answer.text
    assert 'name="kept-name" value="Nightly export"' in answer.text


def test_each_scope_is_offered_in_words() -> None:
    offered = [scope for scope, _ in (*READS, *CHANGES)]
    assert sorted(offered) == sorted(action.value for action in KEY_SCOPES)
    assert all(scope.endswith(":read") for scope, _ in READS)
    assert not any(scope.endswith(":read") for scope, _ in CHANGES)


def test_a_form_of_another_site_makes_no_key(ada: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        assert ada.post(f"{KEYS}/new", NEW, forged=True).status_code == 403
