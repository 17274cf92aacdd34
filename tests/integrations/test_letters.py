"""Mails from records to a server: sent once, tried again, given up, dropped when their reason is gone."""

from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from uuid import UUID

import pytest
from sqlmodel import select

from auth import invites
from auth.invites import Invite
from auth.memberships import Membership
from auth.personal_tokens import PersonalToken, Purpose
from billing import (
    access_requests,
    customer_users,
    customers,
    invoice_sending,
    invoices,
    outside_payments,
    partner_profile,
)
from billing.access_requests import AccessLink
from billing.invoice_fields import InvoiceInput, LineInput
from billing.mails import Mail, MailKind, MailStatus
from billing.outside_payments import OutsideInput
from billing.partner_profile import PartnerInput
from db.session import Database
from integrations.mail.compose import Composer
from integrations.mail.outgoing import Outgoing
from integrations.mail.transports import NotNow, Refused
from tests.billing.access_steps import ZOE, asked, enter_address, mailed_link
from tests.billing.profile_steps import NEW, begin, mailed, undo
from tests.cast import Cast
from tests.papers import press

TEMPLATES = Path(__file__).parent.parent.parent / "templates"


class Server:
    """A transport that keeps what it is given, or answers with what it was told to."""

    def __init__(self) -> None:
        self.taken: list[EmailMessage] = []
        self.trouble: Exception | None = None

    async def send(self, message: EmailMessage) -> str:
        if self.trouble is not None:
            raise self.trouble
        self.taken.append(message)
        return "250 OK"


