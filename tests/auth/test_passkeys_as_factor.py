"""B-6: a passkey as the second step and for asking again, beside apps and recovery codes; removing it."""

import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import passkeys, pending, second_factors, signin, users
from auth.audit import recent_of
from auth.challenges import Use
from auth.passkeys import MOST, Asking, TooManyPasskeys
from auth.pending import Halfway, PendingOver
from auth.second_factors import LastFactor
from auth.sessions import SignedIn
from auth.throttle import TooMany
from db.session import Database
from errors import Invalid, NotFound
from integrations.mail import personal_letters
from portal.signed_in import EVENTS
from tests.auth import steps
from tests.auth.factor_steps import sessions_of, set_up
from tests.auth.passkey_steps import (
    HERE,
    Authenticator,
    add,
    ask,
    ask_for_new,
    count_of,
    events,
    passkey_of,
    remove,
    text_of,
    told,
    with_passkey,
)
from tests.auth.steps import BROWSER, HOME
from tests.cast import PASSWORD, Cast
from tests.world import nothing_changes

ELSEWHERE = replace(HERE, browser="browser-2")


@pytest.fixture
def laptop(database: Database, cast: Cast, now: datetime) -> Authenticator:
    """Petra's, with a passkey."""
    return with_passkey(database, cast.petra.user_id, now)


def half(database: Database, cast: Cast, now: datetime) -> Halfway:
    found = steps.sign_in(database, cast.emails["petra"], now)
    assert isinstance(found, Halfway)
    return found


def ask_second(database: Database, token: str, now: datetime, asking: Asking = HERE) -> str:
    with database.transaction() as db:
        return pending.ask_passkey(db, asking, token=token, address=HOME, now=now)


def finish(
    database: Database, token: str, answer: str, now: datetime, asking: Asking = HERE
) -> SignedIn | None:
    with database.transaction() as db:
        return pending.finish_with_passkey(
            db, asking, token=token, answer=answer, address=HOME, agent=BROWSER, now=now
        )


