"""The rows of an import, a batch at a time: checked first, and later run, by the rules of page and API.

Surprise: each batch is a transaction that also moves `reached` on, under the import's lock. So a worker
killed half way, or two at once, leave nothing out and do nothing twice.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session, col, select

from auth import audit
from auth.actors import Action, Actor, ActorKind
from auth.companies import require_open
from auth.roles import Membership, MembershipStatus
from billing import customer_rows, customers
from billing.addresses import Country
from billing.customer_fields import CustomerInput, Profile, key_of, read_profile
from billing.customer_import_tables import (
    CustomerImport,
    CustomerImportKey,
    CustomerImportRow,
    ImportState,
    RowOutcome,
)
from billing.customer_imports import BATCH, FIELDS, locked
from billing.customers import Customer
from billing.fixed_currency import require_currency
from billing.texts import Checks
from db.columns import new_id
from errors import Conflict, Invalid, Problem, Refusal
from languages import say

_JUDGED = text("""
    update customer_import_row r
    set outcome = one.outcome, problems = one.problems, customer_id = one.customer_id
    from jsonb_to_recordset(cast(:changes as jsonb))
        as one(position int, outcome text, problems jsonb, customer_id uuid)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")
_CLAIMED = text("""
    insert into customer_import_key (partner_id, import_id, mark, position)
    select :partner_id, :import_id, one.mark, one.position
    from unnest(cast(:marks as text[]), cast(:positions as int[])) as one(mark, position)
""")
_FIELD = "field"
_MOVED_MESSAGE = "The customers changed since this file was checked. Import the file again."


class _Row(NamedTuple):
    """A row on its way: what it says, that read as a new customer's, and the marks it is known by."""

    staged: CustomerImportRow
    fields: CustomerInput
    profile: Profile
    problems: tuple[Problem, ...]
    marks: tuple[str, ...]


class _Verdict(NamedTuple):
    """What becomes of a row."""

    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    customer_id: UUID | None = None


def step(db: Session, partner_id: UUID, *, import_id: UUID, now: datetime) -> bool:
    """Do the next batch of the import, whatever stage it is in; False when there is nothing left to do."""
    finder = Actor(ActorKind.SYSTEM, partner_id, name="Remit")
    begun = locked(db, finder, import_id=import_id)
    if begun.state not in (ImportState.CHECKING, ImportState.RUNNING):
        return False
    actor = _asked_by(db, begun)
    if actor is None:
        begun.state, begun.finished_at = ImportState.STOPPED, now
        return False
    staged = _next(db, begun)
    if not staged:
        _end(db, actor, begun, now)
        return False
    if begun.state is ImportState.CHECKING:
        verdicts = _check(db, actor, begun, staged)
    else:
        verdicts = _run(db, actor, begun, staged, now)
    _keep(db, begun, staged, verdicts)
    return True


def _asked_by(db: Session, begun: CustomerImport) -> Actor | None:
    """Whoever asked, as they are now; None if they may not any more."""
    wanted = select(Membership).where(
        Membership.partner_id == begun.partner_id, Membership.id == begun.asked_by,
        Membership.status == MembershipStatus.ACTIVE, col(Membership.customer_id).is_(None),
    )  # fmt: skip
    member = db.exec(wanted).one_or_none()
    if member is None:
        return None
    actor = Actor(
        ActorKind.STAFF, begun.partner_id, id=member.id, role=member.role, name=member.name,
        user_id=member.user_id,
    )  # fmt: skip
    return actor if actor.may(Action.EDIT_CUSTOMERS) else None


def _next(db: Session, begun: CustomerImport) -> Sequence[CustomerImportRow]:
    wanted = select(CustomerImportRow).where(
        CustomerImportRow.partner_id == begun.partner_id,
        CustomerImportRow.import_id == begun.id,
        CustomerImportRow.position > begun.reached,
    )
    return db.exec(wanted.order_by(col(CustomerImportRow.position)).limit(BATCH)).all()


