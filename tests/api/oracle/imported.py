"""Files of a random world on their way in, of customers and of invoices."""

from collections.abc import Sequence
from uuid import UUID

from sqlmodel import select

from billing.customer_import_tables import CustomerImport, CustomerImportRow
from billing.import_formats import DateFormat, NumberFormat
from billing.import_tables import ImportState, RowOutcome
from billing.invoice_import_tables import InvoiceImport, InvoiceImportRow
from billing.invoices import Invoice
from db.columns import new_id
from tests.api.oracle.maker import Maker


def imported(maker: Maker, partner: UUID, customers: Sequence[UUID]) -> None:
    """One file of each kind, with some rows."""
    _of_customers(maker, partner, customers)
    _of_invoices(maker, partner)


def _of_customers(maker: Maker, partner: UUID, customers: Sequence[UUID]) -> None:
    id_, ended = new_id(), maker.chance.random() < 0.5
    maker.write(
        CustomerImport, partner_id=partner, id=id_, file_name=maker.text(),
        state=ImportState.DONE if ended else ImportState.CHECKED, columns=[maker.text(), maker.text()],
        fields=["company", ""], total=9, reached=9, created=3, updated=3, unchanged=2, refused=1,
        send_invites=ended, users_added=2, invites_held=0, asked_by=new_id(), asked_by_name=maker.text(),
        created_at=maker.moment(), finished_at=maker.moment() if ended else None,
    )  # fmt: skip
    for position in range(2, 6):
        outcome = RowOutcome.REFUSED if position == 2 else maker.chance.choice([None, *RowOutcome])
        problem = {
            "code": "BAD_ZIP",
            "field": "postal_code",
            "message": {"en": maker.text(), "fr": maker.text()},
        }
        maker.write(
            CustomerImportRow, partner_id=partner, id=new_id(), import_id=id_, position=position,
            cells=[maker.text(), maker.text()], outcome=outcome,
            problems=[problem] if outcome is RowOutcome.REFUSED else [],
            customer_id=maker.chance.choice([None, new_id(), *customers[:2]]), made=None, words=[], marks=[],
            users=0,
        )  # fmt: skip


def _of_invoices(maker: Maker, partner: UUID) -> None:
    invoices = maker.owner.scalars(select(Invoice.id).where(Invoice.partner_id == partner).limit(3)).all()
    id_, ended = new_id(), maker.chance.random() < 0.5
    maker.write(
        InvoiceImport, partner_id=partner, id=id_, file_name=maker.text(),
        state=ImportState.DONE if ended else ImportState.CHECKED, columns=[maker.text(), maker.text()],
        fields=["external_id", ""], total=9, reached=9, created=3, updated=2, unchanged=1, refused=1, seen=9,
        date_format=maker.chance.choice([None, *DateFormat]),
        number_format=maker.chance.choice([None, *NumberFormat]),
        asked_by=new_id(), asked_by_name=maker.text(), created_at=maker.moment(),
        finished_at=maker.moment() if ended else None,
    )  # fmt: skip
    for position in range(2, 6):
        outcome = RowOutcome.REFUSED if position == 2 else maker.chance.choice([None, *RowOutcome])
        problem = {
            "code": "BAD_DATE",
            "field": "issue_on",
            "message": {"en": maker.text(), "fr": maker.text()},
        }
        maker.write(
            InvoiceImportRow, partner_id=partner, id=new_id(), import_id=id_, position=position,
            cells=[maker.text(), maker.text()], outcome=outcome,
            problems=[problem] if outcome is RowOutcome.REFUSED else [],
            invoice_id=maker.chance.choice([None, new_id(), *invoices]), made=None, words=[],
            mark=maker.maybe("m"), head=position,
        )  # fmt: skip
