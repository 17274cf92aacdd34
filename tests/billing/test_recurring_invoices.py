"""Recurring invoices: what may be ordered, which days follow, and what the round makes when one has come."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from auth.actors import MissingRight
from auth.companies import CustomerClosed
from billing import customers, invoice_life, invoices, recurring_invoices, tags
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.invoice_refusals import Repeated
from billing.invoices import Invoice
from billing.recurrences import RecurringInvoice
from billing.recurring_fields import RecurringInput
from billing.recurring_invoices import AlreadyRepeated, Ended
from db.session import Database
from errors import Conflict, NotFound
from integrations import rounds
from tests.billing.acting import Acts, problems_of
from tests.cast import Cast
from tests.world import nothing_changes, world

NEW_YORK = ZoneInfo("America/New_York")
MINUTE = timedelta(minutes=1)
MONTHLY = RecurringInput(frequency="MONTHLY")
EVERY_WEEK = RecurringInput(frequency="EVERY_N_DAYS", every_days="7", auto_send=True)


def nine(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 9, tzinfo=NEW_YORK).astimezone(UTC)


def bill(acts: Acts, cast: Cast, customer: str = "acme", **more: Any) -> Invoice:
    """A draft with two taxes, a PO number and a memo."""
    taxes = [TaxInput(name="GST", rate="5"), TaxInput(name="QST", rate="9.975")]
    lines = [LineInput(description="Hosting", quantity="1.5", unit_price="33.35", taxes=taxes)]
    fields = InvoiceInput(lines=lines, po_number="PO-7", memo="Thanks", internal_note="Theirs", **more)
    made: Invoice = acts(cast.ada, invoices.create_draft, customer_id=cast.customers[customer], fields=fields)
    return made


def ordered(acts: Acts, cast: Cast, invoice: Invoice, fields: RecurringInput = MONTHLY) -> RecurringInvoice:
    made: RecurringInvoice = acts(cast.ada, recurring_invoices.create, invoice_id=invoice.id, fields=fields)
    return made


def made_of(owner: Connection, order: RecurringInvoice) -> list[tuple[Any, ...]]:
    """Day, issue and due date, status and number of what was made, in the order of their days."""
    asked = text(
        "select recurs_on, issue_on, due_on, status, number from invoice where recurring_id = :id order by 1"
    )
    return [tuple(row) for row in owner.execute(asked, {"id": order.id})]


def state(owner: Connection, order: RecurringInvoice) -> tuple[Any, ...]:
    asked = text("select status, next_on, made_count, refusal from recurring_invoice where id = :id")
    return tuple(owner.execute(asked, {"id": order.id}).one())


@pytest.mark.parametrize(
    ("first", "fields", "days"),
    [
        # The last day of shorter months, and the 31st again where there is one; a leap day.
        ("2027-12-31", {"frequency": "MONTHLY"}, ["2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]),
        ("2026-01-30", {"frequency": "MONTHLY"}, ["2026-03-30", "2026-04-30", "2026-05-30", "2026-06-30"]),
        ("2025-11-30", {"frequency": "QUARTERLY"}, ["2026-05-30", "2026-08-30", "2026-11-30", "2027-02-28"]),
        ("2024-02-29", {"frequency": "YEARLY"}, ["2027-02-28", "2028-02-29", "2029-02-28", "2030-02-28"]),
        (
            "2026-03-01", {"frequency": "EVERY_N_DAYS", "every_days": 14},
            ["2026-03-15", "2026-03-29", "2026-04-12", "2026-04-26"],
        ),
    ],
)  # fmt: skip
def test_the_days_follow_from_the_invoices_own(
    acts: Acts, cast: Cast, first: str, fields: dict[str, Any], days: list[str]
) -> None:
    invoice = bill(acts, cast, issue_on=first, due_on="2030-12-31")
    asked = RecurringInput(**fields)
    seen = acts(cast.ada, recurring_invoices.preview, invoice_id=invoice.id, fields=asked)
    assert [turn.on.isoformat() for turn in seen[:4]] == days
    assert ordered(acts, cast, invoice, asked).next_on == seen[0].on


def test_a_turn_makes_a_draft_like_the_invoice_at_nine_once(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice = bill(acts, cast, issue_on="2026-03-05", due_on="2026-03-25")
    tag = acts(cast.ada, tags.create, fields=tags.TagInput(name="Monthly", colour="#1f6feb"))
    acts(cast.ada, tags.tag_invoices, tag_ids=[tag.id], invoice_ids=[invoice.id])
    order = ordered(acts, cast, invoice)
    mails, before = acts.count("mail"), world(owner)
    assert rounds.make_recurring(database, now=nine(date(2026, 4, 5)) - MINUTE) == 0
    assert world(owner) == before
    assert rounds.make_recurring(database, now=nine(date(2026, 4, 5))) == 1
    day = date(2026, 4, 5)
    assert made_of(owner, order) == [(day, day, date(2026, 4, 25), "DRAFT", "")]
    assert state(owner, order) == ("ACTIVE", date(2026, 5, 5), 1, None)
    alike = text("""
      select count(distinct (i.total_minor, i.tax_minor, i.memo, i.po_number, i.internal_note)),
        count(distinct (l.description, l.quantity_e4, l.unit_price_minor, l.total_minor)),
        count(distinct l.id),
        (select count(*) from invoice_line_tax), (select count(*) from invoice_tag)
      from invoice i join invoice_line l on l.invoice_id = i.id
    """)
    assert tuple(owner.execute(alike).one()) == (1, 1, 2, 4, 2)
    assert acts.count("mail") == mails
    after = world(owner)
    for later in (timedelta(0), MINUTE, timedelta(days=29)):
        assert rounds.make_recurring(database, now=nine(day) + later) == 0
    assert world(owner) == after


def test_one_that_sends_numbers_and_mails_it(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20"), EVERY_WEEK)
    day = date(2026, 3, 27)
    assert rounds.make_recurring(database, now=nine(day)) == 1
    assert [row[3:] for row in made_of(owner, order)] == [("OPEN", "NO-00001")]
    assert acts.count("mail") == 2  # Carl and Petra
    kept = owner.scalar(text("select details from audit_event where action = 'recurring_invoice.kept'"))
    assert (kept["by"], kept["by_id"]) == ("Ada", str(cast.ada.id))


def test_missed_turns_are_made_up_for_each_once_and_never_due_before_today(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20", due_on="2026-03-22"), EVERY_WEEK)
    late = nine(date(2026, 4, 11))
    assert rounds.make_recurring(database, now=late) == 3
    assert made_of(owner, order) == [
        (date(2026, 3, 27), date(2026, 3, 27), date(2026, 4, 11), "OPEN", "NO-00001"),
        (date(2026, 4, 3), date(2026, 4, 3), date(2026, 4, 11), "OPEN", "NO-00002"),
        (date(2026, 4, 10), date(2026, 4, 10), date(2026, 4, 12), "OPEN", "NO-00003"),
    ]
    assert rounds.make_recurring(database, now=late) == 0
    assert state(owner, order) == ("ACTIVE", date(2026, 4, 17), 3, None)


@pytest.mark.parametrize(
    ("until", "count"),
    [({"max_count": "2"}, 2), ({"ends_on": "2026-04-03"}, 2), ({"ends_on": "2026-04-02"}, 1), ({}, 5)],
)
def test_it_ends_by_day_or_by_count(
    database: Database, acts: Acts, cast: Cast, owner: Connection, until: dict[str, Any], count: int
) -> None:
    fields = RecurringInput(frequency="EVERY_N_DAYS", every_days=7, **until)
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20", due_on="2026-03-22"), fields)
    assert rounds.make_recurring(database, now=nine(date(2026, 4, 24))) == count
    status, next_on, made, _ = state(owner, order)
    assert (status, made) == ("ENDED" if until else "ACTIVE", count)
    assert (next_on is None) == bool(until)


def test_a_pause_leaves_out_what_passes_and_a_skip_leaves_out_one(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20"), EVERY_WEEK)
    acts(cast.ada, recurring_invoices.pause, recurring_id=order.id)
    assert rounds.make_recurring(database, now=nine(date(2026, 4, 5))) == 0
    acts.now = nine(date(2026, 4, 5))
    assert acts(cast.ada, recurring_invoices.resume, recurring_id=order.id).next_on == date(2026, 4, 10)
    skipped = acts(cast.ada, recurring_invoices.skip, recurring_id=order.id, on=date(2026, 4, 10))
    assert skipped.next_on == date(2026, 4, 17)
    with nothing_changes(owner), pytest.raises(Conflict):
        acts(cast.ada, recurring_invoices.skip, recurring_id=order.id, on=date(2026, 4, 10))
    assert rounds.make_recurring(database, now=nine(date(2026, 4, 17))) == 1
    assert [row[0] for row in made_of(owner, order)] == [date(2026, 4, 17)]


def test_pausing_resuming_and_ending_twice_change_nothing(acts: Acts, cast: Cast, owner: Connection) -> None:
    order = ordered(acts, cast, bill(acts, cast))
    with nothing_changes(owner):
        acts(cast.ada, recurring_invoices.resume, recurring_id=order.id)
    acts(cast.ada, recurring_invoices.pause, recurring_id=order.id)
    with nothing_changes(owner):
        acts(cast.ada, recurring_invoices.pause, recurring_id=order.id)
    acts(cast.ada, recurring_invoices.end, recurring_id=order.id)
    assert state(owner, order)[:2] == ("ENDED", None)
    with nothing_changes(owner):
        acts(cast.ada, recurring_invoices.end, recurring_id=order.id)
        for rule in (recurring_invoices.pause, recurring_invoices.resume):
            with pytest.raises(Ended):
                acts(cast.ada, rule, recurring_id=order.id)
        with pytest.raises(Ended):
            acts(cast.ada, recurring_invoices.update, recurring_id=order.id, fields=MONTHLY)


@pytest.mark.parametrize("why", ["CUSTOMER_ARCHIVED", "NOBODY_TO_TELL"])
def test_a_refusal_is_told_and_made_up_for_when_it_is_resumed(
    database: Database, acts: Acts, cast: Cast, owner: Connection, why: str
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20"), EVERY_WEEK)
    if why == "CUSTOMER_ARCHIVED":
        acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    else:
        owner.execute(text("update membership set status = 'DISABLED' where role in ('MANAGER', 'PAYER')"))
    day = date(2026, 3, 27)
    assert rounds.make_recurring(database, now=nine(day)) == 0
    assert (state(owner, order), made_of(owner, order)) == (("ACTIVE", day, 0, why), [])
    assert owner.scalar(text("select next_invoice_number from partner where slug = 'northwind'")) == 1
    before = world(owner)
    assert rounds.make_recurring(database, now=nine(day) + timedelta(days=7)) == 0
    assert world(owner) == before
    if why == "CUSTOMER_ARCHIVED":
        acts(cast.ada, customers.restore, customer_id=cast.customers["acme"])
    else:
        owner.execute(text("update membership set status = 'ACTIVE' where status = 'DISABLED'"))
    acts(cast.ada, recurring_invoices.resume, recurring_id=order.id)
    assert rounds.make_recurring(database, now=nine(day) + timedelta(days=7)) == 2


def test_another_rhythm_is_counted_from_the_next_day(acts: Acts, cast: Cast, owner: Connection) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-02-28"), MONTHLY)
    assert order.next_on == date(2026, 3, 28)
    yearly = RecurringInput(frequency="YEARLY")
    changed = acts(cast.ada, recurring_invoices.update, recurring_id=order.id, fields=yearly, version=1)
    assert (changed.next_on, changed.starts_on, changed.step) == (date(2026, 3, 28), date(2026, 3, 28), 0)
    moved = RecurringInput(next_on="2026-08-31", frequency="MONTHLY", ends_on="2026-09-30")
    changed = acts(cast.ada, recurring_invoices.update, recurring_id=order.id, fields=moved)
    skipped = acts(cast.ada, recurring_invoices.skip, recurring_id=order.id, on=date(2026, 8, 31))
    assert skipped.next_on == date(2026, 9, 30)
    acts(cast.ada, recurring_invoices.update, recurring_id=order.id, fields=RecurringInput(ends_on=None))
    with nothing_changes(owner), pytest.raises(Conflict):
        acts(cast.ada, recurring_invoices.update, recurring_id=order.id, fields=MONTHLY, version=1)


def test_what_it_repeats_may_be_another_invoice_of_the_same_customer(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    first, second, other = bill(acts, cast), bill(acts, cast), bill(acts, cast, "globex")
    order = ordered(acts, cast, first, EVERY_WEEK)
    elsewhere = ordered(acts, cast, second)
    change = recurring_invoices.update
    with nothing_changes(owner):
        with pytest.raises(NotFound):
            acts(cast.ada, change, recurring_id=order.id, fields=RecurringInput(), invoice_id=other.id)
        with pytest.raises(AlreadyRepeated):
            acts(cast.ada, change, recurring_id=order.id, fields=RecurringInput(), invoice_id=second.id)
        with pytest.raises(AlreadyRepeated):
            ordered(acts, cast, first)
        for draft in (first, second):
            with pytest.raises(Repeated):
                acts(cast.ada, invoices.delete_draft, invoice_id=draft.id)
    acts(cast.ada, recurring_invoices.end, recurring_id=elsewhere.id)
    acts(cast.ada, change, recurring_id=order.id, fields=RecurringInput(), invoice_id=second.id)
    acts(cast.ada, invoices.delete_draft, invoice_id=first.id)
    dearer = InvoiceInput(lines=[LineInput(description="More", quantity="1", unit_price="1000.00")])
    acts(cast.ada, invoices.update_draft, invoice_id=second.id, fields=dearer)
    assert rounds.make_recurring(database, now=nine(order.next_on or date.max)) == 1
    assert owner.scalar(text("select total_minor from invoice where recurring_id is not null")) == 100_000


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({}, [("UNKNOWN_FREQUENCY", ("frequency",))]),
        ({"frequency": "HOURLY", "next_on": "soon"},
         [("UNKNOWN_FREQUENCY", ("frequency",)), ("BAD_DATE", ("next_on",))]),
        ({"frequency": "EVERY_N_DAYS"}, [("REQUIRED", ("every_days",))]),
        ({"frequency": "EVERY_N_DAYS", "every_days": "0"}, [("OUT_OF_RANGE", ("every_days",))]),
        ({"frequency": "EVERY_N_DAYS", "every_days": 367}, [("OUT_OF_RANGE", ("every_days",))]),
        ({"frequency": "MONTHLY", "every_days": 3}, [("UNKNOWN_FIELD", ("every_days",))]),
        ({"frequency": "MONTHLY", "next_on": "2026-01-01"}, [("IN_THE_PAST", ("next_on",))]),
        ({"frequency": "MONTHLY", "max_count": "many"}, [("OUT_OF_RANGE", ("max_count",))]),
        ({"frequency": "MONTHLY", "ends_on": "2026-03-16"}, [("ENDS_BEFORE_NEXT", ("ends_on",))]),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_at_its_field(
    acts: Acts, cast: Cast, owner: Connection, fields: dict[str, Any], wrong: list[Any]
) -> None:
    invoice = bill(acts, cast)
    with nothing_changes(owner):
        assert problems_of(lambda: ordered(acts, cast, invoice, RecurringInput(**fields))) == wrong


def test_less_than_what_is_made_is_no_limit(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20"), EVERY_WEEK)
    rounds.make_recurring(database, now=nine(date(2026, 4, 3)))
    with nothing_changes(owner):
        wrong = problems_of(
            lambda: acts(
                cast.ada, recurring_invoices.update, recurring_id=order.id, fields=RecurringInput(max_count=2)
            )
        )
    assert wrong == [("ENDS_BEFORE_NEXT", ("max_count",))]


def test_only_those_who_edit_invoices_and_only_of_open_customers(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice = bill(acts, cast)
    order = ordered(acts, cast, bill(acts, cast))
    with nothing_changes(owner):
        for actor in (cast.rita, cast.carl):
            with pytest.raises(MissingRight):
                acts(actor, recurring_invoices.create, invoice_id=invoice.id, fields=MONTHLY)
            for rule in (recurring_invoices.pause, recurring_invoices.resume, recurring_invoices.end):
                with pytest.raises(MissingRight):
                    acts(actor, rule, recurring_id=order.id)
    acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    with nothing_changes(owner), pytest.raises(CustomerClosed):
        ordered(acts, cast, invoice)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
def test_strangers_find_neither_order_nor_invoice(
    database: Database, unguarded: Database, acts: Acts, cast: Cast, owner: Connection, now: datetime,
    guarded: bool,
) -> None:  # fmt: skip
    invoice = bill(acts, cast)
    order = ordered(acts, cast, bill(acts, cast))
    theirs = Acts(database if guarded else unguarded, owner, now)
    with nothing_changes(owner):
        with pytest.raises(NotFound):
            theirs(cast.mallory, recurring_invoices.create, invoice_id=invoice.id, fields=MONTHLY)
        with pytest.raises(NotFound):
            theirs(cast.mallory, recurring_invoices.update, recurring_id=order.id, fields=MONTHLY)
        for rule in (recurring_invoices.pause, recurring_invoices.resume, recurring_invoices.end):
            with pytest.raises(NotFound):
                theirs(cast.mallory, rule, recurring_id=order.id)
        with pytest.raises(NotFound):
            theirs(cast.mallory, recurring_invoices.skip, recurring_id=order.id, on=date(2026, 4, 1))


def test_workers_side_by_side_make_each_turn_once(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    orders = [
        ordered(acts, cast, bill(acts, cast, customer, issue_on="2026-03-20"), EVERY_WEEK)
        for customer in ("acme", "globex", "acme")
    ]
    counts: list[int] = []
    ready = threading.Barrier(4)

    def work() -> None:
        ready.wait()
        counts.append(rounds.make_recurring(database, now=nine(date(2026, 4, 10))))

    workers = [threading.Thread(target=work) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert sum(counts) == 9
    assert [len(made_of(owner, order)) for order in orders] == [3, 3, 3]
    numbers = owner.scalars(text("select number from invoice where number <> '' order by 1"))
    assert list(numbers) == [f"NO-{number:05d}" for number in range(1, 10)]


def test_a_void_invoice_is_still_a_pattern(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice = bill(acts, cast, issue_on="2026-03-20")
    acts(cast.ada, invoice_life.finalize, invoice_id=invoice.id)
    order = ordered(acts, cast, invoice, EVERY_WEEK)
    acts(cast.ada, invoice_life.void, invoice_id=invoice.id)
    assert rounds.make_recurring(database, now=nine(date(2026, 3, 27))) == 1
    assert made_of(owner, order)[0][3:] == ("OPEN", "NO-00002")


def test_the_database_takes_no_second_invoice_for_one_day(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    order = ordered(acts, cast, bill(acts, cast, issue_on="2026-03-20"), EVERY_WEEK)
    rounds.make_recurring(database, now=nine(date(2026, 3, 27)))
    owner.execute(
        text("update recurring_invoice set next_on = '2026-03-27', step = 1 where id = :id"), {"id": order.id}
    )
    assert rounds.make_recurring(database, now=nine(date(2026, 3, 27))) == 0
    assert len(made_of(owner, order)) == 1
