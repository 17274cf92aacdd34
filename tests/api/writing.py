"""For tests of mutations: a client that writes, and things of each side for it to write about."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from io import BytesIO
from typing import Any
from uuid import UUID

from sqlalchemy import Connection
from sqlmodel import Session, select

from api.changes import Means
from api.mutation import Mutations
from api.read import Reader
from auth.actors import KEY_SCOPES, Actor
from auth.api_keys import ApiKey
from auth.tokens import digest_of
from billing import (
    catalogue,
    crediting,
    customer_imports,
    customer_notes,
    customer_users,
    customer_views,
    customers,
    invoice_imports,
    invoice_life,
    invoice_threads,
    invoices,
    outside_payments,
    pay_links,
    recurring_invoices,
    tags,
    tax_rates,
)
from billing.access_requests import AccessRequest, AccessStatus
from billing.crediting import CreditLineInput, CreditNoteInput
from billing.customer_fields import CustomerInput
from billing.customer_import_tables import CustomerImport
from billing.import_tables import ImportState
from billing.invoice_fields import InvoiceInput, LineInput
from billing.invoice_import_tables import InvoiceImport
from billing.invoice_threads import Opening, ThreadKind
from billing.invoices import Invoice, InvoiceLine
from billing.outside_payments import OutsideInput
from billing.payment_methods import Funding, MethodKind, PaymentMethod, PaymentMethodSetup
from billing.recurring_fields import RecurringInput
from billing.tags import TagInput
from db import ids
from db.columns import new_id
from db.session import Database
from tests.api.client import ORIGIN, Answered, Client
from tests.cast import Cast

COMPANY = {
    "company": "Acme Rockets", "legalName": "Acme Rockets, Inc.", "taxId": "123456789",
    "address": "1 Main Street", "city": "Springfield", "state": "Illinois", "postalCode": "62701",
    "country": "US",
}  # fmt: skip
ANN = {"name": "Ann", "email": "ann@rockets.example"}
BOB = {"name": "Bob", "email": "bob@rockets.example"}
ERRORS = "errors { code message path }"


def usd(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "USD"}


LINES = [
    {
        "description": "Backups",
        "quantity": "1.5",
        "unitPrice": usd("100.33"),
        "taxes": [{"name": "Tax", "rate": "8.25"}],
    },
    {"description": "Help", "quantity": "2", "unitPrice": usd("50"), "discount": usd("0.50")},
]


class NobodyAsks:
    """Stands where the gateway does, for mutations that must not ask it."""

    name = "sandbox"

    def __getattr__(self, call: str) -> Any:
        raise AssertionError(f"the gateway was asked: {call}")


@dataclass
class Writer:
    """Sends mutations to an endpoint of its own; `client.now` is its clock."""

    client: Client
    database: Database
    gateway: Any = None

    @classmethod
    def over(
        cls, reader: Reader, database: Database, cast: Cast, owner: Connection, now: datetime,
        gateway: Any = None,
    ) -> "Writer":  # fmt: skip
        client = Client(reader, cast, now, owner)
        return cls(client, database, gateway).restarted()

    def restarted(self) -> "Writer":
        """The same with everything that remembers anything made anew."""
        old = self.client
        fresh = Client(Reader(old.reader.pool), old.cast, old.now, old.owner)
        gateway = self.gateway or NobodyAsks()
        means = Means(self.database, gateway, lambda: fresh.now, ORIGIN)
        fresh.mutate = Mutations(means)
        fresh.__post_init__()
        return Writer(fresh, self.database, self.gateway)

    async def send(self, mutation: str, given: Mapping[str, Any], select: str = "", **who: Any) -> Answered:
        """One mutation with its input as a variable; `select` is asked beside `errors`."""
        kind = mutation[0].upper() + mutation[1:]
        document = f"mutation($input: {kind}Input!) {{ {mutation}(input: $input) {{ {select} {ERRORS} }} }}"
        return await self.client.ask(document, {"input": dict(given)}, **who)

    async def do(self, mutation: str, given: Mapping[str, Any], select: str = "", **who: Any) -> Any:
        """The payload of a mutation that must succeed."""
        payload = (await self.send(mutation, given, select, **who)).data[mutation]
        assert payload["errors"] == []
        return payload

    async def refused(self, mutation: str, given: Mapping[str, Any], select: str = "", **who: Any) -> Any:
        """The errors of a mutation that must be refused, as (code, path)."""
        payload = (await self.send(mutation, given, select, **who)).data[mutation]
        assert payload["errors"], payload
        assert not any(value for name, value in payload.items() if name != "errors"), payload
        return [(error["code"], ".".join(error["path"])) for error in payload["errors"]]

    def key(self, *scopes: str, name: str = "some") -> str:
        """An API key of Northwind's with these scopes only."""
        token = f"remit_{name}_" + "k" * 40
        key = ApiKey(
            partner_id=self.client.cast.partners["northwind"], name=name, token_hash=digest_of(token),
            scopes=sorted(scopes), created_at=self.client.now, last_used_at=self.client.now,
        )  # fmt: skip
        with Session(self.client.owner) as db:
            db.add(key)
            db.commit()
        return token

    def key_without(self, scope: str) -> str:
        """An API key of Northwind's with every scope but one."""
        name = f"without_{scope.replace(':', '_')}"
        return self.key(*({action.value for action in KEY_SCOPES} - {scope}), name=name)

    def at(self, name: str) -> dict[str, Any]:
        """How somebody of the cast asks: `await writer.send(…, **writer.at("petra"))`."""
        actor: Actor = self.client.cast.actors[name]
        place = next(
            (name for name, id_ in self.client.cast.customers.items() if id_ == actor.customer_id), None
        )
        partner = next(name for name, id_ in self.client.cast.partners.items() if id_ == actor.partner_id)
        where = f"/portal/{self.client.cast.slugs[place]}" if place else f"/partner/{partner}"
        return {"session": self.client.sign_in(name), "at": f"{where}/graphql"}

    def browser(self, customer: str) -> dict[str, Any]:
        """How a partner's front end asks with a portal token."""
        return {"key": self.client.portal_token(customer, [ORIGIN]), "headers": {"origin": ORIGIN}}


