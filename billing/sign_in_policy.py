"""Who must prove it twice: the partner's policy for its staff and for its customers' users.

Surprise: nobody is signed out by it. From the next request on, whoever lacks a second factor is led to
setting one up before the partner's pages open again; `knock_session` asks at every request.
"""

from datetime import datetime

from sqlmodel import Session

from auth import second_factors
from auth.actors import Action, Actor, ActorKind
from billing.partner_profile import locked, write
from billing.partners import Partner
from errors import Conflict, Forbidden


class PeopleOnly(Forbidden):
    """A key, a token or the system tried."""

    code = "PEOPLE_ONLY"
    message = "Only people change who needs a second step, in the dashboard."


class NoFactorYourself(Conflict):
    """Whoever asks it of all staff has none: the dashboard would shut them out first."""

    code = "NO_FACTOR_YOURSELF"
    message = (
        "You have no second step yourself, so this would shut you out as well. Set up an authenticator app or"
        " a passkey on your account's page Second step, then come back."
    )


def require_factors(
    db: Session, actor: Actor, *, staff: bool, users: bool, version: int | None = None, now: datetime
) -> Partner:
    """Ask a second factor of all `staff`, of the customers' `users`, or no more.

    The same again writes nothing.
    Refuses MissingRight, PeopleOnly, ProofRequired, a `version` that is not the stored one (Conflict), and
    NoFactorYourself when it begins for staff.
    """
    actor.require(Action.MANAGE_SETTINGS)
    if actor.kind is not ActorKind.STAFF:
        raise PeopleOnly
    actor.require_proof(now)
    partner = locked(db, actor)
    if version is not None and version != partner.version:
        raise Conflict
    wanted = {"staff_need_factor": staff, "users_need_factor": users}
    changed = {name: value for name, value in wanted.items() if value != getattr(partner, name)}
    if changed.get("staff_need_factor") and not second_factors.held_by(db, actor):
        raise NoFactorYourself
    write(db, actor, partner, "partner.sign_in_policy_changed", changed, now=now)
    return partner
