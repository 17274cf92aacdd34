"""Many invoices sent at once: each with its own outcome, nothing twice, gapless under contention."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from billing import invoice_bulk, invoice_life, invoice_sending, invoices
from billing.invoice_bulk import Outcome
from db.session import Database
from errors import Forbidden, Invalid, NotFound
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.money.desk import one_line
from tests.world import nothing_changes


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


def draft(acts: Acts, cast: Cast, customer: str = "acme", minor: int = 1_000) -> UUID:
    made = acts(cast.ada, invoices.create_draft, customer_id=cast.customers[customer], fields=one_line(minor))
    return made.id  # type: ignore[no-any-return]


def codes(outcomes: tuple[Outcome, ...]) -> list[str | None]:
    return [one.problem.code if one.problem else None for one in outcomes]


def mails(owner: Connection) -> int:
    found: int = owner.execute(text("select count(*) from mail where kind = 'INVOICE'")).scalar_one()
    return found


def test_each_has_its_own_outcome_and_takes_a_number_only_when_it_is_sent(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    first, void, nobody, last = (draft(acts, cast, name) for name in ("acme", "acme", "globex", "acme"))
    acts(cast.ada, invoice_life.finalize, invoice_id=void)
    acts(cast.ada, invoice_life.void, invoice_id=void)
    owner.execute(text("delete from membership where customer_id = :id"), {"id": cast.customers["globex"]})
    owner.commit()
    done = acts(cast.ada, invoice_bulk.send, invoice_ids=[first, void, nobody, last, first])
    assert [one.invoice_id for one in done] == [first, void, nobody, last]
    assert codes(done) == [None, "INVOICE_NOT_OPEN", "NOBODY_TO_TELL", None]
    assert [one.number for one in done] == ["NO-00002", "NO-00001", "", "NO-00003"]
    assert [one.company for one in done] == ["Acme", "Acme", "Globex", "Acme"]
    left = owner.execute(text("select status, number from invoice where id = :id"), {"id": nobody}).one()
    assert tuple(left) == ("DRAFT", "")
    assert mails(owner) == 4  # Carl and Petra, twice


def test_the_same_form_twice_sends_nothing_twice(
    acts: Acts, cast: Cast, owner: Connection, now: datetime
) -> None:
    made = [draft(acts, cast) for _ in range(2)]
    asked_at = now - timedelta(minutes=1)
    first = acts(cast.ada, invoice_bulk.send, invoice_ids=made, asked_at=asked_at)
    sent = mails(owner)
    with nothing_changes(owner):
        assert acts(cast.ada, invoice_bulk.send, invoice_ids=made, asked_at=asked_at) == first
    acts(cast.ada, invoice_bulk.send, invoice_ids=made, asked_at=now + timedelta(seconds=1))
    assert mails(owner) == 2 * sent


def test_what_is_not_ones_own_sends_nothing(acts: Acts, cast: Cast, owner: Connection) -> None:
    mine = draft(acts, cast)
    with nothing_changes(owner):
        for actor in (cast.mallory, cast.ada):
            other = mine if actor is cast.mallory else uuid4()
            with pytest.raises(NotFound):
                acts(actor, invoice_bulk.send, invoice_ids=[other, *([mine] if actor is cast.ada else [])])
        for actor in (cast.rita, cast.carl):
            with pytest.raises(Forbidden):
                acts(actor, invoice_bulk.send, invoice_ids=[mine])
        for wrong in ([], [uuid4() for _ in range(501)]):
            with pytest.raises(Invalid):
                acts(cast.ada, invoice_bulk.send, invoice_ids=wrong)


def test_many_at_once_beside_single_ones_neither_wait_in_a_circle_nor_leave_a_gap(
    acts: Acts, database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    made = [draft(acts, cast, ("acme", "globex")[place % 2]) for place in range(24)]

    def several(chosen: list[UUID]) -> None:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            assert not any(
                one.problem for one in invoice_bulk.send(db, cast.ada, invoice_ids=chosen, now=now)
            )

    def single(chosen: UUID) -> None:
        with database.transaction(partner_id=cast.ada.partner_id) as db:
            invoice_sending.send(db, cast.ada, invoice_id=chosen, now=now)

    with ThreadPoolExecutor(8) as pool:
        work = [pool.submit(several, made[:8]), pool.submit(several, made[8:16][::-1])]
        work += [pool.submit(single, one) for one in made[16:]]
        for one in work:
            one.result()
    numbers = owner.execute(text("select number from invoice order by number")).scalars().all()
    assert numbers == [f"NO-{place:05d}" for place in range(1, 25)]
