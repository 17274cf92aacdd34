"""The rows of an import, a batch at a time: checked first, and later run, by the rules of page and API.

Surprise: each batch is a transaction that also moves `reached` on, under the import's lock. So a worker
killed half way, or two at once, leave nothing out and do nothing twice. What a new customer's row was read
as stands beside it from the check on: the run writes that down and reads nothing again.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import Row as Record
from sqlalchemy import TextClause, text
from sqlmodel import Session, col, select

from auth import api_keys, audit
from auth.actors import Action, Actor, ActorKind
from auth.companies import require_open
from auth.roles import Membership, MembershipStatus
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
from billing.customer_imports import FIELDS, locked
from billing.customers import Customer
from billing.fixed_currency import require_currency
from billing.import_files import BATCH, FIELD, given_in, problems_of, require_width, told
from billing.import_tables import ImportState, RowOutcome
from billing.texts import Checks
from db.columns import new_id
from errors import Conflict, Invalid, Problem, Refusal

_NEXT = text("""
    select position, outcome, customer_id, marks, problems,
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
    """What becomes of a row; `row` is what was read, where a customer is to be made of it."""

    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    customer_id: UUID | None = None
    row: Row | None = None
    marks: tuple[str, ...] = ()
    seated: Seated = Seated()


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
    staged = _next(db, begun)
    if not staged:
        _end(db, actor, begun, now)
        return False
    if begun.state is ImportState.CHECKING:
        _keep(db, begun, _JUDGED, staged, _check(db, begun, staged))
    else:
        _keep(db, begun, _DONE, staged, _run(db, actor, begun, staged, now))
    return True


def _asked_by(db: Session, begun: CustomerImport, now: datetime) -> Actor | None:
    """Whoever asked, as they are now; None if they may not any more."""
    wanted = select(Membership).where(
        Membership.partner_id == begun.partner_id, Membership.id == begun.asked_by,
        Membership.status == MembershipStatus.ACTIVE, col(Membership.customer_id).is_(None),
    )  # fmt: skip
    member = db.exec(wanted).one_or_none()
    if member is not None:
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
    needed = {Action.EDIT_CUSTOMERS, *([Action.MANAGE_USERS] if has_users(begun.fields) else ())}
    return actor if all(actor.may(action) for action in needed) else None


def _next(db: Session, begun: CustomerImport) -> Sequence[Record[Any]]:
    checking, users = begun.state is ImportState.CHECKING, has_users(begun.fields)
    asked = {
        "partner_id": begun.partner_id, "import_id": begun.id, "reached": begun.reached,
        "most": min(BATCH, USERS_BATCH) if users and not checking else BATCH, "whole": checking or users,
    }  # fmt: skip
    return db.execute(_NEXT, asked).all()


def _end(db: Session, actor: Actor, begun: CustomerImport, now: datetime) -> None:
    if begun.state is ImportState.CHECKING:
        refuse_repeats(db, begun)
        begun.state = ImportState.CHECKED
        return
    begun.state, begun.finished_at = ImportState.DONE, now
    audit.record(
        db, actor, action="customer_import.finished", subject_kind="customer_import", subject_id=begun.id,
        now=now, file=begun.file_name, created=begun.created, updated=begun.updated,
        unchanged=begun.unchanged, refused=begun.refused,
    )  # fmt: skip


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
        return Verdict(RowOutcome.CREATED, (), one.customer_id)
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
        before = tuple(Problem(each["code"], (each[FIELD],), each["message"]) for each in one.problems)
        return Verdict(RowOutcome.REFUSED, before, one.customer_id)
    customer = customer_of([mark for mark in one.marks if mark[0] != "c"], matches)
    if (customer.id if customer else None) != (
        None if one.outcome == RowOutcome.CREATED else one.customer_id
    ):
        raise Conflict(_MOVED_MESSAGE)
    if customer is None:
        return Verdict(RowOutcome.CREATED, (), one.customer_id)
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


def _keep(
    db: Session, begun: CustomerImport, statement: TextClause, staged: Sequence[Record[Any]],
    verdicts: Iterable[Verdict],
) -> None:  # fmt: skip
    """Write the verdicts down, and how far the stage has come."""
    changes, running = [], begun.state is ImportState.RUNNING
    counts: Counter[str] = Counter()
    for one, verdict in zip(staged, verdicts, strict=True):
        counts[verdict.outcome.lower()] += 1
        counts["users_added"] += verdict.seated.added
        counts["invites_held"] += verdict.seated.held
        problems = told(verdict.problems)
        same = (one.outcome, one.problems, one.customer_id) == (
            verdict.outcome, problems, verdict.customer_id,
        )  # fmt: skip
        # A check writes all it read: the columns may be other ones than at the check before.
        if same and running:
            continue
        changes.append(_change(one.position, verdict, problems))
    for name, more in counts.items():
        setattr(begun, name, getattr(begun, name) + more)
    begun.reached = staged[-1].position
    db.flush()
    if changes:
        mine = {"partner_id": begun.partner_id, "import_id": begun.id}
        db.execute(statement, {**mine, "changes": json.dumps(changes)})
    db.expire_all()


def _change(position: int, verdict: Verdict, problems: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    change = {
        "position": position, "outcome": verdict.outcome, "problems": problems, "marks": verdict.marks,
        "customer_id": str(verdict.customer_id) if verdict.customer_id else None, "words": (),
        "users": verdict.seated.added,
    }  # fmt: skip
    if verdict.row is not None:
        change |= customer_rows.staged(verdict.row.profile)
    return change
