"""Mails with pay links: the invoice's, and the one with a fresh link."""

import re
from datetime import datetime
from email.message import EmailMessage

import pytest
from sqlmodel import select

from auth.memberships import Membership, MembershipStatus
from billing import mailed_links, mails, pay_links
from billing.mails import Mail, MailKind
from billing.pay_links import PayLink
from db.session import Database
from tests.cast import Cast
from tests.integrations.test_letters import Desk, _send_invoice
from tests.integrations.test_letters import desk as desk


@pytest.mark.anyio
async def test_an_invoice_mail_carries_a_pay_link_that_opens_it_until_it_is_revoked(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    _send_invoice(database, cast, now)
    mail = desk.mail(cast.ada.partner_id)
    await desk.send(mail)
    texts = [_text(desk.server.taken[0], kind) for kind in ("plain", "html")]
    (token,) = {
        found for said in texts for found in re.findall(r"https://pay\.example\.com/pay/([\w-]{43})", said)
    }
    with database.transaction() as db:
        guest = pay_links.open_link(db, token=token, is_counted=False, now=now)
        assert guest.invoice_id == mail.subject_id
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        link = db.exec(select(PayLink)).one()
        pay_links.revoke(db, cast.ada, link_id=link.id, now=now)
        again = mails.queue(
            db, partner_id=mail.partner_id, kind=MailKind.INVOICE, membership_id=mail.membership_id,
            subject_id=mail.subject_id, customer_id=mail.customer_id, now=now,
        )  # fmt: skip
    await desk.outgoing.send(partner_id=mail.partner_id, mail_id=again.id)
    assert "https://pay.example.com/pay/" not in _text(desk.server.taken[1], "plain")


@pytest.mark.anyio
async def test_whoever_has_not_accepted_yet_is_told_to_pay_by_the_link_and_how_to_get_in(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        db.get_one(Membership, (cast.ada.partner_id, cast.gus.id)).status = MembershipStatus.INVITED
    _send_invoice(database, cast, now)
    mail = desk.mail(cast.ada.partner_id)
    await desk.send(mail)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        pay_links.revoke(db, cast.ada, link_id=db.exec(select(PayLink)).one().id, now=now)
        again = mails.queue(
            db, partner_id=mail.partner_id, kind=MailKind.INVOICE, membership_id=mail.membership_id,
            subject_id=mail.subject_id, customer_id=mail.customer_id, now=now,
        )  # fmt: skip
    await desk.outgoing.send(partner_id=mail.partner_id, mail_id=again.id)
    for message, ways in zip(desk.server.taken, (("pay", "forgot"), ("portal", "forgot")), strict=True):
        for kind in ("plain", "html"):
            said = " ".join(_text(message, kind).split())
            found = re.findall(r"https://pay\.example\.com/(\w+)", said)
            assert tuple(dict.fromkeys(found)) == ways
            assert "accept your invite to the portal first" in said
            assert "/invite/" not in said


@pytest.mark.anyio
async def test_a_fresh_link_is_mailed_and_dropped_once_it_is_revoked(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    _send_invoice(database, cast, now)
    await desk.send(desk.mail(cast.ada.partner_id))
    token = re.findall(r"/pay/([\w-]{43})", _text(desk.server.taken[0], "plain"))[0]
    with database.transaction() as db:
        mailed_links.ask_fresh(db, token=token, address="192.0.2.1", now=now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        fresh = db.exec(select(Mail).where(Mail.kind == MailKind.PAY_LINK)).one()
    await desk.outgoing.send(partner_id=fresh.partner_id, mail_id=fresh.id)
    message = desk.server.taken[1]
    assert message["Subject"] == "A fresh link to invoice NO-00001 from Northwind"
    (other,) = set(re.findall(r"/pay/([\w-]{43})", _text(message, "plain") + _text(message, "html")))
    assert other != token
    with database.transaction() as db:
        assert pay_links.open_link(db, token=other, is_counted=False, now=now).actor.proved_at == now
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        pay_links.revoke(db, cast.ada, link_id=fresh.subject_id, now=now)
        again = mails.queue(
            db, partner_id=fresh.partner_id, kind=MailKind.PAY_LINK, membership_id=fresh.membership_id,
            subject_id=fresh.subject_id, customer_id=fresh.customer_id, now=now,
        )  # fmt: skip
    await desk.outgoing.send(partner_id=fresh.partner_id, mail_id=again.id)
    assert len(desk.server.taken) == 2


def _text(message: EmailMessage, kind: str) -> str:
    body = message.get_body((kind,))
    assert body is not None
    said: str = body.get_content()
    return said