def test_whoever_has_one_is_asked_for_it_after_the_password(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    waiting = half(database, cast, now)
    assert (waiting.ways.app, waiting.ways.passkey) == (False, True)
    assert sessions_of(owner, cast.petra.user_id) == 0
    asked = ask_second(database, waiting.token, now)
    assert [one["id"] for one in json.loads(asked)["allowCredentials"]] == [text_of(laptop.credential_id)]
    answer = laptop.answer(asked)
    assert finish(database, waiting.token, answer, now, ELSEWHERE) is None
    assert finish(database, waiting.token, answer, now) is not None
    with pytest.raises(PendingOver):
        finish(database, waiting.token, answer, now)
    second = half(database, cast, now)
    assert finish(database, second.token, answer, now) is None
    assert sessions_of(owner, cast.petra.user_id) == 1


def test_a_recovery_code_stands_in_for_it(database: Database, cast: Cast, now: datetime) -> None:
    petra = cast.petra.user_id
    codes = add(database, petra, Authenticator().make(ask_for_new(database, petra, now)), now)
    assert codes
    waiting = half(database, cast, now)
    with database.transaction() as db:
        assert pending.finish(db, token=waiting.token, code=codes[0], address=HOME, agent=BROWSER, now=now)


def test_anothers_passkey_finishes_nothing(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    carls = with_passkey(database, cast.carl.user_id, now)
    waiting = half(database, cast, now)
    assert (
        finish(database, waiting.token, carls.answer(ask_second(database, waiting.token, now)), now) is None
    )
    assert sessions_of(owner, cast.petra.user_id) == sessions_of(owner, cast.carl.user_id) == 0


def test_wrong_passkeys_are_counted_with_wrong_codes(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    waiting = half(database, cast, now)
    for at in range(10):
        if at % 2:
            assert finish(database, waiting.token, "{}", now) is None
        else:
            with database.transaction() as db:
                assert not pending.finish(
                    db, token=waiting.token, code="12345", address=HOME, agent="", now=now
                )
    answer = laptop.answer(ask_second(database, waiting.token, now))
    with nothing_changes(owner), pytest.raises(TooMany):
        finish(database, waiting.token, answer, now)
    later = now + timedelta(minutes=5)
    answer = laptop.answer(ask_second(database, waiting.token, later))
    assert finish(database, waiting.token, answer, later) is not None


def test_it_proves_again_who_it_is_in_its_own_session_only(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    petra = cast.petra.user_id
    mine = steps.start_session(database, petra, now)
    later = now + timedelta(hours=1)
    asking = replace(HERE, browser=str(mine.session_id))

    def step_up(where: Asking) -> str | None:
        answer = laptop.answer(ask(database, later, use=Use.STEP_UP, user_id=petra, asking=asking))
        with database.transaction(user_id=petra) as db:
            return passkeys.step_up(
                db, where, user_id=petra, session_id=mine.session_id, answer=answer, address=HOME,
                agent=BROWSER, now=later,
            )  # fmt: skip

    stepped = text("select stepped_up_at from session where id = :id")
    assert step_up(HERE) is None
    assert owner.execute(stepped, {"id": mine.session_id}).scalar_one() == now
    assert step_up(asking) not in (None, mine.session_token)
    assert owner.execute(stepped, {"id": mine.session_id}).scalar_one() == later
    assert events(owner, petra)[-1] == "step_up"


def test_it_satisfies_a_place_that_asks_for_a_second_factor(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    owner.execute(text("update partner set users_need_factor = true where slug = 'northwind'"))
    session = steps.start_session(database, cast.petra.user_id, now)

    def lacks() -> bool:
        visit = steps.knock(database, session.session_token, steps.Door.PORTAL, "acme-1a2b3c", now)
        assert visit is not None
        return visit.lacks_factor

    assert lacks()
    with_passkey(database, cast.petra.user_id, now)
    assert not lacks()
    with database.transaction(partner_id=cast.petra.partner_id, customer_id=cast.petra.customer_id) as db:
        assert second_factors.held_by(db, cast.petra)


def test_the_last_factor_stays_while_a_place_asks_for_one(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    petra = cast.petra.user_id
    owner.execute(text("update partner set users_need_factor = true where slug = 'northwind'"))
    mine = passkey_of(database, petra)
    with nothing_changes(owner), pytest.raises(LastFactor):
        remove(database, petra, mine, now)
    app = set_up(database, petra, now)
    remove(database, petra, mine, now)
    with nothing_changes(owner), pytest.raises(LastFactor), database.transaction(user_id=petra) as db:
        second_factors.remove(db, user_id=petra, factor_id=app.factor_id, address="", agent="", now=now)


def test_recovery_codes_go_with_the_last_factor_of_either_kind(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    petra = cast.petra.user_id
    app = set_up(database, petra, now)
    assert app.codes == []
    with database.transaction(user_id=petra) as db:
        second_factors.remove(db, user_id=petra, factor_id=app.factor_id, address="", agent="", now=now)
    assert count_of(owner, "recovery_code") == 10
    remove(database, petra, passkey_of(database, petra), now)
    assert count_of(owner, "recovery_code") == 0
    assert isinstance(steps.sign_in(database, cast.emails["petra"], now), SignedIn)
    assert told(owner) == ["passkey.added", "factor.added", "factor.removed", "passkey.removed"]


def test_nobody_removes_anothers_passkey(
    database: Database,
    unguarded: Database,
    owner: Connection,
    cast: Cast,
    laptop: Authenticator,
    now: datetime,
) -> None:
    petras = passkey_of(database, cast.petra.user_id)
    for room in (database, unguarded):
        with nothing_changes(owner), pytest.raises(NotFound):
            remove(room, cast.carl.user_id, petras, now)


def test_nobody_answers_for_another_past_row_level_security(
    unguarded: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    carl = cast.carl.user_id
    answer = laptop.answer(ask(unguarded, now, use=Use.STEP_UP, user_id=carl))
    with unguarded.transaction(user_id=carl) as db:
        assert not passkeys.prove(
            db, HERE, use=Use.STEP_UP, user_id=carl, answer=answer, address=HOME, agent="", now=now
        )
    assert tuple(owner.execute(text("select sign_count, used_at from passkey")).one()) == (1, None)


def test_passkeys_have_a_name_and_an_end(
    database: Database, owner: Connection, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    petra = cast.petra.user_id
    for number in range(1, MOST):
        with_passkey(database, petra, now, name=f"Key {number}")
    answer = Authenticator().make(ask_for_new(database, petra, now))
    refused: list[tuple[str, type[Exception]]] = [
        ("One more", TooManyPasskeys), (" ", Invalid), ("x" * 61, Invalid),
    ]  # fmt: skip
    for name, refusal in refused:
        with nothing_changes(owner), pytest.raises(refusal):
            add(database, petra, answer, now, name=name)


def test_stepping_up_with_the_password_stays_possible(
    database: Database, cast: Cast, laptop: Authenticator, now: datetime
) -> None:
    session = steps.start_session(database, cast.petra.user_id, now)
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=HOME, now=now)
    checked = signin.check(attempt, PASSWORD)
    with database.transaction() as db:
        assert signin.step_up(db, checked, session_id=session.session_id, agent="", now=now) is not None


@pytest.mark.parametrize("action", ["passkey.added", "passkey.removed", "passkey.copied"])
def test_each_change_has_words_in_the_mail_and_on_the_page(
    database: Database, cast: Cast, now: datetime, action: str
) -> None:
    petra = cast.petra.user_id
    with database.transaction(user_id=petra) as db:
        second_factors.tell(db, user_id=petra, action=action, address=HOME, agent=BROWSER, now=now)
        event = recent_of(db, user_id=petra, actions=list(EVENTS), limit=1)[0]
        letter = personal_letters.factors_changed(
            user=users.one(db, user_id=petra), event=event, link=lambda path: f"https://remit.example{path}"
        )
    assert event.action == action
    assert "passkey" in letter.values["what"]
    assert letter.values["link"] == "https://remit.example/account/factors"
