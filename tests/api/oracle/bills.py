"""Invoices of a random world, and what is paid of them."""

from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import select

from billing.credit_notes import CreditApplication, CreditNote, CreditNoteLine
from billing.invoice_archiving import ENDED
from billing.invoice_refusals import SendRefusal
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax, InvoiceStatus
from billing.mails import Mail, MailKind, MailStatus
from billing.money import Currency
from billing.outside_payments import OutsideAllocation, OutsideKind, OutsidePayment
from billing.pay_links import PayLink, PayLinkOrigin
from billing.payment_methods import Funding, MethodKind, PaymentMethod
from billing.payments import AllocationStatus, Payment, PaymentAllocation, PaymentStatus
from db.columns import new_id
from tests.api.oracle.maker import Maker, words


def invoice(maker: Maker, partner: UUID, customer: UUID, place: int) -> UUID:
    status = list(InvoiceStatus)[place % 5] if place < 5 else InvoiceStatus.OPEN
    total = maker.cents()
    paid = {InvoiceStatus.PAID: total, InvoiceStatus.OPEN: maker.chance.choice((0, total // 3))}.get(
        status, 0
    )
    reserved = maker.chance.choice((0, total // 4)) if status is InvoiceStatus.OPEN else 0
    credited = maker.chance.choice((0, total // 5)) if status is InvoiceStatus.OPEN else 0
    # Also long ago, and on both sides of the days at which a debt grows older.
    id_, due = new_id(), maker.day(maker.chance.choice((0, 0, 0, -30, -60, -90)))
    number = "" if status is InvoiceStatus.DRAFT else f"{maker.chance.choice('AB')}-{id_.hex[-6:]}"
    currency = maker.chance.choice(list(Currency))
    memo = maker.maybe(maker.text())
    maker.write(
        Invoice, partner_id=partner, id=id_, customer_id=customer, number=number, status=status,
        currency=currency,
        net_minor=total, tax_minor=0, total_minor=total, paid_minor=paid, credited_minor=credited,
        reserved_minor=reserved,
        issue_on=due - timedelta(days=maker.chance.choice((0, 30))), due_on=due, memo=memo,
        internal_note=maker.maybe(maker.text()), po_number=maker.maybe(maker.text()),
        external_id=maker.maybe(f"E-{id_.hex}"), version=place + 1,
        created_at=maker.moment(), updated_at=maker.moment(), finalized_at=maker.maybe(maker.moment()),
        sent_at=maker.maybe(maker.moment()), paid_at=maker.maybe(maker.moment()),
        voided_at=maker.maybe(maker.moment()), void_reason=maker.maybe(maker.text()),
        **_planned(maker, status), **_archived(maker, status), **_left_out(maker, status),
    )  # fmt: skip
    # A draft has lines that a customer must not see.
    for place_ in range(max(maker.chance.randrange(4), status is InvoiceStatus.DRAFT)):
        line(maker, partner, customer, id_, place_ + 1, issued=status is not InvoiceStatus.DRAFT)
    words(maker, partner, customer, "invoice", id_, [number, memo])
    return id_


def _planned(maker: Maker, status: InvoiceStatus) -> dict[str, Any]:
    day = maker.maybe(maker.day()) if status is InvoiceStatus.DRAFT else None
    if day is None:
        return {}
    refused = maker.maybe(maker.chance.choice(list(SendRefusal)))
    told = [new_id() for _ in range(maker.chance.randrange(3))]
    return {"send_on": day, "send_refusal": refused, "scheduled_by_name": maker.text(), "send_to": told}


def _left_out(maker: Maker, status: InvoiceStatus) -> dict[str, Any]:
    at = None if status is InvoiceStatus.DRAFT else maker.maybe(maker.moment())
    return {} if at is None else {"left_out": [new_id() for _ in range(1, 3)], "left_out_at": at}


def _archived(maker: Maker, status: InvoiceStatus) -> dict[str, Any]:
    at = maker.maybe(maker.moment()) if status in ENDED else None
    return {} if at is None else {"archived_at": at, "archiving_id": new_id()}


def line(maker: Maker, partner: UUID, customer: UUID, invoice: UUID, position: int, *, issued: bool) -> None:
    net, tax, line = maker.cents(), maker.chance.choice((0, 7)), new_id()
    maker.write(
        InvoiceLine, partner_id=partner, id=line, customer_id=customer, invoice_id=invoice,
        position=position,
        description=maker.worded(), quantity_e4=maker.chance.choice((1, 10_000, 15_000, 123_456, 1_000_000)),
        unit_price_minor=maker.cents(), discount_minor=maker.chance.choice((0, 5)),
        discount_rate_e4=maker.maybe(maker.chance.choice((0, 99_750, 50_000))), net_minor=net,
        tax_minor=tax, total_minor=net + tax, issued=issued,
    )  # fmt: skip
    for place in range(maker.chance.randrange(3)):
        maker.write(
            InvoiceLineTax, partner_id=partner, id=new_id(), customer_id=customer, invoice_id=invoice,
            line_id=line, position=place, name=maker.text(),
            rate_e4=maker.chance.choice((0, 99_750, 50_000)), tax_minor=maker.cents(), issued=issued,
        )  # fmt: skip


def outside(maker: Maker, partner: UUID, customer: UUID, invoices: list[UUID]) -> None:
    """A check for one to three invoices; of some a part is kept as credit."""
    back, pick, id_ = maker.maybe(maker.moment()), maker.chance.choice, new_id()
    shares = {one: maker.cents() + 1 for one in maker.chance.sample(invoices, maker.chance.randrange(1, 4))}
    kept = pick((0, 0, 250))
    # Together: a payment without shares is given one as its transaction ends.
    maker.owner.execute(text("begin"))
    maker.write(
        OutsidePayment, partner_id=partner, id=id_, customer_id=customer, invoice_id=pick(list(shares)),
        kind=pick(list(OutsideKind)), reference=maker.maybe(maker.text()), note=maker.maybe(maker.text()),
        received_on=maker.day(), amount_minor=sum(shares.values()) + kept, kept_minor=kept,
        currency=pick(list(Currency)),
        request_key=new_id().hex, created_at=maker.moment(), updated_at=maker.moment(), reversed_at=back,
        reversal_reason=maker.text() if back else None,
    )  # fmt: skip
    for invoice, minor in shares.items():
        maker.write(
            OutsideAllocation, partner_id=partner, id=new_id(), customer_id=customer, payment_id=id_,
            invoice_id=invoice, amount_minor=minor,
        )  # fmt: skip
    maker.owner.execute(text("commit"))


def credit(maker: Maker, partner: UUID, customer: UUID, invoices: list[UUID], users: list[UUID]) -> None:
    """A credit note, mailed to some, and credit applied; each invoice has some of both."""
    pick, currency = maker.chance.choice, maker.chance.choice(list(Currency))
    place = {"partner_id": partner, "customer_id": customer, "invoice_id": pick(invoices)}
    when = {"created_at": maker.moment(), "updated_at": maker.moment(), "currency": currency}
    net, tax, note = maker.cents() + 1, pick((0, 7)), new_id()
    maker.write(
        CreditNote, **place, **when, id=note, number=f"CN-{note.hex}", net_minor=net, tax_minor=tax,
        total_minor=net + tax, applied_minor=pick((0, net // 2, net + tax)), reason=maker.text(),
        issue_on=maker.day(), request_key=note.hex,
    )  # fmt: skip
    words(maker, partner, customer, "credit_note", note, [f"CN-{note.hex}"])
    for user in users[:2]:
        mail(maker, partner, customer, MailKind.CREDIT_NOTE, note, user, MailStatus.QUEUED)
    lines = maker.owner.scalars(select(InvoiceLine.id).where(InvoiceLine.invoice_id == place["invoice_id"]))
    for position, line_id in enumerate(lines.all()):
        part = maker.cents() + 1
        maker.write(
            CreditNoteLine, **place, id=new_id(), credit_note_id=note, line_id=line_id, position=position,
            net_minor=part, tax_minor=tax, taxes_minor=[tax], total_minor=part + tax,
        )  # fmt: skip
    maker.write(
        CreditApplication, **place, **when, id=new_id(), amount_minor=maker.cents() + 1,
        request_key=new_id().hex,
    )  # fmt: skip


def pay_links(maker: Maker, partner: UUID, customer: UUID, invoices: list[UUID]) -> None:
    """Up to three of an invoice; some opened, some revoked."""
    for place, invoice in enumerate([*invoices[:3], *invoices[:2], *invoices[:2]]):
        maker.write(
            PayLink, partner_id=partner, id=new_id(), customer_id=customer, invoice_id=invoice,
            token_hash=new_id().bytes, created_at=maker.moment(), created_by_name=maker.text(),
            origin=list(PayLinkOrigin)[place % 3], expires_at=maker.moment(),
            revoked_at=maker.maybe(maker.moment()), opened_count=place,
            last_opened_at=maker.moment() if place else None,
        )  # fmt: skip


def mails(maker: Maker, partner: UUID, customer: UUID, users: list[UUID], invoices: list[UUID]) -> None:
    """Some with an invoice, some with something else about it; each invoice has only bad luck, or some."""
    for place, invoice in enumerate(invoices if users else ()):
        luck = [MailStatus.REFUSED, MailStatus.DEAD, MailStatus.BOUNCED] if place % 2 else list(MailStatus)
        kinds = (MailKind.INVOICE, MailKind.INVOICE, MailKind.RECEIPT)[place % 3 :]
        for kind in (*kinds, MailKind.INVOICE_VOIDED):
            status = maker.chance.choice(luck)
            mail(maker, partner, customer, kind, invoice, maker.chance.choice(users), status, tries=place)


def mail(
    maker: Maker, partner: UUID, customer: UUID, kind: MailKind, subject: UUID, user: UUID,
    status: MailStatus, *, tries: int = 0,
) -> None:  # fmt: skip
    maker.write(
        Mail, partner_id=partner, id=new_id(), customer_id=customer, kind=kind, subject_id=subject,
        membership_id=user, status=status, tries=tries, answer=maker.maybe(maker.text()),
        created_at=maker.moment(),
        sent_at=maker.moment() if status in (MailStatus.SENT, MailStatus.BOUNCED) else None,
        bounced_at=maker.moment() if status is MailStatus.BOUNCED else None,
        delayed_at=maker.maybe(maker.moment()), address=maker.maybe(f"{user.hex}@a.example"),
    )  # fmt: skip


def method(maker: Maker, partner: UUID, customer: UUID, users: list[UUID], place: int) -> UUID:
    id_ = new_id()
    maker.write(
        PaymentMethod, partner_id=partner, id=id_, customer_id=customer, kind=list(MethodKind)[place % 2],
        funding=maker.chance.choice(list(Funding)), brand=maker.text(), last4="4242",
        exp_month=None if place == 2 else maker.today.month, exp_year=None if place == 2 else 2026 - place,
        fingerprint="f", gateway="sandbox", gateway_account="a", gateway_ref=id_.hex, is_default=place == 0,
        added_by=maker.chance.choice([*users, maker.cast.ada.id, None]), created_at=maker.moment(),
        updated_at=maker.moment(), removed_at=None if place == 0 else maker.maybe(maker.moment()),
    )  # fmt: skip
    return id_


def payment(
    maker: Maker, partner: UUID, customer: UUID, methods: list[UUID], invoices: list[UUID], users: list[UUID]
) -> None:
    id_, amount = new_id(), maker.cents()
    maker.write(
        Payment, partner_id=partner, id=id_, customer_id=customer,
        status=maker.chance.choice(list(PaymentStatus)),
        amount_minor=amount, currency=maker.chance.choice(list(Currency)), gateway="sandbox",
        gateway_account="a",
        payment_method_id=maker.chance.choice(methods), gateway_key=id_.hex, gateway_ref=maker.maybe(id_.hex),
        action_url=maker.maybe("https://pay.example/?a=1&b=2"), failure_code=maker.maybe("declined"),
        failure_message=maker.maybe(maker.text()), asked_by=maker.chance.choice([*users, maker.cast.ada.id,
        None]),
        asked_by_kind=maker.chance.choice(("STAFF", "CUSTOMER_USER", "GUEST")), request_key=id_.hex,
        request_hash=id_.bytes, tries=1,
        created_at=maker.moment(),
        updated_at=maker.moment(), settled_at=maker.maybe(maker.moment()),
    )  # fmt: skip
    for invoice in maker.chance.sample(invoices, maker.chance.randrange(1, 4)):
        maker.write(
            PaymentAllocation, partner_id=partner, id=new_id(), customer_id=customer, payment_id=id_,
            invoice_id=invoice, amount_minor=maker.cents(),
            status=maker.chance.choice(list(AllocationStatus)),
        )  # fmt: skip
