"""The other end of an invite: looking at what a link offers, and accepting it.

Surprise: two ways lead in. Somebody without an account makes a passkey or chooses a password; somebody with
one signs in first and accepts as that person. Nobody is merged silently, and whoever invited can't tell which
it was (C-6).
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, select

from auth import passkeys, second_factors, sessions, users
from auth.actors import Actor, ActorKind
from auth.audit import record, record_personal
from auth.authenticators import Made, Owner
from auth.challenges import Use
from auth.companies import Company, company_of
from auth.emails import Email
from auth.invites import Invite, token_for
from auth.passkeys import Asking
from auth.passwords import NewPassword
from auth.roles import Membership, MembershipStatus
from auth.sessions import Door, SignedIn
from auth.tokens import DeadLink, digest_of, same
from db.columns import new_id
from db.session import enter
from errors import Conflict
from languages import Locale, known


class OtherPerson(Conflict):
    """Signed in as somebody else than the invited address."""

    code = "OTHER_PERSON"
    message = "This invite is for another e-mail address. Sign out, then open the link again."


class PasskeyTaken(Conflict):
    """An authenticator that hands out the same id twice, or an answer that was copied."""

    code = "PASSKEY_TAKEN"
    message = "This passkey is in use already. Make another one, or choose a password."


@dataclass(frozen=True, slots=True)
class Offer:
    """What a live link offers: a place in `company`. `has_account` says which of the two ways leads in;
    `locale` is the language they were invited in, if one was chosen.
    """

    name: str
    email: str
    company: str
    partner_name: str
    has_account: bool
    accent: str | None = None
    logo: str | None = None
    locale: Locale | None = None

    @property
    def words(self) -> tuple[str, ...]:
        """What the new password must not be made of."""
        return (self.name, self.email, self.company, self.partner_name)


@dataclass(frozen=True, slots=True)
class Accepted:
    """Where the person may go now. `signed_in` is None for somebody who was signed in before.

    `codes` are recovery codes, to be shown once.
    """

    membership_id: UUID
    door: Door
    slug: str
    signed_in: SignedIn | None = None
    codes: list[str] = field(default_factory=list, repr=False)


@dataclass(frozen=True, slots=True)
class NewPasskey:
    """A passkey that was made while an invite was looked at, for a person who is about to be made."""

    user_id: UUID
    name: str
    made: Made = field(repr=False)


class _Open(NamedTuple):
    invite: Invite
    membership: Membership
    company: Company


def look(db: Session, *, token: str, now: datetime) -> Offer:
    """What the link offers. Consumes nothing, however often it is opened (GUARANTEES C-5).

    Refuses `DeadLink` for unknown, used, revoked, replaced and expired ones alike.
    """
    invite, membership, company = _open(db, token, now, lock=False)
    return Offer(
        membership.name, membership.email, company.name, company.partner_name,
        has_account=users.find(db, invite.email_key) is not None, accent=company.accent, logo=company.logo,
        locale=known(membership.locale),
    )  # fmt: skip


def accept_as_new(
    db: Session,
    *,
    token: str,
    new: NewPassword | NewPasskey,
    address: str,
    agent: str,
    replaces: bytes | None = None,
    locale: Locale | None = None,
    now: datetime,
) -> Accepted:
    """Make the person, activate the membership, sign in. `new` is a password that was chosen with the words
    of `look`, or a passkey from `receive_passkey`; that brings recovery codes.

    Of many at once exactly one wins; the others get `DeadLink`. Refuses also `AccountExists`: whoever has an
    account signs in and uses `accept_as`. `locale` is the language of the page they did it on, else the one
    they were invited in.
    """
    opened = _open(db, token, now, lock=True)
    invite, membership, _ = opened
    locale = locale or known(membership.locale)
    user_id = new.user_id if isinstance(new, NewPasskey) else new_id()
    enter(db, partner_id=invite.partner_id, customer_id=invite.customer_id, user_id=user_id)
    users.create(
        db, user_id=user_id, name=membership.name, email=Email(membership.email, invite.email_key),
        new=new if isinstance(new, NewPassword) else None, locale=locale, now=now,
    )  # fmt: skip
    codes = _keep_passkey(db, new, address, agent, now) if isinstance(new, NewPasskey) else []
    accepted = _use(db, opened, user_id, None, locale, now)
    record_personal(db, user_id=user_id, action="account.created", address=address, agent=agent, now=now)
    # The link came to the person's mailbox: the browser that opened it is the person's.
    signed_in = sessions.begin(
        db, user_id=user_id, device_id=None, address=address, agent=agent, replaces=replaces, now=now
    )
    return Accepted(accepted.membership_id, accepted.door, accepted.slug, signed_in, codes)


def ask_for_passkey(db: Session, asking: Asking, *, token: str, address: str, now: datetime) -> str:
    """What the browser asks an authenticator to make a newcomer's passkey with, as JSON.

    Refuses `DeadLink`, TooMany, and AccountExists: a passkey joins an account only on its own pages.
    """
    offer = look(db, token=token, now=now)
    if offer.has_account:
        raise users.AccountExists
    owner = Owner(new_id(), offer.email, offer.name)
    return passkeys.ask_for_new(db, asking, owner, use=Use.INVITE, address=address, now=now)


def receive_passkey(
    db: Session, asking: Asking, *, name: str, answer: str, now: datetime
) -> NewPasskey | None:
    """The newcomer's passkey, for `accept_as_new`. None if it answers nothing that this browser was asked.

    Commit either way: the question is used up.
    """
    received = passkeys.receive(db, asking, answer=answer, use=Use.INVITE, now=now)
    return None if received is None else NewPasskey(received[0], name, received[1])


def accept_as(db: Session, *, token: str, user_id: UUID, now: datetime) -> Accepted:
    """Activate the membership for a person who is signed in. Refuses `DeadLink`, `OtherPerson`.

    A language of their own comes before the one they were invited in (A-10).
    """
    # The person first, as erasing locks: nobody is erased while they come in, nor comes in once erased.
    enter(db, user_id=user_id)
    users.hold(db, user_id=user_id)
    opened = _open(db, token, now, lock=True)
    invite = opened.invite
    enter(db, partner_id=invite.partner_id, customer_id=invite.customer_id, user_id=user_id)
    user = users.one(db, user_id=user_id)
    if user.email_key != invite.email_key or user.disabled_at is not None:
        raise OtherPerson
    locale = known(user.locale) or known(opened.membership.locale)
    return _use(db, opened, user_id, user.time_zone, locale, now)


def _keep_passkey(db: Session, new: NewPasskey, address: str, agent: str, now: datetime) -> list[str]:
    """Store the new person's passkey. Refuses `PasskeyTaken`, for one whose id somebody has already."""
    if not passkeys.keep(db, user_id=new.user_id, name=new.name, made=new.made, now=now):
        raise PasskeyTaken
    record_personal(
        db, user_id=new.user_id, action="passkey.added", address=address, agent=agent, now=now
    )  # fmt: skip
    return second_factors.codes_if_none(db, user_id=new.user_id, now=now)


