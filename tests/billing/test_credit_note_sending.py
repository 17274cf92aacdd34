"""Mails with credit notes: whom they go to, when, and what their numbers begin with."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from auth.actors import MissingRight
from auth.audit import AuditEvent
from auth.companies import CustomerClosed
from auth.memberships import Membership
from billing import credit_note_sending, crediting, customers, ledger, partner_profile
from billing.credit_notes import CreditNote
from billing.crediting import CreditNoteInput
from billing.invoice_sending import NobodyToTell
from billing.mails import Mail, MailKind
from billing.partner_profile import PartnerInput
from errors import NotFound
from tests.billing.acting import Acts, acting, problems_of
from tests.billing.paying import Till
from tests.cast import Cast
from tests.money.race import at_once
from tests.world import nothing_changes


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def credited(till: Till, *, send: bool = True, customer: str = "acme", key: str = "k") -> CreditNote:
    """A note over all of a new invoice."""
    invoice = till.invoice(10_000, customer=customer)
    fields = CreditNoteInput(reason="Less work")
    made: CreditNote = till.acts(
        till.cast.ada, crediting.issue, invoice_id=invoice.id, fields=fields, request_key=key, send=send
    )
    return made


def told(till: Till, note: CreditNote) -> Sequence[str]:
    """Who was written to about it, in the order of their names."""
    about = (Mail.kind == MailKind.CREDIT_NOTE, Mail.subject_id == note.id)
    names = select(Membership.name).join(Mail, col(Mail.membership_id) == col(Membership.id)).where(*about)
    found: Sequence[str] = till.acts.read(till.cast.ada, names.order_by(Membership.name))
    return found


def send(till: Till, note: CreditNote, recipients: list[UUID] | None = None, who: str = "clem") -> CreditNote:
    actor, rule = till.cast.actors[who], credit_note_sending.send
    sent: CreditNote = till.acts(actor, rule, note_id=note.id, recipients=recipients)
    return sent


def test_a_note_is_mailed_as_it_is_made_to_managers_and_payers_unless_staff_say_no(till: Till) -> None:
    quiet = credited(till, send=False, key="quiet")
    assert told(till, quiet) == []
    note = credited(till)
    assert told(till, note) == ["Carl", "Petra"]
    acts = till.acts.read(till.cast.ada, select(AuditEvent).where(AuditEvent.action == "credit_note.sent"))
    assert [(one.subject_id, one.details["credit_note"]) for one in acts] == [(note.invoice_id, note.number)]


def test_the_same_form_sent_twice_is_one_note_and_one_mail_each(till: Till) -> None:
    invoice = till.invoice(10_000)
    fields, rule = CreditNoteInput(reason="Less work"), crediting.issue
    made = [
        till.acts(
            till.cast.ada, rule, invoice_id=invoice.id, fields=fields, request_key="twice", send=True
        )
        for _ in range(2)
    ]  # fmt: skip
    assert made[0].id == made[1].id
    assert told(till, made[0]) == ["Carl", "Petra"]


def test_clem_sends_it_again_to_whom_he_chooses(till: Till, cast: Cast) -> None:
    note = credited(till, send=False)
    send(till, note, [cast.vera.id, cast.vera.id])
    assert told(till, note) == ["Vera"]
    send(till, note)
    assert told(till, note) == ["Carl", "Petra", "Vera"]
    with pytest.raises(MissingRight):
        send(till, note, who="rita")
    assert problems_of(lambda: send(till, note, [])) == [("REQUIRED", ("recipient_ids",))]


def test_strangers_and_their_people_are_nobody(till: Till, cast: Cast) -> None:
    note = credited(till, send=False)
    with nothing_changes(till.acts.owner):
        with pytest.raises(NotFound):
            send(till, note, [cast.gus.id])  # a sibling customer's
        with pytest.raises(NotFound):
            send(till, note, who="mallory")


def test_a_claim_is_taken_back_though_nobody_hears_of_it(till: Till, cast: Cast) -> None:
    """Globex's only user is disabled; sending asks for somebody, crediting does not."""
    note = credited(till, customer="globex", key="g1", send=False)
    off = text("update membership set status = 'DISABLED' where id = :id")
    till.acts.owner.execute(off, {"id": cast.gus.id})
    other = credited(till, customer="globex", key="g2")
    assert told(till, other) == []
    with pytest.raises(NobodyToTell):
        send(till, note)


def test_an_archived_customer_gets_no_mail(till: Till, cast: Cast) -> None:
    invoice = till.invoice(10_000)
    till.acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    fields, rule = CreditNoteInput(reason="Less work"), crediting.issue
    note = till.acts(cast.ada, rule, invoice_id=invoice.id, fields=fields, request_key="a", send=True)
    assert told(till, note) == []
    with pytest.raises(CustomerClosed):
        send(till, note)


def test_a_prefix_is_the_partners_own_and_taken_numbers_keep_theirs(
    till: Till, acts: Acts, cast: Cast
) -> None:
    """Eight notes at once, after the prefix changed: no gap, and the first one is what it was."""
    first = credited(till, key="first")
    fields = PartnerInput(credit_note_prefix="av-")
    acts(cast.ada, partner_profile.update, fields=fields)
    invoices = [till.invoice(1_000) for _ in range(8)]
    reason = CreditNoteInput(reason="Less work")
    numbers = at_once([
        lambda one=one: acts(
            cast.ada, crediting.issue, invoice_id=one.id, fields=reason, request_key=str(one.id)
        ).number
        for one in invoices
    ])  # fmt: skip
    assert sorted(numbers) == [f"AV-{place:05d}" for place in range(2, 10)]
    kept = acts.read(cast.ada, select(CreditNote.number).where(CreditNote.id == first.id))
    assert kept == ["CN-00001"]
    with acting(acts.database, cast.ada) as db:
        assert ledger.check(db) == []
    saved = acts(cast.ada, partner_profile.update, fields=PartnerInput(credit_note_prefix=""))
    assert saved.partner.credit_note_prefix == "CN-"
