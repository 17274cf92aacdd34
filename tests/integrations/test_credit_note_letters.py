"""Mails with credit notes: what they say and bring along, in both languages, and what becomes of each."""

import pytest
from sqlmodel import select

from auth.memberships import Membership
from billing import crediting, customers
from billing.crediting import CreditNoteInput
from billing.mails import MailStatus
from integrations.mail.transports import Refused
from tests.billing.paying import Till
from tests.cast import Cast
from tests.integrations.test_letters import Desk
from tests.integrations.test_letters import desk as desk
from tests.papers import words


def credited(till: Till) -> None:
    """Globex is credited the hundred dollars of an invoice, a dollar of which was paid; only Gus is told."""
    invoice = till.invoice(10_000, customer="globex")
    till.received(invoice, "1.00")
    fields = CreditNoteInput(reason="Two <hours> less")
    till.acts(
        till.cast.ada, crediting.issue, invoice_id=invoice.id, fields=fields, request_key="k", send=True
    )


@pytest.mark.anyio
@pytest.mark.parametrize("locale", ["en", "fr"])
async def test_a_note_comes_as_a_pdf_in_its_readers_language(
    desk: Desk, till: Till, cast: Cast, locale: str
) -> None:
    with desk.database.transaction(partner_id=cast.ada.partner_id) as db:
        db.exec(select(Membership).where(Membership.id == cast.gus.id)).one().locale = locale
    credited(till)
    sent = await desk.send(desk.mail(cast.ada.partner_id))
    assert (sent.status, sent.answer) == (MailStatus.SENT, "250 OK")
    (message,) = desk.server.taken
    (attached,) = message.iter_attachments()
    said = {
        "en": (
            "Credit note CN-00001 from Northwind: $100.00 for invoice NO-00001", "Credit-note-CN-00001.pdf",
            "Northwind has credited Globex $100.00 of invoice NO-00001.", "$99.00", "Kept as credit", "$1.00",
            "The credit note is attached as a PDF.",
        ),
        "fr": (
            "Note de crédit CN-00001 de Northwind : 100,00 $ US pour la facture NO-00001",
            "Note-de-credit-CN-00001.pdf", "Northwind a crédité à Globex 100,00 $ US", "99,00 $ US",
            "Conservé", "1,00 $ US", "La note de crédit est jointe en PDF.",
        ),
    }[locale]  # fmt: skip
    assert message["Subject"].replace("\xa0", " ") == said[0]
    assert (attached.get_content_type(), attached.get_filename()) == ("application/pdf", said[1])
    assert "Two <hours> less" in words(attached.get_content())
    for kind, reason in (("plain", "Two <hours> less"), ("html", "Two &lt;hours&gt; less")):
        body = message.get_body((kind,)).get_content().replace("\xa0", " ")
        assert [text for text in (*said[2:], reason, "/credit-notes/crn_") if text not in body] == []


@pytest.mark.anyio
async def test_a_refused_mail_says_so_and_an_archived_customer_gets_none(
    desk: Desk, till: Till, cast: Cast
) -> None:
    credited(till)
    mail = desk.mail(cast.ada.partner_id)
    till.acts(cast.ada, customers.archive, customer_id=cast.customers["globex"])
    assert (await desk.send(mail)).status is MailStatus.DROPPED
    till.acts(cast.ada, customers.restore, customer_id=cast.customers["globex"])
    with desk.database.transaction(partner_id=cast.ada.partner_id) as db:
        db.merge(mail).status = MailStatus.QUEUED
    desk.server.trouble = Refused("550 No such user")
    refused = await desk.send(mail)
    assert (refused.status, refused.answer) == (MailStatus.REFUSED, "550 No such user")
