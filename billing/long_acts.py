"""Long acts: one thing done with more records than a request should wait for, a part after the other.

Surprise: each part is a transaction that also moves `reached` on, under the act's lock. So a worker killed
half way, or two at once, leave no part out and do none twice; and "Stop" waits for one part at most.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, text
from sqlmodel import Session, col, select

from auth import audit
from auth.actors import Action, Actor, ActorKind
from billing import tags
from billing.chosen import MOST_AT_ONCE, require_some
from billing.import_files import told
from billing.import_stages import asked_by
from billing.long_act_tables import ActState, LongAct, LongActPart
from billing.many import Many, Noun
from db.arrays import uuids
from db.columns import new_id
from db.session import defer
from errors import Conflict, NotFound, Problem, Refusal

JOB = "carry_on_act"
# As many refusals as a page shows.
MOST_TOLD = 50
_LOOKS = {Noun.CUSTOMERS: Action.VIEW_CUSTOMERS, Noun.INVOICES: Action.VIEW_INVOICES}
_PART = text("""
    insert into long_act_part (partner_id, act_id, position, record_ids)
    values (:partner_id, :act_id, :position, cast(:record_ids as uuid[]))
""")


def begin(db: Session, actor: Actor, asked: Many, *, record_ids: Iterable[UUID], now: datetime) -> LongAct:
    """Write down what is to be done with these records, and hand it to the worker.

    Refuses MissingRight, NotFound for a tag that the partner has not, and no tag or too many at ("tag_ids",).
    """
    actor.require(asked.needs)
    if actor.id is None or not actor.is_staff_side:
        raise NotFound  # nobody who could be looked up again when it runs
    if asked.is_tagging:
        require_some(tag_ids=asked.tag_ids)
        tags.hold(db, actor, asked.tag_ids)
    listed = sorted(set(record_ids))
    begun = LongAct(
        partner_id=actor.partner_id, id=new_id(), noun=asked.noun, what=asked.what, created_at=now,
        tag_ids=list(asked.tag_ids), archiving_id=asked.archiving_id, state=ActState.RUNNING,
        total=len(listed), asked_by=actor.id, asked_by_name=actor.name,
    )  # fmt: skip
    db.add(begun)
    db.flush()
    for position, start in enumerate(range(0, len(listed), MOST_AT_ONCE), start=1):
        part = uuids(listed[start : start + MOST_AT_ONCE])
        given = {"partner_id": begun.partner_id, "act_id": begun.id, "position": position}
        db.execute(_PART, {**given, "record_ids": part})
    _record(db, actor, begun, "begun", now)
    defer(db, JOB, partner_id=begun.partner_id, act_id=begun.id)
    return begun


def find(db: Session, actor: Actor, *, act_id: UUID) -> LongAct:
    """The partner's act of that id. Refuses NotFound, MissingRight to look at such records."""
    begun = _found(db, actor, act_id)
    actor.require(_LOOKS[begun.noun])
    return begun


def under_way(db: Session, actor: Actor, *, noun: Noun) -> Sequence[LongAct]:
    """The acts on such records that are not through, the first of them first. Refuses MissingRight."""
    if not actor.is_staff_side:
        raise NotFound
    actor.require(_LOOKS[noun])
    mine = (col(LongAct.partner_id) == actor.partner_id, col(LongAct.noun) == noun)
    running = col(LongAct.state) == ActState.RUNNING
    return db.exec(select(LongAct).where(*mine, running).order_by(col(LongAct.id)).limit(5)).all()


def stop(db: Session, actor: Actor, *, act_id: UUID, now: datetime) -> LongAct:
    """Let it be: what is done stays. One that is over stays as it is. Refuses NotFound, MissingRight."""
    begun = _found(db, actor, act_id, locked=True)
    actor.require(begun.asked.needs)
    if begun.state is ActState.RUNNING:
        _end(db, begun, ActState.STOPPED, now)
        _record(db, actor, begun, "stopped", now, seen=begun.seen)
    return begun


def step(db: Session, partner_id: UUID, *, act_id: UUID, now: datetime) -> bool:
    """Do the next part of it; False when there is nothing left to do.

    Whoever asked for it is looked up anew with each part: it ends when they may not do it any more (A-8).
    """
    begun = _found(db, Actor(ActorKind.SYSTEM, partner_id, name="Remit"), act_id, locked=True)
    if begun.state is not ActState.RUNNING:
        return False
    actor, asked = asked_by(db, begun, needed=(begun.asked.needs,), now=now), begun.asked
    if actor is None:
        return _end(db, begun, ActState.NOT_ALLOWED, now)
    try:
        if asked.is_tagging:
            tags.hold(db, actor, asked.tag_ids)
    except NotFound:
        return _end(db, begun, ActState.TAG_GONE, now)
    records = _records(db, begun, begun.reached + 1)
    if records is None:
        return _end(db, begun, ActState.DONE, now)
    _take(db, actor, begun, records, now)
    begun.reached += 1
    return True


def _take(db: Session, actor: Actor, begun: LongAct, records: Sequence[UUID], now: datetime) -> None:
    """Do it with all of them; where a rule refuses, with half of them and half again: only those are left out
    that it is about.
    """
    try:
        with db.begin_nested():
            changed = begun.asked.do(db, actor, records, now=now)
    except (Conflict, NotFound) as refusal:
        if len(records) == 1:
            _leave_out(begun, records[0], refusal)
            return
        half = len(records) // 2
        for part in (records[:half], records[half:]):
            _take(db, actor, begun, part, now)
    else:
        begun.changed += changed
        begun.unchanged += len(records) - changed


def _leave_out(begun: LongAct, record_id: UUID, refusal: Refusal) -> None:
    begun.refused += 1
    if len(begun.told) < MOST_TOLD:
        why = Problem(refusal.code, (str(record_id),), refusal.message)
        begun.told = [*begun.told, *told([why])]


def _records(db: Session, begun: LongAct, position: int) -> Sequence[UUID] | None:
    mine = (col(LongActPart.partner_id) == begun.partner_id, col(LongActPart.act_id) == begun.id)
    wanted = select(LongActPart.record_ids).where(*mine, col(LongActPart.position) == position)
    return db.exec(wanted).one_or_none()


def _end(db: Session, begun: LongAct, state: ActState, now: datetime) -> bool:
    mine = (col(LongActPart.partner_id) == begun.partner_id, col(LongActPart.act_id) == begun.id)
    db.execute(delete(LongActPart).where(*mine))
    begun.state, begun.finished_at = state, now
    return False


def _found(db: Session, actor: Actor, act_id: UUID, *, locked: bool = False) -> LongAct:
    mine = (col(LongAct.partner_id) == actor.partner_id, col(LongAct.id) == act_id)
    wanted = select(LongAct).where(*mine).execution_options(populate_existing=True)
    begun = db.exec(wanted.with_for_update() if locked else wanted).one_or_none()
    if begun is None or not actor.is_staff_side:
        raise NotFound
    return begun


def _record(db: Session, actor: Actor, begun: LongAct, what: str, now: datetime, **details: Any) -> None:
    audit.record(
        db, actor, action=f"long_act.{what}", subject_kind="long_act", subject_id=begun.id, now=now,
        act=begun.id, noun=begun.noun.value, what=begun.what.value, total=begun.total, **details,
    )  # fmt: skip
