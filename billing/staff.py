"""The partner's own people: memberships with a staff role, managed by Admins.

Surprise: the last Admin who can sign in stays, whoever asks (GUARANTEES A-5). Every rule asks for a fresh
proof (ProofRequired): whoever gets in here gets at every customer. Nobody is found here who is a customer's
user: those have rules of their own, in customer_users.py.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth import invites, memberships
from auth.actors import Action, Actor, MissingRight
from auth.authority import scoped
from auth.invites import Invite
from auth.memberships import STAFF_ROLES, Membership, Role
from billing import customer_views, mails, unread_threads
from billing.customer_fields import read_locale, read_person
from billing.texts import Checks
from errors import NotFound


def invite(
    db: Session, actor: Actor, *, name: str | None, email: str | None, role: str | None,
    locale: str | None = None, now: datetime,
) -> Membership:  # fmt: skip
    """Give somebody a place among the partner's staff and mail the invite, in `locale` or the partner's own.

    Refuses: MissingRight, wrong fields at ("name",), ("email",), ("role",), ("locale",) all at once,
    ALREADY_USER at ("email",), AboveOwnRole, TooMany beyond the day's invites (GUARANTEES C-7).
    """
    actor.require(Action.MANAGE_TEAM)
    actor.require_proof(now)
    checks = Checks()
    spoken = checks.line("name", name, required=True, limit=100)
    address = checks.email("email", email)
    chosen = read_staff_role(checks, role)
    language = read_locale(checks, locale)
    checks.done()
    member, made = memberships.add(
        db, actor, customer_id=None, name=spoken, email=address, role=chosen, locale=language, now=now
    )
    _mail(db, made, now)
    return member


def resend_invite(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Mail a new invite; the earlier link dies. Refuses: MissingRight, NotFound, NothingToInvite, TooMany."""
    member = _found(db, actor, membership_id, now)
    _mail(db, invites.resend(db, actor, membership_id=member.id, now=now), now)
    return member


def revoke_invite(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Kill the link of an invite. Refuses: MissingRight, NotFound, NothingToInvite once accepted."""
    return invites.revoke(db, actor, membership_id=_found(db, actor, membership_id, now).id, now=now)


def change_role(
    db: Session, actor: Actor, *, membership_id: UUID, role: str | None, now: datetime
) -> Membership:
    """Give a colleague another staff role. An open invite is replaced and mailed again.

    Refuses: MissingRight, NotFound, UNKNOWN_ROLE at ("role",), LastOne, AboveOwnRole.
    """
    member = _found(db, actor, membership_id, now)
    checks = Checks()
    chosen = read_staff_role(checks, role)
    checks.done()
    changed = memberships.change_role(db, actor, membership_id=member.id, role=chosen, now=now)
    if changed.invite is not None:
        _mail(db, changed.invite, now)
    return changed.membership


def correct(
    db: Session, actor: Actor, *, membership_id: UUID, name: str | None, email: str | None,
    locale: str | None = None, now: datetime,
) -> Membership:  # fmt: skip
    """Correct a colleague who never accepted. Another address gets a new invite; the earlier link dies.

    What is None stays. Refuses: MissingRight, NotFound, wrong fields at ("name",), ("email",) and
    ("locale",), ALREADY_USER at ("email",), NothingToInvite once accepted, TooMany.
    """
    member = _found(db, actor, membership_id, now)
    person = read_person(member, name, email, locale)
    changed = memberships.correct(db, actor, membership_id=member.id, **person._asdict(), now=now)
    if changed.invite is not None:
        _mail(db, changed.invite, now)
    return changed.membership


def disable(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Keep a colleague out until `enable`. Refuses: MissingRight, NotFound, LastOne."""
    return memberships.disable(db, actor, membership_id=_found(db, actor, membership_id, now).id, now=now)


def enable(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Let a disabled colleague in again. Refuses: MissingRight, NotFound, NotDisabled."""
    return memberships.enable(db, actor, membership_id=_found(db, actor, membership_id, now).id, now=now)


def remove(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """End a colleague's place; the record stays, the address can be invited anew. Views of their own go.

    Refuses: MissingRight, NotFound, LastOne.
    """
    gone = memberships.remove(db, actor, membership_id=_found(db, actor, membership_id, now).id, now=now)
    customer_views.drop_own(db, member=gone)
    unread_threads.drop_own(db, member=gone)
    return gone


def read_staff_role(checks: Checks, text: str | None) -> Role:
    """A staff role by its name; a customer's roles can't be given here (GUARANTEES A-5)."""
    written = (text or "").strip().upper()
    if written in STAFF_ROLES:
        return Role(written)
    message = "Choose Admin, Sub-admin, Member or Read-only as the role."
    checks.refuse("role", code="UNKNOWN_ROLE", message=message)
    return Role.READ_ONLY


def _found(db: Session, actor: Actor, membership_id: UUID, now: datetime) -> Membership:
    actor.require(Action.MANAGE_TEAM)
    actor.require_proof(now)
    try:
        member = scoped(db, actor, membership_id=membership_id)
    except MissingRight:  # a customer's user, whom this actor may not manage: no colleague either
        raise NotFound from None
    if member.customer_id is not None:
        raise NotFound
    return member


def _mail(db: Session, invite: Invite, now: datetime) -> None:
    mails.queue(
        db, partner_id=invite.partner_id, kind=mails.MailKind.INVITE, membership_id=invite.membership_id,
        subject_id=invite.id, customer_id=None, now=now,
    )  # fmt: skip
