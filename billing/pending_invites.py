"""Invites nobody has accepted yet, one or many at a time: those of customers' users and those of staff.

Surprise: whose they are decides who may. Customers' users take MANAGE_USERS, staff MANAGE_TEAM; in one list
of both, the first one that may not be sent refuses all of them.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlmodel import Session, col, select

from auth import invites, throttle
from auth.actors import Actor, system
from auth.authority import lock_place, managed
from auth.companies import require_open
from auth.invites import Invite, NothingToInvite
from auth.memberships import Membership, MembershipStatus
from auth.throttle import Limit
from billing import customer_users, mails
from billing.texts import Checks
from errors import NotFound
from languages import say

MOST_AT_ONCE = 50
# Less than the day's invites to a recipient: whoever types somebody's address leaves the partner some.
ASKED_DAY = Limit("invites asked for again", 3, timedelta(hours=24))
ASKED_JUST_NOW = Limit("invite asked for just now", 1, timedelta(minutes=2))


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
        _mail(db, renewed, now)
    return len(people)


def send_again(db: Session, *, partner_id: UUID, invite_id: UUID, now: datetime) -> bool:
    """Mail an invite once more because somebody asked with its address; was there one to mail?

    One that is good still is mailed as it is: nobody kills or prolongs a link by typing an address. One that
    is too old is replaced. Within two minutes once, so that a job may run twice. Refuses: NothingToInvite,
    CustomerClosed, UserRemoved, TooMany beyond three a day.
    """
    actor = system(partner_id)
    invite = db.get_one(Invite, (partner_id, invite_id))
    require_open(lock_place(db, actor, customer_id=invite.customer_id))
    member = managed(db, actor, membership_id=invite.membership_id)
    db.refresh(invite)
    if member.status is not MembershipStatus.INVITED or invite.revoked_at is not None:
        raise NothingToInvite
    if not throttle.is_first(db, throttle.bucket_of(db, ASKED_JUST_NOW, partner_id, member.id), now=now):
        return False
    throttle.count_all(db, [throttle.bucket_of(db, ASKED_DAY, partner_id, invite.email_key)], now=now)
    if invite.expires_at <= now:
        invite = invites.resend(db, actor, membership_id=member.id, now=now)
    _mail(db, invite, now)
    return True


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


def _mail(db: Session, invite: Invite, now: datetime) -> None:
    mails.queue(
        db, partner_id=invite.partner_id, kind=mails.MailKind.INVITE, membership_id=invite.membership_id,
        subject_id=invite.id, customer_id=invite.customer_id, now=now,
    )  # fmt: skip
