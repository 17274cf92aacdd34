"""Erasing somebody who was here, by the partner's Admin: who they were is gone, the books stay (G-9).

Surprise: an account is the person's, and may have a place at another partner that this one knows nothing of.
Such a person is not erased from here; the refusal says no more than that.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth import erasing, users
from auth.actors import Action, Actor
from auth.memberships import Membership
from auth.roles import MembershipStatus
from billing import access_requests
from billing.erasing import Erased, erase_place
from db.session import enter
from errors import Conflict, NotFound


class StillHere(Conflict):
    """The person has a place at this partner."""

    code = "STILL_HERE"
    message = "They still have a place here. Remove them from every team and customer first."


class ElsewhereToo(Conflict):
    """The person has, or had, a place at another partner."""

    code = "ELSEWHERE_TOO"
    message = (
        "This account is not yours alone, so it can't be erased from here. What you can do is remove them "
        "from your teams and customers. Ask whoever runs this server to erase the person."
    )


def erase_former(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Erased:
    """Erase the person of a removed membership, with everything of this partner that names them.

    What is replaced, deleted and kept is as in `billing.erasing.erase`. Refuses: MissingRight, ProofRequired,
    NotFound (also whoever is erased already), StillHere, ElsewhereToo.
    """
    actor.require(Action.MANAGE_TEAM)
    actor.require_proof(now)
    found, user_id = former(db, actor, membership_id=membership_id)
    email_key = next(seat.email_key for seat in found if seat.id == membership_id)
    for seat in found:
        erase_place(db, actor, seat, now)
    if users.find(db, email_key) in (None, user_id):  # else the address is somebody else's by now
        access_requests.erase(db, partner_id=actor.partner_id, email_key=email_key)
    if user_id is not None:
        enter(db, user_id=user_id)
        erasing.erase_person(db, user_id=user_id, now=now)
    erasing.clean_logs(db, user_id=user_id, memberships=[seat.id for seat in found])
    enter(db, partner_id=actor.partner_id)
    return Erased(len(found), user_id is not None)


def former(db: Session, actor: Actor, *, membership_id: UUID) -> tuple[list[Membership], UUID | None]:
    """Every place at this partner of somebody who left it, and their account. Refuses as
    `erase_former`, but asks for no proof.

    The person is held first, as everybody locks them: nobody lets them in anywhere meanwhile.
    """
    actor.require(Action.MANAGE_TEAM)
    mine = col(Membership.partner_id) == actor.partner_id
    asked = db.exec(select(Membership).where(mine, col(Membership.id) == membership_id)).one_or_none()
    if asked is None or asked.email_key.endswith(erasing.ENDING):
        raise NotFound
    user_id, places = asked.user_id, {asked.id: asked}
    if user_id is not None:
        enter(db, user_id=user_id)
        users.hold(db, user_id=user_id)
        everywhere = erasing.seats_of(db, user_id=user_id)
        enter(db, partner_id=actor.partner_id)
        if any(seat.partner_id != actor.partner_id for seat in everywhere):
            raise ElsewhereToo
        places |= {seat.id: seat for seat in everywhere}
    invited = erasing.invited_as(db, partner_id=actor.partner_id, email_key=asked.email_key)
    if user_id is None and any(seat.status is MembershipStatus.ACTIVE for seat in invited):
        raise StillHere  # as somebody who came in by another invite
    # Somebody else may have got the address since.
    places |= {seat.id: seat for seat in invited if seat.user_id in (None, user_id)}
    if any(seat.status is not MembershipStatus.REMOVED for seat in places.values()):
        raise StillHere
    order = sorted(
        places.values(), key=lambda one: (one.customer_id is None, one.customer_id or one.partner_id, one.id)
    )
    return order, user_id
