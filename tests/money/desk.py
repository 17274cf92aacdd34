"""For tests that move money: a partner's desk with a real gateway behind it, and its books."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from sqlmodel import select

from auth.actors import Actor
from billing import guest_payments, invoice_life, invoices, ledger, pay_links, payment_methods, payments
from billing.invoice_fields import InvoiceInput, LineInput
from billing.invoices import Invoice
from billing.mails import Mail, MailKind
from billing.money import Currency, Money
from billing.payment_methods import PaymentMethod
from billing.payment_orders import Share
from billing.payments import Payment, PaymentStatus
from billing.settling import Reached, nowhere
from db.session import Database
from integrations import inbox, method_setups, paying, reconciling
from integrations.gateways.signatures import sign
from tests.cast import Cast
from tests.gateway import NORTHWIND, WEBHOOK_SECRET, RunningSandbox

VISA, DECLINED, AUTHENTICATES = "4242424242424242", "4000000000000002", "4000002500003155"
BACK = "http://portal.test/back"


@dataclass
class Clock:
    """A clock that stands still until it is told to go on."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


def usd(minor: int) -> Money:
    return Money(minor, Currency.USD)


def back(payment_id: UUID) -> str:
    """Where the payer comes back to."""
    return f"{BACK}?payment={payment_id.hex}"


def one_line(total_minor: int, **fields: object) -> InvoiceInput:
    """An invoice of that much, untaxed."""
    price = f"{total_minor // 100}.{total_minor % 100:02d}"
    return InvoiceInput(lines=[LineInput(description="Work", quantity="1", unit_price=price)], **fields)


