"""The stage of the tenancy table: every customer with one record of each kind, every text a canary.

A canary is `zz-<owner>-<column>`: whoever reads one of an owner that is not theirs has read too much.
"""

import re
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from io import BytesIO
from uuid import UUID

from sqlalchemy import Connection
from sqlmodel import Session, col, update

from auth import api_keys, audit, invites
from auth.actors import Actor, ActorKind, system
from auth.api_keys import ApiKey
from auth.memberships import Membership
from auth.roles import MembershipStatus, Role
from billing import (
    catalogue,
    crediting,
    customer_imports,
    customer_notes,
    customer_views,
    impersonations,
    invoice_imports,
    invoice_life,
    invoice_sending,
    invoice_threads,
    invoices,
    long_acts,
    mails,
    outside_payments,
    pay_links,
    recurring_invoices,
    tags,
    tax_rates,
)
from billing.access_requests import AccessRequest, AccessStatus
from billing.crediting import ApplyInput, CreditNoteInput
from billing.customers import Customer
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.invoice_threads import Opening, ThreadKind
from billing.mails import MailKind
from billing.many import Many, Noun, What
from billing.outside_payments import OutsideInput
from billing.partners import Partner
from billing.payment_methods import Funding, MethodKind, PaymentMethod
from billing.payments import Payment, PaymentAllocation, PaymentStatus
from billing.recurring_fields import RecurringInput
from db import ids
from db.columns import new_id
from db.session import Database
from tests.cast import CUSTOMERS, PEOPLE, STAFF, Cast

CANARY = re.compile(r"zz-([a-z]+)-")
STAFF_SEES = {
    "northwind": {"northwind", "northwindstaff", "acme", "acmenote", "globex", "globexnote"},
    "contoso": {"contoso", "contosostaff", "initech", "initechnote"},
}
MALFORMED = "cus_zz"
DAY = timedelta(days=1)


@dataclass
class Stage:
    """API ids by customer and kind, `ids["acme"]["inv"]`, and whose canaries each actor may read."""

    ids: dict[str, dict[str, str]] = field(default_factory=dict)

    def foreign(self, name: str, text: str) -> set[str]:
        """The owners in `text` whose words `name` must not read."""
        return {owner.lower() for owner in CANARY.findall(text.lower())} - self.sees(name)

    @staticmethod
    def sees(name: str) -> set[str]:
        """Owners whose words an actor may read."""
        for partner, customers in CUSTOMERS.items():
            for customer in customers:
                if name in PEOPLE[customer] or name in (f"{customer}_token", f"ada_as_{_first(customer)}"):
                    return {partner, customer, f"{customer}own"}
        own = {f"own{name}"}  # what a member keeps for themselves
        if name in ("mallory", "contoso_key"):
            return STAFF_SEES["contoso"] | own
        return STAFF_SEES["northwind"] | own if name != "anonymous" else set()


def _first(customer: str) -> str:
    return next(iter(PEOPLE[customer]))


def fill(database: Database, owner: Connection, cast: Cast, now: datetime) -> Stage:
    """Put one record of each kind before every customer, through the rules where there are rules."""
    stage = Stage()
    for partner, customers in CUSTOMERS.items():
        actor = system(cast.partners[partner])
        with database.transaction(partner_id=actor.partner_id) as db:
            db.execute(
                update(Partner).values(
                    legal_name=f"zz-{partner}-legal",
                    support_phone=f"zz-{partner}-ph",
                    support_url=f"https://zz-{partner}-url.example",
                    address=f"zz-{partner}-address",
                    city=f"zz-{partner}-city",
                    state="IL",
                    postal_code="62701",
                    country="US",
                )
            )
            tag = tags.create(
                db, actor, fields=tags.TagInput(name=f"zz-{partner}staff-tag", colour="#0b7285"), now=now
            )
            key = api_keys.create(db, actor, name=f"zz-{partner}staff-key", scopes=["tags:read"], now=now).key
            looked = _grants(db, cast, partner, now)
            taken = _import(db, actor, f"zz-{partner}staff", now)
            billed = _import_bills(db, actor, f"zz-{partner}staff", now)
            under_way = _long_act(db, actor, f"zz-{partner}staff", tag.id, now)
            _used(db, now)
        for name in STAFF[partner]:
            _own_view(database, cast.actors[name], f"zz-own{name}-view", now)
        for customer in customers:
            with database.transaction(partner_id=actor.partner_id) as db:
                stage.ids[customer] = _customer(db, actor, cast, customer, tag.id, now)
                stage.ids[customer]["key"] = ids.shown("key", key.id)
                program = Actor(ActorKind.API_KEY, actor.partner_id, key.id, name="a key")
                audit.record(
                    db, program, action="customer.updated", subject_kind="customer", now=now,
                    subject_id=cast.customers[customer], customer_id=cast.customers[customer],
                )  # fmt: skip
                audit.record(
                    db, program, action="invoice.archived", subject_kind="invoice", now=now,
                    subject_id=ids.parsed(stage.ids[customer]["inv"], "inv"),
                    customer_id=cast.customers[customer],
                )  # fmt: skip
                stage.ids[customer]["imp"] = ids.shown("imp", taken)
                stage.ids[customer]["iim"] = ids.shown("iim", billed)
                stage.ids[customer]["act"] = ids.shown("act", under_way)
                stage.ids[customer]["as"] = ids.shown("as", looked[customer])
            person = cast.actors[next(iter(PEOPLE[customer]))]
            with database.transaction(partner_id=actor.partner_id, customer_id=person.customer_id) as db:
                stage.ids[customer]["own_tag"] = _own_tag(db, person, customer, stage, now)
    return stage


