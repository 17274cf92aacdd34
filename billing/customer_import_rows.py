"""The rows of an import of customers, a batch at a time (`import_batches`), by the rules of page and API.

Surprise: what a new customer's row was read as stands beside it from the check on: the run writes that down
and reads nothing again.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

import orjson
from sqlalchemy import Row as Record
from sqlalchemy import text
from sqlmodel import Session

from auth.actors import Action, Actor
from auth.companies import require_open
from billing import customer_rows, customers
from billing.customer_fields import read_profile
from billing.customer_import_reading import (
    Matches,
    Row,
    customer_of,
    matches_of,
    read_row,
)
from billing.customer_import_repeats import refuse_repeats
from billing.customer_import_tables import CustomerImport
from billing.customer_import_users import (
    Known,
    People,
    Seated,
    has_users,
    known_people,
    people_of,
    seat_people,
    users_in,
)
from billing.customer_imports import CUSTOMERS, FIELDS
from billing.customers import Customer
from billing.fixed_currency import require_currency
from billing.import_batches import Batches
from billing.import_files import BATCH, Judged, given_in, problems_of, require_width, told
from billing.import_files import keep as _keep
from billing.import_tables import RowOutcome, Told
from billing.texts import Checks
from db.columns import new_id
from errors import Conflict, Invalid, Problem, Refusal

_NEXT = text("""
    select position, outcome, customer_id, marks,
           case when outcome is distinct from 'CREATED' then problems end as problems, -- CREATED has none
           case when :whole or outcome is distinct from 'CREATED' then cells end as cells
    from customer_import_row
    where partner_id = :partner_id and import_id = :import_id and position > :reached
    order by position limit :most
""")
_JUDGED = text("""
    update customer_import_row r
    set outcome = one.outcome, problems = one.problems, customer_id = one.customer_id, made = one.made,
        words = one.words, marks = one.marks, users = one.users
    from jsonb_to_recordset(cast(:changes as jsonb)) as one(
        position int, outcome text, problems jsonb, customer_id uuid, made jsonb, words text[], marks text[],
        users int)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")
_DONE = text("""
    update customer_import_row r
    set outcome = one.outcome, problems = one.problems, customer_id = one.customer_id
    from jsonb_to_recordset(cast(:changes as jsonb))
        as one(position int, outcome text, problems jsonb, customer_id uuid)
    where r.partner_id = :partner_id and r.import_id = :import_id and r.position = one.position
""")
# Each user of a row is some ten statements, and invites wait for each other until the batch is done.
USERS_BATCH = 50
_MOVED_MESSAGE = "The customers changed since this file was checked. Import the file again."


class Verdict(NamedTuple):
    """What becomes of a row; `row` is what was read, where a customer is to be made of it.

    `news`: whether the row says something else than before; one that was refused stays as it is.
    """

    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    customer_id: UUID | None = None
    row: Row | None = None
    marks: tuple[str, ...] = ()
    seated: Seated = Seated()
    news: bool = True


_AS_CHECKED = Verdict(RowOutcome.CREATED, news=False)
_REFUSED_BEFORE = Verdict(RowOutcome.REFUSED, news=False)


def _needed(begun: CustomerImport) -> tuple[Action, ...]:
    users = (Action.MANAGE_USERS,) if has_users(begun.fields) else ()
    return (Action.EDIT_CUSTOMERS, *users)


def _judge(db: Session, begun: CustomerImport, after: int, now: datetime) -> Judged | None:
    """The batch behind `after`, checked; None if there is none."""
    staged = _next(db, begun, after, most=BATCH, whole=True)
    if not staged:
        return None
    # A check writes all it read: the columns may be other ones than at the check before.
    return _told_of(begun, after, staged, _check(db, begun, staged), {})


def _write(db: Session, begun: CustomerImport, judged: Judged) -> None:
    _keep(db, begun, _JUDGED, judged)


