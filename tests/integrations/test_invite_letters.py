"""Invites and their reminders speak the language that was chosen for whoever is invited."""

from datetime import datetime

import pytest

from billing import customer_users
from billing.mails import Mail, MailKind, MailStatus
from db.session import Database
from tests.cast import Cast
from tests.integrations.test_letters import Desk
from tests.integrations.test_letters import desk as desk


@pytest.mark.anyio
async def test_an_invite_is_in_the_language_that_was_chosen_for_it(
    desk: Desk, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], name="Zoé", email="zoe@acme.example",
            locale="fr", now=now,
        )  # fmt: skip
    mail = desk.mail(cast.ada.partner_id)
    await desk.send(mail)
    with database.transaction(partner_id=mail.partner_id) as db:
        again = db.get_one(Mail, (mail.partner_id, mail.id))
        again.kind, again.status, again.sent_at = MailKind.INVITE_REMINDER, MailStatus.QUEUED, None
    await desk.send(mail)
    for message in desk.server.taken:
        plain, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert "Bonjour Zoé," in plain
        assert '<html lang="fr">' in html
    assert len({message["Subject"] for message in desk.server.taken}) == 2
