"""Invoices from a CSV file, in the dashboard: the pages of all imports (`imports.py`)."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlmodel import Session
from starlette.requests import Request

from auth.actors import Action
from billing import invoice_imports
from billing.dates import day_text
from billing.import_files import given_in
from billing.import_formats import DATE_FIELDS, DATES, NUMBER_FIELDS, NUMBERS, amount_in, day_in
from billing.invoice_fields import AmountInput
from billing.invoice_imports import EXAMPLES, FIELDS
from languages import grouped, mark, say, spoken
from portal.house import place
from portal.partner.imports import Imported
from portal.shell import Link


def trail(request: Request, *steps: tuple[str, str | None]) -> list[Link]:
    """Accounts Receivable / Invoices / `steps`; a step is its label and address."""
    invoices = Link(mark("Invoices"), f"{place(request).home}/invoices")
    return [Link(mark("Accounts Receivable")), invoices, *(Link(*step) for step in steps)]


def _written(begun: Any, rows: Sequence[Any]) -> Mapping[str, object]:
    """Each way of writing dates and numbers, with what stands in the first rows as that would read it."""
    given = [given_in(begun.fields, row.cells, FIELDS) for row in rows]

    def offered(
        ways: Mapping[Any, tuple[str, str]], fields: Sequence[str], read: Callable[[str, Any], str | None]
    ) -> list[tuple[str, str, str]]:
        cells = dict.fromkeys(each[field].strip() for each in given for field in fields if field in each)
        return [
            (way.value, f"{say(label)}, {example}", " · ".join(
                f"{cell} → {read(cell, way) or say('not read')}" for cell in list(cells)[:3]
            ))
            for way, (label, example) in ways.items()
        ]  # fmt: skip

    return {
        "date_formats": offered(DATES, DATE_FIELDS, _day),
        "number_formats": offered(NUMBERS, NUMBER_FIELDS, _number),
    }


def _day(cell: str, way: Any) -> str | None:
    found = day_in(cell, way)
    return day_text(found, spoken()) if found else None


def _number(cell: str, way: Any) -> str | None:
    found = amount_in(cell.removesuffix("%").strip(), way)
    if found is None:
        return None
    whole, point, decimals = (found.amount if isinstance(found, AmountInput) else found).partition(".")
    return grouped(int(whole[:15])) + point.replace(".", "," if spoken() == "fr" else ".") + decimals


def _guessed(db: Session, begun: Any) -> Mapping[str, tuple[str, ...]]:
    said = invoice_imports.formats_of(db, begun)
    return {"date_format": (said.dates or "",), "number_format": (said.numbers or "",)}


INVOICES = Imported(
    rules=invoice_imports,
    folder="invoices",
    templates="partner/invoice_imports",
    parameter="invoice_import_id",
    prefix="iim",
    record="inv",
    record_label="Invoice id",
    right=Action.EDIT_INVOICES,
    canceled=mark("The import of {file_name} is canceled. No invoice was changed."),
    made=lambda row: row.invoice_id,
    crumbs=trail,
    fields=FIELDS,
    offered=FIELDS,
    examples=EXAMPLES,
    seen=lambda begun: begun.seen,
    beside=_written,
    choices=lambda form: {
        "date_format": form.value("date_format"), "number_format": form.value("number_format"),
    },
    chosen=lambda begun: {
        "date_format": (begun.date_format or "",), "number_format": (begun.number_format or "",),
    },
    guessed=_guessed,
)  # fmt: skip
ROUTES = INVOICES.routes()