class Desk:
    """The outgoing desk with a movable clock."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database, self.now, self.server = database, now, Server()
        composer = Composer(
            TEMPLATES, public_url="https://pay.example.com", sender="no-reply@pay.example.com"
        )
        self.outgoing = Outgoing(database, composer, self.server, lambda: self.now, press())

    def mail(self, partner_id: UUID) -> Mail:
        with self.database.transaction(partner_id=partner_id) as db:
            return db.exec(select(Mail)).one()

    async def send(self, mail: Mail) -> Mail:
        await self.outgoing.send(partner_id=mail.partner_id, mail_id=mail.id)
        return self.mail(mail.partner_id)


@pytest.fixture
def desk(database: Database, now: datetime) -> Desk:
    return Desk(database, now)


@pytest.fixture
def invited(database: Database, cast: Cast, now: datetime, desk: Desk) -> Mail:
    """Ada invites Nina to Acme."""
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"],
            name="Nina", email="nina@acme.example",
            now=now,
        )  # fmt: skip
    return desk.mail(cast.ada.partner_id)


@pytest.mark.anyio
async def test_an_invite_is_sent_once_with_a_link_that_opens_it(desk: Desk, invited: Mail) -> None:
    sent = await desk.send(invited)
    assert (sent.status, sent.answer, sent.tries) == (MailStatus.SENT, "250 OK", 1)
    await desk.send(invited)
    (message,) = desk.server.taken
    assert message["To"] == "Nina <nina@acme.example>"
    assert message["Message-ID"] == f"<{invited.id}@pay.example.com>"
    with desk.database.transaction(partner_id=invited.partner_id) as db:
        token = invites.token_of(db, db.exec(select(Invite)).one())
    for kind in ("plain", "html"):
        body = message.get_body((kind,))
        assert body is not None
        assert f"https://pay.example.com/invite/{token}" in body.get_content()


@pytest.mark.anyio
async def test_a_server_that_is_away_is_tried_again(desk: Desk, invited: Mail) -> None:
    desk.server.trouble = NotNow("451 later")
    with pytest.raises(NotNow):
        await desk.send(invited)
    waiting = desk.mail(invited.partner_id)
    assert (waiting.status, waiting.tries, waiting.answer) == (MailStatus.QUEUED, 1, "451 later")
    desk.now += timedelta(days=2, hours=23)
    with pytest.raises(NotNow):
        await desk.send(invited)


@pytest.mark.anyio
async def test_a_mail_nobody_took_for_three_days_is_dead(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    _send_invoice(database, cast, now)
    desk.server.trouble = NotNow("451 later")
    desk.now += timedelta(days=3, minutes=1)
    dead = await desk.send(desk.mail(cast.ada.partner_id))
    assert (dead.status, dead.tries) == (MailStatus.DEAD, 1)


@pytest.mark.anyio
async def test_a_refusal_for_good_is_kept_in_the_servers_words(desk: Desk, invited: Mail) -> None:
    desk.server.trouble = Refused("550 No such user")
    refused = await desk.send(invited)
    assert (refused.status, refused.answer, refused.sent_at) == (MailStatus.REFUSED, "550 No such user", None)


@pytest.mark.anyio
async def test_an_invite_that_was_revoked_is_dropped(desk: Desk, invited: Mail, cast: Cast) -> None:
    with desk.database.transaction(partner_id=invited.partner_id) as db:
        customer_users.revoke_invite(db, cast.ada, membership_id=invited.membership_id, now=desk.now)
    dropped = await desk.send(invited)
    assert dropped.status is MailStatus.DROPPED
    assert desk.server.taken == []


@pytest.mark.anyio
async def test_nothing_is_sent_for_an_archived_customer(desk: Desk, invited: Mail, cast: Cast) -> None:
    with desk.database.transaction(partner_id=invited.partner_id) as db:
        customers.archive(db, cast.ada, customer_id=cast.customers["acme"], now=desk.now)
    assert (await desk.send(invited)).status is MailStatus.DROPPED


def _send_invoice(database: Database, cast: Cast, now: datetime) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        draft = invoices.create_draft(
            db, cast.ada, customer_id=cast.customers["globex"], now=now,
            fields=InvoiceInput(lines=[LineInput(description="Work", quantity="2", unit_price="50.00")]),
        )  # fmt: skip
        invoice_sending.send(db, cast.ada, invoice_id=draft.id, now=now)


@pytest.mark.anyio
async def test_an_invoice_mail_says_what_is_owed(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    _send_invoice(database, cast, now)
    await desk.send(desk.mail(cast.ada.partner_id))
    (message,) = desk.server.taken
    assert message["Subject"] == "Invoice NO-00001 from Northwind: $100.00 due April 9, 2026"
    body = message.get_body(("plain",))
    assert body is not None
    assert f"https://pay.example.com/portal/{cast.slugs['globex']}/invoices/inv_" in body.get_content()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("partners", "own", "spoken"), [("fr", None, "fr"), ("en", "fr", "fr"), ("fr", "en", "en")]
)
async def test_a_mail_is_in_the_language_of_its_reader_else_of_the_partner(
    desk: Desk, database: Database, cast: Cast, now: datetime, partners: str, own: str | None, spoken: str
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        partner_profile.update(db, cast.ada, fields=PartnerInput(locale=partners), now=now)
        db.exec(select(Membership).where(Membership.id == cast.gus.id)).one().locale = own
    _send_invoice(database, cast, now)
    await desk.send(desk.mail(cast.ada.partner_id))
    (message,) = desk.server.taken
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    subject, greeting, total = {
        "en": ("Invoice NO-00001 from Northwind: $100.00 due April 9, 2026", "Hello Gus,", "Total: $100.00"),
        "fr": (
            # A header's white space is one plain space.
            "Facture NO-00001 de Northwind : 100,00 $ US, échéance le 9 avril 2026",
            "Bonjour Gus,",
            "Total\N{NO-BREAK SPACE}: 100,00\N{NO-BREAK SPACE}$\N{NO-BREAK SPACE}US",
        ),
    }[spoken]
    assert message["Subject"] == subject
    assert greeting in plain
    assert greeting in html
    assert total in plain
    assert f'<html lang="{spoken}">' in html


@pytest.mark.anyio
async def test_a_mail_to_a_customer_ends_with_the_support_contact(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    given = PartnerInput(
        support_phone="(217) 555-0142", support_url="https://northwind.example/?a=1&b=2", accent="#f5c400"
    )
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        partner_profile.update(db, cast.ada, fields=given, now=now)
    _send_invoice(database, cast, now)
    await desk.send(desk.mail(cast.ada.partner_id))
    (message,) = desk.server.taken
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    foot = "Questions? support@northwind.example · (217) 555-0142 · https://northwind.example/?a=1"
    assert plain.rstrip().endswith(f"{foot}&b=2")
    assert f"{foot}&amp;b=2" in html
    assert "background:#f5c400;color:#000000" in html
    assert "<img" not in html


@pytest.mark.anyio
async def test_a_person_who_lost_access_gets_no_invoice(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    _send_invoice(database, cast, now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        gus = db.exec(select(Membership).where(Membership.id == cast.gus.id)).one()
        gus.status, gus.removed_at = gus.status.__class__("DISABLED"), None
    dropped = await desk.send(desk.mail(cast.ada.partner_id))
    assert dropped.status is MailStatus.DROPPED
    assert desk.server.taken == []


def test_the_templates_of_every_mail_are_there() -> None:
    kinds = {
        "invite", "invite_reminder", "invoice", "receipt", "outside_receipt", "payment_failed", "reset",
        "password_changed", "factors_changed", "sign_in_code", "device_code", "email_change", "email_taken",
        "email_undo", "access_known", "access_link", "access_denied", "access_asked",
        "outside_reversed", "thread_reply", "pay_link", "credit_note", "invoice_voided",
    }  # fmt: skip
    found = {folder.name for folder in (TEMPLATES / "email").iterdir()} - {"layout"}
    assert found == kinds
    for kind in kinds:
        names = {file.name for file in (TEMPLATES / "email" / kind).iterdir()}
        assert names == {"subject.txt", "body.txt", "body.html"}


@pytest.mark.anyio
async def test_a_change_of_address_is_told_to_both(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    await _send_change(desk, database, cast, now, NEW)
    new, old = desk.server.taken
    change, undo = (mailed(database, cast, purpose) for purpose in (Purpose.EMAIL_CHANGE, Purpose.EMAIL_UNDO))
    assert (new["To"], old["To"]) == (f"Petra <{NEW}>", "Petra <petra@acme.example>")
    for message, link in ((new, f"/email-change/{change}"), (old, f"/email-undo/{undo}")):
        for kind in ("plain", "html"):
            body = message.get_body((kind,))
            assert body is not None
            assert f"https://pay.example.com{link}" in body.get_content()
    assert NEW not in old.as_string()


@pytest.mark.anyio
async def test_an_address_with_an_account_is_told_so_and_gets_no_link_to_it(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    await _send_change(desk, database, cast, now, cast.emails["gus"])
    taken, _ = desk.server.taken
    assert taken["To"].addresses[0].addr_spec == cast.emails["gus"]
    assert taken["Subject"] == "This address already has an account"
    assert mailed(database, cast, Purpose.EMAIL_CHANGE) not in taken.as_string()
    assert "Petra" not in taken.as_string()


@pytest.mark.anyio
async def test_a_change_that_was_stopped_is_not_mailed(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    begin(database, cast, now)
    undo(database, mailed(database, cast, Purpose.EMAIL_UNDO), now)
    for row in _links(database, cast):
        await desk.outgoing.send_email_change(user_id=row.user_id, token_id=row.id)
        await desk.outgoing.send_email_undo(user_id=row.user_id, token_id=row.id)
    assert desk.server.taken == []


async def _send_change(desk: Desk, database: Database, cast: Cast, now: datetime, email: str) -> None:
    begin(database, cast, now, email)
    change, undo_link = _links(database, cast)
    await desk.outgoing.send_email_change(user_id=change.user_id, token_id=change.id)
    await desk.outgoing.send_email_undo(user_id=undo_link.user_id, token_id=undo_link.id)


def _links(database: Database, cast: Cast) -> list[PersonalToken]:
    with database.transaction(user_id=cast.petra.user_id) as db:
        return list(db.exec(select(PersonalToken).order_by(PersonalToken.id)))


@pytest.mark.anyio
async def test_an_address_on_the_billing_link_is_answered_by_mail_only(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    partner_id = cast.partners["northwind"]
    for email in (ZOE, cast.emails["petra"], cast.emails["ines"]):
        enter_address(database, now, email=email)
        with database.transaction(partner_id=partner_id) as db:
            link_id = db.exec(select(AccessLink.id).where(AccessLink.email_key == email)).one()
        await desk.outgoing.send_access_link(partner_id=partner_id, link_id=link_id)
    stranger, user, others_user = desk.server.taken
    token = mailed_link(database, cast)
    assert stranger["Subject"] == others_user["Subject"] == "Ask Northwind for access"
    assert user["Subject"] == "Your access to the portal of Northwind"
    for kind in ("plain", "html"):
        body = others_user.get_body((kind,))
        assert body is not None
        assert f"https://pay.example.com/access/{token}" in body.get_content()
        assert "support@northwind.example" in body.get_content()
        known = user.get_body((kind,))
        assert known is not None
        assert "https://pay.example.com/sign-in" in known.get_content()
        assert "/access/" not in known.get_content()


@pytest.mark.anyio
async def test_staff_are_told_who_asks_and_the_asker_of_a_denial(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    partner_id = cast.partners["northwind"]
    request_id = asked(database, cast, now)
    with database.transaction(partner_id=partner_id) as db:
        mails = db.exec(select(Mail).where(Mail.kind == MailKind.ACCESS_ASKED)).all()
    await desk.outgoing.send(partner_id=partner_id, mail_id=mails[0].id)
    with database.transaction(partner_id=partner_id) as db:
        access_requests.deny(db, cast.ada, request_id=request_id, now=now)
    await desk.outgoing.send(partner_id=partner_id, mail_id=mails[1].id)  # too late: nothing to decide
    await desk.outgoing.send_access_denied(partner_id=partner_id, request_id=request_id)
    told, denied = desk.server.taken
    assert told["Subject"] == "Zoe asks for access"
    body = told.get_body(("plain",))
    assert body is not None
    assert "Invoice 7, please." in body.get_content()
    assert f"/partner/northwind/access-requests/acr_{request_id.hex}" in body.get_content()
    assert denied["To"] == f"Zoe <{ZOE}>"
    for kind in ("plain", "html"):
        body = denied.get_body((kind,))
        assert body is not None
        assert "Questions? support@northwind.example" in body.get_content()
    assert denied["Reply-To"] == "Northwind <support@northwind.example>"


@pytest.mark.anyio
async def test_a_paid_invoice_goes_out_as_a_copy_that_asks_for_nothing(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    _send_invoice(database, cast, now)
    first = desk.mail(cast.ada.partner_id)
    assert first.subject_id is not None
    paid = OutsideInput(kind="WIRE", received_on=now.date(), send_receipt=False)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        outside_payments.record(
            db, cast.ada, invoice_id=first.subject_id, fields=paid, request_key="one",
            now=now + timedelta(minutes=1),
        )  # fmt: skip
    # What asks for money that came in meanwhile is not sent.
    assert (await desk.send(first)).status is MailStatus.DROPPED
    desk.now = now + timedelta(minutes=2)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        invoice_sending.send(db, cast.ada, invoice_id=first.subject_id, now=desk.now)
        copy = db.exec(select(Mail).where(Mail.created_at == desk.now)).one()
    await desk.outgoing.send(partner_id=copy.partner_id, mail_id=copy.id)
    (message,) = desk.server.taken
    assert message["Subject"] == "Invoice NO-00001 from Northwind, paid"
    plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    for body in (plain, html):
        assert "It is paid: nothing is left to do." in " ".join(body.split())
        assert "View and pay" not in body
