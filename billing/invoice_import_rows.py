"""The invoices of an import, a batch at a time: checked first, and later made, by the rules of page and API.

Surprise: a batch ends where an invoice ends, so the rows of one are always read together. Each batch is a
transaction that also moves `reached` on, under the import's lock: a worker killed half way, or two at once,
leave nothing out and do nothing twice.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row as Record
from sqlalchemy import TextClause, Uuid, any_, literal, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from auth import api_keys, audit
from auth.actors import Action, Actor, ActorKind
from auth.companies import require_active
from auth.roles import Membership, MembershipStatus
from billing import invoice_rows, invoices
from billing.customers import Customer
from billing.import_files import BATCH, problems_of, told
from billing.import_tables import ImportState, RowOutcome
from billing.invoice_fields import MOST_LINES
from billing.invoice_import_reading import (
    Against,
    Group,
    Reading,
    against,
    groups_of,
    invoices_of,
    mark_in,
    read_group,
)
from billing.invoice_import_tables import InvoiceImport
from billing.invoice_imports import locked
from billing.invoice_refusals import external_id_taken
from billing.invoices import InvoiceStatus
from db.columns import new_id
from errors import Conflict, Invalid, Problem, Refusal
from languages import say

_NEXT = text("""
    select position, outcome, invoice_id, mark, head, problems,
           case when outcome is distinct from 'CREATED' then cells end as cells,
           (made->>'customer_id')::uuid as customer_id, (made->>'customer_version')::int as customer_version
    from invoice_import_row
    where partner_id = :partner_id and import_id = :import_id and position > :reached
    order by position limit :most
""")
_UNJUDGED = text("""
    select position, cells from invoice_import_row
    where partner_id = :partner_id and import_id = :import_id and position > :reached
    order by position limit :most
""")
_LAST = text("""
    select cells from invoice_import_row
    where partner_id = :partner_id and import_id = :import_id and position = :reached
""")
_JUDGED = text("""
    update invoice_import_row r
    set outcome = one.outcome, problems = one.problems, invoice_id = one.invoice_id, made = one.made,
        words = one.words, mark = one.mark, head = one.head
    from jsonb_to_recordset(cast(:changes as jsonb)) as one(
        position int, outcome text, problems jsonb, invoice_id uuid, made jsonb, words text[], mark text,
        head int)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")
