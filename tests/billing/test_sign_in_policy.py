"""The sign-in policy: who may set it, what it shuts and what it leaves open, at every request's look-up."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text

from auth import second_factors
from auth.actors import MissingRight, system
from auth.second_factors import LastFactor
from auth.sessions import Door, FactorNeeded
from billing import sign_in_policy
from billing.partners import Partner
from billing.sign_in_policy import NoFactorYourself, PeopleOnly
from db.session import Database
from errors import Conflict, NotFound
from tests.auth.factor_steps import App, set_up
from tests.auth.steps import knock, start_session
from tests.billing.acting import Acts, at_once, codes
from tests.cast import Cast

MINUTE = timedelta(minutes=1)


def ask(
    acts: Acts, who: Any, *, staff: bool = False, users: bool = False, version: int | None = None
) -> Partner:
    return acts(who, sign_in_policy.require_factors, staff=staff, users=users, version=version)


def policy(owner: Connection, slug: str = "northwind") -> tuple[bool, bool, int]:
    asked = text("select staff_need_factor, users_need_factor, version from partner where slug = :slug")
    return tuple(owner.execute(asked, {"slug": slug}).one())


@pytest.fixture
def app(database: Database, cast: Cast, now: datetime) -> App:
    """Ada's phone."""
    return set_up(database, cast.ada.user_id, now - MINUTE)


def lacks(database: Database, cast: Cast, name: str, door: Door, slug: str, now: datetime) -> bool:
    token = start_session(database, cast.actors[name].user_id, now).session_token
    visit = knock(database, token, door, slug, now)
    assert visit is not None
    return visit.lacks_factor


