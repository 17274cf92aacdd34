"""Customers from a CSV file: taken in, its columns named, checked row by row, and only then run.

Surprise: the checking is done by the worker too, in the same batches as the run. A page never waits for a
hundred thousand rows, and each stage goes on where it stopped (`customer_import_rows`).
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
from billing import import_files
from billing.csv_in import MOST_ROWS, open_rows, open_sheet, refused, too_many_rows
from billing.customer_import_tables import CustomerImport, CustomerImportRow
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
from billing.import_tables import ImportState, RowOutcome
from billing.texts import Checks
from db.columns import new_id
from db.session import defer
from errors import NotFound
from languages import mark

JOB = "import_customers"
CUSTOMER_FIELDS: Mapping[str, str] = {
    "company": mark("Company"), "legal_name": mark("Legal name"), "tax_id": mark("EIN / Business Number"),
    "address": mark("Address"), "address2": mark("Address line 2"), "city": mark("City"),
    "state": mark("State / Province"),
    "postal_code": mark("ZIP / Postal code"), "country": mark("Country"), "currency": mark("Currency"),
    "time_zone": mark("Time zone"), "terms_days": mark("Terms (days)"), "external_id": mark("External id"),
}  # fmt: skip
USER_FIELDS: Mapping[str, str] = {
    "user_1_name": mark("User 1 name"), "user_1_email": mark("User 1 e-mail"),
    "user_1_role": mark("User 1 role"),
    "user_2_name": mark("User 2 name"), "user_2_email": mark("User 2 e-mail"),
    "user_2_role": mark("User 2 role"),
    "user_3_name": mark("User 3 name"), "user_3_email": mark("User 3 e-mail"),
    "user_3_role": mark("User 3 role"),
    "user_4_name": mark("User 4 name"), "user_4_email": mark("User 4 e-mail"),
    "user_4_role": mark("User 4 role"),
    "user_5_name": mark("User 5 name"), "user_5_email": mark("User 5 e-mail"),
    "user_5_role": mark("User 5 role"),
}  # fmt: skip
FIELDS: Mapping[str, str] = {**CUSTOMER_FIELDS, **USER_FIELDS}
EXAMPLE: Mapping[str, str] = {
    "company": "Example Company", "address": "1 Main Street", "city": "Springfield", "state": "IL",
    "postal_code": "62701", "country": "US", "currency": "USD", "terms_days": "30", "external_id": "C-1",
    "user_1_name": "Alex Example", "user_1_email": "alex@company.example", "user_1_role": "Manager",
    "user_2_name": "Robin Example", "user_2_email": "robin@company.example", "user_2_role": "Payer",
}  # fmt: skip
_ALSO = {
    "company": ("companyname", "customer", "customername", "name", "client", "account", "accountname"),
    "legal_name": ("legalcompanyname", "registeredname"),
    "tax_id": ("ein", "taxid", "bn", "businessnumber", "fein", "federaltaxid", "taxnumber"),
    "address": ("street", "address1", "addressline1", "streetaddress", "billingaddress"),
    "address2": ("addressline2", "street2", "suite", "unit"),
    "city": ("town", "billingcity"),
    "state": ("province", "stateprovince", "region", "billingstate"),
    "postal_code": ("zip", "zipcode", "postalcode", "zippostalcode", "postcode", "billingzip"),
    "country": ("billingcountry", "countrycode"),
    "currency": ("currencycode",),
    "time_zone": ("timezone", "tz"),
    "terms_days": ("terms", "termsdays", "paymentterms", "netdays"),
    "external_id": ("externalid", "externalkey", "accountid", "reference", "customernumber"),
    "user_1_name": ("username", "contact", "contactname", "contactperson"),
    "user_1_email": ("useremail", "email", "emailaddress", "contactemail", "billingemail"),
    "user_1_role": ("userrole", "role"),
}
_STAGED = text("""
    insert into customer_import_row (partner_id, id, import_id, position, cells, problems, words, marks,
      users)
    select :partner_id, (one.value->>2)::uuid, :import_id, (one.value->>0)::int,
           array(select jsonb_array_elements_text(one.value->1)), '[]', '{}', '{}', 0
    from jsonb_array_elements(cast(:rows as jsonb)) as one
