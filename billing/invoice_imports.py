"""Invoices from a CSV file: taken in, its columns named, checked invoice by invoice, and only then made.

Surprise: what comes of it is a draft, whatever it is elsewhere (docs/decisions/0023). Its number in the file
becomes the external id, by which the next file finds it; the partner's own number is taken when it is sent,
as for every other invoice.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import BinaryIO
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, text
from sqlmodel import Session, col, select

from auth import audit
from auth.actors import Action, Actor
from auth.emails import spellings
from billing.csv_in import MOST_ROWS, open_rows, open_sheet, refused, too_many_rows
from billing.import_files import (
    KEPT_FOR,
    LIVE,
    SHOWN,
    ImportMoved,
    bare_name,
    guessed,
    printable,
    read_columns,
    stage,
)
from billing.import_files import begin_stage as begin
from billing.import_tables import ImportState, RowOutcome
from billing.invoice_import_tables import InvoiceImport, InvoiceImportRow
from billing.texts import Checks
from db.columns import new_id
from db.session import defer
from errors import NotFound
from languages import mark

JOB = "import_invoices"
CUSTOMER_FIELDS: Mapping[str, str] = {
    "customer_external_id": mark("Customer’s external id"), "tax_id": mark("EIN / Business Number"),
    "company": mark("Company"), "postal_code": mark("ZIP / Postal code"),
}  # fmt: skip
HEAD_FIELDS: Mapping[str, str] = {
    "issue_on": mark("Issue date"), "due_on": mark("Due date"), "terms_days": mark("Terms (days)"),
    "currency": mark("Currency"), "po_number": mark("PO number"), "memo": mark("Memo"),
    "internal_note": mark("Internal note"),
}  # fmt: skip
LINE_FIELDS: Mapping[str, str] = {
    "description": mark("Description"), "quantity": mark("Quantity"), "unit_price": mark("Unit price"),
    "discount": mark("Discount"), "tax": mark("Tax"), "tax_2": mark("Second tax"),
}  # fmt: skip
FIELDS: Mapping[str, str] = {
    "external_id": mark("Invoice number"), **CUSTOMER_FIELDS, **HEAD_FIELDS, **LINE_FIELDS,
}  # fmt: skip
EXAMPLES: Sequence[Mapping[str, str]] = (
    {
        "external_id": "1001", "customer_external_id": "C-1", "company": "Example Company",
        "postal_code": "62701", "issue_on": "2026-03-01", "due_on": "2026-03-31", "currency": "USD",
        "po_number": "PO-7", "memo": "Thank you.", "description": "Managed workstations", "quantity": "12",
        "unit_price": "45.00", "discount": "10%", "tax": "Sales tax 6.25%",
    },
    {"external_id": "1001", "description": "Setup, hours", "quantity": "1.5", "unit_price": "120.00"},
)  # fmt: skip
_ALSO = {
    "external_id": ("externalid", "number", "invoice", "invoiceno", "invoicenum", "invoiceid", "docnumber"),
    "customer_external_id": ("customerid", "customernumber", "customerno", "accountid", "clientid"),
    "tax_id": ("ein", "taxid", "bn", "businessnumber", "fein", "federaltaxid"),
    "company": ("companyname", "customer", "customername", "client", "contactname", "billto"),
    "postal_code": ("zip", "zipcode", "postalcode", "postcode", "billingzip", "popostalcode"),
    "issue_on": ("issueon", "invoicedate", "date", "issued", "txndate"),
    "due_on": ("dueon", "due", "paymentdue"),
    "terms_days": ("terms", "termsdays", "netdays"),
    "currency": ("currencycode",),
    "po_number": ("po", "purchaseorder", "ponum", "reference"),
    "memo": ("message", "customermemo", "note"),
    "internal_note": ("privatenote",),
    "description": ("itemdescription", "linedescription", "lineitem", "item", "service", "product"),
    "quantity": ("qty", "itemquantity", "hours", "units"),
    "unit_price": ("price", "rate", "itemrate", "unitamount", "unitcost"),
    "discount": ("linediscount", "itemdiscount"),
    "tax": ("taxrate", "taxname", "taxcode", "itemtaxcode", "taxtype", "tax1"),
    "tax_2": ("tax2", "secondtaxrate"),
}
_STAGED = text("""
    insert into invoice_import_row (partner_id, id, import_id, position, cells, problems, words, head)
    select :partner_id, (one.value->>2)::uuid, :import_id, (one.value->>0)::int,
           array(select jsonb_array_elements_text(one.value->1)), '[]', '{}', 0
    from jsonb_array_elements(cast(:rows as jsonb)) as one
