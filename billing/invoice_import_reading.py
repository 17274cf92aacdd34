"""The rows of one invoice read together: whose it is, which one, and what its columns and lines come to.

Surprise: an empty cell says nothing. Of an invoice that is there it keeps what is there, also in a line: the
first row keeps what the first line has, and so on.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import Uuid, any_, literal
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from billing.customer_import_reading import Matches, customer_of, matches_of, name_mark
from billing.customers import Customer
from billing.import_files import given_in, require_width
from billing.import_formats import DATE_FIELDS, Formats, Reader
from billing.invoice_fields import Draft, InvoiceInput, LineInput, TaxInput, Terms, read_invoice
from billing.invoice_import_cells import Rates, customer_marks, discount_in, rates_of, taxes_in
from billing.invoice_import_tables import InvoiceImport
from billing.invoice_imports import CUSTOMER_FIELDS, FIELDS, HEAD_FIELDS, LINE_FIELDS
from billing.invoices import Invoice, InvoiceLine, InvoiceLineTax
from billing.money import Currency, Money, quantity_text, rate_text
from billing.partners import Partner
from billing.texts import Checks
from db.arrays import any_of
from errors import Invalid, Problem
from languages import say

_SHARED_FIELDS = (*CUSTOMER_FIELDS, *HEAD_FIELDS)


class Group(NamedTuple):
    """The rows of one invoice: their positions, and their cells that are not blank, by field."""

    mark: str | None
    positions: Sequence[int]
    given: Sequence[Mapping[str, str]]
    cells: Sequence[Sequence[str]]

    @property
    def head(self) -> int:
        """The position of the first of them, which stands for the invoice."""
        return self.positions[0]


class Stored(NamedTuple):
    """A line as it is stored, with its taxes."""

    line: InvoiceLine
    taxes: Sequence[InvoiceLineTax]


class Against(NamedTuple):
    """What the rows of a batch are read against."""

    begun: InvoiceImport
    partner: Partner
    now: datetime
    reader: Reader
    rates: Rates
    customers: Matches
    invoices: Mapping[str, Invoice]
    lines: Mapping[UUID, Sequence[Stored]]
    owners: Mapping[UUID, Customer]


class Reading(NamedTuple):
    """What the rows of an invoice say; `stored` is the invoice itself, None for one that is to be made."""

    customer: Customer
    stored: Invoice | None
    fields: InvoiceInput
    draft: Draft
    changed: bool


def groups_of(begun: InvoiceImport, staged: Iterable[Any]) -> list[Group]:
    """Rows that follow each other and share an invoice number; a row without one is alone."""
    place = begun.fields.index("external_id")
    found = []
    for mark, those in groupby(staged, lambda one: mark_in(one.cells, place) or one.position):
        rows = list(those)
        given = [given_in(begun.fields, one.cells, FIELDS) for one in rows]
        found.append(
            Group(
                mark if isinstance(mark, str) else None, [one.position for one in rows], given,
                [one.cells for one in rows],
            )
        )  # fmt: skip
    return found


def mark_in(cells: Sequence[str], place: int) -> str | None:
    """The number of a row's invoice, as it would be stored; None for none."""
    cell = cells[place] if place < len(cells) else ""
    return " ".join((cell if cell.isascii() else unicodedata.normalize("NFC", cell)).split()) or None


def against(db: Session, begun: InvoiceImport, groups: Sequence[Group], now: datetime) -> Against:
    """What these rows are about, in a few statements for all of them."""
    partner = db.exec(select(Partner).where(Partner.id == begun.partner_id)).one()
    marks = {mark for group in groups for mark in customer_marks(Checks(), _shared(group, []))}
    invoices = invoices_of(db, begun.partner_id, (group.mark for group in groups if group.mark))
    found = {invoice.id: invoice for invoice in invoices.values()}
    return Against(
        begun, partner, now, Reader(Formats(begun.date_format, begun.number_format)),
        rates_of(db, begun.partner_id), matches_of(db, begun.partner_id, marks),
        invoices, _lines_of(db, begun.partner_id, found),
        _owners_of(db, begun.partner_id, {invoice.customer_id for invoice in found.values()}),
    )  # fmt: skip


def invoices_of(db: Session, partner_id: UUID, marks: Iterable[str]) -> Mapping[str, Invoice]:
    """The partner's invoices by these numbers: by their own, and before that by their external ids."""
    listed = any_of(set(marks))
    found: dict[str, Invoice] = {}
    for name in ("number", "external_id"):
        wanted = select(Invoice).where(Invoice.partner_id == partner_id, getattr(Invoice, name) == listed)
        for one in db.exec(wanted.execution_options(populate_existing=True)):
            found[str(getattr(one, name))] = one
    return found