def _shared_view(db: Session, actor: Actor, name: str, tag_id: UUID, now: datetime) -> UUID:
    """What a program shares with the partner's staff."""
    narrowed = customer_views.ViewInput(
        name=f"zz-{name}note-view", is_shared=True, search=f"zz-{name}note-search", tag_ids=[tag_id]
    )
    scopes = frozenset({"views:read", "views:write"})
    key = Actor(ActorKind.API_KEY, actor.partner_id, new_id(), scopes=scopes)
    return customer_views.create(db, key, fields=narrowed, now=now).id


def _own_view(database: Database, member: Actor, name: str, now: datetime) -> None:
    """What a member of the staff keeps for themselves."""
    with database.transaction(partner_id=member.partner_id, member_id=member.id) as db:
        customer_views.create(db, member, fields=customer_views.ViewInput(name=name), now=now)


def _grants(db: Session, cast: Cast, partner: str, now: datetime) -> dict[str, UUID]:
    """The admin looks at every customer, in a browser that is none of the tests'."""
    admin = replace(cast.actors[next(iter(STAFF[partner]))], session_id=new_id(), proved_at=now)
    return {
        name: impersonations.start(
            db, admin, customer_id=cast.customers[name], reason=f"zz-{partner}staff-reason", now=now
        ).id
        for name in CUSTOMERS[partner]
    }


def _import(db: Session, actor: Actor, name: str, now: datetime) -> UUID:
    """A file of customers that waits for its columns."""
    file = BytesIO(f"{name}-column\r\n{name}-cell\r\n".encode())
    who = replace(actor, id=new_id(), name=f"{name}-importer")
    begun = customer_imports.start(db, who, file_name=f"{name}-file.csv", file=file, now=now)
    return begun.id


def _import_bills(db: Session, actor: Actor, name: str, now: datetime) -> UUID:
    """A file of invoices that waits for its columns."""
    file = BytesIO(f"{name}-bills-column\r\n{name}-bills-cell\r\n".encode())
    who = replace(actor, id=new_id(), name=f"{name}-importer")
    begun = invoice_imports.start(db, who, file_name=f"{name}-bills-file.csv", file=file, now=now)
    return begun.id


def _long_act(db: Session, actor: Actor, name: str, tag_id: UUID, now: datetime) -> UUID:
    """A tag that is being put on customers who are gone."""
    who = replace(actor, id=new_id(), name=f"{name}-tagger")
    tagged = Many(Noun.CUSTOMERS, What.TAG, (tag_id,))
    return long_acts.begin(db, who, tagged, record_ids=[new_id(), new_id()], now=now).id


