"""Starting a partner: the tenant, its gateway account, its first Admin and the mail, or nothing at all."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.audit import AuditEvent
from auth.invites import Invite
from auth.memberships import MembershipStatus, Role
from billing import mails, partners
from billing.mails import Mail, MailKind, MailStatus
from billing.partners import GatewayAccount, NewPartner, Partner
from db.session import Database
from tests.billing.acting import Acts, at_once, codes, problems_of
from tests.cast import Cast
from tests.figures import rounds
from tests.world import nothing_changes

FABRIKAM = {"name": "Fabrikam IT", "admin_name": "Fay", "admin_email": "Fay@fabrikam.example"}


def start(database: Database, now: datetime, **changes: Any) -> NewPartner:
    with database.transaction() as db:
        return partners.create(db, **{**FABRIKAM, **changes}, now=now)


def test_a_partner_starts_with_an_admin_who_is_invited(
    database: Database, now: datetime, owner: Connection
) -> None:
    partner, admin = start(database, now)
    with database.transaction(partner_id=partner.id) as db:
        stored = db.exec(select(Partner)).one().model_dump()
        held = db.exec(select(GatewayAccount)).one()
        invite = db.exec(select(Invite)).one()
        mail = db.exec(select(Mail)).one()
        acts = db.exec(select(AuditEvent.action).order_by(AuditEvent.id)).all()
    assert {name: value for name, value in stored.items() if value is not None} == {
        "id": partner.id, "slug": "fabrikam-it", "name": "Fabrikam IT", "legal_name": "Fabrikam IT",
        "support_email": "Fay@fabrikam.example", "time_zone": "America/New_York",
        "staff_need_factor": True, "users_need_factor": False, "version": 1, "locale": "en",
        "invoice_prefix": "INV-", "next_invoice_number": 1, "next_credit_note_number": 1,
        "credit_note_prefix": "CN-",
        "first_invoice_number": 1,
        "default_terms_days": 30, "created_at": now,
        "updated_at": now,
    }  # fmt: skip
    assert (held.gateway, held.account) == ("sandbox", f"acct_{partner.id.hex}")
    assert (admin.role, admin.status, admin.customer_id, admin.user_id) == (
        Role.ADMIN, MembershipStatus.INVITED, None, None,
    )  # fmt: skip
    assert (invite.membership_id, invite.expires_at) == (admin.id, now + timedelta(hours=72))
    assert (mail.kind, mail.membership_id, mail.subject_id) == (MailKind.INVITE, admin.id, invite.id)
    assert acts == ["partner.created", "user.invited"]
    jobs = owner.execute(text("select task_name, args from procrastinate_jobs")).all()
    assert [tuple(job) for job in jobs] == [
        ("send_mail", {"partner_id": str(partner.id), "mail_id": str(mail.id)})
    ]


def test_everything_can_be_chosen(database: Database, now: datetime) -> None:
    partner = start(
        database, now, slug="fab", legal_name="Fabrikam IT, LLC", support_email="help@fabrikam.example",
        time_zone="America/Toronto", invoice_prefix="fab-", gateway="stripe", account="acct_1",
        staff_need_factor=False,
    ).partner  # fmt: skip
    assert (partner.slug, partner.legal_name, partner.support_email) == (
        "fab", "Fabrikam IT, LLC", "help@fabrikam.example",
    )  # fmt: skip
    assert (partner.time_zone, partner.invoice_prefix) == ("America/Toronto", "FAB-")
    assert not partner.staff_need_factor


def test_everything_wrong_is_told_at_once(database: Database, now: datetime, owner: Connection) -> None:
    def wrong() -> NewPartner:
        return start(
            database, now, name=" ", admin_name="", admin_email="fay@", slug="Not a slug", time_zone="Mars",
            invoice_prefix="--", support_email="@", legal_name="x" * 201,
        )  # fmt: skip

    with nothing_changes(owner):
        assert problems_of(wrong) == [
            ("REQUIRED", ("name",)), ("REQUIRED", ("admin_name",)), ("BAD_EMAIL", ("admin_email",)),
            ("BAD_EMAIL", ("support_email",)), ("BAD_SLUG", ("slug",)), ("TOO_LONG", ("legal_name",)),
            ("UNKNOWN_TIME_ZONE", ("time_zone",)), ("BAD_PREFIX", ("invoice_prefix",)),
        ]  # fmt: skip
        assert problems_of(lambda: start(database, now, name="株式会社")) == [("BAD_SLUG", ("slug",))]


def test_a_slug_and_an_account_belong_to_one_partner(
    database: Database, cast: Cast, now: datetime, owner: Connection
) -> None:
    with nothing_changes(owner):
        assert problems_of(lambda: start(database, now, slug="northwind")) == [("SLUG_TAKEN", ("slug",))]
        taken = problems_of(lambda: start(database, now, account="acct_northwind"))
        assert taken == [("ACCOUNT_TAKEN", ("account",))]


@pytest.mark.prove
def test_of_twenty_partners_of_one_slug_one_is_started(crowd: Acts, owner: Connection) -> None:
    for race in range(rounds(3, 20)):

        def begin(number: int, race: int = race) -> NewPartner:
            return start(crowd.database, crowd.now, slug=f"race-{race}")

        assert codes(at_once(20, begin)) == {"NewPartner": 1, "SLUG_TAKEN": 19}


def test_a_mail_and_its_job_live_and_die_together(acts: Acts, cast: Cast) -> None:
    def queue(db: Any, actor: Any) -> Mail:
        return mails.queue(
            db, partner_id=actor.partner_id, kind=MailKind.INVOICE, membership_id=cast.carl.id,
            subject_id=cast.customers["acme"], customer_id=cast.customers["acme"], now=acts.now,
        )  # fmt: skip

    def queue_and_fail(db: Any, actor: Any) -> None:
        queue(db, actor)
        raise RuntimeError

    mail = acts(cast.ada, queue)
    assert (mail.status, mail.tries, mail.sent_at) == (MailStatus.QUEUED, 0, None)
    assert (acts.count("mail"), acts.count("procrastinate_jobs")) == (1, 1)
    with acts.nothing_changes(), pytest.raises(RuntimeError):
        acts(cast.ada, queue_and_fail)
