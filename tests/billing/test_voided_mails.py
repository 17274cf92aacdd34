"""Who is told that an invoice is void: whom it was sent to, unless staff say no; never a twin's people."""

from collections.abc import Sequence
from uuid import UUID

import pytest
from sqlalchemy import text
from sqlmodel import col, select

from auth.audit import AuditEvent
from auth.memberships import Membership
from billing import customers, invoice_duplicates, invoice_life, invoice_sending, voided_mails
from billing.invoices import Invoice
from billing.mails import Mail, MailKind
from db.session import Database
from tests.billing.acting import Acts, problems_of
from tests.billing.paying import Till
from tests.billing.shelf import Things
from tests.billing.shelf import alike as alike
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.cast import Cast
from tests.twins import TWIN
from tests.world import nothing_changes


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def sent(till: Till, *recipients: UUID, taken: str = "SENT") -> Invoice:
    """An invoice mailed to these people; what became of each mail."""
    invoice = till.invoice(10_000)
    to = list(recipients) or None
    till.acts(till.cast.ada, invoice_sending.send, invoice_id=invoice.id, recipients=to)
    became(till, invoice, taken)
    return invoice


BECAME = """
    update mail set status = became.status,
      sent_at = case when became.status in ('SENT', 'BOUNCED') then now() end,
      bounced_at = case when became.status = 'BOUNCED' then now() end
    from (select cast(:status as varchar) as status) became where subject_id = :id
"""


def became(till: Till, invoice: Invoice, status: str) -> None:
    till.acts.owner.execute(text(BECAME), {"status": status, "id": invoice.id})


def told(till: Till, invoice: Invoice) -> Sequence[str]:
    """Who is mailed that it is void."""
    about = (Mail.kind == MailKind.INVOICE_VOIDED, Mail.subject_id == invoice.id)
    names = select(Membership.name).join(Mail, col(Mail.membership_id) == col(Membership.id)).where(*about)
    found: Sequence[str] = till.acts.read(till.cast.ada, names.order_by(Membership.name))
    return found


def acts_on(till: Till, invoice: Invoice) -> list[tuple[str, str]]:
    """What the log has of voiding it, with the reason."""
    wanted = select(AuditEvent).where(
        AuditEvent.subject_id == invoice.id, col(AuditEvent.action).like("invoice.void%")
    )
    events = till.acts.read(till.cast.ada, wanted.order_by(AuditEvent.id))
    return [(one.action, one.details.get("reason", "")) for one in events]


def test_whoever_was_sent_it_is_told_once_and_the_log_says_so(till: Till, cast: Cast) -> None:
    invoice = sent(till, cast.petra.id, cast.vera.id)
    till.acts(cast.ada, invoice_sending.send, invoice_id=invoice.id, recipients=[cast.petra.id])
    void = {"invoice_id": invoice.id, "reason": " Billed  twice "}
    assert till.acts(cast.ada, invoice_life.void, **void).void_reason == "Billed twice"
    assert told(till, invoice) == ["Petra", "Vera"]
    assert acts_on(till, invoice) == [("invoice.voided", "Billed twice"), ("invoice.void_told", "")]
    with nothing_changes(till.acts.owner):
        till.acts(cast.ada, invoice_life.void, **void)


def test_nobody_is_told_if_staff_say_no_or_of_what_was_never_sent(till: Till, cast: Cast) -> None:
    quiet, never = sent(till), till.invoice(10_000)
    till.acts(cast.ada, invoice_life.void, invoice_id=quiet.id, tell=False)
    till.acts(cast.ada, invoice_life.void, invoice_id=never.id)
    for invoice in (quiet, never):
        assert told(till, invoice) == []
        assert acts_on(till, invoice) == [("invoice.voided", "")]


@pytest.mark.parametrize(
    ("status", "names"),
    [("SENT", ["Petra"]), ("QUEUED", ["Petra"]), *((one, []) for one in ("BOUNCED", "REFUSED", "DEAD"))],
)
def test_whom_no_mail_with_it_reached_is_not_told(
    till: Till, cast: Cast, status: str, names: list[str]
) -> None:
    invoice = sent(till, cast.petra.id, taken=status)
    till.acts(cast.ada, invoice_life.void, invoice_id=invoice.id)
    assert told(till, invoice) == names