""")
# Cells are compared as `parse_email` reads them: blanks around, full-width letters and capitals are nothing.
_ERASED = text("""
    with folded as (
      select r.id, array_agg(lower(btrim(normalize(one.cell, NFKC), E' \\t')) order by one.place) as cells
      from customer_import_row r, unnest(r.cells) with ordinality as one(cell, place)
      where r.partner_id = :partner_id
      group by r.id having bool_or(lower(btrim(normalize(one.cell, NFKC), E' \\t')) = any(:emails)))
    update customer_import_row r
    set cells = array(
          select case when folded.cells[one.place] = any(:emails || lower(normalize(:name, NFKC)))
                      then :instead else one.cell end
          from unnest(r.cells) with ordinality as one(cell, place) order by one.place),
        problems = regexp_replace(r.problems::text, :said, :instead, 'gi')::jsonb
    from folded where r.partner_id = :partner_id and r.id = folded.id
""")


def start(db: Session, actor: Actor, *, file_name: str, file: BinaryIO, now: datetime) -> CustomerImport:
    """Take a file in: its rows are staged, its columns' names matched to fields, and nothing else written.

    Memory stays flat, whatever its size. Refuses MissingRight, and at ("file",) as `csv_in` does.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    if actor.id is None:
        raise NotFound
    sheet = open_sheet(file)
    begun = CustomerImport(
        partner_id=actor.partner_id, id=new_id(), file_name=bare_name(file_name, otherwise="customers.csv"),
        state=ImportState.MAPPING, columns=[printable(name) for name in sheet.columns],
        fields=guessed(sheet.columns, FIELDS, _ALSO), separator=sheet.separator, asked_by=actor.id,
        asked_by_name=actor.name, created_at=now,
    )  # fmt: skip
    db.add(begun)
    db.flush()
    begun.total = stage(db, begun, _STAGED, sheet.rows)
    if not begun.total:
        raise refused(
            code="EMPTY", message="This file has column names and no rows below them. Choose another file."
        )
    _record(db, actor, begun, "customer_import.uploaded", now)
    return begun


def append(db: Session, actor: Actor, *, import_id: UUID, file: BinaryIO, now: datetime) -> CustomerImport:
    """Put more rows of the same file, without names of columns, behind those that are there.

    Only before its columns were chosen. Refuses NotFound, ImportMoved, MissingRight, and at ("file",) as
    `csv_in` does.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    begun = locked(db, actor, import_id=import_id)
    if begun.state is not ImportState.MAPPING:
        raise ImportMoved
    last = db.scalar(select(func.max(CustomerImportRow.position)).where(*_of(begun))) or 0
    rows = ((last + number, cells) for number, cells in open_rows(file, begun.separator))
    begun.total += stage(db, begun, _STAGED, rows)
    if begun.total > MOST_ROWS:
        raise too_many_rows()
    _record(db, actor, begun, "customer_import.extended", now)
    return begun


def choose_columns(
    db: Session, actor: Actor, *, import_id: UUID, fields: Sequence[str], send_invites: bool = True,
    now: datetime,
) -> CustomerImport:  # fmt: skip
    """Say which field each column holds ("" is ignored), and have all rows checked by the worker.

    `send_invites`: whether users in the file are invited when it runs; else they are added and wait. Can be
    said again until it is confirmed. Refuses NotFound, ImportMoved, UNKNOWN_FIELD and TWICE at
    ("fields", place), REQUIRED at ("fields", 0) when no column holds the company; MissingRight, with users
    whoever may not manage them.
    """
    _require(actor, fields)
    begun = locked(db, actor, import_id=import_id)
    if begun.state not in (ImportState.MAPPING, ImportState.CHECKED):
        raise ImportMoved
    checks = Checks()
    chosen = read_columns(checks, begun, fields, FIELDS)
    if not {"company", "external_id", "tax_id"} & set(chosen):
        message = "Choose which column is the company, the external id or the EIN."
        checks.refuse("fields", 0, code="REQUIRED", message=message)
    checks.done()
    begun.fields, begun.send_invites = chosen, send_invites
    begin_stage(begun, ImportState.CHECKING)
    _record(db, actor, begun, "customer_import.checked", now)
    db.flush()
    defer(db, JOB, partner_id=actor.partner_id, import_id=begun.id)
    return begun


def confirm(db: Session, actor: Actor, *, import_id: UUID, now: datetime) -> CustomerImport:
    """Let a checked import run. Of two who confirm at once, one does (ImportMoved). Refuses NotFound."""
    actor.require(Action.EDIT_CUSTOMERS)
    begun = locked(db, actor, import_id=import_id)
    _require(actor, begun.fields)
    if begun.state is not ImportState.CHECKED:
        raise ImportMoved
    begin_stage(begun, ImportState.RUNNING)
    if actor.id is not None:
        begun.asked_by, begun.asked_by_name = actor.id, actor.name
    _record(db, actor, begun, "customer_import.confirmed", now)
    db.flush()
    defer(db, JOB, partner_id=actor.partner_id, import_id=begun.id)
    return begun


def cancel(db: Session, actor: Actor, *, import_id: UUID, now: datetime) -> CustomerImport:
    """Give up an import that was not confirmed; its rows are deleted. Refuses NotFound, ImportMoved."""
    actor.require(Action.EDIT_CUSTOMERS)
    begun = locked(db, actor, import_id=import_id)
    if begun.state not in LIVE:
        raise ImportMoved
    _drop(db, begun, ImportState.CANCELED, now)
    _record(db, actor, begun, "customer_import.canceled", now)
    return begun


def find(db: Session, actor: Actor, *, import_id: UUID) -> CustomerImport:
    """The partner's import of that id. Refuses NotFound, MissingRight."""
    actor.require(Action.EDIT_CUSTOMERS)
    mine = (CustomerImport.partner_id == actor.partner_id, CustomerImport.id == import_id)
    begun = db.exec(select(CustomerImport).where(*mine)).one_or_none()
    if begun is None:
        raise NotFound
    return begun


