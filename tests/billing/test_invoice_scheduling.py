"""Sending a draft on a chosen day: what may be chosen, and what the round does when the day has come."""

import threading
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, text

from auth.actors import MissingRight
from auth.companies import CustomerClosed
from billing import customers, invoice_life, invoice_scheduling, invoices
from billing.invoice_fields import InvoiceInput, LineInput
from billing.invoice_refusals import NotADraft, SendRefusal, reason
from billing.invoices import Invoice, InvoiceStatus
from db.session import Database
from errors import NotFound
from integrations import rounds
from tests.billing.acting import Acts, problems_of
from tests.cast import Cast
from tests.world import world

NEW_YORK = ZoneInfo("America/New_York")
DAY = date(2026, 3, 20)
NINE = datetime(2026, 3, 20, 9, tzinfo=NEW_YORK).astimezone(UTC)
MINUTE = timedelta(minutes=1)


def draft(acts: Acts, cast: Cast, **more: Any) -> Invoice:
    lines = [LineInput(description="Work", quantity="1", unit_price="100.00")]
    fields = InvoiceInput(lines=lines, **more)
    return acts(cast.ada, invoices.create_draft, customer_id=cast.customers["acme"], fields=fields)


def planned(acts: Acts, cast: Cast, day: date = DAY, **more: Any) -> UUID:
    invoice_id = draft(acts, cast, **more).id
    acts(cast.ada, invoice_scheduling.schedule, invoice_id=invoice_id, send_on=day)
    return invoice_id


def of(owner: Connection, invoice_id: UUID) -> tuple[str, str, date | None, str | None]:
    asked = text("select status, number, send_on, send_refusal from invoice where id = :id")
    return tuple(owner.execute(asked, {"id": invoice_id}).one())  # type: ignore[return-value]


def log(owner: Connection) -> list[tuple[str, str]]:
    asked = "select action, actor_name from audit_event where subject_kind = 'invoice' order by at, id"
    return [(action, name) for action, name in owner.execute(text(asked))]


def test_it_is_sent_at_nine_of_its_day_once(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id = planned(acts, cast)
    before = world(owner)
    assert rounds.send_planned(database, now=NINE - MINUTE) == 0
    assert world(owner) == before
    assert rounds.send_planned(database, now=NINE) == 1
    assert of(owner, invoice_id) == ("OPEN", "NO-00001", None, None)
    assert acts.count("mail") == 2  # Carl and Petra
    assert log(owner)[-3:] == [
        ("invoice.schedule_kept", "Remit"), ("invoice.finalized", "Remit"), ("invoice.sent", "Remit"),
    ]  # fmt: skip
    kept = owner.scalar(text("select details from audit_event where action = 'invoice.schedule_kept'"))
    assert kept["by"] == "Ada"
    assert kept["by_id"] == str(cast.ada.id)
    after = world(owner)
    for later in (timedelta(0), MINUTE, timedelta(days=1)):
        assert rounds.send_planned(database, now=NINE + later) == 0
    assert world(owner) == after


def test_days_that_were_missed_are_made_up_for_once(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    made = [planned(acts, cast, DAY + timedelta(days=late)) for late in range(4)]
    assert rounds.send_planned(database, now=NINE + timedelta(days=2)) == 3
    assert [of(owner, id_)[0] for id_ in made] == ["OPEN", "OPEN", "OPEN", "DRAFT"]
    assert [of(owner, id_)[1] for id_ in made[:3]] == ["NO-00001", "NO-00002", "NO-00003"]
    assert rounds.send_planned(database, now=NINE + timedelta(days=2)) == 0


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 8), 13), (date(2026, 3, 7), 14), (date(2026, 11, 1), 14), (date(2026, 10, 31), 13)],
)
def test_nine_is_nine_on_both_sides_of_a_daylight_saving_night(
    database: Database, acts: Acts, cast: Cast, owner: Connection, day: date, hours: int
) -> None:
    acts.now = datetime(2026, 3, 1, 17, tzinfo=UTC)
    planned(acts, cast, day, due_on="2026-12-31")
    moment = datetime(day.year, day.month, day.day, hours, tzinfo=UTC)
    assert rounds.send_planned(database, now=moment - MINUTE) == 0
    assert rounds.send_planned(database, now=moment) == 1