def _run_next(db: Session, actor: Actor, begun: CustomerImport, now: datetime) -> bool:
    users, after = has_users(begun.fields), begun.reached
    staged = _next(db, begun, after, most=min(BATCH, USERS_BATCH) if users else BATCH, whole=users)
    if not staged:
        return False
    before = {one.position: one for one in staged}
    _keep(db, begun, _DONE, _told_of(begun, after, staged, _run(db, actor, begun, staged, now), before))
    return True


def _next(db: Session, begun: CustomerImport, after: int, *, most: int, whole: bool) -> Sequence[Record[Any]]:
    asked = {"partner_id": begun.partner_id, "import_id": begun.id, "reached": after, "most": most}
    return db.execute(_NEXT, {**asked, "whole": whole}).all()


def _check(db: Session, begun: CustomerImport, staged: Sequence[Record[Any]]) -> list[Verdict]:
    rows = [read_row(begun, one.position, one.cells) for one in staged]
    matches = matches_of(db, begun.partner_id, (mark for row in rows for mark in row.marks))
    known = _known(db, begun, matches)
    verdicts = []
    for row in rows:
        try:
            verdicts.append(_judged(db, begun, row, matches, known))
        except Refusal as refusal:
            verdicts.append(_refused(refusal))
    return verdicts


def _known(db: Session, begun: CustomerImport, matches: Matches) -> Known:
    found = {customer.id for those in matches.values() for customer in those}
    return known_people(db, begun.partner_id, found) if found and has_users(begun.fields) else {}


def _judged(db: Session, begun: CustomerImport, row: Row, matches: Matches, known: Known) -> Verdict:
    """What would become of the row, by the same rules, writing nothing."""
    require_width(begun, row.cells)
    customer = customer_of(row.marks, matches)
    people = people_of(row.users, customer, known)
    seated = Seated(len(people.new))
    if customer is None:
        if row.problems or people.problems:
            raise Invalid([*row.problems, *people.problems])
        return Verdict(RowOutcome.CREATED, (), new_id(), row, row.marks, seated)
    marks = (*row.marks, f"c:{customer.id}")
    changed = _changed(customer, row)
    if people.problems:
        raise Invalid(people.problems)
    if not changed and not _asks(begun, people):
        return Verdict(RowOutcome.UNCHANGED, (), customer.id, None, marks)
    require_currency(db, customer.model_dump(), changed.get("currency", customer.currency))
    return Verdict(RowOutcome.UPDATED, (), customer.id, None, marks, seated)


def _asks(begun: CustomerImport, people: People) -> bool:
    """Is there anything to do about a row's users?"""
    return bool(people.new or (begun.send_invites and people.waiting))


def _run(
    db: Session, actor: Actor, begun: CustomerImport, staged: Sequence[Record[Any]], now: datetime
) -> list[Verdict]:
    going = [one for one in staged if one.outcome != RowOutcome.REFUSED]
    matches = matches_of(db, begun.partner_id, (mark for one in going for mark in one.marks))
    known = _known(db, begun, matches)
    verdicts = {}
    new: dict[int, UUID] = {}
    for one in staged:
        try:
            verdicts[one.position] = _done(db, actor, begun, one, matches, known, now)
        except Refusal as refusal:
            verdicts[one.position] = _refused(refusal)
        if verdicts[one.position].outcome is RowOutcome.CREATED:
            new[one.position] = one.customer_id
    taken = customer_rows.create_staged(db, actor, import_id=begun.id, new=new, now=now)
    for one in staged if has_users(begun.fields) else ():
        if one.position in new.keys() - taken:
            verdicts[one.position] = _peopled(db, actor, begun, one, now)
    for position in taken:
        verdicts[position] = _refused(customers.external_id_taken())
    return list(verdicts.values())


