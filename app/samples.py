"""The demo's sample data, made through the same rules as everything else, once.

Surprise: nothing is written past the rules. Invites are accepted, a card is typed at the sandbox gateway as a
payer's browser would, and a payment goes the whole way. Only the staff's second step, which every other new
partner begins with, is off: whoever tries the demo has the printed password and no phone.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx2
from sqlalchemy import text
from sqlmodel import Session, col, select

from app.operating import create_key
from auth import accepting, invites
from auth.actors import Actor, ActorKind
from auth.invites import Invite
from auth.memberships import Membership
from auth.passwords import NewPassword, hash_password
from billing import (
    catalogue,
    crediting,
    customer_views,
    customers,
    invoice_sending,
    invoice_threads,
    invoices,
    partner_profile,
    partners,
    recurring_invoices,
    tags,
    tax_rates,
)
from billing.catalogue import CatalogueInput
from billing.crediting import ApplyInput, CreditLineInput, CreditNoteInput
from billing.customer_fields import CustomerInput, UserInput
from billing.customer_views import ViewInput
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.invoice_threads import Opening, ThreadKind
from billing.invoices import Invoice
from billing.money import Money
from billing.partner_profile import PartnerInput
from billing.payment_orders import Share
from billing.ports import Gateway
from billing.recurring_fields import RecurringInput
from billing.tax_rates import TaxRateInput
from db.session import Database
from integrations import method_setups, paying


class Company(NamedTuple):
    """A sample customer and its first users."""

    fields: dict[str, str]
    users: tuple[tuple[str, str, str], ...]
    tag: str | None


COMPANIES = (
    Company(
        {"company": "Acme Dental", "legal_name": "Acme Dental Group LLC", "tax_id": "12-3456789",
         "address": "120 Main Street", "address2": "Suite 4", "city": "Springfield", "state": "IL",
         "postal_code": "62701", "country": "US"},
        (("Carl Cooper", "carl@acme.example", "MANAGER"), ("Petra Payne", "petra@acme.example", "PAYER")),
        "Managed services",
    ),
    Company(
        {"company": "Globex Legal", "address": "9 Court Square", "city": "Boston", "state": "MA",
         "postal_code": "02108-1234", "country": "US"},
        (("Gus Grant", "gus@globex.example", "MANAGER"),),
        "Managed services",
    ),
    Company(
        {"company": "Maple Leaf Logistics", "legal_name": "Maple Leaf Logistics Inc.",
         "address": "48 rue Saint-Paul", "city": "Montréal", "state": "QC", "postal_code": "H2Y 1G8",
         "country": "CA"},
        (("Mireille Roy", "mireille@mapleleaf.example", "MANAGER"),),
        "Cross-border",
    ),
    Company(
        {"company": "Initech Software", "address": "4120 Freidrich Lane", "city": "Austin", "state": "TX",
         "postal_code": "78744", "country": "US"},
        (),
        None,
    ),
)  # fmt: skip

TAXES: dict[str, tuple[tuple[str, str], ...]] = {
    "": (),
    "US": (("Sales tax", "6.25"),),
    "QC": (("GST/TPS", "5"), ("QST/TVQ", "9.975")),
}
OTHER_WAYS = "Checks: Northwind IT, PO Box 1201, Springfield, IL 62705\nWires: First Bank, account 000123456"
CATALOGUE: tuple[tuple[dict[str, str], tuple[str, ...]], ...] = (
    ({"name": "Managed workstation", "description": "Managed workstations", "usd_price": "45.00"}, ()),
    ({"name": "Backup, per TB", "usd_price": "18.50", "cad_price": "24.90"}, ()),
    ({"name": "On-site hour", "description": "On-site hours", "usd_price": "140.00"}, ("Sales tax",)),
    ({"name": "Soutien technique", "cad_price": "95.00"}, ("GST/TPS", "QST/TVQ")),
)  # fmt: skip
# Days from today to the issue and the due date, and what is billed: description, quantity, price, taxes.
INVOICES: dict[str, tuple[tuple[int, int, tuple[tuple[str, str, str, str], ...]], ...]] = {
    "Acme Dental": (
        (-70, -40, (("Managed workstations", "24", "45.00", ""), ("Backup, per TB", "3.5", "18.50", ""))),
        (-45, -15, (("Managed workstations", "24", "45.00", ""),)),
        (-12, 18, (("Workstations", "25", "45.00", ""), ("On-site hours", "1.75", "140.00", "US"))),
        (-1, 29, (("Firewall replacement", "1", "1899.00", "US"),)),
    ),
    "Globex Legal": ((-20, 10, (("Microsoft 365 licences", "40", "12.50", "US"),)),),
    "Maple Leaf Logistics": ((-30, -2, (("Soutien technique", "12", "95.00", "QC"),)),),
}  # fmt: skip


def load(database: Database, gateway: Gateway, *, now: datetime, password: str) -> str | None:
    """Make the sample data unless there is a partner already; the new API key's text, shown this once."""
    with database.transaction() as db:
        if db.execute(text("select count(*) from partner_ids()")).scalar_one():
            return None
    # Everybody gets the same hash: the demo's password is no secret among its own sample people.
    new = NewPassword(hash_password(password))
    actor = _partner(database, new, now - timedelta(days=90))
    _settings(database, actor, now - timedelta(days=85))
    made = [_customer(database, actor, company, new, now - timedelta(days=80)) for company in COMPANIES]
    for company, customer_id in zip(COMPANIES, made, strict=True):
        _invoices(database, actor, company, customer_id, now)
    carl = _actor_of(database, actor.partner_id, made[0], "carl@acme.example")
    _payment(database, gateway, carl, clock=lambda: now)
    _credit(database, actor, made[0], now - timedelta(days=5))
    _question(database, carl, now - timedelta(hours=20))
    _recurring(database, actor, made[1], now)
    _view(database, actor, now)
    return create_key(database, partner_slug="northwind", name="Demo", scopes=None, expires_at=None, now=now)