def locked(db: Session, actor: Actor, *, import_id: UUID) -> CustomerImport:
    """As `find`, its row locked until the transaction ends: stages and people take turns."""
    mine = (CustomerImport.partner_id == actor.partner_id, CustomerImport.id == import_id)
    wanted = select(CustomerImport).where(*mine).with_for_update()
    begun = db.exec(wanted.execution_options(populate_existing=True)).one_or_none()
    if begun is None:
        raise NotFound
    return begun


def newest(db: Session, actor: Actor, *, before: UUID | None = None) -> Sequence[CustomerImport]:
    """Imports, newest first, one more than a page shows; `before` is the last one of the page before."""
    actor.require(Action.EDIT_CUSTOMERS)
    wanted = select(CustomerImport).where(CustomerImport.partner_id == actor.partner_id)
    if before is not None:
        wanted = wanted.where(col(CustomerImport.id) < before)  # ids rise with time
    return db.exec(wanted.order_by(col(CustomerImport.id).desc()).limit(SHOWN + 1)).all()


def report(
    db: Session, actor: Actor, *, import_id: UUID, outcome: RowOutcome | None = None, after: int = 0,
    most: int = SHOWN + 1,
) -> Sequence[CustomerImportRow]:  # fmt: skip
    """Rows that were judged, from the one after `after` on, in the file's order. Refuses as `find`."""
    begun = find(db, actor, import_id=import_id)
    judged = col(CustomerImportRow.outcome)
    fits = judged == outcome if outcome else judged.is_not(None)
    wanted = select(CustomerImportRow).where(*_of(begun), fits, col(CustomerImportRow.position) > after)
    return db.exec(wanted.order_by(col(CustomerImportRow.position)).limit(most)).all()


def sample(db: Session, actor: Actor, *, import_id: UUID) -> Sequence[CustomerImportRow]:
    """The first rows of the file as they were read, for whoever names the columns."""
    begun = find(db, actor, import_id=import_id)
    wanted = select(CustomerImportRow).where(*_of(begun))
    return db.exec(wanted.order_by(col(CustomerImportRow.position)).limit(3)).all()


def clear_old(db: Session, actor: Actor, *, now: datetime) -> int:
    """Delete the rows of imports older than 30 days; those never confirmed are canceled. How many."""
    wanted = select(CustomerImport).where(
        CustomerImport.partner_id == actor.partner_id,
        col(CustomerImport.created_at) < now - KEPT_FOR,
        col(CustomerImport.cleared_at).is_(None),
        col(CustomerImport.state) != ImportState.RUNNING,
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


def begin_stage(begun: CustomerImport, state: ImportState) -> None:
    """The import at the beginning of a stage, nothing of it done."""
    import_files.begin_stage(begun, state)
    begun.users_added = begun.invites_held = 0


def _require(actor: Actor, fields: Iterable[str]) -> None:
    actor.require(Action.EDIT_CUSTOMERS)
    if any(field in USER_FIELDS for field in fields):
        actor.require(Action.MANAGE_USERS)


def _drop(db: Session, begun: CustomerImport, state: ImportState, now: datetime) -> None:
    db.execute(delete(CustomerImportRow).where(*_of(begun)))
    begun.state, begun.cleared_at = state, now
    begun.finished_at = begun.finished_at or now
    db.flush()


def _of(begun: CustomerImport) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    mine = col(CustomerImportRow.partner_id) == begun.partner_id
    return mine, col(CustomerImportRow.import_id) == begun.id


def _record(db: Session, actor: Actor, begun: CustomerImport, action: str, now: datetime) -> None:
    audit.record(
        db, actor, action=action, subject_kind="customer_import", subject_id=begun.id, now=now,
        file=begun.file_name, rows=begun.total,
    )  # fmt: skip