def _open(db: Session, token: str, now: datetime, *, lock: bool) -> _Open:
    """The live invite behind the token, its tenant entered; with `lock`, nobody changes it meanwhile."""
    found = db.execute(
        text("select partner_id, invite_id from find_invite(:hash)"), {"hash": digest_of(token)}
    ).one_or_none()
    if found is None:
        raise DeadLink
    enter(db, partner_id=found.partner_id)
    mine = (Invite.partner_id == found.partner_id, Invite.id == found.invite_id)
    invite = db.exec(select(Invite).where(*mine)).one()
    enter(db, partner_id=invite.partner_id, customer_id=invite.customer_id)
    company = company_of(db, partner_id=invite.partner_id, customer_id=invite.customer_id, hold=lock)
    membership = _membership(db, invite, lock)
    if lock:
        # Whoever got the membership's row first may have used or revoked the invite.
        db.refresh(invite)
    alive = (
        invite.accepted_at is None
        and invite.revoked_at is None
        and now < invite.expires_at
        and membership.status is MembershipStatus.INVITED
        and company.is_open
        and same(token, token_for(db, invite, membership))
    )
    if not alive:
        raise DeadLink
    return _Open(invite, membership, company)


def _membership(db: Session, invite: Invite, lock: bool) -> Membership:
    wanted = select(Membership).where(
        Membership.partner_id == invite.partner_id, Membership.id == invite.membership_id
    )
    if lock:
        wanted = wanted.with_for_update(key_share=True)
    return db.exec(wanted).one()


def _use(
    db: Session, opened: _Open, user_id: UUID, time_zone: str | None, locale: Locale | None, now: datetime
) -> Accepted:
    """Mark the invite used and the membership active; both were locked before they were looked at."""
    invite, membership, company = opened
    invite.accepted_at = now
    membership.status = MembershipStatus.ACTIVE
    membership.user_id = user_id
    membership.time_zone, membership.locale = time_zone, locale
    membership.updated_at = now
    db.flush()
    is_staff = invite.customer_id is None
    actor = Actor(
        kind=ActorKind.STAFF if is_staff else ActorKind.CUSTOMER_USER, partner_id=invite.partner_id,
        id=membership.id, customer_id=invite.customer_id, role=membership.role, name=membership.name,
        user_id=user_id,
    )  # fmt: skip
    record(
        db, actor, action="user.activated", subject_kind="user", subject_id=membership.id,
        customer_id=invite.customer_id, now=now,
    )  # fmt: skip
    return Accepted(membership.id, Door.PARTNER if is_staff else Door.PORTAL, company.slug)