""")
# Cells are compared as `parse_email` reads them: blanks around, full-width letters and capitals are nothing.
_ERASED = text("""
    update invoice_import_row r
    set cells = array(
          select case when lower(btrim(normalize(one.cell, NFKC), E' \\t'))
                           = any(:emails || lower(normalize(:name, NFKC)))
                      then :instead else one.cell end
          from unnest(r.cells) with ordinality as one(cell, place) order by one.place),
        problems = regexp_replace(r.problems::text, :said, :instead, 'gi')::jsonb
    where r.partner_id = :partner_id
      and (r.problems::text ~* :said -- a report quotes other rows, too
        or exists (select from unnest(r.cells) as one(cell)
                   where lower(btrim(normalize(one.cell, NFKC), E' \\t')) = any(:emails)))
""")


def start(db: Session, actor: Actor, *, file_name: str, file: BinaryIO, now: datetime) -> InvoiceImport:
    """Take a file in: its rows are staged, its columns' names matched to fields, and nothing else written.

    Memory stays flat, whatever its size. Refuses MissingRight, and at ("file",) as `csv_in` does.
    """
    _enter(actor)
    if actor.id is None:
        raise NotFound
    sheet = open_sheet(file)
    begun = InvoiceImport(
        partner_id=actor.partner_id, id=new_id(),
        file_name=bare_name(file_name, otherwise="invoices.csv"), state=ImportState.MAPPING,
        columns=[printable(name) for name in sheet.columns], fields=guessed(sheet.columns, FIELDS, _ALSO),
        separator=sheet.separator, asked_by=actor.id, asked_by_name=actor.name, created_at=now,
    )  # fmt: skip
    db.add(begun)
    db.flush()
    begun.total = stage(db, begun, _STAGED, sheet.rows)
    if not begun.total:
        raise refused(
            code="EMPTY", message="This file has column names and no rows below them. Choose another file."
        )
    _record(db, actor, begun, "invoice_import.uploaded", now)
    return begun


def append(db: Session, actor: Actor, *, import_id: UUID, file: BinaryIO, now: datetime) -> InvoiceImport:
    """Put more rows of the same file, without names of columns, behind those that are there.

    Only before its columns were chosen. Refuses NotFound, ImportMoved, MissingRight, and at ("file",) as
    `csv_in` does.
    """
    begun = locked(db, actor, import_id=import_id)
    if begun.state is not ImportState.MAPPING:
        raise ImportMoved
    last = db.scalar(select(func.max(InvoiceImportRow.position)).where(*_of(begun))) or 0
    rows = ((last + number, cells) for number, cells in open_rows(file, begun.separator))
    begun.total += stage(db, begun, _STAGED, rows)
    if begun.total > MOST_ROWS:
        raise too_many_rows()
    _record(db, actor, begun, "invoice_import.extended", now)
    return begun


def choose_columns(
    db: Session, actor: Actor, *, import_id: UUID, fields: Sequence[str], now: datetime
) -> InvoiceImport:
    """Say which field each column holds ("" is ignored), and have all rows checked by the worker.

    Can be said again until it is confirmed. Refuses NotFound, ImportMoved, MissingRight, UNKNOWN_FIELD and
    TWICE at ("fields", place), REQUIRED at ("fields", 0) when no column holds the invoice's number.
    """
    begun = locked(db, actor, import_id=import_id)
    if begun.state not in (ImportState.MAPPING, ImportState.CHECKED):
        raise ImportMoved
    checks = Checks()
    chosen = read_columns(checks, begun, fields, FIELDS)
    if "external_id" not in chosen:
        message = "Choose which column is the invoice number: rows that share it are one invoice."
        checks.refuse("fields", 0, code="REQUIRED", message=message)
    checks.done()
    begun.fields = chosen
    begin_stage(begun, ImportState.CHECKING)
    _record(db, actor, begun, "invoice_import.checked", now)
    db.flush()
    defer(db, JOB, partner_id=actor.partner_id, import_id=begun.id)
    return begun


def confirm(db: Session, actor: Actor, *, import_id: UUID, now: datetime) -> InvoiceImport:
    """Let a checked import run. Of two who confirm at once, one does (ImportMoved). Refuses NotFound."""
    begun = locked(db, actor, import_id=import_id)
    if begun.state is not ImportState.CHECKED:
        raise ImportMoved
    begin_stage(begun, ImportState.RUNNING)
    if actor.id is not None:
        begun.asked_by, begun.asked_by_name = actor.id, actor.name
    _record(db, actor, begun, "invoice_import.confirmed", now)
    db.flush()
    defer(db, JOB, partner_id=actor.partner_id, import_id=begun.id)
    return begun


def cancel(db: Session, actor: Actor, *, import_id: UUID, now: datetime) -> InvoiceImport:
    """Give up an import that was not confirmed; its rows are deleted. Refuses NotFound, ImportMoved."""
    begun = locked(db, actor, import_id=import_id)
    if begun.state not in LIVE:
        raise ImportMoved
    _drop(db, begun, ImportState.CANCELED, now)
    _record(db, actor, begun, "invoice_import.canceled", now)
    return begun


def find(db: Session, actor: Actor, *, import_id: UUID) -> InvoiceImport:
    """The partner's import of that id. Refuses NotFound, MissingRight."""
    _enter(actor)
    mine = (InvoiceImport.partner_id == actor.partner_id, InvoiceImport.id == import_id)
    begun = db.exec(select(InvoiceImport).where(*mine)).one_or_none()
    if begun is None:
        raise NotFound
    return begun


