"""The users in a file of customers: up to five a row, added with their customer, invited if that was chosen.

Surprise: whoever has, or ever had, a place at the customer is not added again, so a second run invites nobody
twice. But whoever was added without an invite (it was not chosen, or the day's limit held it back) is invited
by the next run that may.
"""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Uuid, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from auth import audit, memberships
from auth.actors import Actor
from auth.companies import require_open
from auth.invites import Invite
from auth.memberships import Membership, MembershipStatus
from auth.throttle import TooMany
from billing import customers, mails
from billing.customer_fields import Invitee, UserInput, read_users
from billing.customers import Customer, CustomerStatus
from billing.texts import Checks
from billing.user_words import keep_user_words
from errors import Problem
from languages import ENGLISH, FRENCH, known, say

MOST = 5
_PARTS = ("name", "email", "role", "locale")
# How files write a language, beside its code.
_LANGUAGES = {"english": ENGLISH, "anglais": ENGLISH, "french": FRENCH, "francais": FRENCH}
# By customer and normal address: the member, and whether it still waits for a first invite.
Known = Mapping[tuple[UUID, str], tuple[Membership, bool]]


class People(NamedTuple):
    """Who of a row's users is to be added, and who was added earlier and never invited."""

    new: tuple[Invitee, ...] = ()
    waiting: tuple[Membership, ...] = ()
    problems: tuple[Problem, ...] = ()


class Seated(NamedTuple):
    """How many users were added, how many invites were held back, and why."""

    added: int = 0
    held: int = 0
    notes: tuple[Problem, ...] = ()


def fields_of_user(number: int) -> tuple[str, ...]:
    """The fields of one user of a row: user_1_name, user_1_email, user_1_role, user_1_locale."""
    return tuple(f"user_{number}_{part}" for part in _PARTS)


def has_users(fields: Iterable[str]) -> bool:
    """Do these columns name any user?"""
    return any(field.startswith("user_") for field in fields)


def users_in(given: Mapping[str, str]) -> tuple[UserInput, ...]:
    """A row's users, each in its place; a place left empty stays empty."""
    if not has_users(given):
        return ()
    rows = [{part: given.get(f"user_{number}_{part}") for part in _PARTS} for number in range(1, MOST + 1)]
    return tuple(UserInput(**{**row, "locale": _language(row["locale"])}) for row in rows)


def _language(written: str | None) -> str | None:
    """A cell as the rule takes it: `French`, `Français` and `fr-CA` are `fr`; what is none stays as it is."""
    if written is None:
        return None
    letters = unicodedata.normalize("NFKD", written.strip()).encode("ascii", "ignore").decode().lower()
    return _LANGUAGES.get(letters) or known(letters[:2] if letters[2:3] in ("-", "_") else None) or written


def known_people(db: Session, partner_id: UUID, customer_ids: Iterable[UUID]) -> Known:
    """Everybody who has or had a place at one of these customers."""
    listed = any_(literal(list(customer_ids), ARRAY(Uuid)))
    mine = (Membership.partner_id == partner_id, col(Membership.customer_id) == listed)
    invited = (
        select(Invite.id)
        .where(Invite.partner_id == partner_id, Invite.membership_id == Membership.id)
        .exists()
    )
    # Those removed come first: a live place of the same address then stands in their stead.
    found = db.exec(
        select(Membership, invited).where(*mine).order_by(col(Membership.removed_at).nulls_last())
    )
    known = {}
    for member, was_invited in found:
        waits = member.status is MembershipStatus.INVITED and not was_invited
        if member.customer_id is not None:
            known[member.customer_id, member.email_key] = (member, waits)
    return known


def people_of(users: Sequence[UserInput], customer: Customer | None, known: Known) -> People:
    """A row's users, checked as on the page; `customer` is whom it is about, None for a new one."""
    if not any((user.name or "").strip() or (user.email or "").strip() for user in users):
        return People()
    first = customer is None or customer.status is CustomerStatus.SETUP
    checks = Checks()
    invitees = read_users(checks, users, first=first)
    if checks.problems:
        return People(problems=tuple(_placed(problem) for problem in checks.problems))
    if customer is None:
        return People(new=invitees)
    met = {invitee.email.normal: known.get((customer.id, invitee.email.normal)) for invitee in invitees}
    return People(
        new=tuple(invitee for invitee in invitees if met[invitee.email.normal] is None),
        waiting=tuple(found[0] for found in met.values() if found is not None and found[1]),
    )


def seat_people(
    db: Session, actor: Actor, *, customer_id: UUID, people: People, invite: bool, now: datetime
) -> Seated:
    """Add a row's users, which makes a customer in SETUP ACTIVE, and invite them if that was chosen.

    An invite beyond the day's limits (GUARANTEES C-7) is held back and told; the user stays and waits.
    Refuses: NotFound, CustomerClosed, as `memberships.place`.
    """
    customer = customers.locked(db, actor, customer_id=customer_id)
    require_open(customer.status)
    added = []
    for one in people.new:
        member = memberships.place(
            db, actor, customer_id=customer.id, name=one.name, email=one.email, role=one.role,
            locale=one.locale, path=one.path, now=now,
        )  # fmt: skip
        keep_user_words(db, member)
        added.append(member)
    if added:
        customers.settle_in(db, actor, customer=customer, now=now)
        customers.keep_words(db, customer)
    notes: list[Problem] = []
    if not invite:
        for member in added:
            audit.record(
                db, actor, action="user.added", subject_kind="user", subject_id=member.id,
                customer_id=customer.id, now=now, role=member.role,
            )  # fmt: skip
    for member in (*added, *people.waiting) if invite else ():
        try:
            with db.begin_nested():
                _invite(db, actor, member, now)
        except TooMany as limit:
            why = say("{email}: {why}", email=member.email, why=say(limit.message))
            notes.append(Problem("INVITE_HELD_BACK", ("row",), why))
    return Seated(len(added), len(notes), tuple(notes))


def _invite(db: Session, actor: Actor, member: Membership, now: datetime) -> None:
    issued = memberships.invite(db, actor, membership=member, now=now)
    mails.queue(
        db, partner_id=member.partner_id, kind=mails.MailKind.INVITE, membership_id=member.id,
        subject_id=issued.id, customer_id=member.customer_id, now=now,
    )  # fmt: skip


def _placed(problem: Problem) -> Problem:
    """The problem at the column it is in: ("users", 1, "email") is user_2_email."""
    if len(problem.path) < 3:
        return Problem(problem.code, ("user_1_role",), problem.message)
    message = problem.message
    if problem.code == "DUPLICATE":  # rows are something else here
        message = "Two users of this row have this address. Remove one of the two."
    return Problem(problem.code, (f"user_{int(problem.path[1]) + 1}_{problem.path[2]}",), message)
