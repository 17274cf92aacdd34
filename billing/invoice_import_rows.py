"""The invoices of an import, a batch at a time (`import_batches`), by the rules of page and API.

Surprise: a batch ends where an invoice ends, so the rows of one are always read together.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row as Record
from sqlalchemy import Uuid, any_, literal, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Session, col, select

from auth.actors import Action, Actor
from auth.companies import require_active
from billing import invoice_rows, invoices
from billing.customers import Customer
from billing.import_batches import Batches
from billing.import_files import BATCH, Judged, problems_of, told
from billing.import_files import keep as _keep
from billing.import_tables import RowOutcome
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
from billing.invoice_imports import INVOICES
from billing.invoice_refusals import external_id_taken
from billing.invoices import InvoiceStatus
from db.columns import new_id
from errors import Conflict, Invalid, Problem, Refusal
from languages import say

_NEXT = text("""
    select position, outcome, invoice_id, mark, head,
           case when outcome is distinct from 'CREATED' then problems end as problems, -- CREATED has none
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
    """What becomes of the rows of one invoice; a problem's path is (position, field).

    `news`: whether they say something else than before; those that were refused stay as they are.
    """

    positions: Sequence[int]
    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    invoice_id: UUID | None = None
    mark: str | None = None
    reading: Reading | None = None
    news: bool = True


def _judge(db: Session, begun: InvoiceImport, after: int, now: datetime) -> Judged | None:
    """The batch behind `after`, checked; None if there is none."""
    staged = db.execute(_UNJUDGED, _place(begun, after)).all()
    # A check writes all it read: the columns may be other ones than at the check before.
    return _told_of(begun, after, _check(db, begun, after, staged, now), {}) if staged else None


def _write(db: Session, begun: InvoiceImport, judged: Judged) -> None:
    _keep(db, begun, _JUDGED, judged)


def _run_next(db: Session, actor: Actor, begun: InvoiceImport, now: datetime) -> bool:
    after = begun.reached
    staged = db.execute(_NEXT, _place(begun, after)).all()
    if not staged:
        return False
    before = {one.position: one for one in staged}
    _keep(db, begun, _DONE, _told_of(begun, after, _run(db, actor, begun, staged, now), before))
    return True


def _place(begun: InvoiceImport, after: int) -> dict[str, Any]:
    return {"partner_id": begun.partner_id, "import_id": begun.id, "reached": after, "most": BATCH}


def _whole(those: Sequence[Sequence[Any]], staged: Sequence[Record[Any]]) -> Sequence[Sequence[Any]]:
    """Without the last invoice, whose rows may go on behind a full batch; one that fills it all stays."""
    return those[:-1] if len(staged) == BATCH and len(those) > 1 else those


def _check(
    db: Session, begun: InvoiceImport, after: int, staged: Sequence[Record[Any]], now: datetime
) -> list[Verdict]:
    groups: list[Group] = groups_of(begun, staged)
    if len(staged) == BATCH and len(groups) > 1:
        groups.pop()
    longer = _goes_on(db, begun, after, groups[0])
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


def _goes_on(db: Session, begun: InvoiceImport, after: int, group: Group) -> bool:
    """Was the row before this batch the same invoice's? Then that is far longer than any may be."""
    cells = db.execute(_LAST, _place(begun, after)).scalar_one_or_none()
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
            verdicts[head.head] = Verdict(positions, RowOutcome.REFUSED, news=False)
        elif head.outcome != RowOutcome.CREATED:
            again.append(rows)
        elif head.mark in known or _moved(held, head):
            verdicts[head.head] = _refused(positions, head.mark, Conflict(_MOVED_MESSAGE))
        else:
            verdicts[head.head] = Verdict(positions, RowOutcome.CREATED, mark=head.mark, news=False)
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
        problems = told([Problem("REPEATED", ("row",), message)])
        changes.append({"mark": one.mark, "problems": problems})
    db.execute(_REFUSED, {**mine, "changes": orjson.dumps(changes).decode()})


def _told_of(
    begun: InvoiceImport, after: int, verdicts: Sequence[Verdict], before: Mapping[int, Record[Any]]
) -> Judged:
    """The verdicts as they are written: of rows that were there `before`, those that say something else."""
    changes = []
    counts: Counter[str] = Counter()
    for verdict in verdicts:
        counts[verdict.outcome.lower()] += 1
        counts["seen"] += len(verdict.positions)
        if verdict.news:
            changes += [change for change in _changes(verdict) if _is_news(before, change)]
    return Judged(begun.standing(after), verdicts[-1].positions[-1], counts, orjson.dumps(changes))


def _changes(verdict: Verdict) -> list[dict[str, Any]]:
    """What each row keeps. One without a problem of its own tells which other row has one."""
    where = {one.path[0] for one in verdict.problems}
    kept = []
    for position in verdict.positions:
        own = [
            Problem(one.code, one.path[1:], one.message)
            for one in verdict.problems if one.path[0] == position
        ]  # fmt: skip
        if verdict.problems and not own:
            other = say("Row {number} of this invoice is refused, and so is all of it.", number=min(where))
            own = [Problem("OTHER_ROW", ("row",), other)]
        kept.append(
            {
                "position": position, "outcome": verdict.outcome, "problems": told(own), "words": (),
                "invoice_id": verdict.invoice_id,
                "mark": verdict.mark, "head": verdict.positions[0],
            }
        )  # fmt: skip
    if verdict.reading is not None:
        kept[0] |= invoice_rows.staged(verdict.reading.customer, verdict.reading.draft)
    return kept


def _is_news(before: Mapping[int, Record[Any]], change: Mapping[str, Any]) -> bool:
    """Whether a row says something else now. A check writes all it read: `before` is empty then."""
    one = before.get(change["position"])
    return one is None or (one.outcome, one.problems or [], one.invoice_id) != (
        change["outcome"], change["problems"], change["invoice_id"],
    )  # fmt: skip


BATCHES = Batches(INVOICES, lambda begun: (Action.EDIT_INVOICES,), _judge, _write, _refuse_apart, _run_next)
step, look_ahead = BATCHES.step, BATCHES.look_ahead