def test_the_day_is_the_partners_own(database: Database, acts: Acts, cast: Cast, owner: Connection) -> None:
    owner.execute(text("update partner set time_zone = 'Pacific/Auckland'"))
    planned(acts, cast)
    assert rounds.send_planned(database, now=datetime(2026, 3, 19, 19, 59, tzinfo=UTC)) == 0
    assert rounds.send_planned(database, now=datetime(2026, 3, 19, 20, tzinfo=UTC)) == 1


@pytest.mark.parametrize("why", ["CUSTOMER_ARCHIVED", "NOBODY_TO_TELL"])
def test_a_refusal_is_told_and_not_tried_again_until_planned_anew(
    database: Database, acts: Acts, cast: Cast, owner: Connection, why: str
) -> None:
    invoice_id = planned(acts, cast)
    if why == "CUSTOMER_ARCHIVED":
        acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    else:
        owner.execute(text("update membership set status = 'DISABLED' where role in ('MANAGER', 'PAYER')"))
    mails = acts.count("mail")
    assert rounds.send_planned(database, now=NINE) == 0
    assert of(owner, invoice_id) == ("DRAFT", "", DAY, why)
    assert (log(owner)[-1], acts.count("mail")) == (("invoice.send_refused", "Remit"), mails)
    assert owner.scalar(text("select next_invoice_number from partner where slug = 'northwind'")) == 1
    before = world(owner)
    assert rounds.send_planned(database, now=NINE + timedelta(days=1)) == 0
    assert world(owner) == before
    acts.now = NINE
    if why == "CUSTOMER_ARCHIVED":
        acts(cast.ada, customers.restore, customer_id=cast.customers["acme"])
    else:
        owner.execute(text("update membership set status = 'ACTIVE'"))
    acts(cast.ada, invoice_scheduling.schedule, invoice_id=invoice_id, send_on=DAY)
    assert rounds.send_planned(database, now=NINE) == 1
    assert of(owner, invoice_id)[0] == "OPEN"