def _customer(
    db: Session, actor: Actor, cast: Cast, name: str, tag_id: UUID, now: datetime
) -> dict[str, str]:
    customer_id = cast.customers[name]
    db.execute(
        update(Customer)
        .where(col(Customer.id) == customer_id)
        .values(
            company=f"zz-{name}-company", company_key=f"zz-{name}-company", legal_name=f"zz-{name}-legal",
            address=f"zz-{name}-address", city=f"zz-{name}-city", external_id=f"zz-{name}note-external",
        )
    )  # fmt: skip
    tags.tag_customers(db, actor, tag_ids=[tag_id], customer_ids=[customer_id], now=now)
    taxes = [TaxInput(name=f"zz-{name}-tax", rate="0")]
    line = LineInput(description=f"zz-{name}-line", quantity="2", unit_price="50.00", taxes=taxes)
    drafts = [
        invoices.create_draft(
            db, actor, customer_id=customer_id, now=now,
            fields=InvoiceInput(
                memo=f"zz-{owner}-memo", internal_note=f"zz-{name}note-internal", po_number=f"zz-{owner}-po",
                lines=[line],
            ),
        )
        for owner in (name, f"{name}note")
    ]  # fmt: skip
    issued = invoice_sending.send(db, actor, invoice_id=drafts[0].id, now=now)
    tags.tag_invoices(db, actor, tag_ids=[tag_id], invoice_ids=[issued.id, drafts[1].id], now=now)
    member = cast.actors[next(iter(PEOPLE[name]))]
    db.execute(update(Membership).where(col(Membership.id) == member.id).values(name=f"zz-{name}-person"))
    invited = _invited(db, actor, name, customer_id, now)
    invite = invites.issue(db, actor, membership=invited, now=now)
    method, payment = _payment(db, actor, name, customer_id, issued, now)
    outside = _received(db, actor, name, issued, now)
    audit.record(
        db, actor, action="customer.updated", subject_kind="customer", subject_id=customer_id,
        customer_id=customer_id, now=now, note=f"zz-{name}note-audit",
    )  # fmt: skip
    monthly = RecurringInput(frequency="MONTHLY")
    recurring = recurring_invoices.create(db, actor, invoice_id=issued.id, fields=monthly, now=now)
    made_by = {"recurring_id": recurring.id, "recurs_on": now.date()}
    db.execute(update(invoices.Invoice).where(col(invoices.Invoice.id) == drafts[1].id).values(**made_by))
    link = pay_links.create(db, actor, invoice_id=issued.id, now=now).link
    mails.queue(
        db, partner_id=actor.partner_id, kind=MailKind.INVOICE_VOIDED, membership_id=member.id,
        subject_id=issued.id, customer_id=customer_id, now=now,
    )  # fmt: skip
    note = customer_notes.add(db, actor, customer_id=customer_id, text=f"zz-{name}note-text", now=now)
    made = {
        **_listed(db, actor, name, now), "note": note.id, "thr": _thread(db, actor, name, issued.id, now),
        "acr": _asked(db, actor, name, now), "cvw": _shared_view(db, actor, name, tag_id, now),
        "cus": customer_id, "inv": issued.id, "draft": drafts[1].id, "usr": member.id, "invited": invited.id,
        "ivt": invite.id, "pm": method.id, "pay": payment.id, "opm": outside.id, "tag": tag_id,
        "rin": recurring.id, "pln": link.id, **_credited(db, actor, name, customer_id, line, tag_id, now),
    }  # fmt: skip
    prefixes = {"draft": "inv", "credited": "inv", "applied": "inv", "invited": "usr"}
    return {kind: ids.shown(prefixes.get(kind, kind), id_) for kind, id_ in made.items() if id_ is not None}


def _asked(db: Session, actor: Actor, name: str, now: datetime) -> UUID:
    """A request for access that nobody has answered."""
    asked = AccessRequest(
        partner_id=actor.partner_id, status=AccessStatus.OPEN, name=f"zz-{name}note-asks",
        email=f"zz-{name}note-asks@x.example", email_key=f"zz-{name}note-asks@x.example",
        company=f"zz-{name}note-firm", message=f"zz-{name}note-says", created_at=now,
        expires_at=now + 30 * DAY,
    )  # fmt: skip
    db.add(asked)
    db.flush()
    return asked.id


def _listed(db: Session, actor: Actor, name: str, now: datetime) -> dict[str, UUID]:
    """A product, and the tax it brings along."""
    rate = tax_rates.create(
        db, actor, fields=tax_rates.TaxRateInput(name=f"zz-{name}note-rate", rate="5"), now=now
    )
    item = catalogue.create(
        db, actor, fields=catalogue.CatalogueInput(name=f"zz-{name}note-item"), tax_rate_ids=[rate.id],
        now=now,
    )  # fmt: skip
    return {"txr": rate.id, "cit": item.id}


def _received(
    db: Session, actor: Actor, name: str, invoice: invoices.Invoice, now: datetime
) -> outside_payments.OutsidePayment:
    """A check over a dollar."""
    fields = OutsideInput(
        kind="CHECK", amount="1.00", reference=f"zz-{name}-check", note=f"zz-{name}note-received",
        send_receipt=False,
    )  # fmt: skip
    return outside_payments.record(db, actor, invoice_id=invoice.id, fields=fields, request_key=name, now=now)


