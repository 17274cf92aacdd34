"""Long acts: done in parts by the worker, whatever is killed, while whoever asked may; stopped, undone."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import Session, select

from auth.actors import Actor, MissingRight, system
from billing import customers, long_acts, tags
from billing.customer_fields import CustomerInput
from billing.import_files import message_of
from billing.long_act_tables import ActState, LongAct, LongActPart
from billing.many import Many, Noun, What
from billing.tags import TagInput
from db.session import Database
from errors import NotFound
from integrations import acting
from tests.billing.acting import ACME, Acts, at_once, invoice_of, problems_of
from tests.cast import Cast
from tests.world import nothing_changes

Work = Callable[[LongAct], LongAct]


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(long_acts, "MOST_AT_ONCE", 2)


@pytest.fixture
def work(acts: Acts, database: Database, now: datetime) -> Work:
    """The worker's part of it; how it stands then."""

    def run(begun: LongAct) -> LongAct:
        acting.carry_on(database, partner_id=begun.partner_id, act_id=begun.id, clock=lambda: now)
        found: LongAct = acts.read(system(begun.partner_id), select(LongAct).where(LongAct.id == begun.id))[0]
        return found

    return run


@pytest.fixture
def five(acts: Acts, cast: Cast) -> list[UUID]:
    """Customers, and not one of them has users."""
    fields = [CustomerInput(**{**ACME, "company": f"Co {n}", "tax_id": f"55-500000{n}"}) for n in range(5)]
    return [acts(cast.ada, customers.create, fields=one).customer.id for one in fields]


def tag_of(acts: Acts, who: Actor, name: str = "VIP") -> UUID:
    return acts(who, tags.create, fields=TagInput(name=name, colour="#1f6feb")).id


def tagging(tag_id: UUID) -> Many:
    return Many(Noun.CUSTOMERS, What.TAG, (tag_id,))


def counts(one: LongAct) -> tuple[ActState, int, int, int]:
    return one.state, one.changed, one.unchanged, one.refused


def tagged(owner: Connection) -> int:
    found: int = owner.scalar(text("select count(*) from audit_event where action = 'customer.tagged'"))
    return found


def test_it_is_done_in_parts_and_told_once(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection
) -> None:
    tag = tag_of(acts, cast.ada)
    acts(cast.ada, tags.tag_customers, tag_ids=[tag], customer_ids=five[:1])
    begun = acts(cast.clem, long_acts.begin, asked=tagging(tag), record_ids=[*five, five[0]])
    assert (begun.total, begun.seen, acts.count("long_act_part")) == (5, 0, 3)
    assert tagged(owner) == 1
    queued = text("select args from procrastinate_jobs where task_name = 'carry_on_act'")
    assert owner.scalars(queued).all() == [{"partner_id": str(cast.clem.partner_id), "act_id": str(begun.id)}]
    assert counts(work(begun)) == (ActState.DONE, 4, 1, 0)
    assert (acts.count("long_act_part"), acts.count("customer_tag")) == (0, 5)
    told = owner.execute(
        text("select actor_name, subject_id, details from audit_event where subject_kind = 'long_act'")
    ).all()
    assert told == [
        ("Clem", begun.id,
         {"act": str(begun.id), "noun": "CUSTOMERS", "what": "TAG", "total": 5})
    ]  # fmt: skip
    by = text("select distinct actor_id from audit_event where action = 'customer.tagged'")
    assert set(owner.scalars(by)) == {cast.ada.id, cast.clem.id}
    with nothing_changes(owner):
        work(begun)


@pytest.mark.parametrize("noun", Noun)
@pytest.mark.parametrize("what", What)
def test_each_of_them_is_done(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection, noun: Noun, what: What
) -> None:
    """With five, of which two are so already."""
    tag, archiving = tag_of(acts, cast.ada), uuid4()
    bills = [invoice_of(owner, cast, "acme", status="VOID") for _ in five]
    records = five if noun is Noun.CUSTOMERS else bills
    before = Many(noun, What.TAG, (tag,)), Many(noun, What.ARCHIVE, (), archiving)
    # What is put on, two have already; what is taken off, two have not.
    putting = what in (What.TAG, What.ARCHIVE)
    some = records[3:] if putting else records[:3]
    acts(cast.ada, before[what not in (What.TAG, What.UNTAG)].do, record_ids=some)
    another = uuid4() if what is What.ARCHIVE else archiving
    asked = asked_of(noun, what, tag, another)
    done = work(acts(cast.ada, long_acts.begin, asked=asked, record_ids=records))
    assert counts(done) == (ActState.DONE, 3, 2, 0)
    left = acts(cast.ada, done.asked.still_archived)
    assert len(left) == (3 if what is What.ARCHIVE else 0)