def _end(db: Session, actor: Actor, begun: CustomerImport, now: datetime) -> None:
    if begun.state is ImportState.CHECKING:
        begun.state = ImportState.CHECKED
        return
    begun.state, begun.finished_at = ImportState.DONE, now
    audit.record(
        db, actor, action="customer_import.finished", subject_kind="customer_import", subject_id=begun.id,
        now=now, file=begun.file_name, created=begun.created, updated=begun.updated,
        unchanged=begun.unchanged, refused=begun.refused,
    )  # fmt: skip


def _check(
    db: Session, actor: Actor, begun: CustomerImport, staged: Sequence[CustomerImportRow]
) -> list[_Verdict]:
    rows = [_read(begun, one) for one in staged]
    matches = _matches(db, begun.partner_id, rows)
    verdicts = []
    for row in rows:
        try:
            verdicts.append(_judged(db, actor, begun, row, matches))
        except Refusal as refusal:
            verdicts.append(_refused(refusal))
    return _without_repeats(db, begun, rows, verdicts)


def _run(
    db: Session, actor: Actor, begun: CustomerImport, staged: Sequence[CustomerImportRow], now: datetime
) -> list[_Verdict]:
    rows = [_read(begun, one) for one in staged]
    matches = _matches(db, begun.partner_id, rows)
    verdicts: list[_Verdict] = []
    made: dict[UUID, Profile] = {}
    for row in rows:
        if row.staged.outcome is RowOutcome.REFUSED:
            verdicts.append(_Verdict(RowOutcome.REFUSED, _told(row.staged), row.staged.customer_id))
            continue
        try:
            verdicts.append(_done(db, actor, begun, row, matches, made, now))
        except Refusal as refusal:
            verdicts.append(_refused(refusal))
    taken = customer_rows.create_all(db, actor, profiles=made, now=now)
    return [_refused(customers.external_id_taken()) if one.customer_id in taken else one for one in verdicts]


def _done(
    db: Session, actor: Actor, begun: CustomerImport, row: _Row, matches: Mapping[str, list[Customer]],
    made: dict[UUID, Profile], now: datetime,
) -> _Verdict:  # fmt: skip
    """The row's customer changed, or put among those to be made."""
    expected = row.staged.customer_id
    customer = _one(row, matches)
    if (customer.id if customer else None) != (
        None if row.staged.outcome is RowOutcome.CREATED else expected
    ):
        raise Conflict(_MOVED_MESSAGE)
    if customer is None:
        assert expected is not None
        made[expected] = _new(row)
        return _Verdict(RowOutcome.CREATED, (), expected)
    changed = _changed(customer, row)
    if not changed:
        return _Verdict(RowOutcome.UNCHANGED, (), customer.id)
    with db.begin_nested():
        customers.update(db, actor, customer_id=customer.id, fields=row.fields, now=now)
    return _Verdict(RowOutcome.UPDATED, (), customer.id)


def _judged(
    db: Session, actor: Actor, begun: CustomerImport, row: _Row, matches: Mapping[str, list[Customer]]
) -> _Verdict:
    """What would become of the row, by the same rules, writing nothing."""
    if len(row.staged.cells) > len(begun.columns) and any(row.staged.cells[len(begun.columns) :]):
        message = "This row has more cells than there are columns. Check its separators and quotes."
        raise Invalid.at("row", code="TOO_MANY_CELLS", message=message)
    customer = _one(row, matches)
    if customer is None:
        _new(row)
        return _Verdict(RowOutcome.CREATED, (), new_id())
    changed = _changed(customer, row)
    if not changed:
        return _Verdict(RowOutcome.UNCHANGED, (), customer.id)
    require_currency(db, customer.model_dump(), changed.get("currency", customer.currency))
    return _Verdict(RowOutcome.UPDATED, (), customer.id)


