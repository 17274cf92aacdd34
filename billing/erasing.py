"""Erasing a user, wherever they have a place: who they were is gone, invoices and payments stay (G-9).

Surprise: it is all or nothing across partners, and refused while somewhere they are the last who can let
others in: a partner without an Admin could not be entered by anybody any more.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import text, update
from sqlmodel import Session, col, select

from auth import companies, erasing, users
from auth.actors import Actor, system
from auth.emails import normal_form
from auth.memberships import LastOne, Membership
from billing import access_requests, customer_imports, customer_views, invoice_imports, unread_threads
from billing.customer_import_tables import CustomerImport
from billing.customer_notes import CustomerNote
from billing.customers import Customer, keep_words
from billing.invoice_import_tables import InvoiceImport
from billing.invoice_threads import InvoiceThread, ThreadMessage
from billing.long_act_tables import LongAct
from billing.mails import Mail
from billing.user_words import keep_user_words
from db.session import enter
from errors import Conflict, NotFound

# What staff asked for and the worker does; each keeps the name of who it was.
_ASKED: tuple[type[CustomerImport | InvoiceImport | LongAct], ...] = (CustomerImport, InvoiceImport, LongAct)


class NobodyHere(NotFound):
    """No account and no invite has the address."""

    code = "NOBODY_HERE"
    message = (
        "Nobody has this address. Enter the one they sign in with, were invited by, or asked for access with."
    )


class StillNeeded(Conflict):
    """Somewhere the person is the last Admin or Manager."""

    code = "STILL_NEEDED"

    def __init__(self, place: str, refusal: LastOne) -> None:
        super().__init__(f"At {place}: {refusal.message}")


class Erased(NamedTuple):
    """How many places ended; `had_account` says whether somebody could sign in with the address."""

    places: int
    had_account: bool


def erase(db: Session, *, email: str, now: datetime) -> Erased:
    """Erase the person with an address, and everybody invited by it. Refuses: NobodyHere, StillNeeded.

    Replaced: names and addresses of the person, their memberships, invites, notes, imports and log entries.
    Deleted: sessions, devices, second factors, links, requests for access, views of their own, the history of
    signing in. Kept: invoices, payments, ledger, views shared with the team.
    What others wrote about them in free texts is not searched.
    """
    email_key = normal_form(email)
    user_id = users.find(db, email_key)
    found, requests = _places(db, user_id, email_key)
    if user_id is None and not found and not requests:
        raise NobodyHere
    for membership in found:
        erase_place(db, system(membership.partner_id), membership, now)
    if user_id is not None:
        enter(db, user_id=user_id)
        erasing.erase_person(db, user_id=user_id, now=now)
    erasing.clean_logs(db, user_id=user_id, memberships=[membership.id for membership in found])
    return Erased(len(found), user_id is not None)


def _places(db: Session, user_id: UUID | None, email_key: str) -> tuple[list[Membership], int]:
    """Every place of the person or the address, and how much was asked for by it, which is gone now.

    The person is held first, the places come customers first, then staff: as everybody locks them.
    """
    found: dict[UUID, Membership] = {}
    requests = 0
    if user_id is not None:
        enter(db, user_id=user_id)
        users.hold(db, user_id=user_id)
        found |= {one.id: one for one in erasing.seats_of(db, user_id=user_id)}
    for partner_id in db.execute(text("select * from partner_ids()")).scalars().all():
        enter(db, partner_id=partner_id)
        requests += access_requests.erase(db, partner_id=partner_id, email_key=email_key)
        invited = erasing.invited_as(db, partner_id=partner_id, email_key=email_key)
        found |= {one.id: one for one in invited}
    places = sorted(
        found.values(),
        key=lambda one: (one.partner_id, one.customer_id is None, one.customer_id or one.partner_id, one.id),
    )
    return places, requests


def erase_place(db: Session, actor: Actor, membership: Membership, now: datetime) -> None:
    """Replace what names somebody in one place, and in what was written down there. Refuses StillNeeded."""
    partner_id, customer_id = membership.partner_id, membership.customer_id
    email, name = membership.email, membership.name
    enter(db, partner_id=partner_id)
    companies.lock(db, actor, customer_id=customer_id)
    try:
        seat = erasing.erase_seat(db, actor, membership_id=membership.id, now=now)
    except LastOne as refusal:
        company = companies.company_of(db, partner_id=partner_id, customer_id=customer_id, hold=False)
        raise StillNeeded(company.name, refusal) from None
    customer_views.drop_own(db, member=seat)
    unread_threads.drop_own(db, member=seat)
    # A server's words about a mail it refused name the address it was for, which stands beside them.
    mails = (col(Mail.partner_id) == partner_id, col(Mail.membership_id) == seat.id)
    db.execute(update(Mail).where(*mails).values(answer=None, address=None))
    notes = (col(CustomerNote.partner_id) == partner_id, col(CustomerNote.author_id) == seat.id)
    db.execute(update(CustomerNote).where(*notes).values(author_name=erasing.NAME))
    _erase_in_threads(db, partner_id, seat.id)
    for kind in _ASKED:
        asked = (col(kind.partner_id) == partner_id, col(kind.asked_by) == seat.id)
        db.execute(update(kind).where(*asked).values(asked_by_name=erasing.NAME))
    for noun in (customer_imports, invoice_imports):
        noun.erase_in_files(db, partner_id=partner_id, email=email, name=name, instead=erasing.NAME)
    if customer_id is not None:
        wanted = select(Customer).where(Customer.partner_id == partner_id, Customer.id == customer_id)
        keep_words(db, db.exec(wanted).one())
        keep_user_words(db, seat)


def _erase_in_threads(db: Session, partner_id: UUID, member_id: UUID) -> None:
    wrote = (col(ThreadMessage.partner_id) == partner_id, col(ThreadMessage.author_id) == member_id)
    db.execute(update(ThreadMessage).where(*wrote).values(author_name=erasing.NAME))
    settled = (col(InvoiceThread.partner_id) == partner_id, col(InvoiceThread.resolver_id) == member_id)
    db.execute(update(InvoiceThread).where(*settled).values(resolved_by=erasing.NAME))
