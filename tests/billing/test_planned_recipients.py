"""Whom a draft goes to on its day: who was chosen, as far as they may still get it."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from auth.actors import Actor, MissingRight
from billing import invoice_life, invoice_scheduling, invoice_sending
from billing.invoice_scheduling import Addressed
from db.session import Database
from errors import NotFound
from integrations import rounds
from tests.billing.acting import Acts, problems_of
from tests.billing.test_invoice_scheduling import DAY, NINE, draft, log
from tests.cast import Cast
from tests.world import world


def planned(acts: Acts, cast: Cast, *members: Actor) -> UUID:
    invoice_id = draft(acts, cast).id
    to = Addressed([member.id for member in members if member.id])
    acts(cast.ada, invoice_scheduling.schedule, invoice_id=invoice_id, send_on=DAY, to=to)
    return invoice_id


def told(owner: Connection) -> list[str]:
    asked = "select m.name from mail join membership m on m.id = mail.membership_id"
    return sorted(owner.scalars(text(f"{asked} where mail.kind = 'INVOICE'")))


def stored(owner: Connection, invoice_id: UUID) -> Sequence[UUID]:
    asked = text("select send_to from invoice where id = :id")
    return owner.execute(asked, {"id": invoice_id}).scalar_one()  # type: ignore[no-any-return]


def left_out(owner: Connection, invoice_id: UUID) -> tuple[Sequence[UUID], datetime | None]:
    """Who was to get it and did not, and when that was found."""
    asked = text("select left_out, left_out_at from invoice where id = :id")
    return tuple(owner.execute(asked, {"id": invoice_id}).one())  # type: ignore[return-value]


def people(owner: Connection, action: str) -> list[str]:
    asked = text("select details from audit_event where action = :action")
    return owner.execute(asked, {"action": action}).scalar_one()["people"]  # type: ignore[no-any-return]


def test_those_who_were_chosen_get_it_and_nobody_else(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id = planned(acts, cast, cast.vera, cast.petra)
    assert rounds.send_planned(database, now=NINE) == 1
    assert told(owner) == ["Petra", "Vera"]
    assert stored(owner, invoice_id) == []
    assert [action for action, _ in log(owner)][-3:] == [
        "invoice.schedule_kept", "invoice.finalized", "invoice.sent",
    ]  # fmt: skip


@pytest.mark.parametrize("status", ["DISABLED", "REMOVED"])
def test_who_may_not_get_it_any_more_is_left_out_and_told(
    database: Database, acts: Acts, cast: Cast, owner: Connection, status: str
) -> None:
    invoice_id = planned(acts, cast, cast.vera, cast.petra)
    gone = text("update membership set status = :status where id = :id")
    owner.execute(gone, {"status": status, "id": cast.vera.id})
    assert rounds.send_planned(database, now=NINE) == 1
    assert told(owner) == ["Petra"]
    assert people(owner, "invoice.recipients_left_out") == [str(cast.vera.id)]
    assert left_out(owner, invoice_id) == ([cast.vera.id], NINE)


def test_if_nobody_chosen_is_left_the_managers_and_payers_get_it_and_it_is_told(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id = planned(acts, cast, cast.vera)
    owner.execute(text("update membership set status = 'REMOVED' where id = :id"), {"id": cast.vera.id})
    assert rounds.send_planned(database, now=NINE) == 1
    assert told(owner) == ["Carl", "Petra"]
    assert people(owner, "invoice.recipients_gone") == [str(cast.vera.id)]
    assert left_out(owner, invoice_id) == ([cast.vera.id], NINE)


@pytest.fixture
def without_vera(database: Database, acts: Acts, cast: Cast, owner: Connection) -> UUID:
    """An invoice that was sent on its day to Petra, and not to Vera."""
    invoice_id = planned(acts, cast, cast.vera, cast.petra)
    owner.execute(text("update membership set status = 'REMOVED' where id = :id"), {"id": cast.vera.id})
    assert rounds.send_planned(database, now=NINE) == 1
    return invoice_id


def test_who_was_left_out_is_told_until_somebody_has_seen_it(
    acts: Acts, cast: Cast, owner: Connection, without_vera: UUID
) -> None:
    with acts.nothing_changes():
        for stranger in (cast.mallory, cast.carl):
            with pytest.raises((NotFound, MissingRight)):
                acts(stranger, invoice_scheduling.dismiss_left_out, invoice_id=without_vera)
    acts(cast.clem, invoice_scheduling.dismiss_left_out, invoice_id=without_vera)
    assert left_out(owner, without_vera) == ([], None)
    assert ("invoice.left_out_seen", "Clem") in log(owner)
    seen = text("select customer_id from audit_event where action = 'invoice.left_out_seen'")
    assert owner.scalar(seen) is None
    with acts.nothing_changes():
        acts(cast.clem, invoice_scheduling.dismiss_left_out, invoice_id=without_vera)


def test_who_was_left_out_is_told_until_it_is_sent_again(
    acts: Acts, cast: Cast, owner: Connection, without_vera: UUID
) -> None:
    acts(cast.clem, invoice_sending.send, invoice_id=without_vera)
    assert left_out(owner, without_vera) == ([], None)


def test_what_reached_everybody_leaves_nobody_out(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id = planned(acts, cast, cast.vera)
    assert rounds.send_planned(database, now=NINE) == 1
    assert left_out(owner, invoice_id) == ([], None)


def test_a_refused_day_tells_of_the_refusal_alone_and_keeps_the_choice(
    database: Database, acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id = planned(acts, cast, cast.vera)
    owner.execute(text("update membership set status = 'DISABLED' where customer_id is not null"))
    assert rounds.send_planned(database, now=NINE) == 0
    assert [action for action, _ in log(owner)][-1] == "invoice.send_refused"
    assert "invoice.recipients_gone" not in dict(log(owner))
    assert stored(owner, invoice_id) == [cast.vera.id]


def test_moving_the_day_keeps_the_choice_until_another_is_made(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id = planned(acts, cast, cast.vera)
    again = {"invoice_id": invoice_id, "send_on": "2026-03-21"}
    acts(cast.clem, invoice_scheduling.schedule, **again)
    assert stored(owner, invoice_id) == [cast.vera.id]
    assert cast.petra.id is not None
    acts(cast.clem, invoice_scheduling.schedule, **again, to=Addressed([cast.petra.id] * 2))
    assert stored(owner, invoice_id) == [cast.petra.id]
    acts(cast.clem, invoice_scheduling.schedule, **again, to=Addressed(None))
    assert stored(owner, invoice_id) == []
    acts(cast.clem, invoice_scheduling.schedule, **again, to=Addressed([cast.petra.id]))
    acts(cast.clem, invoice_scheduling.unschedule, invoice_id=invoice_id)
    assert stored(owner, invoice_id) == []
    issued = planned(acts, cast, cast.vera)
    acts(cast.ada, invoice_life.finalize, invoice_id=issued)
    assert stored(owner, issued) == []


def test_wrong_recipients_are_refused_with_the_wrong_day_and_nothing_changes(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    invoice_id, before = draft(acts, cast).id, world(owner)

    def plan(members: list[UUID], day: str = "2026-03-20") -> None:
        to = Addressed(members)
        acts(cast.ada, invoice_scheduling.schedule, invoice_id=invoice_id, send_on=day, to=to)

    assert problems_of(lambda: plan([], "soon")) == [
        ("BAD_DATE", ("send_on",)), ("REQUIRED", ("recipient_ids",)),
    ]  # fmt: skip
    many = [uuid4() for _ in range(51)]
    assert problems_of(lambda: plan(many)) == [("TOO_MANY", ("recipient_ids",))]
    for stranger in (cast.mallory.id, cast.ada.id, uuid4()):
        assert stranger is not None
        with pytest.raises(NotFound):
            plan([stranger])
    assert world(owner) == before