@dataclass
class Desk:
    """Everything one test needs to invoice, pay and look at the books of Northwind."""

    database: Database
    sandbox: RunningSandbox
    cast: Cast
    clock: Clock
    account: str = NORTHWIND

    def invoice(self, total_minor: int = 10_000, *, customer: str = "acme") -> Invoice:
        """An open invoice."""
        ada, now = self.cast.ada, self.clock()
        with self.database.transaction(partner_id=ada.partner_id) as db:
            draft = invoices.create_draft(
                db, ada, customer_id=self.cast.customers[customer], fields=one_line(total_minor), now=now
            )
            return invoice_life.finalize(db, ada, invoice_id=draft.id, now=now)

    def card(self, number: str = VISA, *, who: str = "petra") -> PaymentMethod:
        """A card on file, entered by `who` at the gateway."""
        actor = self.cast.actors[who]
        session = method_setups.begin(
            self.database, self.sandbox.gateway, actor,
            customer_id=actor.customer_id, return_url=BACK, now=self.clock(),
        )  # fmt: skip
        assert self.sandbox.type_card(number, token=session.client_token).status_code == 303
        method = method_setups.finish(
            self.database, self.sandbox.gateway, actor, gateway_setup=session.id, now=self.clock()
        )
        assert method is not None
        return method

    def order(
        self, method: PaymentMethod, shares: Iterable[tuple[UUID, int]], key: str | None = None
    ) -> dict:
        """The keyword arguments of `pay` and `begin`, the total as shown."""
        wanted = [Share(invoice_id, usd(minor)) for invoice_id, minor in shares]
        return {
            "customer_id": method.customer_id,
            "shares": wanted,
            "payment_method_id": method.id,
            "expected_total": usd(sum(share.amount.minor for share in wanted)),
            "idempotency_key": key or uuid4().hex,
            "return_url": back,
        }

    def pay(
        self,
        method: PaymentMethod,
        *shares: tuple[UUID, int],
        who: Actor | None = None,
        key: str | None = None,
        reached: Reached = nowhere,
    ) -> Payment:
        return paying.pay(
            self.database, self.sandbox.gateway, who or self.cast.petra,
            **self.order(method, shares, key), clock=self.clock, reached=reached,
        )  # fmt: skip

    def begin(self, method: PaymentMethod, *shares: tuple[UUID, int], key: str | None = None) -> Payment:
        """An attempt that is committed and not sent."""
        petra = self.cast.petra
        with self.database.transaction(partner_id=petra.partner_id, customer_id=petra.customer_id) as db:
            return payments.begin(db, petra, **self.order(method, shares, key), now=self.clock())

    def guest(self, invoice: Invoice) -> Actor:
        """Whoever holds a new pay link of the invoice."""
        ada, now = self.cast.ada, self.clock()
        with self.database.transaction(partner_id=ada.partner_id) as db:
            made = pay_links.create(db, ada, invoice_id=invoice.id, now=now)
        with self.database.transaction() as db:
            return pay_links.let_in_to_pay(db, token=made.token, link_id=made.link.id, now=now).actor

    def entry(self, guest: Actor, number: str = VISA) -> str:
        """A card that a guest typed for one payment: what the gateway calls the entry."""
        gateway = self.sandbox.gateway
        session = method_setups.begin(
            self.database, gateway, guest, customer_id=guest.customer_id, return_url=BACK, now=self.clock()
        )
        assert self.sandbox.type_card(number, token=session.client_token).status_code == 303
        assert method_setups.finish(self.database, gateway, guest, gateway_setup=session.id, now=self.clock())
        return session.id

    def pay_as_guest(self, guest: Actor, entry: str, minor: int) -> Payment:
        """What the page does when the review is confirmed."""
        with self.database.transaction(**guest.reach) as db:
            setup = payment_methods.find_setup(db, guest, gateway="sandbox", gateway_setup=entry)
            begun = guest_payments.begin(
                db,
                guest,
                setup=setup,
                expected_minor=minor,
                return_url=back,
                address="192.0.2.1",
                now=self.clock(),
            )
        seen = paying.send_and_see(
            self.database, self.sandbox.gateway, guest, payment_id=begun.id, clock=self.clock
        )
        with self.database.transaction(**guest.reach) as db:
            guest_payments.note_paid(db, guest, payment=seen, address="192.0.2.1", now=self.clock())
        return seen

    def reconcile(self, *, after: timedelta = timedelta(minutes=3)) -> reconciling.Found:
        self.clock.now += after
        return reconciling.reconcile(self.database, self.sandbox.gateway, now=self.clock())

    def receive(self, body: str | bytes, *, header: str | None = None) -> UUID | None:
        """Verify and store an event as the endpoint does; signed by the gateway unless `header` is given."""
        raw = body.encode() if isinstance(body, str) else body
        now = self.clock()
        header = sign(raw, secrets=[WEBHOOK_SECRET], at=now) if header is None else header
        event = self.sandbox.gateway.verify_event(body=raw, header=header, now=now)
        with self.database.transaction() as db:
            return inbox.receive(db, gateway=self.sandbox.gateway, event=event, now=now)

    def act(self, event_id: UUID) -> inbox.EventStatus | None:
        return inbox.act(
            self.database, self.sandbox.gateway,
            partner_id=self.cast.ada.partner_id, event_id=event_id, now=self.clock(),
        )  # fmt: skip

    def deliver(self, body: str | bytes) -> inbox.EventStatus | None:
        """An event all the way; None if it came before."""
        event_id = self.receive(body)
        return event_id and self.act(event_id)

    def events(self, *kinds: str) -> list[str]:
        """The bodies of what the gateway has to tell, oldest first."""
        return [
            event["body"]
            for event in self.sandbox.events(self.account)
            if not kinds or event["type"] in kinds
        ]

    def read(self, statement: Callable | object) -> list:
        with self.database.transaction(partner_id=self.cast.ada.partner_id) as db:
            return list(db.exec(statement).all())

    def again(self, thing: Invoice | Payment | PaymentMethod):
        """The record as it is now."""
        (found,) = self.read(select(type(thing)).where(type(thing).id == thing.id))
        return found

    def receipts(self) -> list[Mail]:
        return self.read(select(Mail).where(Mail.kind == MailKind.RECEIPT))

    def captured(self) -> int:
        """What the gateway really took, in minor units."""
        charges = self.sandbox.charges(self.account)
        return sum(charge["amount_minor"] for charge in charges if charge["status"] == "SUCCEEDED")

    def statuses(self) -> list[PaymentStatus]:
        return self.read(select(Payment.status).order_by(Payment.created_at, Payment.id))

    def books(self) -> list[str]:
        """The contradictions in the books: [] at the end of every test."""
        with self.database.transaction(partner_id=self.cast.ada.partner_id) as db:
            return ledger.check(db)


NOON = datetime(2026, 3, 10, 17, 0, tzinfo=UTC)
