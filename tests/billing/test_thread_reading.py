"""Who has read which conversation: each member for themselves, of both sides, and nobody for another."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from threading import Barrier
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text

from auth.actors import Actor, ActorKind, ViewOnly, system
from auth.roles import Role
from billing import customer_users, erasing, invoice_threads, staff, thread_reading, unread_threads
from billing.invoice_threads import InvoiceThread
from billing.invoices import Invoice
from billing.thread_reading import NotForKeys, NothingToRead
from db.session import Database
from errors import NotFound
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.billing.test_invoice_threads import acts as acts
from tests.billing.test_invoice_threads import asked as asked
from tests.billing.test_invoice_threads import invoice as invoice
from tests.billing.test_invoice_threads import till as till
from tests.cast import Cast
from tests.figures import rounds
from tests.world import nothing_changes

STAFF = {"Ada", "Clem", "Rita", "Sue"}


def said(acts: Acts, actor: Actor, thread: InvoiceThread, words: str = "And?") -> InvoiceThread:
    made: InvoiceThread = acts(actor, invoice_threads.reply, thread_id=thread.id, text=words)
    return made


def unread(owner: Connection, thread: InvoiceThread) -> set[str]:
    """Who has something to read in it."""
    rows = text(
        "select m.name from unread_thread u join membership m"
        " on (m.partner_id, m.id) = (u.partner_id, u.member_id) where u.thread_id = :id"
    )
    return set(owner.scalars(rows, {"id": thread.id}))


def since(owner: Connection, thread: InvoiceThread, actor: Actor) -> datetime | None:
    found: datetime | None = owner.scalar(
        text("select since from unread_thread where thread_id = :thread and member_id = :member"),
        {"thread": thread.id, "member": actor.id},
    )
    return found


def test_what_one_side_writes_the_other_has_to_read_each_for_themselves(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    thread = asked(acts, cast.petra, invoice)
    assert unread(owner, thread) == STAFF
    acts(cast.ada, thread_reading.mark_read, thread_id=thread.id)
    assert unread(owner, thread) == STAFF - {"Ada"}
    said(acts, cast.clem, thread)
    # Clem answered without opening it, and Petra's side has it now: Gus of Globex has not.
    assert unread(owner, thread) == (STAFF - {"Ada"}) | {"Carl", "Petra", "Vera"}
    for reader in (cast.petra, cast.vera):  # whoever only reads has read, too
        acts(reader, thread_reading.mark_read, thread_id=thread.id)
    assert unread(owner, thread) == (STAFF - {"Ada"}) | {"Carl"}
    said(acts, cast.carl, thread)
    assert unread(owner, thread) == STAFF | {"Carl"}


def test_it_is_read_up_to_what_was_shown_and_from_there_on_it_is_new(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    first = asked(acts, cast.petra, invoice)
    assert since(owner, first, cast.ada) == first.last_message_at
    second = said(acts, cast.petra, first)
    assert since(owner, second, cast.ada) == first.last_message_at
    # Her page showed the first message only.
    acts(cast.ada, thread_reading.mark_read, thread_id=first.id, until=first.last_message_at)
    left = since(owner, first, cast.ada)
    assert left is not None
    assert first.last_message_at < left <= second.last_message_at
    acts(cast.ada, thread_reading.mark_read, thread_id=first.id, until=second.last_message_at)
    assert since(owner, first, cast.ada) is None
    with nothing_changes(owner):
        acts(cast.ada, thread_reading.mark_read, thread_id=first.id)


def test_messages_follow_each_other_whatever_the_clocks_of_those_who_wait_say(
    acts: Acts, cast: Cast, invoice: Invoice, database: Database, owner: Connection, now: datetime
) -> None:
    thread = asked(acts, cast.petra, invoice)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        late = now - timedelta(seconds=5)
        invoice_threads.reply(db, cast.ada, thread_id=thread.id, text="Waited long", now=late)
    times = owner.scalars(text("select created_at from invoice_thread_message order by created_at")).all()
    assert times == [now, now + invoice_threads.TICK]
    last = text("select last_message_at, last_from_partner, updated_at from invoice_thread")
    assert owner.execute(last).one() == (times[1], True, times[1])


def test_marked_unread_it_is_the_other_sides_last_message(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    first = asked(acts, cast.petra, invoice)
    answered = said(acts, cast.ada, first)
    acts(cast.petra, thread_reading.mark_read, thread_id=first.id)
    said(acts, cast.petra, first)
    acts(cast.petra, thread_reading.mark_unread, thread_id=first.id)
    assert since(owner, first, cast.petra) == answered.last_message_at
    with nothing_changes(owner):
        acts(cast.petra, thread_reading.mark_unread, thread_id=first.id)
    assert unread(owner, first) == STAFF | {"Carl", "Petra", "Vera"}


def test_what_only_the_own_side_wrote_can_not_be_unread(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    thread = asked(acts, cast.petra, invoice)
    with nothing_changes(owner), pytest.raises(NothingToRead):
        acts(cast.carl, thread_reading.mark_unread, thread_id=thread.id)


def test_all_is_read_but_what_came_since(
    acts: Acts, till: Till, cast: Cast, invoice: Invoice, owner: Connection, now: datetime
) -> None:
    old, other = asked(acts, cast.petra, invoice), asked(acts, cast.petra, till.invoice(100))
    later = Acts(acts.database, owner, now + timedelta(minutes=1))
    new = asked(later, cast.petra, till.invoice(100))
    said(later, cast.petra, other)
    assert acts(cast.ada, thread_reading.mark_all_read, until=now) == 1
    assert [cast.ada.name in unread(owner, one) for one in (old, other, new)] == [False, True, True]
    assert acts(cast.ada, thread_reading.mark_all_read, until=now + timedelta(hours=1)) == 2
    assert acts(cast.ada, thread_reading.mark_all_read, until=now + timedelta(hours=1)) == 0
    assert unread(owner, old) == STAFF - {"Ada"}


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
@pytest.mark.parametrize("name", ["gus", "mallory", "ines"])
def test_strangers_mark_nothing(
    database: Database, unguarded: Database, acts: Acts, cast: Cast, invoice: Invoice, owner: Connection,
    now: datetime, name: str, guarded: bool,
) -> None:  # fmt: skip
    thread, actor = asked(acts, cast.ada, invoice), cast.actors[name]
    said(acts, cast.petra, thread)
    theirs = Acts(database if guarded else unguarded, owner, now)
    with nothing_changes(owner):
        for rule in (thread_reading.mark_read, thread_reading.mark_unread):
            for id_ in (thread.id, uuid4()):
                with pytest.raises(NotFound):
                    theirs(actor, rule, thread_id=id_)
        assert theirs(actor, thread_reading.mark_all_read, until=now + timedelta(hours=1)) == 0


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
def test_a_colleague_marks_nothing_for_another(
    database: Database, unguarded: Database, acts: Acts, cast: Cast, invoice: Invoice, owner: Connection,
    now: datetime, guarded: bool,
) -> None:  # fmt: skip
    thread = asked(acts, cast.ada, invoice)
    said(acts, cast.petra, thread)
    mine = Acts(database if guarded else unguarded, owner, now)
    before = unread(owner, thread)
    mine(cast.carl, thread_reading.mark_read, thread_id=thread.id)
    assert unread(owner, thread) == before - {"Carl"}
    mine(cast.clem, thread_reading.mark_all_read, until=now + timedelta(hours=1))
    assert unread(owner, thread) == before - {"Carl", "Clem"}


def test_a_row_is_seen_and_written_by_its_member_alone(
    acts: Acts, cast: Cast, invoice: Invoice, database: Database, owner: Connection
) -> None:
    """Whatever SQL is sent: row-level security alone."""
    said(acts, cast.petra, asked(acts, cast.ada, invoice))
    for actor in (cast.ada, cast.carl, cast.petra):
        with database.transaction(**actor.reach, member_id=actor.member_id) as db:
            assert set(db.scalars(text("select member_id from unread_thread"))) == {actor.id}
            gone = db.execute(text("delete from unread_thread where member_id <> :id"), {"id": actor.id})
            assert gone.rowcount == 0  # type: ignore[attr-defined]
    for reach in (cast.ada.reach, cast.petra.reach, cast.northwind_key.reach):
        with database.transaction(**reach) as db:
            assert db.scalar(text("select count(*) from unread_thread")) == 0


@pytest.mark.parametrize("kind", ["key", "token"])
def test_whoever_is_no_member_marks_nothing(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection, now: datetime, kind: str
) -> None:
    thread = asked(acts, cast.petra, invoice)
    said(acts, cast.ada, thread)
    token = replace(cast.petra, kind=ActorKind.PORTAL_TOKEN, id=None, user_id=None, role=Role.PAYER)
    actor = cast.northwind_key if kind == "key" else token
    with nothing_changes(owner):
        for rule in (thread_reading.mark_read, thread_reading.mark_unread):
            with pytest.raises(NotForKeys):
                acts(actor, rule, thread_id=thread.id)
        with pytest.raises(NotForKeys):
            acts(actor, thread_reading.mark_all_read, until=now)


def test_what_a_key_writes_is_the_partners(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    assert unread(owner, asked(acts, cast.northwind_key, invoice)) == {"Carl", "Petra", "Vera"}


def test_whoever_only_looks_marks_nothing(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection, now: datetime
) -> None:
    thread = asked(acts, cast.ada, invoice)
    looks = replace(cast.petra, kind=ActorKind.IMPERSONATION, viewed_id=cast.petra.id)
    assert looks.member_id is None
    with nothing_changes(owner):
        for rule in (thread_reading.mark_read, thread_reading.mark_unread):
            with pytest.raises(ViewOnly):
                acts(looks, rule, thread_id=thread.id)
        with pytest.raises(ViewOnly):
            acts(looks, thread_reading.mark_all_read, until=now)


@pytest.mark.parametrize("status", ["INVITED", "DISABLED", "REMOVED"])
def test_nobody_who_is_not_there_has_anything_to_read(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection, status: str
) -> None:
    owner.execute(
        text("update membership set status = :status where id in (:ada, :carl)"),
        {"status": status, "ada": cast.clem.id, "carl": cast.carl.id},
    )
    thread = asked(acts, cast.petra, invoice)
    said(acts, cast.ada, thread)
    assert unread(owner, thread) == (STAFF - {"Clem"}) | {"Petra", "Vera"}


def test_with_the_place_goes_what_was_not_read(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection, now: datetime
) -> None:
    thread = said(acts, cast.ada, asked(acts, cast.petra, invoice))
    proved = [replace(one, proved_at=now) for one in (cast.ada, cast.carl)]
    acts(proved[0], staff.remove, membership_id=cast.clem.id)
    acts(proved[1], customer_users.remove, membership_id=cast.vera.id)
    assert unread(owner, thread) == (STAFF - {"Clem"}) | {"Carl", "Petra"}
    # Ada, for her part, still has hers, and the setting of whoever removed is as it was.
    assert acts(cast.ada, thread_reading.mark_all_read, until=now + timedelta(hours=1)) == 1


def test_erased_with_the_person(
    acts: Acts, cast: Cast, invoice: Invoice, database: Database, owner: Connection, now: datetime
) -> None:
    thread = said(acts, cast.ada, asked(acts, cast.petra, invoice))
    with database.transaction() as db:
        erasing.erase(db, email=cast.emails["vera"], now=now)
    assert unread(owner, thread) == STAFF | {"Carl", "Petra"}


def test_what_nobody_opened_for_long_is_forgotten_of_this_partner_only(
    acts: Acts, cast: Cast, invoice: Invoice, database: Database, owner: Connection, now: datetime
) -> None:
    thread = asked(acts, cast.petra, invoice)
    edge = now + unread_threads.KEPT
    with database.transaction(partner_id=cast.mallory.partner_id) as db:
        theirs = system(cast.mallory.partner_id)
        assert unread_threads.drop_old(db, theirs, now=edge + timedelta(days=1)) == 0
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        assert unread_threads.drop_old(db, system(cast.ada.partner_id), now=edge) == 0
        past = edge + invoice_threads.TICK
        assert unread_threads.drop_old(db, system(cast.ada.partner_id), now=past) == 4
    assert unread(owner, thread) == set()
    # A customer's transaction forgets nobody's.
    said(acts, cast.petra, thread)
    with database.transaction(**cast.petra.reach) as db:
        assert unread_threads.drop_old(db, cast.petra, now=edge + timedelta(days=999)) == 0


def test_of_each_member_the_latest_are_kept(
    acts: Acts, till: Till, cast: Cast, database: Database, owner: Connection, now: datetime,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(unread_threads, "MOST_KEPT", 2)
    later = [Acts(database, owner, now + timedelta(minutes=minute)) for minute in range(3)]
    threads = [asked(at, cast.petra, till.invoice(100)) for at in later]
    acts(cast.clem, thread_reading.mark_read, thread_id=threads[2].id)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        assert unread_threads.drop_old(db, system(cast.ada.partner_id), now=now) == 3
        assert unread_threads.drop_old(db, system(cast.ada.partner_id), now=now) == 0
    assert [unread(owner, one) for one in threads] == [{"Clem"}, STAFF, STAFF - {"Clem"}]


def test_nobody_notes_a_message_of_another_customer_or_partner(
    acts: Acts, cast: Cast, invoice: Invoice, database: Database, owner: Connection, now: datetime
) -> None:
    thread = asked(acts, cast.petra, invoice)
    acts(cast.ada, thread_reading.mark_all_read, until=now + timedelta(hours=1))
    message: UUID = owner.scalar(text("select id from invoice_thread_message"))
    with nothing_changes(owner):
        for actor in (cast.gus, cast.mallory, cast.ines):
            with database.transaction(**actor.reach) as db:
                unread_threads.note(db, message_id=message)
        with database.transaction() as db:
            unread_threads.note(db, message_id=message)
    assert unread(owner, thread) == STAFF - {"Ada"}


def _as_one(gate: Barrier, act: Callable[[], object]) -> None:
    gate.wait()
    act()


@pytest.mark.prove
def test_two_tabs_and_a_message_that_comes_in_between(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    """Ada opens it in two tabs, says that she has read all, and Petra writes, all at once: what was shown is
    read, and Petra's message is lost for nobody.
    """
    thread = asked(acts, cast.petra, invoice)
    for number in range(rounds(10, 100)):
        shown: datetime = owner.scalar(text("select last_message_at from invoice_thread"))
        gate = Barrier(4, timeout=60)
        acts_at_once = {
            "tab": partial(acts, cast.ada, thread_reading.mark_read, thread_id=thread.id, until=shown),
            "all": partial(acts, cast.ada, thread_reading.mark_all_read, until=shown),
            "write": partial(said, acts, cast.petra, thread, f"Message {number}"),
        }
        with ThreadPoolExecutor(4) as pool:
            names = ("tab", "tab", "all", "write")
            list(pool.map(_as_one, [gate] * 4, (acts_at_once[name] for name in names)))
        last = owner.scalar(text("select last_message_at from invoice_thread"))
        from_then_on = since(owner, thread, cast.ada)
        assert from_then_on is not None, number
        assert shown < from_then_on <= last, number
        owner.execute(text("delete from throttle_bucket"))