@dataclass
class Things:
    """One of everything a customer has, by kind, as global ids."""

    ids: dict[str, str] = field(default_factory=dict)

    def __getitem__(self, kind: str) -> str:
        return self.ids[kind]


def things_of(database: Database, owner: Connection, cast: Cast, customer: str, now: datetime) -> Things:
    """Make one of everything: for Acme, its sibling Globex, or Contoso's Initech."""
    staff = cast.mallory if customer == "initech" else cast.ada
    manager = {"acme": cast.carl, "globex": cast.gus, "initech": cast.ines}[customer]
    customer_id, found = cast.customers[customer], Things()
    label = TagInput(name=f"VIP {customer}", colour="#1f6feb")
    other = TagInput(name=f"VIP {customer} twice", colour="#1f6feb")
    with database.transaction(partner_id=staff.partner_id) as db:
        fields = CustomerInput.read({_snake(name): value for name, value in COMPANY.items()})
        setup = customers.create(db, staff, fields=fields, now=now).customer
        people = _people(db, staff, customer, customer_id, now)
        tag = tags.create(db, staff, fields=label, now=now)
        other_tag = tags.create(db, staff, fields=other, now=now)
        made = _invoices(db, staff, customer_id, now)
        # By the key that most tests write with: nobody else may change it.
        key = cast.contoso_key if customer == "initech" else cast.northwind_key
        note = customer_notes.add(db, key, customer_id=customer_id, text=f"Note {customer}", now=now)
        asked_about, settled = _threads(db, key, made["invoice"][1], now)
        shared = customer_views.ViewInput(name=f"View {customer}", is_shared=True)
        view = customer_views.create(db, key, fields=shared, now=now)
        listed = _catalogue(db, staff, customer, now)
        imported = [_import(db, key, customer, now) for _ in range(2)]
        billed = [_import_bills(db, key, customer, now) for _ in range(2)]
        imported[1].state = billed[1].state = ImportState.CHECKED
        asked = access_request(db, staff.partner_id, f"asked-{customer}", now)
        asks = access_request(db, staff.partner_id, f"asks-{customer}", now)
    with database.transaction(partner_id=manager.partner_id, customer_id=customer_id) as db:
        own_tag = tags.create(db, manager, fields=label, now=now)
        other_own_tag = tags.create(db, manager, fields=other, now=now)
    first = _method(owner, staff.partner_id, customer_id, now, default=True)
    second = _method(owner, staff.partner_id, customer_id, now, default=False)
    made |= {
        "customer": ("cus", customer_id), "setup": ("cus", setup.id),
        "manager": ("usr", manager.id or people["invited"][1]), "tag": ("tag", tag.id),
        "own_tag": ("tag", own_tag.id),
        "other_tag": ("tag", other_tag.id), "other_own_tag": ("tag", other_own_tag.id),
        "method": ("pm", first), "second_method": ("pm", second), "note": ("note", note.id),
        "thread": ("thr", asked_about), "settled_thread": ("thr", settled),
        "view": ("cvw", view.id),
        "asked": ("acr", asked.id), "asks": ("acr", asks.id),
        "import": ("imp", imported[0].id), "checked_import": ("imp", imported[1].id),
        "bills": ("iim", billed[0].id), "checked_bills": ("iim", billed[1].id),
    }  # fmt: skip
    made |= listed | people
    found.ids.update({name: ids.shown(prefix, id_) for name, (prefix, id_) in made.items()})
    found.ids["gateway_setup"] = f"seti_{customer}"
    with Session(owner) as db:
        db.add(
            PaymentMethodSetup(
                partner_id=staff.partner_id,
                customer_id=customer_id,
                gateway="sandbox",
                created_at=now,
                gateway_account="acct",
                gateway_setup=found["gateway_setup"],
            )
        )
        db.commit()
    return found


