"""What comes with a mail as a PDF: the invoice, the receipt, and what is done when there is none."""

import pytest
from sqlmodel import select

from auth.memberships import Membership
from billing import invoice_sending
from billing.mails import MailStatus
from integrations.mail.transports import NotNow
from integrations.pdf.press import Broken, Busy, TooLong, TooSlow
from tests.billing.paying import Till
from tests.cast import Cast
from tests.integrations.test_letters import Desk
from tests.integrations.test_letters import desk as desk
from tests.papers import press, words


def send(till: Till) -> None:
    """Globex gets an invoice of a hundred dollars; only Gus is there to be told."""
    till.acts(till.cast.ada, invoice_sending.send, invoice_id=till.invoice(10_000, customer="globex").id)


@pytest.mark.anyio
async def test_an_invoice_comes_as_a_pdf_in_its_readers_language(desk: Desk, till: Till, cast: Cast) -> None:
    with desk.database.transaction(partner_id=cast.ada.partner_id) as db:
        db.exec(select(Membership).where(Membership.id == cast.gus.id)).one().locale = "fr"
    send(till)
    await desk.send(desk.mail(cast.ada.partner_id))
    (message,) = desk.server.taken
    (attached,) = message.iter_attachments()
    assert (attached.get_content_type(), attached.get_filename()) == (
        "application/pdf", "Facture-NO-00001.pdf",
    )  # fmt: skip
    assert "Total 100,00 $ US" in words(attached.get_content())
    for kind in ("plain", "html"):
        assert "La facture est jointe en PDF." in message.get_body((kind,)).get_content()


@pytest.mark.anyio
@pytest.mark.parametrize(
    "never", [Broken("wrong template"), TooSlow(), TooLong()], ids=lambda one: type(one).__name__
)
async def test_a_busy_press_is_asked_again_and_one_that_never_will_stops_no_mail(
    desk: Desk, till: Till, cast: Cast, monkeypatch: pytest.MonkeyPatch, never: Exception
) -> None:
    send(till)
    trouble: list[Exception] = [Busy(retry_after=5), never]
    monkeypatch.setattr(press(), "pdf", lambda *_: (_ for _ in ()).throw(trouble.pop(0)))
    with pytest.raises(NotNow, match="Many documents"):
        await desk.send(desk.mail(cast.ada.partner_id))
    assert desk.mail(cast.ada.partner_id).status is MailStatus.QUEUED
    sent = await desk.send(desk.mail(cast.ada.partner_id))
    assert sent.status is MailStatus.SENT
    (message,) = desk.server.taken
    assert list(message.iter_attachments()) == []
    assert "attached" not in message.get_body(("plain",)).get_content()


@pytest.mark.anyio
async def test_a_receipt_comes_as_a_pdf_and_says_the_partners_day(desk: Desk, till: Till, cast: Cast) -> None:
    # Eleven at night in New York is the next day in Greenwich.
    till.acts.now = desk.now = desk.now.replace(day=11, hour=3)
    invoice = till.invoice(10_000)
    payment = till.paid(till.card(), (invoice.id, 4_000))
    await desk.send(desk.mail(cast.ada.partner_id))
    (message,) = desk.server.taken
    (attached,) = message.iter_attachments()
    assert attached.get_filename() == f"Receipt-{payment.id.hex[-8:]}.pdf"
    said = words(attached.get_content())
    for text in (
        "Receipt RECEIVED", "Received from Acme", "Received on Mar 10, 2026", "Paid with Visa ending in 4242",
        "Invoice Invoice total For this invoice NO-00001 $100.00 $40.00", "Total received $40.00",
        f"pay_{payment.id.hex}",
    ):  # fmt: skip
        assert text in said, text
    body = message.get_body(("plain",)).get_content()
    assert "on March 10, 2026" in body
    assert "The receipt is attached as a PDF." in body
    assert "paid with Visa ending in 4242" in body
    for kind in ("plain", "html"):
        assert "Left to pay of invoice NO-00001: $60.00" in message.get_body((kind,)).get_content()