def _new(row: _Row) -> Profile:
    if row.problems:
        raise Invalid(row.problems)
    return row.profile


def _changed(customer: Customer, row: _Row) -> dict[str, Any]:
    require_open(customer.status)
    checks, before = Checks(), customer.model_dump()
    profile = read_profile(checks, row.fields, before)
    checks.done()
    return {name: value for name, value in profile.values.items() if value != before[name]}


def _one(row: _Row, matches: Mapping[str, list[Customer]]) -> Customer | None:
    """The customer that the row is about: by external id, then tax id, then name and ZIP.

    Refuses more than one, and one found by the weaker marks whose external id or tax id is another.
    """
    for mark in row.marks:
        found = matches.get(mark, [])
        if len(found) > 1:
            message = say(
                "{count} customers fit this row ({mark}). Give its external id.",
                count=len(found),
                mark=_spoken(mark),
            )
            raise Invalid.at("row", code="SEVERAL_MATCHES", message=message)
        if found:
            _require_no_other(row, found[0], mark)
            return found[0]
    return None


def _require_no_other(row: _Row, customer: Customer, mark: str) -> None:
    known = {"x": customer.external_id, "t": customer.tax_id}
    for other in row.marks:
        has = known.get(other[0])
        stronger = row.marks.index(other) < row.marks.index(mark)
        if stronger and has is not None and other[2:] != has:
            message = say(
                "{company} fits this row ({mark}) and has another {other}. Check which of the two is right.",
                company=customer.company,
                mark=_spoken(mark),
                other=_spoken(other),
            )
            raise Invalid.at("row", code="OTHER_CUSTOMER", message=message)


def _spoken(found: str) -> str:
    named = {"x": say("external id"), "t": say("tax id"), "p": say("name and ZIP or postal code")}
    return named[found[0]]


def _read(begun: CustomerImport, staged: CustomerImportRow) -> _Row:
    """What the row gives: blank cells are not given, so they never overwrite anything."""
    given = {
        field: cell for field, cell in zip(begun.fields, staged.cells, strict=False)
        if field in FIELDS and cell.strip()
    }  # fmt: skip
    fields, checks = CustomerInput(**given), Checks()
    profile = read_profile(checks, fields)
    problems = tuple(checks.problems)
    return _Row(staged, fields, profile, problems, _marks(profile.values, problems))


def _marks(values: Mapping[str, Any], problems: Iterable[Problem]) -> tuple[str, ...]:
    """How the row's customer is known, strongest first; a field that is wrong is no mark."""
    wrong = {problem.path[0] for problem in problems}
    marks = []
    if values["external_id"]:
        marks.append(f"x:{values['external_id']}")
    if values["tax_id"] and "tax_id" not in wrong:
        marks.append(f"t:{values['tax_id']}")
    if not wrong & {"company", "postal_code", "country"}:
        marks.append(_place(values["company_key"], values["country"], values["postal_code"]))
    return tuple(marks)


def _place(company_key: str, country: Country, postal_code: str) -> str:
    # As for possible duplicates: a ZIP+4 is the same place as its ZIP.
    return f"p:{country}:{postal_code[:5] if country is Country.US else postal_code}:{company_key}"


def _matches(db: Session, partner_id: UUID, rows: Sequence[_Row]) -> Mapping[str, list[Customer]]:
    """The partner's customers by each mark of the rows, three look-ups for all of them."""
    asked: dict[str, set[str]] = defaultdict(set)
    for row in rows:
        for mark in row.marks:
            asked[mark[0]].add(mark[2:])
    names = {key_of(row.fields.company or "") for row in rows if any(mark[0] == "p" for mark in row.marks)}
    found: dict[str, dict[UUID, Customer]] = defaultdict(dict)
    for column, values in (
        (Customer.external_id, asked["x"]), (Customer.tax_id, asked["t"]), (Customer.company_key, names),
    ):  # fmt: skip
        if not values:
            continue
        wanted = select(Customer).where(Customer.partner_id == partner_id, col(column).in_(sorted(values)))
        for one in db.exec(wanted.execution_options(populate_existing=True)):
            for mark in (
                f"x:{one.external_id}", f"t:{one.tax_id}",
                _place(one.company_key, one.country, one.postal_code),
            ):  # fmt: skip
                found[mark][one.id] = one
    return {mark: list(those.values()) for mark, those in found.items()}


