"""Questions on invoices: who may ask, answer and settle; an open dispute holds what acts by itself."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, func, literal, select, text

from auth.actors import Actor, MissingRight
from auth.throttle import TooMany
from billing import derived, invoice_threads, invoices
from billing.invoice_threads import AUTHOR, LONGEST, InvoiceThread, Opening, Settled, ThreadKind, ThreadState
from billing.invoices import Invoice
from db.session import Database
from errors import Invalid, NotFound
from tests.billing.acting import Acts
from tests.billing.paying import Till
from tests.cast import Cast
from tests.money.desk import one_line
from tests.world import nothing_changes

ASKS = Opening(ThreadKind.QUESTION, "Why twice?")
DISPUTES = Opening(ThreadKind.DISPUTE, "We never had this.")


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


@pytest.fixture
def invoice(till: Till) -> Invoice:
    return till.invoice(12_345)


def asked(acts: Acts, actor: Actor, invoice: Invoice, fields: Opening = ASKS) -> InvoiceThread:
    made: InvoiceThread = acts(actor, invoice_threads.open_thread, invoice_id=invoice.id, fields=fields)
    return made


def is_disputed(owner: Connection, invoice_id: UUID) -> tuple[bool, bool]:
    """As a condition and as a value."""
    i = Invoice.__table__  # type: ignore[attr-defined]
    at = derived.Moment(literal(None), literal(None))
    held = select(func.count()).select_from(i).where(i.c.id == invoice_id, derived.is_disputed(i.c, at))
    shown = select(derived.shows_disputed(i.c, at)).where(i.c.id == invoice_id)
    return owner.execute(held).scalar_one() == 1, owner.execute(shown).scalar_one()


def test_petra_asks_ada_answers_and_either_side_settles(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    thread = asked(acts, cast.petra, invoice)
    acts(cast.ada, invoice_threads.reply, thread_id=thread.id, text="Two months.\r\nSee line 2.")
    settled = acts(cast.petra, invoice_threads.resolve, thread_id=thread.id)
    assert (settled.state, settled.resolved_by) == (ThreadState.RESOLVED, "Petra")
    opened = acts(cast.ada, invoice_threads.reopen, thread_id=thread.id)
    assert (opened.state, opened.resolved_at, opened.resolved_by) == (ThreadState.OPEN, None, None)
    wrote = owner.execute(
        text("select author_name, is_from_partner, text from invoice_thread_message order by id")
    ).all()
    assert wrote == [("Petra", False, "Why twice?"), ("Ada", True, "Two months.\nSee line 2.")]
    done = owner.scalars(
        text("select action from audit_event where subject_id = :id order by id"), {"id": invoice.id}
    ).all()
    assert done[-4:] == ["invoice.asked", "invoice.replied", "invoice.settled", "invoice.reopened"]


def test_a_dispute_holds_the_invoice_until_it_is_settled_and_a_question_never_does(
    acts: Acts, till: Till, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    asked(acts, cast.petra, invoice)
    assert is_disputed(owner, invoice.id) == (False, False)
    thread = asked(acts, cast.carl, invoice, DISPUTES)
    assert is_disputed(owner, invoice.id) == (True, True)
    assert is_disputed(owner, till.invoice(100).id) == (False, False)
    acts(cast.clem, invoice_threads.resolve, thread_id=thread.id)
    assert is_disputed(owner, invoice.id) == (False, False)
    acts(cast.carl, invoice_threads.reopen, thread_id=thread.id)
    # By hand it is paid all the same.
    till.paid(till.card(), (invoice.id, 12_345))
    assert is_disputed(owner, invoice.id) == (True, True)


def test_a_line_is_the_invoices_own(
    acts: Acts, till: Till, cast: Cast, invoice: Invoice, database: Database, owner: Connection
) -> None:
    other = till.invoice(100)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        own, others = (invoices.lines_of(db, one)[0].id for one in (invoice, other))
    assert asked(acts, cast.petra, invoice, Opening(ThreadKind.QUESTION, "This?", own)).line_id == own
    with nothing_changes(owner):
        for line_id in (others, uuid4()):
            with pytest.raises(NotFound):
                asked(acts, cast.petra, invoice, Opening(ThreadKind.QUESTION, "This?", line_id))


@pytest.mark.parametrize("name", ["vera", "rita"])
def test_whoever_only_reads_neither_asks_nor_settles(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection, name: str
) -> None:
    thread, actor = asked(acts, cast.petra, invoice), cast.actors[name]
    with nothing_changes(owner):
        with pytest.raises(MissingRight):
            asked(acts, actor, invoice)
        with pytest.raises(MissingRight):
            acts(actor, invoice_threads.reply, thread_id=thread.id, text="Hm")
        for rule in (invoice_threads.resolve, invoice_threads.reopen):
            with pytest.raises(MissingRight):
                acts(actor, rule, thread_id=thread.id)


@pytest.mark.parametrize("guarded", [True, False], ids=["guarded", "unguarded"])
@pytest.mark.parametrize("name", ["gus", "mallory", "ines"])
def test_strangers_find_neither_invoice_nor_conversation(
    database: Database, unguarded: Database, acts: Acts, cast: Cast, invoice: Invoice, owner: Connection,
    now: datetime, name: str, guarded: bool,
) -> None:  # fmt: skip
    thread, actor = asked(acts, cast.petra, invoice), cast.actors[name]
    theirs = Acts(database if guarded else unguarded, owner, now)
    with nothing_changes(owner):
        with pytest.raises(NotFound):
            asked(theirs, actor, invoice)
        with pytest.raises(NotFound):
            theirs(actor, invoice_threads.reply, thread_id=thread.id, text="Hm")
        for rule in (invoice_threads.resolve, invoice_threads.reopen):
            with pytest.raises(NotFound):
                theirs(actor, rule, thread_id=thread.id)


def test_nothing_is_asked_about_a_draft(acts: Acts, till: Till, cast: Cast, owner: Connection) -> None:
    draft = acts(cast.ada, invoices.create_draft, customer_id=till.acme, fields=one_line(500))
    with nothing_changes(owner):
        for actor in (cast.petra, cast.ada):
            with pytest.raises(NotFound):
                asked(acts, actor, draft)


@pytest.mark.parametrize(
    ("typed", "code"),
    [("  ", "REQUIRED"), (None, "REQUIRED"), ("x" * (LONGEST + 1), "TOO_LONG"),
     ("My card is 4242 4242 4242 4242", "CARD_NUMBER")],
)  # fmt: skip
def test_a_message_has_words_and_no_card_number(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection, typed: str | None, code: str
) -> None:
    thread = asked(acts, cast.petra, invoice)
    with nothing_changes(owner):
        with pytest.raises(Invalid) as refusal:
            asked(acts, cast.petra, invoice, Opening(ThreadKind.DISPUTE, typed))
        assert [(one.code, one.path) for one in refusal.value.problems] == [(code, ("text",))]
        with pytest.raises(Invalid):
            acts(cast.petra, invoice_threads.reply, thread_id=thread.id, text=typed)


def test_a_settled_conversation_takes_no_message(
    acts: Acts, cast: Cast, invoice: Invoice, owner: Connection
) -> None:
    thread = asked(acts, cast.petra, invoice)
    acts(cast.ada, invoice_threads.resolve, thread_id=thread.id)
    with nothing_changes(owner):
        with pytest.raises(Settled):
            acts(cast.petra, invoice_threads.reply, thread_id=thread.id, text="One more")
        again = acts(cast.petra, invoice_threads.resolve, thread_id=thread.id)
    assert again.resolved_by == "Ada"


def test_nobody_writes_without_end(
    acts: Acts, cast: Cast, invoice: Invoice, database: Database, now: datetime
) -> None:
    thread = asked(acts, cast.petra, invoice)
    for count in range(AUTHOR.tries - 1):
        acts(cast.petra, invoice_threads.reply, thread_id=thread.id, text=f"Still there? {count}")
    with pytest.raises(TooMany):
        acts(cast.petra, invoice_threads.reply, thread_id=thread.id, text="Once more")
    acts(cast.carl, invoice_threads.reply, thread_id=thread.id, text="I am somebody else.")
    with database.transaction(partner_id=cast.petra.partner_id, customer_id=cast.petra.customer_id) as db:
        later = now + timedelta(hours=1)
        invoice_threads.reply(db, cast.petra, thread_id=thread.id, text="An hour later", now=later)