def _partner(database: Database, new: NewPassword, now: datetime) -> Actor:
    with database.transaction() as db:
        made = partners.create(
            db, name="Northwind IT", slug="northwind", admin_name="Ada Adams",
            admin_email="ada@northwind.example", support_email="billing@northwind.example",
            invoice_prefix="NW-", staff_need_factor=False, now=now,
        )  # fmt: skip
        partner_id, admin = made.partner.id, made.admin
    _accept(database, partner_id, admin.id, new, now)
    return _actor_of(database, partner_id, None, "ada@northwind.example")


def _settings(database: Database, actor: Actor, now: datetime) -> None:
    """How else one pays, the taxes by name, and what is sold again and again."""
    with database.transaction(partner_id=actor.partner_id) as db:
        partner_profile.update(db, actor, fields=PartnerInput(payment_instructions=OTHER_WAYS), now=now)
        rates = {
            name: tax_rates.create(db, actor, fields=TaxRateInput(name=name, rate=rate), now=now).id
            for taxes in TAXES.values()
            for name, rate in taxes
        }
        for fields, taxed in CATALOGUE:
            brought = [rates[name] for name in taxed]
            catalogue.create(db, actor, fields=CatalogueInput(**fields), tax_rate_ids=brought, now=now)


def _customer(database: Database, actor: Actor, company: Company, new: NewPassword, now: datetime) -> UUID:
    users = [UserInput(name=name, email=email, role=role) for name, email, role in company.users]
    with database.transaction(partner_id=actor.partner_id) as db:
        saved = customers.create(db, actor, fields=CustomerInput(**company.fields), users=users, now=now)
        if company.tag is not None:
            tag_id = _tag(db, actor, company.tag, now)
            tags.tag_customers(db, actor, tag_ids=[tag_id], customer_ids=[saved.customer.id], now=now)
        members = [member.id for member in customers.members_of(db, saved.customer)]
    # The last invited user of each company has not accepted yet, as in life; a first user always has.
    for member_id in members[:1] if len(members) > 1 else members:
        _accept(database, actor.partner_id, member_id, new, now)
    return saved.customer.id


def _recurring(database: Database, actor: Actor, customer_id: UUID, now: datetime) -> None:
    """The licences, every month."""
    with database.transaction(partner_id=actor.partner_id) as db:
        mine = (Invoice.partner_id == actor.partner_id, Invoice.customer_id == customer_id)
        licences = db.exec(select(Invoice.id).where(*mine).limit(1)).one()
        monthly = RecurringInput(frequency="MONTHLY", auto_send=True)
        recurring_invoices.create(db, actor, invoice_id=licences, fields=monthly, now=now)


def _credit(database: Database, actor: Actor, customer_id: UUID, now: datetime) -> None:
    """A line of Acme's oldest invoice is taken back after it was paid, and most of that pays for another."""
    with database.transaction(partner_id=actor.partner_id) as db:
        mine = (Invoice.partner_id == actor.partner_id, Invoice.customer_id == customer_id)
        paid, overdue, *_ = db.exec(select(Invoice).where(*mine).order_by(col(Invoice.due_on))).all()
        backup = invoices.lines_of(db, paid)[-1]
        reason = "The backup was not running in the first week"
        fields = CreditNoteInput(reason=reason, lines=[CreditLineInput(line_id=backup.id)])
        crediting.issue(db, actor, invoice_id=paid.id, fields=fields, request_key="demo", send=True, now=now)
        part = ApplyInput(amount="50.00")
        crediting.apply(db, actor, invoice_id=overdue.id, fields=part, request_key="demo", now=now)