def _without_repeats(
    db: Session, begun: CustomerImport, rows: Sequence[_Row], verdicts: Sequence[_Verdict]
) -> list[_Verdict]:
    """The verdicts, those refused whose customer is also an earlier row's: the first row is the one."""
    claimed = {
        mark
        for row, verdict in zip(rows, verdicts, strict=True)
        if verdict.outcome is not RowOutcome.REFUSED
        for mark in _claims(row, verdict)
    }
    here = (CustomerImportKey.partner_id == begun.partner_id, CustomerImportKey.import_id == begun.id)
    earlier = dict(
        db.exec(
            select(CustomerImportKey.mark, CustomerImportKey.position).where(
                *here, col(CustomerImportKey.mark).in_(sorted(claimed))
            )
        ).all()
    ) if claimed else {}  # fmt: skip
    kept, fresh = [], {}
    for row, verdict in zip(rows, verdicts, strict=True):
        claims = _claims(row, verdict) if verdict.outcome is not RowOutcome.REFUSED else ()
        first = next((earlier[mark] for mark in claims if mark in earlier), None)
        if first is not None:
            message = say(
                "Row {first} of this file is about the same customer. Leave one of the two.", first=first
            )
            kept.append(_Verdict(RowOutcome.REFUSED, (Problem("REPEATED", ("row",), message),)))
            continue
        for mark in claims:
            earlier[mark] = fresh[mark] = row.staged.position
        kept.append(verdict)
    if fresh:
        mine = {"partner_id": begun.partner_id, "import_id": begun.id}
        db.execute(_CLAIMED, {**mine, "marks": list(fresh), "positions": list(fresh.values())})
    return kept


def _claims(row: _Row, verdict: _Verdict) -> tuple[str, ...]:
    return (*row.marks, f"c:{verdict.customer_id}")


def _refused(refusal: Refusal) -> _Verdict:
    if isinstance(refusal, Invalid):
        return _Verdict(RowOutcome.REFUSED, refusal.problems)
    return _Verdict(RowOutcome.REFUSED, (Problem(refusal.code, ("row",), refusal.message),))


def _told(staged: CustomerImportRow) -> tuple[Problem, ...]:
    return tuple(Problem(one["code"], (one[_FIELD],), one["message"]) for one in staged.problems)


def _keep(
    db: Session, begun: CustomerImport, staged: Sequence[CustomerImportRow], verdicts: Iterable[_Verdict]
) -> None:
    """Write the verdicts down, and how far the stage has come."""
    changes = []
    for row, verdict in zip(staged, verdicts, strict=True):
        name = verdict.outcome.value.lower()
        setattr(begun, name, getattr(begun, name) + 1)
        problems = [
            {"code": one.code, _FIELD: str(one.path[0]), "message": one.message} for one in verdict.problems
        ]
        if (row.outcome, row.problems, row.customer_id) == (verdict.outcome, problems, verdict.customer_id):
            continue
        changes.append(
            {"position": row.position, "outcome": verdict.outcome, "problems": problems,
             "customer_id": str(verdict.customer_id) if verdict.customer_id else None}
        )  # fmt: skip
    begun.reached = staged[-1].position
    db.flush()
    if changes:
        mine = {"partner_id": begun.partner_id, "import_id": begun.id}
        db.execute(_JUDGED, {**mine, "changes": json.dumps(changes)})
    db.expire_all()
