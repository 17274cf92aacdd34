"""A-2: past row-level security, the worker writes the letters it writes without a twin under the same ids.

Gateways' events and what is asked about later are tied to the partner, too.
"""

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

from sqlalchemy import update
from sqlmodel import Session, col, select

from auth.actors import system
from billing import access_requests, mails, thread_mails
from billing.access_requests import AccessLink, AccessRequest
from billing.mails import Mail, MailKind, MailStatus
from db.columns import new_id
from db.session import Database
from integrations import inbox, reconciling
from integrations.inbox import EventStatus, GatewayEvent
from integrations.mail import access_letters, letters, outgoing
from integrations.mail.letters import Letter
from tests.billing.acting import acting
from tests.billing.shelf import Things
from tests.billing.shelf import both as both
from tests.billing.shelf import shelf as shelf
from tests.billing.shelf import things as things
from tests.billing.shelf import twins as twins
from tests.twins import TWIN

SANDBOX: Any = SimpleNamespace(name="sandbox", live=False)


def written(db: Session, things: Things) -> list[tuple[str, str, object]]:
    """Every letter to Northwind's people and customers, with what it says."""
    partner_id, ada, now = things.cast.ada.partner_id, things.cast.ada, things.now
    thread_mails.announce(db, partner_id=partner_id, message_id=things.ids["message"], now=now)
    # The invoice reached Vera, and is void by now.
    invoice = things.ids["invoice"]
    reached = update(Mail).where(col(Mail.partner_id) == partner_id, col(Mail.subject_id) == invoice)
    db.execute(reached.values(status=MailStatus.SENT, sent_at=now, bounced_at=None))
    mails.queue(
        db, partner_id=partner_id, kind=MailKind.INVOICE_VOIDED, membership_id=things.cast.vera.id,
        subject_id=invoice, customer_id=things.ids["acme"], now=now,
    )  # fmt: skip
    access = db.exec(select(AccessRequest).where(AccessRequest.partner_id == partner_id)).one()
    # Bob's invite is gone, and Sue is.
    gone = [things.ids["bob"], things.ids["sue"]]
    mine = (Mail.partner_id == partner_id, col(Mail.membership_id).not_in(gone))
    written = db.exec(select(Mail).where(*mine).order_by(col(Mail.kind), col(Mail.id))).all()
    picked_up = [outgoing._mail(db, partner_id, mail.id) for mail in written]
    found = [letters.to_member(db, mail, str, now=now) for mail in picked_up if mail is not None]
    links = select(AccessLink.id).where(
        AccessLink.partner_id == partner_id, AccessLink.email_key.like("zed@%")
    )  # type: ignore[attr-defined]
    link_id = db.exec(links).one()
    found.append(access_letters.link(db, partner_id=partner_id, link_id=link_id, to=str, now=now))
    access_requests.deny(db, ada, request_id=access.id, now=now)
    found.append(access_letters.denied(db, partner_id=partner_id, request_id=access.id))
    return [_said(letter) for letter in found]


def _said(letter: Letter) -> tuple[str, str, object]:
    return letter.kind, letter.to_address, letter.values


def test_letters_say_what_they_say_without_a_twin(both: tuple[Database, Database], things: Things) -> None:
    told = []
    for database in both:
        with acting(database, things.cast.ada) as db:
            told.append(written(db, things))
    assert told[0] == told[1]
    kinds = {
        MailKind.INVITE,
        MailKind.INVOICE,
        MailKind.RECEIPT,
        MailKind.THREAD_REPLY,
        MailKind.ACCESS_ASKED,
        MailKind.INVOICE_VOIDED,
    }
    assert kinds <= {kind for kind, *_ in told[0]}


def event(things: Things, partner_id: Any, key: str) -> GatewayEvent:
    body = {
        "id": "evt_1", "kind": "CHARGE_SUCCEEDED", "account": "acct", "live": False, "gateway_id": "ch_1",
        "key": key, "status": "SUCCEEDED", "amount_minor": 100, "currency": "USD", "failure_code": None,
        "failure_message": None, "created_at": things.now.isoformat(),
    }  # fmt: skip
    return GatewayEvent(
        partner_id=partner_id, id=new_id(), gateway="sandbox", event_ref="evt_1", body=body,
        kind="CHARGE_SUCCEEDED", status=EventStatus.STORED, received_at=things.now,
    )  # fmt: skip


def test_an_event_is_acted_on_for_whoever_it_came_to(both: tuple[Database, Database], things: Things) -> None:
    """Contoso's gateway speaks of Northwind's payment by its key: that is none of Contoso's."""
    contoso, own = things.contoso, things.cast.ada.partner_id
    with both[1].transaction() as db:
        payment_key = db.exec(
            select(reconciling.Payment.gateway_key).where(
                reconciling.Payment.partner_id == own, reconciling.Payment.id == things.ids["waiting"]
            )
        ).one()
        stored = event(things, contoso, payment_key)
        db.add(stored)
        event_id = stored.id

    def act(partner_id: Any) -> EventStatus | None:
        return inbox.act(both[1], SANDBOX, partner_id=partner_id, event_id=event_id, now=things.now)

    assert act(own) is None
    assert act(contoso) is EventStatus.IGNORED


def test_what_is_left_over_is_the_partners_own(both: tuple[Database, Database], things: Things) -> None:
    later = things.now + timedelta(days=1)
    for partner_id, many in ((things.contoso, 0), (things.cast.ada.partner_id, 1)):
        found = reconciling._left_over(both[1], SANDBOX, system(partner_id), later)
        assert {one.partner_id for one in found} <= {partner_id}
        assert len(found) == many
    assert str(things.contoso) != TWIN
