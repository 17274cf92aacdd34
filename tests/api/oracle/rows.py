"""The world that documents are asked about: small, full of nulls and ties, with texts that break quoting.

Everything is written past row-level security and read back as plain dicts, so that the reference reader works
on what the database really holds.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, select, update
from sqlmodel import SQLModel, col

from auth.api_keys import ApiKey
from auth.audit import AuditEvent
from auth.invites import Invite
from auth.memberships import Membership, MembershipStatus
from auth.roles import Role
from billing.access_requests import AccessRequest, AccessStatus
from billing.addresses import Country
from billing.catalogue import CatalogueItem, CatalogueItemTax
from billing.credit_notes import CreditApplication, CreditNote, CreditNoteLine
from billing.customer_fields import key_of
from billing.customer_import_tables import CustomerImport, CustomerImportRow
from billing.customer_narrowing import CustomerSort, TagMatch, WantedBalance, WantedStatus
from billing.customer_notes import CustomerNote
from billing.customer_views import CustomerView
from billing.customers import Customer, CustomerStatus
from billing.invoice_import_tables import InvoiceImport, InvoiceImportRow
from billing.invoice_threads import InvoiceThread, ThreadMessage
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax
from billing.mails import Mail
from billing.money import Currency
from billing.outside_payments import OutsideAllocation, OutsidePayment
from billing.partners import Partner
from billing.pay_links import PayLink
from billing.payment_methods import PaymentMethod
from billing.payments import Payment, PaymentAllocation
from billing.recurrences import RecurringInvoice
from billing.search import SearchToken
from billing.tags import CustomerTag, InvoiceTag, Tag
from billing.tax_rates import TaxRate
from billing.unread_threads import UnreadThread
from db.columns import new_id
from tests.api.oracle import bills
from tests.api.oracle.catalogue import catalogue
from tests.api.oracle.conversations import conversations
from tests.api.oracle.imported import imported
from tests.api.oracle.maker import TEXTS, Maker, Row, words
from tests.api.oracle.orders import orders
from tests.cast import Cast

MODELS: tuple[type[SQLModel], ...] = (
    Partner, Customer, SearchToken, Membership, Invite, Invoice, InvoiceLine, InvoiceLineTax, PaymentMethod,
    Payment, PaymentAllocation, OutsidePayment, OutsideAllocation, Tag, CustomerTag, InvoiceTag, AuditEvent,
    ApiKey,
    CustomerNote, InvoiceThread, ThreadMessage, AccessRequest, CustomerImport, CustomerImportRow,
    InvoiceImport, InvoiceImportRow,
    CustomerView, RecurringInvoice, Mail, PayLink, CreditNote, CreditNoteLine, CreditApplication, TaxRate,
    CatalogueItem, CatalogueItemTax, UnreadThread,
)  # fmt: skip


@dataclass
class World:
    """All rows by table, as the database holds them."""

    tables: dict[str, list[Row]]
    now: datetime
    today: date


def build(owner: Connection, cast: Cast, now: datetime, *, seed: int = 7) -> World:
    """Fill the database around the cast, and read all of it back."""
    maker = Maker(owner, cast, now, seed)
    # One has a telephone, the other has none.
    northwind = Partner.id == cast.partners["northwind"]
    settings = {
        "support_phone": '+1 "555"', "support_url": "https://northwind.example/help?a=1&b='2'",
        "address": 'say "hi"', "address2": "it's", "city": "Café Zoë", "state": "QC",
        "postal_code": "H2X 1Y4", "country": Country.CA, "ein": "123456789",
        "gst_hst_number": "123456782RT0001", "payment_instructions": "Checks to \"Northwind\"\nWire: 1'2",
        "qst_number": "1234567890TQ0001", "accent": "#f5c400", "logo": "0" * 32, "staff_need_factor": False,
        "users_need_factor": False, "version": 7, "locale": "fr",
    }  # fmt: skip
    owner.execute(update(Partner).where(northwind).values(**settings))
    readers = col(Membership.id).in_([cast.ada.id, cast.petra.id])
    owner.execute(update(Membership).where(readers).values(time_zone="America/St_Johns", locale="fr"))
    for partner, own in (("northwind", ("acme", "globex")), ("contoso", ("initech",))):
        id_ = cast.partners[partner]
        tags = [_tag(maker, id_, None, place) for place in range(6)]
        known = [cast.customers[name] for name in own]
        customers = known + [_customer(maker, id_, place) for place in range(9)]
        for place, customer in enumerate(customers):
            _inside(maker, id_, customer, tags, busy=place < 4)
        for _ in range(8):
            _event(maker, id_, None, None)
            _key(maker, id_)
            _asked(maker, id_)
        catalogue(maker, id_)
        for place in range(12):
            _view(maker, id_, tags, place)
        for _ in range(3):
            imported(maker, id_, customers)
    return World(read(owner), now, now.date())


def read(owner: Connection) -> dict[str, list[Row]]:
    """Every row of every table a document can reach."""
    return {
        model.__tablename__: [dict(row._mapping) for row in owner.execute(select(model.__table__))]
        for model in MODELS
    }


def _customer(maker: Maker, partner: UUID, place: int) -> UUID:
    company = TEXTS[place % len(TEXTS)]
    status = maker.chance.choice(list(CustomerStatus))
    country = maker.chance.choice(list(Country))
    id_ = new_id()
    maker.write(
        Customer, partner_id=partner, id=id_, slug=f"c-{id_.hex}", company=company,
        company_key=key_of(company),
        legal_name=maker.maybe(maker.text()), address=maker.text(),
        tax_id=maker.maybe(maker.chance.choice(("123456789", "412345678"))),
        address2=maker.maybe(maker.text()), city=maker.text(), state=maker.chance.choice(("NY", "ON", "IL")),
        postal_code=maker.chance.choice(("62701", "K1A 0B1")), country=country,
        currency=maker.chance.choice(list(Currency)), time_zone=maker.maybe("America/Toronto"),
        terms_days=maker.maybe(30), external_id=maker.maybe(f"x{place}"), status=status,
        open_minor=maker.chance.choice((0, 0, 5, 12_345)),
        credit_minor=maker.chance.choice((0, 0, 7)), version=place + 1, created_at=maker.moment(),
        updated_at=maker.moment(), archived_at=maker.moment() if status is CustomerStatus.ARCHIVED else None,
    )  # fmt: skip
    words(maker, partner, id_, "customer", id_, [company])
    return id_


def _inside(maker: Maker, partner: UUID, customer: UUID, tags: list[UUID], *, busy: bool) -> None:
    """Everything a customer has; most of them have little."""
    own = [_tag(maker, partner, customer, place) for place in range(3 if busy else 0)]
    for tag in maker.chance.sample(tags, maker.chance.randrange(4)):
        maker.write(CustomerTag, partner_id=partner, customer_id=customer, tag_id=tag, created_at=maker.now)
    users = [_user(maker, partner, customer, place) for place in range(4 if busy else 0)]
    for kind in ("STAFF", "API_KEY") if busy else ():
        maker.write(
            CustomerNote, partner_id=partner, id=new_id(), customer_id=customer, text=maker.text(),
            author_kind=kind, author_id=maker.maybe(new_id()), author_name=maker.text(),
            created_at=maker.moment(), updated_at=maker.moment(),
        )  # fmt: skip
    methods = [bills.method(maker, partner, customer, users, place) for place in range(3 if busy else 0)]
    invoices = [bills.invoice(maker, partner, customer, place) for place in range(9 if busy else 2)]
    for invoice in invoices:
        for tag, owner_id in [(tag, None) for tag in tags] + [(tag, customer) for tag in own]:
            if maker.chance.random() < 0.25:
                maker.write(
                    InvoiceTag, partner_id=partner, invoice_id=invoice, tag_id=tag, customer_id=customer,
                    owner_id=owner_id, created_at=maker.now,
                )  # fmt: skip
    conversations(maker, partner, customer, invoices[1:])
    orders(maker, partner, customer, invoices)
    bills.pay_links(maker, partner, customer, invoices[1:])
    bills.mails(maker, partner, customer, users, invoices[1:])
    # The first is a draft, see `_invoice`: nothing is ever paid on one.
    for _ in range(6 if methods else 0):
        bills.payment(maker, partner, customer, methods, invoices[1:], users)
        bills.outside(maker, partner, customer, invoices[1:])
        bills.credit(maker, partner, customer, invoices[1:], users)
    for _ in range(4 if busy else 0):
        _event(maker, partner, customer, invoices[0])


def _asked(maker: Maker, partner: UUID) -> None:
    status, id_ = maker.chance.choice(list(AccessStatus)), new_id()
    in_it = (Membership.partner_id == partner, col(Membership.customer_id).is_not(None))
    users = maker.owner.scalars(select(Membership.id).where(*in_it)).all()
    asked = maker.moment()
    maker.write(
        AccessRequest, partner_id=partner, id=id_, status=status, name=maker.text(),
        email=f"{id_.hex}@a.example", email_key=f"{id_.hex}@a.example", company=maker.text(),
        message=maker.maybe(maker.text()), created_at=asked, expires_at=asked + timedelta(days=30),
        resolved_at=None if status is AccessStatus.OPEN else maker.moment(),
        membership_id=maker.chance.choice(users) if status is AccessStatus.APPROVED else None,
    )  # fmt: skip


def _view(maker: Maker, partner: UUID, tags: list[UUID], place: int) -> None:
    cast, name = maker.cast, f"{maker.text()} {place}"
    owns = cast.mallory if partner == cast.mallory.partner_id else (cast.ada, cast.clem, cast.rita)[place % 3]
    low, high = sorted((maker.cents(), maker.cents()))
    maker.write(
        CustomerView, partner_id=partner, id=new_id(), name=name, name_key=key_of(name),
        is_shared=place % 2 == 0, created_by=None if place % 6 == 0 else owns.id,
        search=maker.maybe(maker.text()),
        tag_ids=[*maker.chance.sample(tags, place % 3), new_id()][place % 2 :],
        tag_match=maker.chance.choice(list(TagMatch)), status=maker.chance.choice(list(WantedStatus)),
        country=maker.maybe(maker.chance.choice(list(Country))),
        balance=maker.chance.choice(list(WantedBalance)), balance_from_minor=maker.maybe(low),
        balance_to_minor=maker.maybe(high), is_overdue=place % 4 == 1,
        sort=maker.chance.choice(list(CustomerSort)), version=place + 1, created_at=maker.moment(),
        updated_at=maker.moment(),
    )  # fmt: skip


def _tag(maker: Maker, partner: UUID, owner_id: UUID | None, place: int) -> UUID:
    name = TEXTS[(place * 3 + (1 if owner_id else 0)) % len(TEXTS)] + str(place)
    id_ = new_id()
    maker.write(
        Tag, partner_id=partner, id=id_, owner_id=owner_id, name=name, name_key=key_of(name),
        colour="#12ab34",
        description=maker.maybe(maker.text()), created_at=maker.moment(), updated_at=maker.moment(),
    )  # fmt: skip
    return id_


def _user(maker: Maker, partner: UUID, customer: UUID, place: int) -> UUID:
    name = maker.text()
    status = maker.chance.choice([one for one in MembershipStatus if one is not MembershipStatus.ACTIVE])
    id_ = new_id()
    maker.write(
        Membership, partner_id=partner, id=id_, customer_id=customer, role=maker.chance.choice([Role.PAYER,
        Role.VIEWER]),
        status=status, name=name, name_key=key_of(name), email=f"{id_.hex}@a.example",
        email_key=f"{id_.hex}@a.example", created_at=maker.moment(), updated_at=maker.moment(),
        removed_at=maker.now if status is MembershipStatus.REMOVED else None,
        locale=(None, "fr", "en")[place % 3],
    )  # fmt: skip
    words(maker, partner, customer, "user", id_, [name])
    for _ in range(place):
        made = maker.moment()
        maker.write(
            Invite, partner_id=partner, id=new_id(), customer_id=customer, membership_id=id_, email_key="x",
            token_hash=new_id().bytes, created_at=made, expires_at=made + timedelta(hours=72),
            accepted_at=maker.maybe(made) if maker.chance.random() < 0.5 else None,
            revoked_at=maker.maybe(made) if maker.chance.random() < 0.5 else None,
            reminded_at=maker.maybe(made + timedelta(hours=48)),
        )  # fmt: skip
    return id_


def _key(maker: Maker, partner: UUID) -> None:
    id_, made = new_id(), maker.moment()
    maker.write(
        ApiKey, partner_id=partner, id=id_, name=maker.text(), token_hash=id_.bytes,
        scopes=maker.chance.choice((["tags:read"], ["customers:read", "users:read"])), created_at=made,
        created_by=maker.maybe(maker.cast.ada.id), expires_at=maker.maybe(maker.moment() + timedelta(days=2)),
        revoked_at=maker.moment() if maker.chance.random() < 0.3 else None,
        last_used_at=maker.maybe(maker.moment()), replaced_at=maker.maybe(made),
    )  # fmt: skip


def _event(maker: Maker, partner: UUID, customer: UUID | None, invoice: UUID | None) -> None:
    kind, subject = maker.chance.choice(
        (("invoice", invoice), ("customer", customer), ("api_key", partner), ("tag", None))
    )
    actor_kind, actor_id = maker.chance.choice(
        (("STAFF", maker.cast.ada.id), ("API_KEY", new_id()), ("CUSTOMER_USER", maker.cast.petra.id),
         ("SYSTEM", None))
    )  # fmt: skip
    is_hidden = maker.chance.random() < 0.3
    maker.write(
        AuditEvent, partner_id=partner, id=new_id(), customer_id=None if is_hidden else customer,
        concerns_id=customer, at=maker.moment(),
        actor_kind=actor_kind, actor_id=actor_id, actor_name=maker.text(),
        action=maker.chance.choice(("invoice.sent", "customer.updated")),
        subject_kind=kind, subject_id=subject, details={"a": maker.text(), "b": [1, None, {"c": 0.5}]},
    )  # fmt: skip