_DONE = text("""
    update invoice_import_row r
    set outcome = one.outcome, problems = one.problems, invoice_id = one.invoice_id
    from jsonb_to_recordset(cast(:changes as jsonb))
        as one(position int, outcome text, problems jsonb, invoice_id uuid)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")
_APART = text("""
    select mark, min(head) as first, max(head) as second from invoice_import_row
    where partner_id = :partner_id and import_id = :import_id and mark is not null and position = head
    group by mark having count(*) > 1
""")
_HEADS = text("""
    select outcome, count(*) as many from invoice_import_row
    where partner_id = :partner_id and import_id = :import_id and position = head and mark = any(:marks)
    group by outcome
""")
_REFUSED = text("""
    update invoice_import_row r
    set outcome = 'REFUSED', invoice_id = null, made = null, words = '{}', problems = one.problems
    from jsonb_to_recordset(cast(:changes as jsonb)) as one(mark text, problems jsonb)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.mark = one.mark
""")
_MOVED_MESSAGE = "The invoices or customers changed since this file was checked. Import the file again."


class Verdict(NamedTuple):
    """What becomes of the rows of one invoice; a problem's path is (position, field)."""

    positions: Sequence[int]
    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    invoice_id: UUID | None = None
    mark: str | None = None
    reading: Reading | None = None


def step(db: Session, partner_id: UUID, *, import_id: UUID, now: datetime) -> bool:
    """Do the next batch of the import, whatever stage it is in; False when there is nothing left to do."""
    finder = Actor(ActorKind.SYSTEM, partner_id, name="Remit")
    begun = locked(db, finder, import_id=import_id)
    if begun.state not in (ImportState.CHECKING, ImportState.RUNNING):
        return False
    actor = _asked_by(db, begun, now)
    if actor is None:
        begun.state, begun.finished_at = ImportState.STOPPED, now
        return False
    checking = begun.state is ImportState.CHECKING
    asked = {"partner_id": begun.partner_id, "import_id": begun.id, "reached": begun.reached, "most": BATCH}
    staged = db.execute(_UNJUDGED if checking else _NEXT, asked).all()
    if not staged:
        _end(db, actor, begun, now)
    elif checking:
        _keep(db, begun, _JUDGED, _check(db, begun, staged, now), {})
    else:
        before = {one.position: one for one in staged}
        _keep(db, begun, _DONE, _run(db, actor, begun, staged, now), before)
    return bool(staged)


def _asked_by(db: Session, begun: InvoiceImport, now: datetime) -> Actor | None:
    """Whoever asked, as they are now; None if they may not any more."""
    wanted = select(Membership).where(
        Membership.partner_id == begun.partner_id, Membership.id == begun.asked_by,
        Membership.status == MembershipStatus.ACTIVE,
    )  # fmt: skip
    member = db.exec(wanted).one_or_none()
    if member is not None and member.customer_id is None:
        actor = Actor(
            ActorKind.STAFF, begun.partner_id, id=member.id, role=member.role, name=member.name,
            user_id=member.user_id,
        )  # fmt: skip
    else:
        key = api_keys.live(db, begun.partner_id, key_id=begun.asked_by, now=now)
        if key is None:
            return None
        actor = Actor(
            ActorKind.API_KEY, begun.partner_id, id=key.id, name=key.name, scopes=frozenset(key.scopes)
        )
    return actor if actor.may(Action.EDIT_INVOICES) else None


def _end(db: Session, actor: Actor, begun: InvoiceImport, now: datetime) -> None:
    if begun.state is ImportState.CHECKING:
        _refuse_apart(db, begun)
        begun.state = ImportState.CHECKED
        return
    begun.state, begun.finished_at = ImportState.DONE, now
    audit.record(
        db, actor, action="invoice_import.finished", subject_kind="invoice_import", subject_id=begun.id,
        now=now, file=begun.file_name, created=begun.created, updated=begun.updated,
        unchanged=begun.unchanged, refused=begun.refused,
    )  # fmt: skip


def _whole(those: Sequence[Sequence[Any]], staged: Sequence[Record[Any]]) -> Sequence[Sequence[Any]]:
    """Without the last invoice, whose rows may go on behind a full batch; one that fills it all stays."""
    return those[:-1] if len(staged) == BATCH and len(those) > 1 else those


def _check(db: Session, begun: InvoiceImport, staged: Sequence[Record[Any]], now: datetime) -> list[Verdict]:
    groups: list[Group] = groups_of(begun, staged)
    if len(staged) == BATCH and len(groups) > 1:
        groups.pop()
    longer = _goes_on(db, begun, groups[0])
    among = against(db, begun, groups, now)
    verdicts = []
    for group in groups:
        try:
            if len(group.positions) > MOST_LINES or (longer and group is groups[0]):
                raise _too_long(group)
            verdicts.append(_judged(among, group))
        except Refusal as refusal:
            verdicts.append(_refused(group.positions, group.mark, refusal))
    return verdicts


def _goes_on(db: Session, begun: InvoiceImport, group: Group) -> bool:
    """Was the row before this batch the same invoice's? Then that is far longer than any may be."""
    mine = {"partner_id": begun.partner_id, "import_id": begun.id, "reached": begun.reached}
    cells = db.execute(_LAST, mine).scalar_one_or_none()
    if cells is None or group.mark is None:
        return False
    return mark_in(cells, begun.fields.index("external_id")) == group.mark


def _too_long(group: Group) -> Invalid:
    message = say("Put at most {most_lines} lines on one invoice: make two of it.", most_lines=MOST_LINES)
    return Invalid([Problem("TOO_MANY", (group.head, "row"), message)])


def _judged(among: Against, group: Group) -> Verdict:
    """What would become of the invoice, by the same rules, writing nothing."""
    reading = read_group(among, group)
    if reading.stored is None:
        require_active(reading.customer.status)
        return Verdict(group.positions, RowOutcome.CREATED, (), new_id(), group.mark, reading)
    outcome = RowOutcome.UPDATED if reading.changed else RowOutcome.UNCHANGED
    if reading.changed:
        _require_draft(reading.stored)
        require_active(reading.customer.status)
    return Verdict(group.positions, outcome, (), reading.stored.id, group.mark)


def _require_draft(invoice: invoices.Invoice) -> None:
    if invoice.status is not InvoiceStatus.DRAFT:
        message = say(
            "This is invoice {number}, which is issued and can’t change. Leave its rows out, or void it and"
            " give the new one another number.",
            number=invoice.number,
        )
        raise Invalid.at("row", code="INVOICE_ISSUED", message=message)


def _run(
    db: Session, actor: Actor, begun: InvoiceImport, staged: Sequence[Record[Any]], now: datetime
) -> list[Verdict]:
    those = [list(rows) for _, rows in groupby(staged, lambda one: one.head)]
    those = [*_whole(those, staged)]  # type: ignore[list-item]
    known = invoices_of(db, begun.partner_id, (rows[0].mark for rows in those if rows[0].mark))
    wanted = {rows[0].customer_id for rows in those if rows[0].customer_id}
    held = _hold(db, begun.partner_id, wanted | {one.customer_id for one in known.values()})
    verdicts: dict[int, Verdict] = {}
    new, again = {}, []
    for rows in those:
        head, positions = rows[0], [one.position for one in rows]
        if head.outcome == RowOutcome.REFUSED:
            verdicts[head.head] = _as_before(rows)
        elif head.outcome != RowOutcome.CREATED:
            again.append(rows)
        elif head.mark in known or _moved(held, head):
            verdicts[head.head] = _refused(positions, head.mark, Conflict(_MOVED_MESSAGE))
        else:
            verdicts[head.head] = Verdict(positions, RowOutcome.CREATED, (), head.invoice_id, head.mark)
            new[head.head] = head.invoice_id
    for position in invoice_rows.create_staged(db, actor, import_id=begun.id, new=new, now=now):
        one = verdicts[position]
        verdicts[position] = _refused(one.positions, one.mark, external_id_taken())
    verdicts |= _change(db, actor, begun, again, now)
    return [verdicts[rows[0].head] for rows in those]


def _hold(db: Session, partner_id: UUID, customer_ids: set[UUID]) -> Mapping[UUID, Customer]:
    """These customers, held until the batch is done, in one order for all who hold several."""
    ids = any_(literal(list(customer_ids), ARRAY(Uuid)))
    wanted = select(Customer).where(Customer.partner_id == partner_id, col(Customer.id) == ids)
    wanted = wanted.order_by(col(Customer.id)).with_for_update(key_share=True)
    found = db.exec(wanted.execution_options(populate_existing=True)) if customer_ids else ()
    return {one.id: one for one in found}


def _moved(held: Mapping[UUID, Customer], head: Record[Any]) -> bool:
    customer = held.get(head.customer_id)
    return customer is None or customer.version != head.customer_version or customer.status != "ACTIVE"


def _as_before(rows: Sequence[Record[Any]]) -> Verdict:
    before = tuple(
        Problem(each["code"], (one.position, each["field"]), each["message"])
        for one in rows for each in one.problems
    )  # fmt: skip
    return Verdict([one.position for one in rows], RowOutcome.REFUSED, before, None, rows[0].mark)


def _change(
    db: Session, actor: Actor, begun: InvoiceImport, those: Sequence[Sequence[Record[Any]]], now: datetime
) -> dict[int, Verdict]:
    """The invoices that are there already, read anew and changed where they differ from the file."""
    if not those:
        return {}
    groups = [group for rows in those for group in groups_of(begun, rows)]
    among = against(db, begun, groups, now)
    verdicts = {}
    for group, rows in zip(groups, those, strict=True):
        try:
            reading = read_group(among, group)
            if reading.stored is None or reading.stored.id != rows[0].invoice_id:
                raise Conflict(_MOVED_MESSAGE)
            outcome = RowOutcome.UNCHANGED
            if reading.changed:
                _require_draft(reading.stored)
                outcome = RowOutcome.UPDATED
                with db.begin_nested():
                    invoices.update_draft(
                        db, actor, invoice_id=reading.stored.id, fields=reading.fields, now=now
                    )
            verdicts[group.head] = Verdict(
                group.positions, outcome, (), rows[0].invoice_id, group.mark
            )  # fmt: skip
        except Refusal as refusal:
            verdicts[group.head] = _refused(group.positions, group.mark, refusal)
    return verdicts


def _refused(positions: Sequence[int], mark: str | None, refusal: Refusal) -> Verdict:
    problems = tuple(
        one if isinstance(one.path[0], int) else Problem(one.code, (positions[0], *one.path), one.message)
        for one in problems_of(refusal)
    )
    return Verdict(positions, RowOutcome.REFUSED, problems, None, mark)


def _refuse_apart(db: Session, begun: InvoiceImport) -> None:
    """Refuse each invoice whose rows stand in several places: half of one would be made, and then changed."""
    mine = {"partner_id": begun.partner_id, "import_id": begun.id}
    apart = db.execute(_APART, mine).all()
    if not apart:
        return
    for outcome, many in db.execute(_HEADS, {**mine, "marks": [one.mark for one in apart]}).all():
        name = RowOutcome(outcome).lower()
        setattr(begun, name, getattr(begun, name) - many)
        begun.refused += many
    changes = []
    for one in apart:
        message = say(
            "Rows of this invoice stand in several places, at {first} and {second}. Put them together.",
            first=one.first, second=one.second,
        )  # fmt: skip
        problem = {"code": "REPEATED", "field": "row", "message": message}
        changes.append({"mark": one.mark, "problems": [problem]})
    db.execute(_REFUSED, {**mine, "changes": json.dumps(changes)})


def _keep(
    db: Session, begun: InvoiceImport, statement: TextClause, verdicts: Sequence[Verdict],
    before: Mapping[int, Record[Any]],
) -> None:  # fmt: skip
    """Write the verdicts down, and how far the stage has come."""
    changes = []
    for verdict in verdicts:
        name = verdict.outcome.lower()
        setattr(begun, name, getattr(begun, name) + 1)
        begun.seen += len(verdict.positions)
        begun.reached = verdict.positions[-1]
        changes += [change for change in _changes(verdict) if _is_news(before, change)]
    db.flush()
    if changes:
        mine = {"partner_id": begun.partner_id, "import_id": begun.id}
        db.execute(statement, {**mine, "changes": json.dumps(changes)})
    db.expire_all()


def _changes(verdict: Verdict) -> list[dict[str, Any]]:
    """What each row keeps. One without a problem of its own tells which other row has one."""
    where = {one.path[0] for one in verdict.problems}
    first = min(where, default=0)
    other = say("Row {number} of this invoice is refused, and so is all of it.", number=first)
    kept = []
    for position in verdict.positions:
        own = [
            Problem(one.code, one.path[1:], one.message)
            for one in verdict.problems if one.path[0] == position
        ]  # fmt: skip
        if verdict.problems and not own:
            own = [Problem("OTHER_ROW", ("row",), other)]
        kept.append(
            {
                "position": position, "outcome": verdict.outcome, "problems": told(own), "words": (),
                "invoice_id": str(verdict.invoice_id) if verdict.invoice_id else None,
                "mark": verdict.mark, "head": verdict.positions[0],
            }
        )  # fmt: skip
    if verdict.reading is not None:
        kept[0] |= invoice_rows.staged(verdict.reading.customer, verdict.reading.draft)
    return kept


def _is_news(before: Mapping[int, Record[Any]], change: Mapping[str, Any]) -> bool:
    """Whether a row says something else now. A check writes all it read: `before` is empty then."""
    one = before.get(change["position"])
    return one is None or (one.outcome, one.problems, str(one.invoice_id or "")) != (
        change["outcome"], change["problems"], change["invoice_id"] or "",
    )  # fmt: skip
