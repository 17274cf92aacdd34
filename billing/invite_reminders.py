"""The one reminder of an invite that nobody has accepted two days after it was sent.

Surprise: "once" is a mark on the invite, set by the statement that finds it and committed with the mail.
Whatever job runs twice, at the same time or after being killed, finds the mark or writes both.
"""

from datetime import datetime, timedelta

from sqlalchemy import exists, update
from sqlmodel import Session, col

from auth.actors import Actor
from auth.invites import Invite
from auth.memberships import Membership, MembershipStatus
from billing import mails
from billing.customers import Customer, CustomerStatus

AFTER = timedelta(hours=48)


def remind(db: Session, actor: Actor, *, now: datetime) -> int:
    """Queue the reminder of each of the partner's invites that is open and 48 hours old; how many there were.

    Left alone: what was reminded of before, accepted, revoked or replaced, or expired; people who are not
    INVITED any more; customers that are archived. The mail holds the invite's own link, derived when it is
    sent, and is dropped if one of these came in between.
    """
    archived = exists().where(
        col(Customer.partner_id) == col(Invite.partner_id),
        col(Customer.id) == col(Invite.customer_id),
        col(Customer.status) == CustomerStatus.ARCHIVED,
    )
    waiting = exists().where(
        col(Membership.partner_id) == col(Invite.partner_id),
        col(Membership.id) == col(Invite.membership_id),
        col(Membership.status) == MembershipStatus.INVITED,
    )
    due = (
        update(Invite)
        .where(
            col(Invite.partner_id) == actor.partner_id,
            col(Invite.accepted_at).is_(None),
            col(Invite.revoked_at).is_(None),
            col(Invite.reminded_at).is_(None),
            col(Invite.created_at) <= now - AFTER,
            col(Invite.expires_at) > now,
            waiting,
            ~archived,
        )
        .values(reminded_at=now)
        .returning(col(Invite.id), col(Invite.membership_id), col(Invite.customer_id))
    )
    reminded = db.execute(due).all()
    for invite_id, membership_id, customer_id in reminded:
        mails.queue(
            db, partner_id=actor.partner_id, kind=mails.MailKind.INVITE_REMINDER,
            membership_id=membership_id, subject_id=invite_id, customer_id=customer_id, now=now,
        )  # fmt: skip
    return len(reminded)