def test_one_refusal_is_not_in_the_way_of_others(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    refused = planned(acts, cast)
    fields = InvoiceInput(lines=[LineInput(description="Work", quantity="1", unit_price="1.00")])
    other = acts(cast.ada, invoices.create_draft, customer_id=cast.customers["globex"], fields=fields).id
    theirs = acts(
        cast.mallory, invoices.create_draft, customer_id=cast.customers["initech"], fields=fields
    ).id
    acts(cast.ada, invoice_scheduling.schedule, invoice_id=other, send_on=DAY)
    acts(cast.mallory, invoice_scheduling.schedule, invoice_id=theirs, send_on=DAY)
    acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    assert rounds.send_planned(database, now=NINE) == 2
    assert [of(owner, id_)[0] for id_ in (refused, other, theirs)] == ["DRAFT", "OPEN", "OPEN"]


def test_two_workers_at_once_send_each_draft_once(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    made = [planned(acts, cast) for _ in range(8)]
    counts: list[int] = []
    workers = [
        threading.Thread(target=lambda: counts.append(rounds.send_planned(database, now=NINE)))
        for _ in range(3)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (len(counts), sum(counts)) == (3, 8)
    assert acts.count("mail") == 16
    assert sorted(of(owner, id_)[1] for id_ in made) == [f"NO-0000{number}" for number in range(1, 9)]


def test_a_round_that_dies_leaves_every_draft_whole(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    made = [planned(acts, cast) for _ in range(3)]
    owner.execute(
        text("""
        create function dies() returns trigger language plpgsql as $$
        begin
          if new.number = 'NO-00002' then raise exception 'gone' using errcode = '57P01'; end if;
          return new;
        end $$;
        create trigger dies before update on invoice for each row execute function dies()
    """)
    )
    assert rounds.send_planned(database, now=NINE) == 1
    assert [of(owner, id_)[:2] for id_ in made] == [("OPEN", "NO-00001"), ("DRAFT", ""), ("DRAFT", "")]
    assert acts.count("mail") == 2
    owner.execute(text("drop trigger dies on invoice"))
    assert rounds.send_planned(database, now=NINE) == 2
    assert [of(owner, id_)[1] for id_ in made] == ["NO-00001", "NO-00002", "NO-00003"]
    assert acts.count("mail") == 6


def test_a_plan_is_moved_taken_back_and_ends_with_sending(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    moved, left, gone, by_hand = (planned(acts, cast) for _ in range(4))
    acts(cast.clem, invoice_scheduling.schedule, invoice_id=moved, send_on="2026-03-21")
    acts(cast.ada, invoice_scheduling.unschedule, invoice_id=left)
    with acts.nothing_changes():
        acts(cast.ada, invoice_scheduling.unschedule, invoice_id=left)
    acts(cast.ada, invoices.delete_draft, invoice_id=gone)
    acts(cast.ada, invoice_life.finalize, invoice_id=by_hand)
    assert of(owner, by_hand)[2] is None
    assert rounds.send_planned(database, now=NINE) == 0
    assert rounds.send_planned(database, now=NINE + timedelta(days=1)) == 1
    assert of(owner, moved)[0] == InvoiceStatus.OPEN
    assert of(owner, left)[:3] == ("DRAFT", "", None)


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        (None, "REQUIRED"), ("", "REQUIRED"), ("soon", "BAD_DATE"), ("2026-02-30", "BAD_DATE"),
        ("2026-03-09", "IN_THE_PAST"), ("2026-04-10", "DUE_BEFORE_SENDING"), ("2100-01-01", "BAD_DATE"),
    ],
)  # fmt: skip
def test_a_day_that_can_not_be_is_refused(acts: Acts, cast: Cast, typed: str | None, code: str) -> None:
    invoice_id = draft(acts, cast).id
    with acts.nothing_changes():
        assert problems_of(
            lambda: acts(cast.ada, invoice_scheduling.schedule, invoice_id=invoice_id, send_on=typed)
        ) == [(code, ("send_on",))]


def test_today_may_be_chosen_and_is_done_at_the_next_round(
    database: Database, acts: Acts, cast: Cast
) -> None:
    planned(acts, cast, date(2026, 3, 10))
    assert rounds.send_planned(database, now=acts.now) == 1


def test_only_drafts_of_customers_that_can_be_invoiced_are_planned(acts: Acts, cast: Cast) -> None:
    issued, waits = draft(acts, cast).id, draft(acts, cast).id
    acts(cast.ada, invoice_life.finalize, invoice_id=issued)
    with acts.nothing_changes():
        for rule, more in (
            (invoice_scheduling.schedule, {"send_on": DAY}),
            (invoice_scheduling.unschedule, {}),
        ):
            with pytest.raises(NotADraft):
                acts(cast.ada, rule, invoice_id=issued, **more)
            for who in (cast.rita, cast.carl):
                with pytest.raises(MissingRight):
                    acts(who, rule, invoice_id=waits, **more)
            with pytest.raises(NotFound):
                acts(cast.mallory, rule, invoice_id=waits, **more)
    acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    with acts.nothing_changes(), pytest.raises(CustomerClosed):
        acts(cast.ada, invoice_scheduling.schedule, invoice_id=waits, send_on=DAY)


def test_what_else_is_refused_is_called_other() -> None:
    assert reason(NotADraft()) is SendRefusal.OTHER