def read_group(among: Against, group: Group) -> Reading:
    """What the rows come to, by the rules of page and API. Refuses all that is wrong, each at
    (position, field): codes of `read_invoice`, and REQUIRED, CONTRADICTS, NO_CUSTOMER, OTHER_CUSTOMER,
    SEVERAL_MATCHES, UNKNOWN_TAX, SEVERAL_TAXES, TOO_MANY_CELLS.
    """
    wrong: list[Problem] = []
    for position, cells in zip(group.positions, group.cells, strict=True):
        try:
            require_width(among.begun, cells)
        except Invalid as refusal:
            wrong += [Problem(each.code, (position, *each.path), each.message) for each in refusal.problems]
    shared = _shared(group, wrong)
    stored = among.invoices.get(group.mark) if group.mark else None
    checks = Checks((group.head,))
    customer = _customer(checks, among, shared, stored)
    wrong += checks.problems
    currency = customer.currency if customer else _currency(shared)
    old = among.lines.get(stored.id, ()) if stored else ()
    fields, places = _input(wrong, among, group, shared, old, currency)
    if group.mark is None:
        message = "Give the invoice number: the same in each row of an invoice."
        wrong.append(Problem("REQUIRED", (group.head, "external_id"), message))
    draft = _draft(wrong, among, group, fields, places, customer, currency, stored)
    if wrong or customer is None:
        raise Invalid(wrong)
    return Reading(customer, stored, fields, draft, stored is None or _differs(draft, stored, old))


def _draft(
    wrong: list[Problem], among: Against, group: Group, fields: InvoiceInput, places: Sequence[int],
    customer: Customer | None, currency: Currency, stored: Invoice | None,
) -> Draft:  # fmt: skip
    days = customer.terms_days if customer else None
    terms = Terms(
        currency, among.partner.default_terms_days if days is None else days,
        among.now.astimezone(ZoneInfo(among.partner.time_zone)).date(),
    )  # fmt: skip
    checks = Checks()
    draft = read_invoice(checks, fields, terms=terms, before=stored.model_dump() if stored else None)
    told = {problem.path for problem in wrong}
    wrong += [one for one in map(partial(_placed, group, places), checks.problems) if one.path not in told]
    return draft


def _placed(group: Group, places: Sequence[int], problem: Problem) -> Problem:
    """The problem at its row and its column: ("lines", 2, "discount_percent") is the third row's discount."""
    at, path = group.head, problem.path
    if path[0] == "lines":
        if len(path) > 1 and isinstance(path[1], int):
            at = group.positions[places[path[1]]]
        field = str(path[2]) if len(path) > 2 else "row"
        if field == "taxes":
            field = "tax_2" if len(path) > 3 and path[3] == 1 else "tax"
        path = ("discount" if field == "discount_percent" else field,)
    return Problem(problem.code, (at, path[0]), problem.message)


def _shared(group: Group, wrong: list[Problem]) -> Mapping[str, str]:
    """What is said once for the whole invoice, in any of its rows; two that differ are noted."""
    if len(group.given) == 1:
        return group.given[0]
    shared: dict[str, str] = {}
    for position, given in zip(group.positions, group.given, strict=True):
        for field in _SHARED_FIELDS:
            if field in given and shared.setdefault(field, given[field].strip()) != given[field].strip():
                message = say(
                    "Another row of this invoice says “{other}”. Write the same in both, or leave one empty.",
                    other=shared[field][:60],
                )
                wrong.append(Problem("CONTRADICTS", (position, field), message))
    return shared


def _customer(
    checks: Checks, among: Against, shared: Mapping[str, str], stored: Invoice | None
) -> Customer | None:
    """Whose invoice it is: whom the row names, else whose it is already. What is wrong is noted."""
    problems = len(checks.problems)
    marks = customer_marks(checks, shared)
    owner = among.owners[stored.customer_id] if stored else None
    if len(checks.problems) > problems:
        return owner
    if not marks:
        if owner is None:
            message = (
                "Say whose invoice this is: give the customer’s external id, its EIN or Business Number, or"
                " its name, with its ZIP or postal code where several have that name."
            )
            checks.refuse("row", code="NO_CUSTOMER", message=message)
        return owner
    if owner is not None and marks == (name_mark(owner.company_key),):
        return owner  # whoever else has that name by now
    try:
        found = customer_of(marks, among.customers)
    except Invalid as refusal:
        checks.problems += [
            Problem(each.code, (*checks.path, *each.path), each.message) for each in refusal.problems
        ]
        return owner
    if found is None:
        if marks[-1].startswith("n:"):
            message = say(
                "No active customer has the name “{company}”. Correct it, or add the customer first.",
                company=shared["company"].strip()[:60],
            )
            checks.refuse("company", code="NO_CUSTOMER", message=message)
            return owner
        message = "No customer fits this row. Correct it, or add the customer first."
        checks.refuse("row", code="NO_CUSTOMER", message=message)
        return owner
    if owner is not None and found.id != owner.id:
        message = say(
            "This invoice is {company}’s. Give it another number, or leave the customer out.",
            company=owner.company,
        )
        checks.refuse("row", code="OTHER_CUSTOMER", message=message)
    return owner or found