def test_who_has_no_access_any_more_is_not_told(till: Till, cast: Cast) -> None:
    invoice, closed = sent(till, cast.petra.id, cast.vera.id), sent(till, cast.petra.id)
    off = text("update membership set status = 'DISABLED' where id = :id")
    till.acts.owner.execute(off, {"id": cast.vera.id})
    till.acts(cast.ada, invoice_life.void, invoice_id=invoice.id)
    assert told(till, invoice) == ["Petra"]
    till.acts(cast.ada, customers.archive, customer_id=cast.customers["acme"])
    till.acts(cast.ada, invoice_life.void, invoice_id=closed.id)
    assert told(till, closed) == []


def test_a_reissued_one_is_told_of_too(till: Till, cast: Cast) -> None:
    invoice, quiet = sent(till, cast.petra.id), sent(till, cast.petra.id)
    till.acts(cast.ada, invoice_duplicates.reissue, invoice_id=invoice.id, reason="Wrong price")
    assert told(till, invoice) == ["Petra"]
    till.acts(cast.ada, invoice_duplicates.reissue, invoice_id=quiet.id, tell=False)
    assert told(till, quiet) == []


def test_a_reason_is_a_line_and_no_card(till: Till, cast: Cast) -> None:
    invoice = till.invoice(10_000)
    for wrong, code in (("x" * 301, "TOO_LONG"), ("4242 4242 4242 4242", "CARD_NUMBER")):
        with nothing_changes(till.acts.owner):
            void = {"invoice_id": invoice.id, "reason": wrong}
            assert problems_of(lambda void=void: till.acts(cast.ada, invoice_life.void, **void)) == [  # type: ignore[misc]
                (code, ("reason",))
            ]


# A twin that was sent to Vera, and of whose own people Petra is disabled.
TWINS = """
    update mail set status = 'SENT', sent_at = now(), bounced_at = null, membership_id = :petra
      where subject_id = :invoice and kind = 'INVOICE' and partner_id <> :twin;
    update mail set status = 'SENT', sent_at = now(), bounced_at = null, membership_id = :vera
      where subject_id = :invoice and kind = 'INVOICE' and partner_id = :twin;
    update membership set status = :status where id = :petra and partner_id = :whose
"""


@pytest.mark.parametrize(
    ("whose", "status", "names"),
    [("twin", "DISABLED", {"petra"}), ("own", "DISABLED", set()), ("twin", "ACTIVE", {"petra"})],
)
def test_a_twins_mails_and_people_tell_nobody(
    alike: Database, things: Things, whose: str, status: str, names: set[str]
) -> None:
    own, invoice = things.cast.ada.partner_id, things.ids["invoice"]
    given = {"petra": things.cast.petra.id, "vera": things.cast.vera.id, "invoice": invoice, "twin": TWIN}
    given |= {"status": status, "whose": TWIN if whose == "twin" else own}
    with alike.transaction() as db:
        db.execute(text("set local session_replication_role = replica"))
        for statement in TWINS.split(";"):
            db.execute(text(statement), {name: one for name, one in given.items() if f":{name}" in statement})
        db.execute(text("set local session_replication_role = origin"))
        mine = select(Invoice).where(Invoice.partner_id == own, Invoice.id == invoice)
        customer = select(customers.Customer).where(
            customers.Customer.partner_id == own, customers.Customer.id == things.ids["acme"]
        )
        voided_mails.tell(
            db, things.cast.ada, customer=db.exec(customer).one(), invoice=db.exec(mine).one(), now=things.now
        )
        mails = select(Mail.membership_id).where(Mail.kind == MailKind.INVOICE_VOIDED)
        assert set(db.exec(mails)) == {given[name] for name in names}
        for person in ("petra", "vera"):
            about = {"membership_id": given[person], "invoice_id": invoice}
            assert voided_mails.has_it(db, partner_id=own, **about) is (person == "petra")