def test_it_is_off_for_everybody_at_first(
    database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    assert policy(owner) == (False, False, 1)
    assert not lacks(database, cast, "ada", Door.PARTNER, "northwind", now)
    assert not lacks(database, cast, "petra", Door.PORTAL, "acme-1a2b3c", now)


@pytest.mark.usefixtures("app")
def test_it_shuts_the_partners_own_doors_and_no_other(
    acts: Acts, database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    ask(acts, cast.ada, staff=True)
    assert policy(owner) == (True, False, 2)
    assert policy(owner, "contoso") == (False, False, 1)
    assert not lacks(database, cast, "ada", Door.PARTNER, "northwind", now)
    assert lacks(database, cast, "clem", Door.PARTNER, "northwind", now)
    assert not lacks(database, cast, "mallory", Door.PARTNER, "contoso", now)
    assert not lacks(database, cast, "petra", Door.PORTAL, "acme-1a2b3c", now)
    ask(acts, cast.ada, users=True)
    assert not lacks(database, cast, "clem", Door.PARTNER, "northwind", now)
    for name, slug in (("petra", "acme-1a2b3c"), ("carl", "acme-1a2b3c"), ("gus", "globex-1a2b3c")):
        assert lacks(database, cast, name, Door.PORTAL, slug, now)
    assert not lacks(database, cast, "ines", Door.PORTAL, "initech-1a2b3c", now)


def test_a_place_of_somebody_else_is_none_whatever_is_asked(
    acts: Acts, database: Database, cast: Cast, now: datetime
) -> None:
    """It must not be told from the refusal that a place exists."""
    ask(acts, cast.ada, users=True)
    token = start_session(database, cast.ines.user_id, now).session_token
    visit = knock(database, token, Door.PORTAL, "acme-1a2b3c", now)
    assert visit is not None
    assert (visit.actor, visit.lacks_factor) == (None, False)
    with pytest.raises(NotFound):
        visit.admitted()


def test_it_opens_with_the_first_right_code_and_the_last_app_stays_while_it_is_asked(
    acts: Acts, database: Database, cast: Cast, now: datetime
) -> None:
    ask(acts, cast.ada, users=True)
    token = start_session(database, cast.petra.user_id, now).session_token

    def opens() -> bool:
        visit = knock(database, token, Door.PORTAL, "acme-1a2b3c", now)
        assert visit is not None
        try:
            return visit.admitted().id == cast.petra.id
        except FactorNeeded:
            return False

    assert not opens()
    with database.transaction(user_id=cast.petra.user_id) as db:
        second_factors.begin(db, user_id=cast.petra.user_id, name="Begun", now=now)
    assert not opens()  # begun is not proved
    app = set_up(database, cast.petra.user_id, now)
    assert opens()
    remove = {
        "user_id": cast.petra.user_id,
        "factor_id": app.factor_id,
        "address": "",
        "agent": "",
        "now": now,
    }
    with (
        acts.nothing_changes(),
        pytest.raises(LastFactor),
        database.transaction(user_id=cast.petra.user_id) as db,
    ):
        second_factors.remove(db, **remove)
    assert opens()
    ask(acts, cast.ada, users=False)
    with database.transaction(user_id=cast.petra.user_id) as db:
        second_factors.remove(db, **remove)
    ask(acts, cast.ada, users=True)
    assert not opens()


def test_whoever_has_none_cannot_ask_it_of_all_staff(acts: Acts, cast: Cast, owner: Connection) -> None:
    with acts.nothing_changes(), pytest.raises(NoFactorYourself, match="Set up an authenticator app"):
        ask(acts, cast.ada, staff=True, users=True)
    ask(acts, cast.ada, users=True)
    assert policy(owner) == (False, True, 2)


@pytest.mark.usefixtures("app")
def test_a_sub_admin_without_one_is_refused_though_the_admin_has_one(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes(), pytest.raises(NoFactorYourself):
        ask(acts, cast.sue, staff=True)


@pytest.mark.usefixtures("app")
def test_asking_leaves_the_transaction_the_partners(acts: Acts, cast: Cast, database: Database) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        assert second_factors.held_by(db, cast.ada)
        assert not second_factors.held_by(db, cast.sue)
        settings = db.execute(
            text("select current_setting('remit.partner'), current_setting('remit.user', true)")
        ).one()
        assert tuple(settings) == (str(cast.ada.partner_id), "")


@pytest.mark.parametrize("who", ["clem", "rita", "carl", "petra", "vera"])
def test_whoever_may_not_changes_nothing(acts: Acts, cast: Cast, who: str) -> None:
    with acts.nothing_changes(), pytest.raises(MissingRight):
        ask(acts, cast.actors[who], users=True)


def test_keys_and_the_system_change_nothing(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes():
        for who in (cast.northwind_key, system(cast.partners["northwind"])):
            with pytest.raises(PeopleOnly):
                ask(acts, who, users=True)


@pytest.mark.usefixtures("app")
def test_what_changed_is_in_the_log_and_the_same_again_writes_nothing(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    ask(acts, cast.ada, staff=True, users=True)
    with acts.nothing_changes():
        ask(acts, cast.ada, staff=True, users=True)
    ask(acts, cast.ada, staff=True)
    events = owner.execute(text("select action, details from audit_event order by id")).all()
    assert [tuple(event) for event in events] == [
        (
            "partner.sign_in_policy_changed",
            {
                "fields": ["staff_need_factor", "users_need_factor"], "was": [False, False],
                "became": [True, True],
            },
        ),
        (
            "partner.sign_in_policy_changed",
            {"fields": ["users_need_factor"], "was": [True], "became": [False]},
        ),
    ]  # fmt: skip


@pytest.mark.prove
def test_of_twenty_who_change_it_at_once_one_does(crowd: Acts, cast: Cast, owner: Connection) -> None:
    answers = at_once(20, lambda number: ask(crowd, cast.ada, users=True, version=1))
    assert codes(answers) == {"Partner": 1, "Conflict": 19}
    assert policy(owner) == (False, True, 2)


def test_a_stale_version_is_a_conflict(acts: Acts, cast: Cast) -> None:
    ask(acts, cast.ada, users=True, version=1)
    with acts.nothing_changes(), pytest.raises(Conflict):
        ask(acts, cast.ada, users=False, version=1)