def _people(
    db: Session, staff: Actor, customer: str, customer_id: UUID, now: datetime
) -> dict[str, tuple[str, UUID]]:
    """One who has not accepted yet, and one who is kept out."""
    invited, disabled = (
        customer_users.invite(
            db, staff, customer_id=customer_id, name=name, email=f"{name.lower()}@{customer}.example", now=now
        ).id
        for name in ("Una", "Dora")
    )
    customer_users.disable(db, staff, membership_id=disabled, now=now)
    return {"invited": ("usr", invited), "disabled": ("usr", disabled)}


def _invoices(db: Session, staff: Actor, customer_id: UUID, now: datetime) -> dict[str, tuple[str, UUID]]:
    """A draft; open ones, one of which a part came in as cash, and one left somebody out; one written off;
    one paid and credited in part, so that the customer has credit."""
    lines = InvoiceInput(lines=[LineInput(description="Work", quantity="1", unit_price="100.00")])
    draft, issued, partly, given_up, third, paid = (
        invoices.create_draft(db, staff, customer_id=customer_id, fields=lines, now=now).id for _ in range(6)
    )
    for id_ in (issued, partly, given_up, third, paid):
        invoice_life.finalize(db, staff, invoice_id=id_, now=now)
    invoice_life.write_off(db, staff, invoice_id=given_up, reason=None, now=now)
    cash, key = OutsideInput(kind="CASH", amount="2.00", send_receipt=False), f"made {customer_id}"
    outside = outside_payments.record(db, staff, invoice_id=partly, fields=cash, request_key=key, now=now)
    note, paid_line = _credited(db, staff, paid, now)
    going, paused = (_recurring(db, staff, id_, now) for id_ in (partly, given_up))
    recurring_invoices.pause(db, staff, recurring_id=paused, now=now)
    link = pay_links.create(db, staff, invoice_id=issued, now=now).link
    gone = db.get_one(Invoice, (staff.partner_id, third))
    gone.left_out, gone.left_out_at = [new_id()], now
    line = db.exec(select(InvoiceLine.id).where(InvoiceLine.invoice_id == issued)).one()
    return {
        "line": ("lin", line),
        "draft": ("inv", draft), "invoice": ("inv", issued), "second_invoice": ("inv", partly),
        "third_invoice": ("inv", third), "paid_invoice": ("inv", paid), "paid_line": ("lin", paid_line),
        "credit_note": ("crn", note),
        "given_up": ("inv", given_up), "pay_link": ("pln", link.id), "outside": ("opm", outside.id),
        "recurring": ("rin", going), "paused_recurring": ("rin", paused),
    }  # fmt: skip