def asked_of(noun: Noun, what: What, tag: UUID, archiving: UUID) -> Many:
    if what in (What.TAG, What.UNTAG):
        return Many(noun, what, (tag,))
    return Many(noun, what, archiving_id=archiving if what in (What.ARCHIVE, What.UNDO) else None)


def test_a_worker_killed_half_way_goes_on_where_it_stopped(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = acts(cast.ada, long_acts.begin, asked=tagging(tag_of(acts, cast.ada)), record_ids=five)

    class Killed(BaseException):
        """What a kill looks like from inside."""

    parts = iter([False, True])
    real = long_acts._take

    def killed(*given: Any) -> None:
        real(*given)
        if next(parts):
            raise Killed

    monkeypatch.setattr(long_acts, "_take", killed)
    with pytest.raises(Killed):
        work(begun)
    assert (acts.count("customer_tag"), tagged(owner)) == (2, 2)
    monkeypatch.setattr(long_acts, "_take", real)
    assert counts(work(begun)) == (ActState.DONE, 5, 0, 0)
    assert (acts.count("customer_tag"), tagged(owner)) == (5, 5)


def test_two_workers_at_once_do_it_once(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection
) -> None:
    asked = Many(Noun.CUSTOMERS, What.ARCHIVE, archiving_id=uuid4())
    begun = acts(cast.ada, long_acts.begin, asked=asked, record_ids=five)
    at_once(4, lambda _: work(begun))
    assert counts(work(begun)) == (ActState.DONE, 5, 0, 0)
    archived = text("select count(*), count(distinct subject_id) from audit_event"
                    " where action = 'customer.archived'")  # fmt: skip
    assert owner.execute(archived).one() == (5, 5)


@pytest.mark.parametrize(
    ("change", "parts"),
    [("role = 'READ_ONLY'", 0), ("role = 'READ_ONLY'", 1), ("status = 'DISABLED'", 1)],
)
def test_whoever_lost_the_right_has_nothing_more_done(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection, database: Database,
    now: datetime, change: str, parts: int,
) -> None:  # fmt: skip
    begun = acts(cast.clem, long_acts.begin, asked=tagging(tag_of(acts, cast.ada)), record_ids=five)
    for _ in range(parts):
        with database.transaction(partner_id=begun.partner_id) as db:
            assert long_acts.step(db, begun.partner_id, act_id=begun.id, now=now)
    owner.execute(text(f"update membership set {change} where id = :id"), {"id": cast.clem.id})
    owner.commit()
    stopped = work(begun)
    assert counts(stopped) == (ActState.NOT_ALLOWED, 2 * parts, 0, 0)
    assert stopped.finished_at == now
    assert (acts.count("customer_tag"), acts.count("long_act_part")) == (2 * parts, 0)


def test_stopped_it_keeps_what_was_done(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection, database: Database, now: datetime
) -> None:
    begun = acts(cast.ada, long_acts.begin, asked=tagging(tag_of(acts, cast.ada)), record_ids=five)
    with database.transaction(partner_id=begun.partner_id) as db:
        assert long_acts.step(db, begun.partner_id, act_id=begun.id, now=now)
    with nothing_changes(owner):
        for who, refusal in ((cast.rita, MissingRight), (cast.mallory, NotFound), (cast.carl, NotFound)):
            with pytest.raises(refusal):
                acts(who, long_acts.stop, act_id=begun.id)
    assert [one.id for one in acts(cast.rita, long_acts.under_way, noun=Noun.CUSTOMERS)] == [begun.id]
    assert acts(cast.rita, long_acts.under_way, noun=Noun.INVOICES) == []
    assert acts(cast.mallory, long_acts.under_way, noun=Noun.CUSTOMERS) == []
    acts(cast.clem, long_acts.stop, act_id=begun.id)
    with nothing_changes(owner):
        acts(cast.ada, long_acts.stop, act_id=begun.id)
    assert counts(work(begun)) == (ActState.STOPPED, 2, 0, 0)
    assert acts.count("customer_tag") == 2
    assert acts(cast.rita, long_acts.under_way, noun=Noun.CUSTOMERS) == []
    said = text("select actor_name, details->'seen' from audit_event where action = 'long_act.stopped'")
    assert owner.execute(said).all() == [("Clem", 2)]


def test_only_those_that_a_rule_refuses_are_left_out(
    acts: Acts, work: Work, cast: Cast, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(long_acts, "MOST_AT_ONCE", 5)
    monkeypatch.setattr(long_acts, "MOST_TOLD", 2)
    bills = [invoice_of(owner, cast, "acme", status="VOID") for _ in range(6)]
    owed = [invoice_of(owner, cast, "acme") for _ in range(2)]
    gone = uuid4()
    asked = Many(Noun.INVOICES, What.ARCHIVE, archiving_id=uuid4())
    done = work(acts(cast.ada, long_acts.begin, asked=asked, record_ids=[*bills, *owed, gone]))
    assert counts(done) == (ActState.DONE, 6, 0, 3)
    assert len(done.told) == 2
    left = {one["field"]: (one["code"], message_of(one)) for one in done.told}
    assert left.keys() < {*map(str, owed), str(gone)}
    assert "INVOICE_NOT_ENDED" in {code for code, _ in left.values()}
    assert all(said for _, said in left.values())


def test_a_tag_that_is_deleted_meanwhile_ends_it(
    acts: Acts, work: Work, cast: Cast, five: list[UUID]
) -> None:
    tag = tag_of(acts, cast.ada)
    begun = acts(cast.ada, long_acts.begin, asked=tagging(tag), record_ids=five)
    acts(cast.ada, tags.delete, tag_id=tag)
    assert counts(work(begun)) == (ActState.TAG_GONE, 0, 0, 0)


def test_undo_takes_back_what_is_still_as_it_was_left(
    acts: Acts, work: Work, cast: Cast, five: list[UUID], owner: Connection
) -> None:
    acts(cast.ada, customers.archive, customer_id=five[0])
    asked = Many(Noun.CUSTOMERS, What.ARCHIVE, archiving_id=uuid4())
    assert counts(work(acts(cast.ada, long_acts.begin, asked=asked, record_ids=five)))[1:3] == (4, 1)
    acts(cast.ada, customers.restore, customer_id=five[1])
    left = acts(cast.ada, asked.still_archived)
    assert sorted(left) == sorted(five[2:])
    assert len(acts(cast.ada, asked.still_archived, most=1)) == 1
    undo = acts(cast.ada, long_acts.begin, asked=asked._replace(what=What.UNDO), record_ids=left)
    # Restored, and archived anew by somebody else: that is not this act's any more.
    acts(cast.clem, customers.restore, customer_id=five[2])
    acts(cast.clem, customers.archive, customer_id=five[2])
    assert counts(work(undo)) == (ActState.DONE, 2, 1, 0)
    still = text("select id from customer where archived_at is not null order by id")
    assert list(owner.scalars(still)) == sorted([five[0], five[2]])
    with pytest.raises(MissingRight):
        acts(cast.rita, asked.still_archived)


def test_what_may_not_be_asked_for_is_not_written_down(
    acts: Acts, cast: Cast, five: list[UUID], owner: Connection
) -> None:
    tag, other, carls = (tag_of(acts, who) for who in (cast.ada, cast.mallory, cast.carl))
    refused: Sequence[tuple[Actor, Many, type[Exception]]] = (
        (cast.rita, tagging(tag), MissingRight),
        (cast.carl, Many(Noun.INVOICES, What.TAG, (carls,)), NotFound),
        (cast.ada, tagging(other), NotFound),
        (cast.ada, tagging(carls), NotFound),
        (cast.rita, Many(Noun.INVOICES, What.RESTORE), MissingRight),
        (system(cast.ada.partner_id), tagging(tag), NotFound),
    )
    with nothing_changes(owner):
        for who, asked, refusal in refused:
            with pytest.raises(refusal):
                acts(who, long_acts.begin, asked=asked, record_ids=five)
        nothing = Many(Noun.CUSTOMERS, What.TAG)
        assert problems_of(lambda: acts(cast.ada, long_acts.begin, asked=nothing, record_ids=five)) == [
            ("REQUIRED", ("tag_ids",))
        ]


def test_only_the_partners_staff_see_it(acts: Acts, cast: Cast, five: list[UUID]) -> None:
    begun = acts(cast.ada, long_acts.begin, asked=tagging(tag_of(acts, cast.ada)), record_ids=five)
    assert acts(cast.rita, long_acts.find, act_id=begun.id).id == begun.id
    for who in (cast.mallory, cast.carl):
        with pytest.raises(NotFound):
            acts(who, long_acts.find, act_id=begun.id)

    def seen(db: Session, who: Actor) -> int:
        return len(db.exec(select(LongAct.id)).all()) + len(db.exec(select(LongActPart.act_id)).all())

    assert [acts(who, seen) for who in (cast.rita, cast.mallory, cast.carl)] == [4, 0, 0]


def test_a_stranger_carries_nothing_on(
    acts: Acts, cast: Cast, five: list[UUID], unguarded: Database, owner: Connection, now: datetime
) -> None:
    begun = acts(cast.ada, long_acts.begin, asked=tagging(tag_of(acts, cast.ada)), record_ids=five)
    contoso = cast.partners["contoso"]
    with nothing_changes(owner), pytest.raises(NotFound), unguarded.transaction(partner_id=contoso) as db:
        long_acts.step(db, contoso, act_id=begun.id, now=now)