def _question(database: Database, carl: Actor, now: datetime) -> None:
    """Carl asks about the hours on Acme's newest invoice, and waits for an answer."""
    with database.transaction(partner_id=carl.partner_id, customer_id=carl.customer_id) as db:
        newest = db.exec(select(Invoice).order_by(col(Invoice.due_on).desc()).limit(1)).one()
        hours = invoices.lines_of(db, newest)[-1]
        asked = "Was the visit for the new printer not part of our contract? Please have a look."
        fields = Opening(ThreadKind.QUESTION, asked, hours.id)
        invoice_threads.open_thread(db, carl, invoice_id=newest.id, fields=fields, now=now)


def _view(database: Database, actor: Actor, now: datetime) -> None:
    fields = ViewInput(name="Overdue, largest first", is_shared=True, is_overdue=True, sort="BALANCE_DESC")
    with database.transaction(partner_id=actor.partner_id, member_id=actor.member_id) as db:
        customer_views.create(db, actor, fields=fields, now=now)


def _tag(db: Session, actor: Actor, name: str, now: datetime) -> UUID:
    known = db.exec(select(tags.Tag.id).where(tags.Tag.name == name)).one_or_none()
    return known or tags.create(db, actor, fields=tags.TagInput(name=name, colour="#0b7285"), now=now).id


def _accept(database: Database, partner_id: UUID, member_id: UUID, new: NewPassword, now: datetime) -> None:
    with database.transaction(partner_id=partner_id) as db:
        invite = db.exec(select(Invite).where(Invite.membership_id == member_id)).one()
        token = invites.token_of(db, invite)
    with database.transaction() as db:
        accepting.accept_as_new(db, token=token, new=new, address="127.0.0.1", agent="demo", now=now)


def _actor_of(database: Database, partner_id: UUID, customer_id: UUID | None, email: str) -> Actor:
    with database.transaction(partner_id=partner_id) as db:
        member = db.exec(select(Membership).where(col(Membership.email) == email)).one()
    return Actor(
        kind=ActorKind.STAFF if customer_id is None else ActorKind.CUSTOMER_USER, partner_id=partner_id,
        id=member.id, customer_id=customer_id, role=member.role, name=member.name, user_id=member.user_id,
    )  # fmt: skip


def _invoices(database: Database, actor: Actor, company: Company, customer_id: UUID, now: datetime) -> None:
    for issued, due, lines in INVOICES.get(company.fields["company"], ()):
        fields = InvoiceInput(
            issue_on=(now + timedelta(days=issued)).date(),
            due_on=(now + timedelta(days=due)).date(),
            memo="Thank you for your business.",
            lines=[
                LineInput(
                    description=description, quantity=quantity, unit_price=price,
                    taxes=[TaxInput(name=name, rate=rate) for name, rate in TAXES[where]],
                )
                for description, quantity, price, where in lines
            ],
        )  # fmt: skip
        sent_at = now + timedelta(days=issued)
        with database.transaction(partner_id=actor.partner_id) as db:
            draft = invoices.create_draft(db, actor, customer_id=customer_id, fields=fields, now=sent_at)
            if issued != -1:  # the newest one stays a draft, to be sent by whoever tries the demo
                invoice_sending.send(db, actor, invoice_id=draft.id, now=sent_at)


def _payment(database: Database, gateway: Gateway, carl: Actor, *, clock: Callable[[], datetime]) -> None:
    """Carl adds a test card at the gateway and pays Acme's oldest invoice with it."""
    assert carl.customer_id is not None
    session = method_setups.begin(
        database, gateway, carl, customer_id=carl.customer_id,
        return_url="http://localhost/demo", now=clock(),
    )  # fmt: skip
    card = {
        "number": "4242424242424242", "expiry": "12/34", "cvc": "123", "name": carl.name,
        "postal_code": "62701",
    }  # fmt: skip
    sent = httpx2.post(session.page_url, data=card, follow_redirects=False)
    setup = parse_qs(urlsplit(sent.headers["location"]).query)["setup"][0]
    method = method_setups.finish(database, gateway, carl, gateway_setup=setup, now=clock())
    assert method is not None
    with database.transaction(partner_id=carl.partner_id, customer_id=carl.customer_id) as db:
        oldest = db.exec(select(invoices.Invoice).order_by(col(invoices.Invoice.due_on))).first()
        assert oldest is not None
    amount = Money(oldest.total_minor, oldest.currency)
    paying.pay(
        database, gateway, carl, customer_id=carl.customer_id, shares=[Share(oldest.id, amount)],
        payment_method_id=method.id, expected_total=amount, idempotency_key="demo",
        return_url=None, clock=clock,
    )  # fmt: skip