def _credited(
    db: Session, actor: Actor, name: str, customer_id: UUID, line: LineInput, tag_id: UUID, now: datetime
) -> dict[str, UUID]:
    """A credit note over an invoice that was paid and is tagged; a dollar of that applied to another one."""
    paid, other = (
        invoices.create_draft(
            db, actor, customer_id=customer_id, fields=InvoiceInput(lines=[line]), now=now
        ).id
        for _ in range(2)
    )
    for id_ in (paid, other):
        invoice_life.finalize(db, actor, invoice_id=id_, now=now)
    cash, key = OutsideInput(kind="CASH", send_receipt=False), f"paid {name}"
    outside_payments.record(db, actor, invoice_id=paid, fields=cash, request_key=key, now=now)
    fields = CreditNoteInput(reason=f"zz-{name}-reason")
    note = crediting.issue(db, actor, invoice_id=paid, fields=fields, request_key=name, send=True, now=now)
    tags.tag_invoices(db, actor, tag_ids=[tag_id], invoice_ids=[paid], now=now)
    part = ApplyInput(amount="1.00")
    crediting.apply(db, actor, invoice_id=other, fields=part, request_key=name, now=now)
    return {"crn": note.id, "credited": paid, "applied": other}


def _invited(db: Session, actor: Actor, name: str, customer_id: UUID, now: datetime) -> Membership:
    """Somebody who has not accepted yet."""
    invited = Membership(
        partner_id=actor.partner_id, customer_id=customer_id, role=Role.PAYER,
        status=MembershipStatus.INVITED, name=f"zz-{name}-invited", name_key="z",
        email=f"zz-{name}-new@x.example", email_key=f"zz-{name}-new@x.example", created_at=now,
        updated_at=now,
    )  # fmt: skip
    db.add(invited)
    db.flush()
    return invited


def _thread(db: Session, actor: Actor, name: str, invoice_id: UUID, now: datetime) -> UUID:
    fields = Opening(ThreadKind.DISPUTE, f"zz-{name}-asks")
    return invoice_threads.open_thread(db, actor, invoice_id=invoice_id, fields=fields, now=now).id


def _payment(
    db: Session, actor: Actor, name: str, customer_id: UUID, invoice: invoices.Invoice, now: datetime
) -> tuple[PaymentMethod, Payment]:
    place = {"partner_id": actor.partner_id, "customer_id": customer_id}
    method = PaymentMethod(
        **place, kind=MethodKind.CARD, funding=Funding.CREDIT, brand=f"zz-{name}-brand", last4="4242",
        exp_month=12, exp_year=2034, fingerprint=f"zz-{name}-print", gateway="sandbox",
        gateway_account="acct", gateway_ref=f"zz-{name}-ref", is_default=True, created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(method)
    db.flush()
    payment = Payment(
        **place, status=PaymentStatus.FAILED, amount_minor=100, currency=invoice.currency,
        payment_method_id=method.id, gateway="sandbox", gateway_account="acct", gateway_key=str(new_id()),
        gateway_ref=f"zz-{name}-charge", failure_code="odd", failure_message=f"zz-{name}-failure",
        asked_by_kind="SYSTEM", request_key=str(new_id()), request_hash=b"x", tries=1, tried_at=now,
        created_at=now, updated_at=now, settled_at=now + timedelta(seconds=1),
    )  # fmt: skip
    db.add(payment)
    db.flush()
    db.add(
        PaymentAllocation(
            **place, payment_id=payment.id, invoice_id=invoice.id, amount_minor=100, status="RELEASED"
        )
    )
    return method, payment


def _own_tag(db: Session, person: Actor, name: str, stage: Stage, now: datetime) -> str:
    tag = tags.create(db, person, fields=tags.TagInput(name=f"zz-{name}own-tag", colour="#0b7285"), now=now)
    invoice_id = ids.parsed(stage.ids[name]["inv"], "inv")
    tags.tag_invoices(db, person, tag_ids=[tag.id], invoice_ids=[invoice_id], now=now)
    return ids.shown("tag", tag.id)


def _used(db: Session, now: datetime) -> None:
    """Every key in sight was used this minute: knocking with one writes nothing more (O3)."""
    db.execute(update(ApiKey).values(last_used_at=now))


def key_with(database: Database, cast: Cast, scopes: list[str], now: datetime) -> str:
    """A Northwind key with just these scopes; its token."""
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        token = api_keys.create(
            db, system(cast.partners["northwind"]), name="one scope", scopes=scopes, now=now
        ).token
        _used(db, now)
        return token
