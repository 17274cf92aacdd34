"""Conversations on invoices, for the world that documents are asked about."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import select

from auth.roles import Membership, MembershipStatus
from billing.invoice_threads import SEARCHED_AS, InvoiceThread, ThreadKind, ThreadMessage, ThreadState
from billing.invoices import InvoiceLine
from billing.unread_threads import UnreadThread
from db.columns import new_id
from tests.api.oracle.maker import Maker, words


def conversations(maker: Maker, partner: UUID, customer: UUID, invoices: Sequence[UUID]) -> None:
    """One on each of the invoices."""
    for place, invoice in enumerate(invoices):
        _conversation(maker, partner, customer, invoice, place)


def _conversation(maker: Maker, partner: UUID, customer: UUID, invoice: UUID, place: int) -> None:
    """A conversation on an invoice; every third is settled, every other is a dispute with two messages."""
    id_, settled = new_id(), maker.moment() if place % 3 == 2 else None
    lines = maker.owner.scalars(select(InvoiceLine.id).where(InvoiceLine.invoice_id == invoice)).all()
    maker.write(
        InvoiceThread, partner_id=partner, id=id_, customer_id=customer, invoice_id=invoice,
        line_id=maker.maybe(lines[0]) if lines else None, kind=list(ThreadKind)[place % 2],
        state=ThreadState.RESOLVED if settled else ThreadState.OPEN, created_at=maker.moment(),
        updated_at=maker.moment(), resolved_at=settled, resolved_by=maker.text() if settled else None,
        last_message_at=maker.moment(), last_from_partner=place % 2 == 0,
    )  # fmt: skip
    here = (Membership.partner_id == partner, Membership.status == MembershipStatus.ACTIVE)
    for member in maker.owner.execute(select(Membership.id, Membership.customer_id).where(*here)).all():
        if member.customer_id in (None, customer) and maker.chance.random() < 0.5:
            maker.write(
                UnreadThread, partner_id=partner, member_id=member.id, thread_id=id_, customer_id=customer,
                since=(written := maker.moment()), until=written,
            )  # fmt: skip
    texts = [maker.text() for _ in range(1 + place % 2)]
    words(maker, partner, customer, SEARCHED_AS, id_, texts)
    for side, text in zip((True, False), texts, strict=False):
        maker.write(
            ThreadMessage, partner_id=partner, id=new_id(), customer_id=customer, thread_id=id_,
            text=text, is_from_partner=side, author_kind="STAFF", author_id=maker.maybe(new_id()),
            author_name=maker.text(), created_at=maker.moment(),
        )  # fmt: skip