def _catalogue(db: Session, staff: Actor, customer: str, now: datetime) -> dict[str, tuple[str, UUID]]:
    """A tax rate and a product, another rate, and one of each that is archived."""
    names = ("rate", "other_rate", "archived_rate")
    rates = {
        name: tax_rates.create(
            db, staff, fields=tax_rates.TaxRateInput(name=f"{customer} {name}", rate="5"), now=now
        ).id
        for name in names
    }
    items = {
        name: catalogue.create(
            db, staff, fields=catalogue.CatalogueInput(name=f"{customer} {name}"),
            tax_rate_ids=[rates["rate"]], now=now,
        ).id
        for name in ("item", "archived_item")
    }  # fmt: skip
    tax_rates.archive(db, staff, tax_rate_id=rates["archived_rate"], now=now)
    catalogue.archive(db, staff, item_id=items["archived_item"], now=now)
    return {name: ("txr", id_) for name, id_ in rates.items()} | {
        name: ("cit", id_) for name, id_ in items.items()
    }


def _credited(db: Session, staff: Actor, invoice_id: UUID, now: datetime) -> tuple[UUID, UUID]:
    """Paid in full, and sixty dollars of it credited; the note, and the invoice's line."""
    cash, key = OutsideInput(kind="CASH", send_receipt=False), f"paid {invoice_id}"
    outside_payments.record(db, staff, invoice_id=invoice_id, fields=cash, request_key=key, now=now)
    line = db.exec(select(InvoiceLine.id).where(InvoiceLine.invoice_id == invoice_id)).one()
    fields = CreditNoteInput(reason="Less work", lines=[CreditLineInput(line_id=line, amount="60.00")])
    note = crediting.issue(db, staff, invoice_id=invoice_id, fields=fields, request_key=key, now=now)
    return note.id, line


def _recurring(db: Session, staff: Actor, invoice_id: UUID, now: datetime) -> UUID:
    """Every month from 1 May on."""
    monthly = RecurringInput(frequency="MONTHLY", next_on="2026-05-01")
    return recurring_invoices.create(db, staff, invoice_id=invoice_id, fields=monthly, now=now).id


def _threads(db: Session, actor: Actor, invoice_id: UUID, now: datetime) -> tuple[UUID, UUID]:
    """An open conversation, and a settled one."""
    fields = Opening(ThreadKind.QUESTION, "Why?")
    first, second = (
        invoice_threads.open_thread(db, actor, invoice_id=invoice_id, fields=fields, now=now).id
        for _ in range(2)
    )
    invoice_threads.resolve(db, actor, thread_id=second, now=now)
    return first, second


def access_request(db: Session, partner_id: UUID, name: str, now: datetime) -> AccessRequest:
    """Somebody who asks a partner for access."""
    email = f"{name}@example.org"
    asked = AccessRequest(
        partner_id=partner_id, status=AccessStatus.OPEN, name=name, email=email, email_key=email,
        company=f"{name} Inc.", message=f"{name} says", created_at=now, expires_at=now + timedelta(days=30),
    )  # fmt: skip
    db.add(asked)
    db.flush()
    return asked


def _import(db: Session, actor: Actor, name: str, now: datetime) -> CustomerImport:
    file = BytesIO(f"Company\n{name} Imported\n".encode())
    return customer_imports.start(db, actor, file_name=f"{name}.csv", file=file, now=now)


def _method(owner: Connection, partner_id: UUID, customer_id: UUID, now: datetime, *, default: bool) -> UUID:
    method = PaymentMethod(
        partner_id=partner_id, customer_id=customer_id, kind=MethodKind.CARD, funding=Funding.CREDIT,
        brand="Visa", last4="4242", exp_month=12, exp_year=2034, fingerprint="f", gateway="sandbox",
        gateway_account="acct", gateway_ref=f"pm_{customer_id.hex}_{default}", is_default=default,
        created_at=now, updated_at=now,
    )  # fmt: skip
    with Session(owner, expire_on_commit=False) as db:
        db.add(method)
        db.commit()
    return method.id


def _snake(name: str) -> str:
    return "".join(f"_{char.lower()}" if char.isupper() else char for char in name)


# NEED invoice_life


def _import_bills(db: Session, actor: Actor, name: str, now: datetime) -> InvoiceImport:
    file = BytesIO(f"Invoice number,Description\nI-{name},Work\n".encode())
    return invoice_imports.start(db, actor, file_name=f"{name}.csv", file=file, now=now)