def _currency(shared: Mapping[str, str]) -> Currency:
    # Nobody knows whose it is, so nothing is stored: it is read on for what else is wrong.
    written = shared.get("currency", "").strip().upper()
    return Currency(written) if written in set(Currency) else Currency.USD


def _input(
    wrong: list[Problem], among: Against, group: Group, shared: Mapping[str, str], old: Sequence[Stored],
    currency: Currency,
) -> tuple[InvoiceInput, Sequence[int]]:  # fmt: skip
    """What would have been typed for it, and which of the rows each line comes from."""
    places = [at for at, given in enumerate(group.given) if any(field in LINE_FIELDS for field in given)]
    if places and len(old) == len(group.given):
        places = list(range(len(old)))  # a row that says nothing of its line keeps it as it is
    lines = []
    for number, at in enumerate(places):
        checks = Checks((group.positions[at],))
        before = old[number] if number < len(old) else None
        lines.append(_line(checks, among.reader, group.given[at], before, among.rates, currency))
        wrong += checks.problems
    typed: dict[str, Any] = {field: shared[field] for field in HEAD_FIELDS if field in shared}
    checks = Checks((group.head,))
    for field in DATE_FIELDS:
        if field in typed:
            typed[field] = among.reader.day(checks, field, typed[field])
    wrong += checks.problems
    if group.mark is not None:
        typed["external_id"] = group.mark
    if lines:
        typed["lines"] = lines
    return InvoiceInput(**typed), places


def _line(
    checks: Checks, reader: Reader, given: Mapping[str, str], before: Stored | None, rates: Rates,
    currency: Currency,
) -> LineInput:  # fmt: skip
    kept = {} if before is None else _typed(before, currency)
    if "description" in given:
        kept["description"] = given["description"]
    for field in ("quantity", "unit_price"):
        if field in given:
            kept[field] = reader.number(checks, field, given[field])
    if "discount" in given:
        kept |= discount_in(checks, reader, given["discount"])
    if "tax" in given or "tax_2" in given:
        kept["taxes"] = taxes_in(checks, given, rates)
    return LineInput(**kept)


def _typed(stored: Stored, currency: Currency) -> dict[str, Any]:
    """A stored line as somebody would type it."""
    line = stored.line
    percent = line.discount_rate_e4
    return {
        "description": line.description, "quantity": quantity_text(line.quantity_e4),
        "unit_price": Money(line.unit_price_minor, currency).decimal_text(),
        "discount": Money(line.discount_minor, currency).decimal_text() if percent is None else None,
        "discount_percent": None if percent is None else rate_text(percent),
        "taxes": [TaxInput(name=tax.name, rate=rate_text(tax.rate_e4)) for tax in stored.taxes],
    }  # fmt: skip


def _differs(draft: Draft, stored: Invoice, old: Sequence[Stored]) -> bool:
    if any(getattr(stored, name) != value for name, value in draft.values.items()):
        return True
    if draft.lines is None:
        return False
    if len(draft.lines) != len(old):
        return True
    return any(
        _other(line.values, before.line)
        or len(line.taxes) != len(before.taxes)
        or any(_other(tax, was) for tax, was in zip(line.taxes, before.taxes, strict=True))
        for line, before in zip(draft.lines, old, strict=True)
    )


def _other(values: Mapping[str, Any], stored: InvoiceLine | InvoiceLineTax) -> bool:
    return any(getattr(stored, name) != value for name, value in values.items())


def _lines_of(db: Session, partner_id: UUID, invoice_ids: Iterable[UUID]) -> Mapping[UUID, Sequence[Stored]]:
    found: dict[UUID, list[Stored]] = defaultdict(list)
    listed = list(invoice_ids)
    if not listed:
        return found
    ids = any_(literal(listed, ARRAY(Uuid)))
    mine = (InvoiceLineTax.partner_id == partner_id, col(InvoiceLineTax.invoice_id) == ids)
    taxes: dict[UUID, list[InvoiceLineTax]] = defaultdict(list)
    for tax in db.exec(select(InvoiceLineTax).where(*mine).order_by(col(InvoiceLineTax.position))):
        taxes[tax.line_id].append(tax)
    lines = (InvoiceLine.partner_id == partner_id, col(InvoiceLine.invoice_id) == ids)
    for line in db.exec(select(InvoiceLine).where(*lines).order_by(col(InvoiceLine.position))):
        found[line.invoice_id].append(Stored(line, taxes[line.id]))
    return found


def _owners_of(db: Session, partner_id: UUID, customer_ids: set[UUID]) -> Mapping[UUID, Customer]:
    if not customer_ids:
        return {}
    ids = any_(literal(list(customer_ids), ARRAY(Uuid)))
    wanted = select(Customer).where(Customer.partner_id == partner_id, col(Customer.id) == ids)
    return {one.id: one for one in db.exec(wanted)}
