"""Invites nobody has accepted yet, one or many at a time: those of customers' users and those of staff.

Surprise: whose they are decides who may. Customers' users take MANAGE_USERS, staff MANAGE_TEAM; in one list
of both, the first one that may not be sent refuses all of them.
"""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlmodel import Session, col, select

from auth import invites
from auth.actors import Actor
from auth.memberships import Membership
from billing import customer_users, mails
from billing.texts import Checks
from errors import NotFound
from languages import say

MOST_AT_ONCE = 50


def resend(db: Session, actor: Actor, *, membership_ids: Sequence[UUID], now: datetime) -> int:
    """Mail each of these people a new invite; their earlier links die. How many that were: all, or nothing.

    Refuses: nobody chosen, more than 50 at once, at ("user_ids",); NotFound; MissingRight; NothingToInvite;
    CustomerClosed; TooMany beyond the day's invites (GUARANTEES C-7).
    """
    people = _chosen(db, actor, membership_ids)
    for member_id, customer_id in people:
        if customer_id is not None:
            customer_users.resend_invite(db, actor, membership_id=member_id, now=now)
            continue
        renewed = invites.resend(db, actor, membership_id=member_id, now=now)
        mails.queue(
            db, partner_id=actor.partner_id, kind=mails.MailKind.INVITE, membership_id=member_id,
            subject_id=renewed.id, customer_id=None, now=now,
        )  # fmt: skip
    return len(people)


def revoke(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Kill the link of one invite; the person can be invited again. Refuses as `resend`."""
    ((member_id, customer_id),) = _chosen(db, actor, [membership_id])
    if customer_id is not None:
        return customer_users.revoke_invite(db, actor, membership_id=member_id, now=now)
    return invites.revoke(db, actor, membership_id=member_id, now=now)


def _chosen(db: Session, actor: Actor, membership_ids: Sequence[UUID]) -> Sequence[tuple[UUID, UUID | None]]:
    """These people and their customers, all of them in the actor's world."""
    checks = Checks()
    wanted = set(membership_ids)
    if not wanted:
        checks.refuse("user_ids", code="REQUIRED", message="Choose at least one invite.")
    elif len(wanted) > MOST_AT_ONCE:
        message = say("Choose at most {most_at_once} invites at once.", most_at_once=MOST_AT_ONCE)
        checks.refuse("user_ids", code="TOO_MANY", message=message)
    checks.done()
    mine = [col(Membership.partner_id) == actor.partner_id, col(Membership.id).in_(wanted)]
    if actor.customer_id is not None:
        mine.append(col(Membership.customer_id) == actor.customer_id)
    # One order for all, the staff's last: two at once never wait for each other's customers in a circle.
    found = db.exec(
        select(Membership.id, Membership.customer_id)
        .where(*mine)
        .order_by(col(Membership.customer_id).nulls_last(), col(Membership.id))
    ).all()
    if len(found) != len(wanted):
        raise NotFound
    return found