def locked(db: Session, actor: Actor, *, import_id: UUID) -> InvoiceImport:
    """As `find`, its row locked until the transaction ends: stages and people take turns."""
    _enter(actor)
    mine = (InvoiceImport.partner_id == actor.partner_id, InvoiceImport.id == import_id)
    wanted = select(InvoiceImport).where(*mine).with_for_update()
    begun = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if begun is None:
        raise NotFound
    return begun


def newest(db: Session, actor: Actor, *, before: UUID | None = None) -> Sequence[InvoiceImport]:
    """Imports, newest first, one more than a page shows; `before` is the last one of the page before."""
    _enter(actor)
    wanted = select(InvoiceImport).where(InvoiceImport.partner_id == actor.partner_id)
    if before is not None:
        wanted = wanted.where(col(InvoiceImport.id) < before)  # ids rise with time
    return db.exec(wanted.order_by(col(InvoiceImport.id).desc()).limit(SHOWN + 1)).all()


def report(
    db: Session, actor: Actor, *, import_id: UUID, outcome: RowOutcome | None = None, after: int = 0,
    most: int = SHOWN + 1,
) -> Sequence[InvoiceImportRow]:  # fmt: skip
    """Rows that were judged, from the one after `after` on, in the file's order. Refuses as `find`."""
    begun = find(db, actor, import_id=import_id)
    judged = col(InvoiceImportRow.outcome)
    fits = judged == outcome if outcome else judged.is_not(None)
    wanted = select(InvoiceImportRow).where(*_of(begun), fits, col(InvoiceImportRow.position) > after)
    return db.exec(wanted.order_by(col(InvoiceImportRow.position)).limit(most)).all()


def sample(db: Session, actor: Actor, *, import_id: UUID) -> Sequence[InvoiceImportRow]:
    """The first rows of the file as they were read, for whoever names the columns."""
    begun = find(db, actor, import_id=import_id)
    wanted = select(InvoiceImportRow).where(*_of(begun))
    return db.exec(wanted.order_by(col(InvoiceImportRow.position)).limit(3)).all()


def clear_old(db: Session, actor: Actor, *, now: datetime) -> int:
    """Delete the rows of imports older than 30 days; those never confirmed are canceled. How many."""
    wanted = select(InvoiceImport).where(
        InvoiceImport.partner_id == actor.partner_id,
        col(InvoiceImport.created_at) < now - KEPT_FOR,
        col(InvoiceImport.cleared_at).is_(None),
        col(InvoiceImport.state) != ImportState.RUNNING,
    )
    old = db.exec(wanted.with_for_update()).all()
    for begun in old:
        _drop(db, begun, ImportState.CANCELED if begun.state in LIVE else begun.state, now)
    return len(old)


def erase_in_files(db: Session, *, partner_id: UUID, email: str, name: str, instead: str) -> None:
    """Replace somebody in the rows that imports still keep: address and name, wherever the address stands."""
    forms = spellings(email)
    values = {"partner_id": partner_id, "emails": forms, "name": name, "instead": instead}
    db.execute(_ERASED, {**values, "said": "|".join(map(re.escape, forms))})


def begin_stage(begun: InvoiceImport, state: ImportState) -> None:
    """The import at the beginning of a stage, nothing of it done."""
    begin(begun, state)
    begun.seen = 0


def _enter(actor: Actor) -> None:
    actor.require(Action.EDIT_INVOICES)
    if not actor.is_staff_side:
        raise NotFound


def _drop(db: Session, begun: InvoiceImport, state: ImportState, now: datetime) -> None:
    db.execute(delete(InvoiceImportRow).where(*_of(begun)))
    begun.state, begun.cleared_at = state, now
    begun.finished_at = begun.finished_at or now
    db.flush()


def _of(begun: InvoiceImport) -> Iterable[ColumnElement[bool]]:
    mine = col(InvoiceImportRow.partner_id) == begun.partner_id
    return mine, col(InvoiceImportRow.import_id) == begun.id


def _record(db: Session, actor: Actor, begun: InvoiceImport, action: str, now: datetime) -> None:
    audit.record(
        db, actor, action=action, subject_kind="invoice_import", subject_id=begun.id, now=now,
        file=begun.file_name, rows=begun.total,
    )  # fmt: skip
