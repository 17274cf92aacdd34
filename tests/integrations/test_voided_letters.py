"""Mails that tell of a voided invoice: what they say, in both languages, and to whom they don't go."""

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.memberships import Membership
from billing import invoice_life, invoice_sending
from billing.invoices import Invoice
from billing.mails import Mail, MailKind, MailStatus
from tests.billing.paying import Till
from tests.cast import Cast
from tests.integrations.test_letters import Desk
from tests.integrations.test_letters import desk as desk


async def voided(desk: Desk, till: Till, *, reason: str | None, is_taken: bool = True) -> Mail:
    """Gus's mail that an invoice to Globex is void; `is_taken`: a server took the invoice's own before."""
    invoice: Invoice = till.invoice(10_000, customer="globex")
    ada = till.cast.ada
    till.acts(ada, invoice_sending.send, invoice_id=invoice.id)
    first = desk.mail(ada.partner_id)
    if is_taken:
        await desk.send(first)
        desk.server.taken.clear()
    till.acts(ada, invoice_life.void, invoice_id=invoice.id, reason=reason)
    with desk.database.transaction(partner_id=ada.partner_id) as db:
        made = db.exec(select(Mail).where(Mail.kind == MailKind.INVOICE_VOIDED)).one()
        db.expunge(made)
    return made


async def sent(desk: Desk, mail: Mail) -> Mail:
    await desk.outgoing.send(partner_id=mail.partner_id, mail_id=mail.id)
    with desk.database.transaction(partner_id=mail.partner_id) as db:
        found = db.exec(select(Mail).where(Mail.id == mail.id)).one()
        db.expunge(found)
        return found


@pytest.mark.anyio
@pytest.mark.parametrize("reason", [None, "Two <hours> less"])
@pytest.mark.parametrize("locale", ["en", "fr"])
async def test_it_says_that_nothing_is_owed_and_why(
    desk: Desk, till: Till, cast: Cast, locale: str, reason: str | None
) -> None:
    with desk.database.transaction(partner_id=cast.ada.partner_id) as db:
        db.exec(select(Membership).where(Membership.id == cast.gus.id)).one().locale = locale
    taken = await sent(desk, await voided(desk, till, reason=reason))
    assert taken.status is MailStatus.SENT
    (message,) = desk.server.taken
    assert list(message.iter_attachments()) == []
    subject, *said = {
        "en": (
            "Invoice NO-00001 from Northwind is void: nothing is owed for it",
            "Northwind has taken back invoice NO-00001 to Globex over $100.00: it is void.",
            "Nothing is owed for it.", "/invoices/inv_",
        ),
        "fr": (
            "La facture NO-00001 de Northwind est annulée : rien n’est dû",
            "Northwind a retiré la facture NO-00001 à Globex de 100,00 $ US : elle est annulée.",
            "Rien n’est dû à ce titre.", "/invoices/inv_",
        ),
    }[locale]  # fmt: skip
    assert message["Subject"].replace("\xa0", " ") == subject
    for kind, why in (("plain", "Two <hours> less"), ("html", "Two &lt;hours&gt; less")):
        body = message.get_body((kind,)).get_content().replace("\xa0", " ")
        assert [one for one in said if one not in body] == []
        assert (why in body) is (reason is not None)


@pytest.mark.anyio
async def test_whom_the_invoice_did_not_reach_after_all_gets_none(desk: Desk, till: Till) -> None:
    dropped = await sent(desk, await voided(desk, till, reason=None, is_taken=False))
    assert (dropped.status, dropped.answer) == (MailStatus.DROPPED, "the invoice never reached them")
    assert desk.server.taken == []


@pytest.mark.anyio
async def test_who_was_removed_meanwhile_gets_none(
    desk: Desk, till: Till, cast: Cast, owner: Connection
) -> None:
    mail = await voided(desk, till, reason=None)
    owner.execute(text("update membership set status = 'DISABLED' where id = :id"), {"id": cast.gus.id})
    assert (await sent(desk, mail)).status is MailStatus.DROPPED
