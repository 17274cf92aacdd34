"""For tests of payment rules without a gateway: invoices, a card on file, orders, answers."""

from uuid import UUID, uuid4

from auth.actors import Actor
from billing import invoice_life, invoices, ledger, outside_payments, payments, settling
from billing.invoices import Invoice
from billing.outside_payments import OutsideInput, OutsidePayment
from billing.payment_methods import Funding, MethodKind, PaymentMethod
from billing.payment_orders import Share
from billing.payments import Payment
from billing.ports import ChargeAnswer, ChargeStatus
from db.session import Database
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.money.desk import one_line, usd


class Till:
    """Acme's payments at Northwind, by rules alone."""

    def __init__(self, acts: Acts, cast: Cast) -> None:
        self.acts = acts
        self.cast = cast
        self.acme = cast.customers["acme"]

    def invoice(self, minor: int = 10_000, *, customer: str = "acme", **fields: object) -> Invoice:
        what = {"customer_id": self.cast.customers[customer], "fields": one_line(minor, **fields)}
        draft = self.acts(self.cast.ada, invoices.create_draft, **what)
        return self.acts(self.cast.ada, invoice_life.finalize, invoice_id=draft.id)

    def card(self, ref: str = "pm_1", *, customer: str = "acme") -> PaymentMethod:
        now = self.acts.now
        method = PaymentMethod(
            partner_id=self.cast.ada.partner_id, customer_id=self.cast.customers[customer],
            kind=MethodKind.CARD, funding=Funding.CREDIT, brand="visa", last4="4242", fingerprint=ref,
            gateway="sandbox", gateway_account="acct_northwind", gateway_ref=ref,
            created_at=now, updated_at=now,
        )  # fmt: skip
        self.acts(self.cast.ada, lambda db, _: (db.add(method), db.flush()))
        return method

    def order(self, card: PaymentMethod, *shares: tuple[UUID, int], **changes: object) -> dict:
        wanted = [Share(invoice_id, usd(minor)) for invoice_id, minor in shares]
        return {
            "customer_id": self.acme,
            "payment_method_id": card.id,
            "shares": wanted,
            "expected_total": usd(sum(minor for _, minor in shares)),
            "idempotency_key": uuid4().hex,
            **changes,
        }

    def begin(
        self, card: PaymentMethod, *shares: tuple[UUID, int], who: Actor | None = None, **changes: object
    ) -> Payment:
        order = self.order(card, *shares, **changes)
        return self.acts(who or self.cast.petra, payments.begin, **order)

    def settle(self, payment: Payment, answer: ChargeAnswer, who: Actor | None = None) -> Payment:
        what = {"payment_id": payment.id, "answer": answer}
        return self.acts(who or self.cast.petra, settling.settle, **what)

    def paid(self, card: PaymentMethod, *shares: tuple[UUID, int], **changes: object) -> Payment:
        payment = self.begin(card, *shares, **changes)
        return self.settle(payment, answer_to(payment))

    def received(self, invoice: Invoice, amount: str = "1.00") -> OutsidePayment:
        """A check, written down by Ada."""
        fields = OutsideInput(kind="CHECK", amount=amount, send_receipt=False)
        what = {"invoice_id": invoice.id, "fields": fields, "request_key": uuid4().hex}
        return self.acts(self.cast.ada, outside_payments.record, **what)

    def again(self, thing: Invoice | Payment) -> Invoice | Payment:
        with self.acts.database.transaction(partner_id=thing.partner_id) as db:
            return db.get_one(type(thing), (thing.partner_id, thing.id))

    def state(self, invoice: Invoice) -> tuple[str, int, int]:
        """Status, paid, reserved."""
        now = self.again(invoice)
        return (now.status.value, now.paid_minor, now.reserved_minor)

    def books(self) -> list[str]:
        return books_of(self.acts.database, self.cast.ada.partner_id)


def books_of(database: Database, partner_id: UUID) -> list[str]:
    with database.transaction(partner_id=partner_id) as db:
        return ledger.check(db)


def answer_to(payment: Payment, status: str = "SUCCEEDED", **changes: object) -> ChargeAnswer:
    """What a gateway would say of this payment's charge."""
    failed = status == "FAILED"
    said = {
        "gateway_id": f"ch_{payment.id.hex}",
        "failure_code": "card_declined" if failed else None,
        "failure_message": "The bank declined the card." if failed else None,
        "action_url": "http://gateway.test/confirm" if status == "REQUIRES_ACTION" else None,
        "amount_minor": payment.amount_minor,
        "currency": payment.currency.value,
        **changes,
    }
    return ChargeAnswer(status=ChargeStatus(status), **said)
