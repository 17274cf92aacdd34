"""A-5, A-8: changing roles, disabling, removing; the last admin and the last manager."""

from datetime import datetime, timedelta
from functools import partial
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from auth import api_keys, memberships
from auth.actors import Actor, MissingRight, system
from auth.authority import NoLongerHere, UserRemoved
from auth.emails import parse_email
from auth.memberships import LastOne, MembershipStatus, NotDisabled, Role
from auth.tokens import DeadLink
from db.session import Database
from errors import Forbidden, Invalid, NotFound
from tests.auth.steps import accept, invite, look, token_of_invite
from tests.auth.team_steps import add, change, strike
from tests.cast import Cast
from tests.world import nothing_changes


def statuses(owner: Connection) -> dict[str, str]:
    rows = owner.execute(text("select name, role || ' ' || status from membership"))
    return dict(rows.all())


def actions(owner: Connection) -> list[str]:
    return list(owner.scalars(text("select action from audit_event order by id")))


# Changing roles.


def test_a_changed_role_counts_at_once_and_is_written_down(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    later = now + timedelta(hours=1)
    changed = change(database, cast.carl, cast.petra, Role.MANAGER, later)
    assert (changed.membership.role, changed.invite) == (Role.MANAGER, None)
    assert statuses(owner)["Petra"] == "MANAGER ACTIVE"
    event = owner.execute(text("select * from audit_event")).one()
    assert (event.action, event.details) == ("user.role_changed", {"before": "PAYER", "role": "MANAGER"})
    updated = text("select updated_at from membership where name = 'Petra'")
    assert owner.execute(updated).scalar_one() == later


def test_the_same_role_again_changes_nothing(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with nothing_changes(owner):
        assert change(database, cast.carl, cast.carl, Role.MANAGER, now).invite is None


def test_another_role_for_somebody_invited_needs_a_new_link(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia = invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    changed = change(database, cast.ada, nia.membership_id, Role.VIEWER, now)
    assert changed.invite is not None
    with pytest.raises(DeadLink):
        look(database, nia.token, now)
    accept(database, token_of_invite(database, changed.invite), now)
    assert statuses(owner)["Nia"] == "VIEWER ACTIVE"


def test_no_new_link_is_made_where_none_was_open(database: Database, cast: Cast, now: datetime) -> None:
    nia = invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        memberships.invites.revoke(db, cast.ada, membership_id=nia.membership_id, now=now)
    assert change(database, cast.ada, nia.membership_id, Role.VIEWER, now).invite is None


NOT_THEIRS_TO_PROMOTE = [
    ("carl", "petra", Role.ADMIN), ("ada", "petra", Role.ADMIN), ("ada", "clem", Role.MANAGER),
    ("petra", "petra", Role.MANAGER), ("vera", "vera", Role.PAYER), ("clem", "clem", Role.ADMIN),
    ("sue", "sue", Role.ADMIN), ("sue", "clem", Role.SUB_ADMIN), ("clem", "rita", Role.MEMBER),
    ("rita", "petra", Role.VIEWER), ("gus", "petra", Role.MANAGER), ("mallory", "clem", Role.READ_ONLY),
    ("mallory", "petra", Role.VIEWER), ("ines", "petra", Role.VIEWER), ("carl", "ada", Role.READ_ONLY),
    ("northwind_key", "clem", Role.ADMIN), ("contoso_key", "petra", Role.VIEWER),
]  # fmt: skip


def test_nobody_is_promoted_or_demoted_by_whoever_may_not(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    with nothing_changes(owner):
        for person, target, role in NOT_THEIRS_TO_PROMOTE:
            with pytest.raises((Forbidden, NotFound, Invalid)):
                change(database, getattr(cast, person), getattr(cast, target), role, now)


# Disabling, enabling, removing.


def test_a_disabled_user_is_let_in_again(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    assert strike(database, cast.clem, "disable", cast.petra, now) == "DISABLED"
    with nothing_changes(owner):
        assert strike(database, cast.clem, "disable", cast.petra, now + timedelta(1)) == "DISABLED"
    later = now + timedelta(hours=1)
    assert strike(database, cast.clem, "enable", cast.petra, later) == "ACTIVE"
    with nothing_changes(owner), pytest.raises(NotDisabled):
        strike(database, cast.clem, "enable", cast.petra, later)
    assert actions(owner) == ["user.disabled", "user.enabled"]
    updated = text("select updated_at from membership where name = 'Petra'")
    assert owner.execute(updated).scalar_one() == later


def test_somebody_who_never_accepted_is_enabled_to_be_invited(
    database: Database, cast: Cast, now: datetime
) -> None:
    nia = invite(database, cast.ada, customer_id=cast.customers["acme"], now=now)
    assert strike(database, cast.ada, "disable", nia.membership_id, now) == "DISABLED"
    assert strike(database, cast.ada, "enable", nia.membership_id, now) == "INVITED"


def test_a_removed_user_is_kept_for_the_records_and_out_of_reach(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    assert strike(database, cast.carl, "remove", cast.petra, now) == "REMOVED"
    row = owner.execute(text("select * from membership where name = 'Petra'")).one()
    assert (row.removed_at, row.user_id, row.email) == (now, cast.petra.user_id, "petra@acme.example")
    assert actions(owner) == ["user.removed"]
    with nothing_changes(owner):
        for how in ("disable", "enable", "remove"):
            with pytest.raises(UserRemoved):
                strike(database, cast.carl, how, cast.petra, now)
        with pytest.raises(UserRemoved):
            change(database, cast.carl, cast.petra, Role.VIEWER, now)


NOT_THEIRS_TO_STRIKE = [
    ("rita", "petra"), ("petra", "vera"), ("vera", "petra"), ("gus", "petra"), ("ines", "petra"),
    ("mallory", "petra"), ("mallory", "clem"), ("sue", "clem"), ("clem", "rita"), ("carl", "clem"),
    ("carl", "gus"), ("northwind_key", "clem"), ("contoso_key", "petra"),
]  # fmt: skip


@pytest.mark.parametrize("how", ["disable", "enable", "remove"])
def test_nobody_is_struck_by_whoever_may_not(
    database: Database, owner: Connection, cast: Cast, how: str, now: datetime
) -> None:
    with nothing_changes(owner):
        for person, target in NOT_THEIRS_TO_STRIKE:
            with pytest.raises((MissingRight, NotFound)):
                strike(database, getattr(cast, person), how, getattr(cast, target), now)


def test_a_strangers_id_is_answered_like_a_made_up_one(database: Database, cast: Cast, now: datetime) -> None:
    """O5, for a partner and for a sibling customer."""
    for actor, stranger in ((cast.ada, cast.ines), (cast.carl, cast.gus), (cast.carl, cast.ada)):
        answers = set()
        for target in (stranger.id, uuid4()):
            for act in (
                partial(strike, database, actor, "remove", target, now),
                partial(change, database, actor, target, Role.VIEWER, now),
            ):
                with pytest.raises(NotFound) as refusal:
                    act()
                answers.add((type(refusal.value), str(refusal.value)))
        assert len(answers) == 1


# The last one.


@pytest.mark.parametrize(("person", "low"), [("ada", Role.SUB_ADMIN), ("gus", Role.PAYER)])
def test_the_last_head_stays(
    database: Database, owner: Connection, cast: Cast, person: str, low: Role, now: datetime
) -> None:
    head = getattr(cast, person)
    with nothing_changes(owner):
        for actor in {head, cast.ada}:
            for act in (
                partial(strike, database, actor, "remove", head, now),
                partial(strike, database, actor, "disable", head, now),
                partial(change, database, actor, head, low, now),
            ):
                with pytest.raises(LastOne) as refusal:
                    act()
                assert ("Admin" if person == "ada" else "Manager") in str(refusal.value)


def test_an_invited_admin_does_not_replace_one_who_can_sign_in(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia = invite(database, cast.ada, customer_id=None, role=Role.ADMIN, email="nia@n.example", now=now)
    with nothing_changes(owner), pytest.raises(LastOne):
        strike(database, cast.ada, "remove", cast.ada, now)
    accept(database, nia.token, now)
    assert strike(database, cast.ada, "remove", cast.ada, now) == "REMOVED"


def test_an_invited_admin_may_be_taken_back_but_not_the_only_one(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    nia = invite(database, cast.ada, customer_id=None, role=Role.ADMIN, email="nia@n.example", now=now)
    assert strike(database, cast.ada, "remove", nia.membership_id, now) == "REMOVED"
    root = system(cast.partners["contoso"])
    owner.execute(text("update membership set status = 'DISABLED' where name = 'Mallory'"))
    first = add(database, root, now, role=Role.ADMIN, email="first@contoso.example").membership
    with pytest.raises(LastOne):
        strike(database, root, "remove", first.id, now)
    add(database, root, now, role=Role.ADMIN, email="second@contoso.example")
    assert strike(database, root, "remove", first.id, now) == "REMOVED"


def test_a_manager_who_left_is_removed_once_another_is_invited(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    new = add(database, cast.ada, now, customer_id=cast.customers["globex"], role=Role.MANAGER).membership
    assert strike(database, cast.ada, "remove", cast.gus, now) == "REMOVED"
    with nothing_changes(owner), pytest.raises(LastOne):
        strike(database, cast.ada, "remove", new.id, now)


def test_heads_elsewhere_and_those_who_are_out_do_not_count(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    """Acme's Carl, Contoso's Mallory, disabled and removed managers: none of them keeps Globex."""
    globex = cast.customers["globex"]
    for status in (MembershipStatus.DISABLED, MembershipStatus.REMOVED):
        email = f"{status}@globex.example".lower()
        one = add(database, cast.ada, now, customer_id=globex, role=Role.MANAGER, email=email).membership
        owner.execute(text(f"update membership set status = '{status}' where id = :id"), {"id": one.id})
    with nothing_changes(owner), pytest.raises(LastOne):
        strike(database, cast.ada, "remove", cast.gus, now)


def test_whoever_is_out_already_is_no_last_head(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    owner.execute(text("update membership set status = 'DISABLED' where name = 'Gus'"))
    assert change(database, cast.ada, cast.gus, Role.PAYER, now).membership.role is Role.PAYER
    # Globex has no Manager now: nobody else has to stay because of that.
    assert strike(database, cast.ada, "enable", cast.gus, now) == "ACTIVE"
    assert strike(database, cast.ada, "disable", cast.gus, now) == "DISABLED"


# who is no longer who it was.


@pytest.mark.parametrize(
    "change_of_carl", ["status = 'DISABLED'", "status = 'REMOVED'", "status = 'INVITED'", "role = 'PAYER'"]
)
def test_somebody_whose_place_changed_meanwhile_does_nothing(
    database: Database, owner: Connection, cast: Cast, change_of_carl: str, now: datetime
) -> None:
    """Carl's request began while he was a manager; by the time it acts he is none."""
    acme = cast.customers["acme"]
    nia = invite(database, cast.carl, customer_id=acme, now=now)
    owner.execute(text(f"update membership set {change_of_carl} where name = 'Carl'"))
    with nothing_changes(owner), database.transaction(**_world(cast.carl)) as db:
        for act in (
            lambda: memberships.add(
                db, cast.carl, customer_id=acme, name="X", email=parse_email("x@a.example"), now=now
            ),
            lambda: memberships.change_role(
                db, cast.carl, membership_id=cast.petra.id, role=Role.VIEWER, now=now
            ),
            lambda: memberships.disable(db, cast.carl, membership_id=cast.petra.id, now=now),
            lambda: memberships.enable(db, cast.carl, membership_id=cast.petra.id, now=now),
            lambda: memberships.remove(db, cast.carl, membership_id=cast.petra.id, now=now),
            lambda: memberships.invites.resend(db, cast.carl, membership_id=nia.membership_id, now=now),
            lambda: memberships.invites.revoke(db, cast.carl, membership_id=nia.membership_id, now=now),
        ):  # fmt: skip
            with pytest.raises(NoLongerHere):
                act()


def test_a_key_that_was_revoked_meanwhile_does_nothing(
    database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    key = cast.northwind_key
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        # That another one of the partner's lives helps nothing.
        api_keys.create(db, cast.ada, name="Other", scopes=["customers:read"], now=now)
    owner.execute(text("update api_key set revoked_at = now() where id = :id"), {"id": key.id})
    with nothing_changes(owner), pytest.raises(NoLongerHere):
        add(database, key, now, customer_id=cast.customers["acme"])


def _world(actor: Actor) -> dict[str, UUID | None]:
    return {"partner_id": actor.partner_id, "customer_id": actor.customer_id}