def _peopled(db: Session, actor: Actor, begun: CustomerImport, one: Record[Any], now: datetime) -> Verdict:
    """The new customer of a row with its users. Both were checked: what is refused now moved meanwhile."""
    people = people_of(users_in(given_in(begun.fields, one.cells, FIELDS)), None, {})
    if not people.new:
        return _AS_CHECKED
    try:
        with db.begin_nested():
            seated = seat_people(
                db, actor, customer_id=one.customer_id, people=people, invite=begun.send_invites, now=now
            )
    except Refusal as refusal:
        return Verdict(RowOutcome.CREATED, _refused(refusal).problems, one.customer_id)
    return Verdict(RowOutcome.CREATED, seated.notes, one.customer_id, seated=seated)


def _done(
    db: Session, actor: Actor, begun: CustomerImport, one: Record[Any], matches: Matches, known: Known,
    now: datetime,
) -> Verdict:  # fmt: skip
    """The row's customer changed; one that is to be made is only found to be still missing."""
    if one.outcome == RowOutcome.REFUSED:
        return _REFUSED_BEFORE
    customer = customer_of([mark for mark in one.marks if mark[0] != "c"], matches)
    if (customer.id if customer else None) != (
        None if one.outcome == RowOutcome.CREATED else one.customer_id
    ):
        raise Conflict(_MOVED_MESSAGE)
    if customer is None:
        return _AS_CHECKED
    row = read_row(begun, one.position, one.cells)
    people = people_of(row.users, customer, known)
    if not _changed(customer, row) and not _asks(begun, people):
        return Verdict(RowOutcome.UNCHANGED, (), customer.id)
    with db.begin_nested():
        customers.update(db, actor, customer_id=customer.id, fields=row.fields, now=now)
        seated = Seated()
        if _asks(begun, people):
            seated = seat_people(
                db, actor, customer_id=customer.id, people=people, invite=begun.send_invites, now=now
            )
    return Verdict(RowOutcome.UPDATED, seated.notes, customer.id, seated=seated)


def _changed(customer: Customer, row: Row) -> dict[str, Any]:
    require_open(customer.status)
    checks, before = Checks(), customer.model_dump()
    profile = read_profile(checks, row.fields, before)
    checks.done()
    return {name: value for name, value in profile.values.items() if value != before[name]}


def _refused(refusal: Refusal) -> Verdict:
    return Verdict(RowOutcome.REFUSED, problems_of(refusal))


def _told_of(
    begun: CustomerImport, after: int, staged: Sequence[Record[Any]], verdicts: Iterable[Verdict],
    before: Mapping[int, Record[Any]],
) -> Judged:  # fmt: skip
    """The verdicts as they are written: of rows that were there `before`, those that say something else."""
    changes = []
    counts: Counter[str] = Counter()
    for one, verdict in zip(staged, verdicts, strict=True):
        counts[verdict.outcome.lower()] += 1
        counts["users_added"] += verdict.seated.added
        counts["invites_held"] += verdict.seated.held
        if not verdict.news:
            continue
        problems = told(verdict.problems)
        was = before.get(one.position)
        now = (verdict.outcome, problems, verdict.customer_id)
        if was is None or (was.outcome, was.problems or [], was.customer_id) != now:
            changes.append(_change(one.position, verdict, problems))
    return Judged(begun.standing(after), staged[-1].position, counts, orjson.dumps(changes))


def _change(position: int, verdict: Verdict, problems: Sequence[Told]) -> dict[str, Any]:
    change = {
        "position": position, "outcome": verdict.outcome, "problems": problems, "marks": verdict.marks,
        "customer_id": verdict.customer_id, "words": (),
        "users": verdict.seated.added,
    }  # fmt: skip
    if verdict.row is not None:
        change |= customer_rows.staged(verdict.row.profile)
    return change


BATCHES = Batches(CUSTOMERS, _needed, _judge, _write, refuse_repeats, _run_next)
step, look_ahead = BATCHES.step, BATCHES.look_ahead
