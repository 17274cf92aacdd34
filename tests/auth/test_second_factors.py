"""B-6, G-4: a code counts once, a sign-in that waits for one is nothing alone, seeds open nowhere else."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth import pending, recovery_codes, second_factors, signin
from auth.pending import Halfway, PendingOver
from auth.second_factors import MOST, TooManyFactors, Way
from auth.sessions import SignedIn
from auth.throttle import TooMany
from auth.tokens import digest_of
from db.session import Database
from errors import Invalid, NotFound
from tests.auth import steps
from tests.auth.factor_steps import STEP, App, finish, halfway, prove, sessions_of, set_up
from tests.auth.steps import BROWSER, HOME, sign_in
from tests.auth.test_same_work import statements_of
from tests.cast import PASSWORD, Cast
from tests.figures import rounds
from tests.leaks import leaks_at_rest
from tests.world import nothing_changes

CROWD = rounds(10, 50)


@pytest.fixture
def app(database: Database, cast: Cast, now: datetime) -> App:
    """Petra's phone, set up a step ago, so that now's code is unused."""
    return set_up(database, cast.petra.user_id, now - 2 * STEP)


def test_a_right_password_alone_makes_no_session(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    half = halfway(database, cast, now)
    assert sessions_of(owner, cast.petra.user_id) == 0
    with database.transaction() as db:
        assert steps.sessions.find(db, token_hash=digest_of(half.token), now=now) is None
    signed_in = finish(database, half.token, app.code(now), now)
    assert signed_in is not None
    assert sessions_of(owner, cast.petra.user_id) == 1
    assert steps.knock(database, signed_in.session_token, steps.Door.PORTAL, "acme-1a2b3c", now) is not None


def test_an_app_that_was_never_confirmed_does_not_count(
    database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(user_id=cast.petra.user_id) as db:
        second_factors.begin(db, user_id=cast.petra.user_id, name="Phone", now=now)
    assert isinstance(sign_in(database, cast.emails["petra"], now), SignedIn)


def test_a_code_without_the_password_opens_nothing(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    assert sign_in(database, cast.emails["petra"], now, password="not-the-password-at-all") is None
    with nothing_changes(owner), pytest.raises(PendingOver):
        finish(database, "made-up", app.code(now), now)


def test_a_code_works_once_in_two_sign_ins(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    first, second = halfway(database, cast, now), halfway(database, cast, now)
    assert finish(database, first.token, app.code(now), now) is not None
    assert finish(database, second.token, app.code(now), now) is None
    assert sessions_of(owner, cast.petra.user_id) == 1
    later = now + STEP
    assert finish(database, second.token, app.code(later), later) is not None


def test_a_step_before_the_last_one_used_is_over_too(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    assert prove(database, cast.petra.user_id, app.code(now + STEP), now) is Way.APP
    assert prove(database, cast.petra.user_id, app.code(now), now) is None
    assert prove(database, cast.petra.user_id, app.code(now - STEP), now) is None


@pytest.mark.parametrize(("steps_off", "taken"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_clock_may_be_one_step_off(
    database: Database, cast: Cast, now: datetime, steps_off: int, taken: bool
) -> None:
    app = set_up(database, cast.petra.user_id, now - 10 * STEP)
    found = prove(database, cast.petra.user_id, app.code(now + steps_off * STEP), now)
    assert (found is Way.APP) is taken


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "١٢٣٤٥٦", "0" * 5000])
def test_what_is_no_code_is_wrong_and_counted(
    database: Database, cast: Cast, app: App, now: datetime, typed: str
) -> None:
    assert prove(database, cast.petra.user_id, typed, now) is None


def test_a_code_may_be_typed_with_spaces(database: Database, cast: Cast, app: App, now: datetime) -> None:
    code = app.code(now)
    assert prove(database, cast.petra.user_id, f" {code[:3]} {code[3:]} ", now) is Way.APP


def test_a_right_code_in_other_digits_is_wrong(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in app.code(now))
    assert prove(database, cast.petra.user_id, wide, now) is None


def test_somebody_elses_code_is_wrong(database: Database, cast: Cast, app: App, now: datetime) -> None:
    carls = set_up(database, cast.carl.user_id, now - 2 * STEP)
    assert prove(database, cast.petra.user_id, carls.code(now), now) is None
    assert prove(database, cast.petra.user_id, carls.codes[0], now) is None
    assert prove(database, cast.carl.user_id, carls.codes[0], now) is Way.RECOVERY_CODE


def test_wrong_codes_are_counted_even_over_many_sign_ins(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    wrong = "000000" if app.code(now) != "000000" else "000001"
    for _ in range(5):
        half = halfway(database, cast, now)
        for _ in range(2):
            assert finish(database, half.token, wrong, now) is None
    last = halfway(database, cast, now)
    with nothing_changes(owner), pytest.raises(TooMany):
        finish(database, last.token, app.code(now), now)
    later = now + timedelta(minutes=5)
    assert finish(database, last.token, app.code(later), later) is not None


def test_a_known_browser_gets_in_while_a_stranger_with_the_password_guesses(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    known = finish(database, halfway(database, cast, now).token, app.code(now), now)
    assert known is not None
    for _ in range(10):
        assert finish(database, halfway(database, cast, now).token, "12345", now) is None
    with pytest.raises(TooMany):
        finish(database, halfway(database, cast, now).token, "12345", now)
    later = now + STEP
    mine = sign_in(database, cast.emails["petra"], later, device_token=known.device_token)
    assert isinstance(mine, Halfway)
    assert finish(database, mine.token, app.code(later), later) is not None


def test_each_known_browser_has_tries_of_its_own(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    petra = cast.petra.user_id
    laptop, tablet = UUID(int=1), UUID(int=2)

    def prove_in(browser_id: UUID | None) -> Way | None:
        with database.transaction(user_id=petra) as db:
            return second_factors.prove(
                db, user_id=petra, code="12345", browser_id=browser_id, address=HOME, agent=BROWSER, now=now
            )

    for _ in range(10):
        assert prove_in(laptop) is None
    with pytest.raises(TooMany):
        prove_in(laptop)
    assert prove_in(tablet) is prove_in(None) is None


def test_a_waiting_sign_in_works_once(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    half = halfway(database, cast, now)
    assert finish(database, half.token, app.code(now), now) is not None
    later = now + STEP
    with nothing_changes(owner), pytest.raises(PendingOver):
        finish(database, half.token, app.code(later), later)


def test_a_waiting_sign_in_is_over_after_ten_minutes(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    half = halfway(database, cast, now)
    late = now + pending.LIFE
    with nothing_changes(owner), pytest.raises(PendingOver):
        finish(database, half.token, app.code(late), late)
    with database.transaction() as db:
        pending.look(db, token=half.token, now=late - timedelta(seconds=1))


@pytest.mark.parametrize("change", ["disabled_at = now()", "password_hash = 'x'", "password_hash = null"])
def test_a_waiting_sign_in_dies_with_the_password_or_the_person(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime, change: str
) -> None:
    half = halfway(database, cast, now)
    owner.execute(text(f"update person set {change} where id = :id"), {"id": cast.petra.user_id})
    with nothing_changes(owner), pytest.raises(PendingOver):
        finish(database, half.token, app.code(now), now)


def test_the_password_of_many_sign_ins_leaves_no_heap(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    for minutes in (0, 11, 22):
        halfway(database, cast, now + timedelta(minutes=minutes))
    assert owner.execute(text("select count(*) from pending_sign_in")).scalar_one() == 1


def test_the_session_the_browser_came_with_ends_at_the_second_step(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    before = steps.start_session(database, cast.carl.user_id, now)
    half = halfway(database, cast, now)
    done = finish(database, half.token, app.code(now), now, replaces=digest_of(before.session_token))
    assert done is not None
    ended = text("select ended_at is not null from session where id = :id")
    assert owner.execute(ended, {"id": before.session_id}).scalar_one()


def test_ten_recovery_codes_come_with_the_first_app_and_each_works_once(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    assert len(set(app.codes)) == recovery_codes.HOW_MANY == 10
    half = halfway(database, cast, now)
    assert finish(database, half.token, app.codes[0], now) is not None
    assert prove(database, cast.petra.user_id, app.codes[0], now) is None
    assert (
        prove(database, cast.petra.user_id, app.codes[1].upper().replace("-", " "), now) is Way.RECOVERY_CODE
    )
    with database.transaction(user_id=cast.petra.user_id) as db:
        assert recovery_codes.left(db, user_id=cast.petra.user_id) == 8
    assert set_up(database, cast.petra.user_id, now, name="Tablet").codes == []


def test_new_recovery_codes_kill_the_old_ones(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    petra = cast.petra.user_id
    with database.transaction(user_id=petra) as db:
        fresh = second_factors.renew_codes(db, user_id=petra, address=HOME, agent=BROWSER, now=now)
    assert prove(database, petra, app.codes[0], now) is None
    assert prove(database, petra, fresh[0], now) is Way.RECOVERY_CODE


def test_there_are_no_recovery_codes_without_an_app(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with (
        nothing_changes(owner),
        pytest.raises(NotFound),
        database.transaction(user_id=cast.carl.user_id) as db,
    ):
        second_factors.renew_codes(db, user_id=cast.carl.user_id, address="", agent="", now=now)


def test_the_last_app_takes_the_recovery_codes_with_it(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    petra = cast.petra.user_id
    other = set_up(database, petra, now, name="Tablet")
    for factor_id, left in ((app.factor_id, 10), (other.factor_id, 0)):
        with database.transaction(user_id=petra) as db:
            second_factors.remove(
                db, user_id=petra, factor_id=factor_id, address=HOME, agent=BROWSER, now=now
            )
            assert recovery_codes.left(db, user_id=petra) == left
    assert isinstance(sign_in(database, cast.emails["petra"], now), SignedIn)


def test_nobody_removes_anothers_app(
    database: Database, unguarded: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    for room in (database, unguarded):
        with (
            nothing_changes(owner),
            pytest.raises(NotFound),
            room.transaction(user_id=cast.carl.user_id) as db,
        ):
            second_factors.remove(
                db, user_id=cast.carl.user_id, factor_id=app.factor_id, address="", agent="", now=now
            )


def test_an_app_is_its_owners_alone(unguarded: Database, cast: Cast, now: datetime) -> None:
    """Past row-level security too: neither does another's app count, nor is it forgotten with one's own."""
    petra, carl = cast.petra.user_id, cast.carl.user_id
    set_up(unguarded, cast.ada.user_id, now)
    for user_id in (carl, petra):
        with unguarded.transaction(user_id=user_id) as db:
            second_factors.begin(db, user_id=user_id, name="x" * 60, now=now)
    for user_id in (carl, petra):
        with unguarded.transaction(user_id=user_id) as db:
            waiting = second_factors.begun(db, user_id=user_id)
            assert waiting is not None
            assert waiting.user_id == user_id
            assert not second_factors.has_any(db, user_id=user_id)


def test_an_app_that_waits_can_be_confirmed_and_nothing_else(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    petra = cast.petra.user_id
    given = {"user_id": petra, "address": HOME, "agent": BROWSER, "now": now}
    with nothing_changes(owner), pytest.raises(NotFound), database.transaction(user_id=petra) as db:
        second_factors.confirm(db, code="123456", **given)
    with database.transaction(user_id=petra) as db:
        factor = second_factors.begin(db, user_id=petra, name="Phone", now=now)
    with nothing_changes(owner), pytest.raises(NotFound), database.transaction(user_id=petra) as db:
        second_factors.remove(db, factor_id=factor.id, **given)
    with database.transaction(user_id=petra) as db:
        assert second_factors.confirm(db, code="no code", **given) is None
        assert not second_factors.has_any(db, user_id=petra)


def test_apps_have_a_name_and_an_end(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    petra = cast.petra.user_id
    for number in range(1, MOST):
        set_up(database, petra, now, name=f"Phone {number}")
    refused: list[tuple[str, type[Exception]]] = [
        ("One more", TooManyFactors),
        (" ", Invalid),
        ("x" * 61, Invalid),
    ]
    for name, refusal in refused:
        with (
            nothing_changes(owner),
            pytest.raises(refusal),
            database.transaction(user_id=petra) as db,
        ):
            second_factors.begin(db, user_id=petra, name=name, now=now)
    assert TooManyFactors().message.startswith("You have 5 authenticator apps.")


def test_the_owner_is_told_of_each_change_by_mail(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    petra = cast.petra.user_id
    prove(database, petra, app.codes[0], now)
    with database.transaction(user_id=petra) as db:
        second_factors.renew_codes(db, user_id=petra, address=HOME, agent=BROWSER, now=now)
        second_factors.remove(
            db, user_id=petra, factor_id=app.factor_id, address=HOME, agent=BROWSER, now=now
        )
    told = owner.scalars(
        text(
            "select e.action from procrastinate_jobs j join personal_event e "
            "on e.id = (j.args->>'event_id')::uuid where j.task_name = 'send_factors_changed' order by j.id"
        )
    ).all()
    assert told == ["factor.added", "recovery_code.used", "recovery_codes.renewed", "factor.removed"]


def test_no_seed_and_no_code_is_at_rest(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    half = halfway(database, cast, now)
    signed_in = finish(database, half.token, app.codes[0], now)
    assert signed_in is not None
    told = {"seed": app.seed, "waiting": half.token, "session": signed_in.session_token}
    told |= {f"code {at}": code for at, code in enumerate(app.codes)}
    told |= {f"plain code {at}": code.replace("-", "") for at, code in enumerate(app.codes)}
    assert leaks_at_rest(owner, told) == []


def test_a_wrong_password_is_the_same_answer_with_and_without_a_second_factor(
    database: Database, owner: Connection, cast: Cast, app: App, now: datetime
) -> None:
    """B-4: that somebody has a second factor shows only to who has the password."""
    works = []
    for name in ("petra", "carl"):
        with statements_of(database) as sent:
            assert sign_in(database, cast.emails[name], now, password="not-the-password-at-all") is None
        works.append(sent)
    assert works[0] == works[1]


def test_stepping_up_with_the_password_stays_possible(
    database: Database, cast: Cast, app: App, now: datetime
) -> None:
    session = steps.start_session(database, cast.petra.user_id, now)
    with database.transaction() as db:
        attempt = signin.begin(db, email=cast.emails["petra"], address=HOME, now=now)
    checked = signin.check(attempt, PASSWORD)
    with database.transaction() as db:
        assert signin.step_up(db, checked, session_id=session.session_id, agent="", now=now) is not None
