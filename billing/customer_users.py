"""The users of a customer: memberships with a customer's role, managed by staff or by its own Managers.

Surprise: an ACTIVE customer always keeps a Manager, let in or invited (GUARANTEES C-8, A-5). Taking the last
one away, or making it something less, is refused (LAST_ONE); it never sends the customer back to SETUP, for
its invoices are out. Revoking an invite only kills the link: the user stays, and can be invited again.
Whatever changes somebody who is there asks for a fresh proof (ProofRequired), and a Manager's inviting too.
"""

from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth import invites, memberships
from auth.actors import Action, Actor, MissingRight
from auth.authority import scoped
from auth.companies import require_open
from auth.invites import Invite
from auth.memberships import Membership, Role
from billing import mails, unread_threads
from billing.customer_fields import UserInput, read_person, read_role, read_user
from billing.customers import Customer, CustomerStatus, keep_words, locked, seat
from billing.texts import Checks
from billing.user_words import keep_user_words
from errors import NotFound


def invite(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID,
    name: str | None,
    email: str | None,
    role: str | None = None,
    locale: str | None = None,
    now: datetime,
) -> Membership:
    """Give a customer one more user and mail the invite. The first one makes the customer ACTIVE.

    The first is a Manager, later ones are Payers unless `role` says otherwise. `locale`: the language of
    mails to them until they accept, empty for the partner's. Refuses: MissingRight, NotFound,
    CustomerClosed, wrong fields at ("name",), ("email",), ("role",), ("locale",) all at once, ALREADY_USER
    at ("email",), TooMany beyond the day's invites (GUARANTEES C-7).
    """
    actor.require(Action.MANAGE_USERS)
    _prove_manager(actor, now)
    customer = locked(db, actor, customer_id=customer_id)
    require_open(customer.status)
    first = customer.status is CustomerStatus.SETUP
    checks = Checks()
    typed = UserInput(name=name, email=email, role=role, locale=locale)
    invitee = read_user(checks, typed, otherwise=Role.MANAGER if first else Role.PAYER)
    if first and invitee.role is not Role.MANAGER:
        message = "Make the first user a Manager: somebody must be able to manage the others."
        checks.refuse("role", code="NO_MANAGER", message=message)
    checks.done()
    (member,) = seat(db, actor, customer=customer, invitees=[invitee], now=now)
    return member


def resend_invite(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Mail a new invite; the earlier link dies. Refuses: MissingRight, NotFound, NothingToInvite, TooMany."""
    customer, member = _found(db, actor, membership_id)
    _prove_manager(actor, now)
    renewed = invites.resend(db, actor, membership_id=member.id, now=now)
    _mail(db, customer, renewed, now)
    return member


def revoke_invite(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Kill the link of an invite. Refuses: MissingRight, NotFound, NothingToInvite once accepted."""
    _, member = _found(db, actor, membership_id)
    _prove_manager(actor, now)
    return invites.revoke(db, actor, membership_id=member.id, now=now)


def change_role(
    db: Session, actor: Actor, *, membership_id: UUID, role: str | None, now: datetime
) -> Membership:
    """Make a user Manager, Payer or Viewer. An open invite is replaced and mailed again.

    Refuses: MissingRight, NotFound, UNKNOWN_ROLE at ("role",), LastOne, AboveOwnRole.
    """
    customer, member = _found(db, actor, membership_id)
    actor.require_proof(now)
    checks = Checks()
    new_role = read_role(checks, role)
    checks.done()
    changed = memberships.change_role(db, actor, membership_id=member.id, role=new_role, now=now)
    if changed.invite is not None:
        _mail(db, customer, changed.invite, now)
    return changed.membership


def correct(
    db: Session, actor: Actor, *, membership_id: UUID, name: str | None, email: str | None,
    locale: str | None = None, now: datetime,
) -> Membership:  # fmt: skip
    """Correct who was invited and never accepted. Another address gets a new invite; the earlier link dies.

    What is None stays. Refuses: MissingRight, NotFound, wrong fields at ("name",), ("email",) and
    ("locale",), ALREADY_USER at ("email",), NothingToInvite once accepted, CustomerClosed, TooMany.
    """
    customer, member = _found(db, actor, membership_id)
    _prove_manager(actor, now)
    person = read_person(member, name, email, locale)
    changed = memberships.correct(db, actor, membership_id=member.id, **person._asdict(), now=now)
    keep_words(db, customer)
    keep_user_words(db, changed.membership)
    if changed.invite is not None:
        _mail(db, customer, changed.invite, now)
    return changed.membership


def disable(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Keep a user out until `enable`. Refuses: MissingRight, NotFound, LastOne."""
    _, member = _found(db, actor, membership_id)
    actor.require_proof(now)
    return memberships.disable(db, actor, membership_id=member.id, now=now)


def enable(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """Let a disabled user in again. Refuses: MissingRight, NotFound, NotDisabled, CustomerClosed."""
    customer, member = _found(db, actor, membership_id)
    actor.require_proof(now)
    require_open(customer.status)
    return memberships.enable(db, actor, membership_id=member.id, now=now)


def remove(db: Session, actor: Actor, *, membership_id: UUID, now: datetime) -> Membership:
    """End a user's place; the record stays, the address can be invited anew.

    Refuses: MissingRight, NotFound, LastOne.
    """
    customer, member = _found(db, actor, membership_id)
    actor.require_proof(now)
    removed = memberships.remove(db, actor, membership_id=member.id, now=now)
    keep_words(db, customer)
    keep_user_words(db, removed)
    unread_threads.drop_own(db, member=removed)
    return removed


def _prove_manager(actor: Actor, now: datetime) -> None:
    """Ask a Manager for a fresh proof before inviting, but not the staff, who invite all day (decision 5)."""
    if not actor.is_staff_side:
        actor.require_proof(now)


def _found(db: Session, actor: Actor, membership_id: UUID) -> tuple[Customer, Membership]:
    """The user and its customer, which is locked: the one order in which everybody locks.

    Partner staff are no users of a customer: they are not found here.
    """
    actor.require(Action.MANAGE_USERS)
    try:
        member = scoped(db, actor, membership_id=membership_id)
    except MissingRight:  # one of the partner's staff, whom this actor may not manage
        raise NotFound from None
    if member.customer_id is None:
        raise NotFound
    return locked(db, actor, customer_id=member.customer_id), member


def _mail(db: Session, customer: Customer, invite: Invite, now: datetime) -> None:
    mails.queue(
        db, partner_id=customer.partner_id, kind=mails.MailKind.INVITE, membership_id=invite.membership_id,
        subject_id=invite.id, customer_id=customer.id, now=now,
    )  # fmt: skip
