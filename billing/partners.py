"""The partner: the business that is owed money, and the tenant everything belongs to.

Surprise: its row also holds the invoice counter, so that taking a number locks exactly this row.
"""

from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, UniqueConstraint, text
from sqlmodel import Session, SQLModel

from auth import audit, memberships
from auth.actors import system
from auth.emails import Email
from auth.memberships import Membership, Role
from billing import mails
from billing.addresses import Country
from billing.customer_fields import read_time_zone
from billing.invoice_settings import read_prefix
from billing.slugs import LONGEST, SHAPE, slug_of
from billing.texts import Checks
from billing.unique import unique
from db.columns import choice, count, instant, key, minor, sort_key, tenant
from db.policies import Guard, guarded
from db.session import enter
from errors import Invalid, NotFound
from languages import ONE_OF_OURS, mark, say

_WHOLE = (
    "(address is null) = (country is null) and (city is null) = (country is null)"
    " and (state is null) = (country is null) and (postal_code is null) = (country is null)"
    " and (address2 is null or country is not null)"
)

_ONE_AT_A_TIME = text("select pg_advisory_xact_lock(20261128)")


class Partner(SQLModel, table=True):
    """A tenant. `slug` is its place in every URL, `version` counts the changes of its settings.

    The address is there as a whole or not at all. `logo` is the name of a `PartnerLogo`.
    """

    __tablename__ = "partner"
    __table_args__ = (
        UniqueConstraint("slug"),
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug_shape"),
        CheckConstraint("next_invoice_number > 0", name="numbers_from_one"),
        CheckConstraint("next_credit_note_number > 0", name="credit_notes_from_one"),
        CheckConstraint(
            "first_invoice_number between 1 and next_invoice_number", name="first_number_before_next"
        ),
        CheckConstraint(_WHOLE, name="address_whole"),
        CheckConstraint("ein ~ '^[0-9]{9}$'", name="ein_shape"),
        CheckConstraint("gst_hst_number ~ '^[0-9]{9}RT[0-9]{4}$'", name="gst_hst_shape"),
        CheckConstraint("qst_number ~ '^[0-9]{10}TQ[0-9]{4}$'", name="qst_shape"),
        CheckConstraint("accent ~ '^#[0-9a-f]{6}$'", name="accent_shape"),
        CheckConstraint(ONE_OF_OURS, name="locale"),
        CheckConstraint("logo ~ '^[0-9a-f]{32}$'", name="logo_shape"),
        guarded(Guard.PARTNER_ROW),
    )

    id: UUID = key()
    slug: str = sort_key()
    name: str
    legal_name: str
    support_email: str
    support_phone: str | None = None
    support_url: str | None = None
    time_zone: str
    locale: str = "en"
    address: str | None = None
    address2: str | None = None
    city: str | None = None
    state: str | None = None
    postal_code: str | None = None
    country: Country | None = choice(Country, default=None)
    ein: str | None = None
    gst_hst_number: str | None = None
    qst_number: str | None = None
    accent: str | None = None
    logo: str | None = None
    staff_need_factor: bool = False
    users_need_factor: bool = False
    version: int = count(default=1)
    invoice_prefix: str
    first_invoice_number: int = minor(default=1)
    next_invoice_number: int = minor(default=1)
    credit_note_prefix: str = "CN-"
    next_credit_note_number: int = minor(default=1)
    default_terms_days: int = count(default=30)
    payment_instructions: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()


class GatewayAccount(SQLModel, table=True):
    """Where the gateway keeps this partner's money. Webhooks find their partner by it."""

    __tablename__ = "gateway_account"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        UniqueConstraint("gateway", "account"),
        guarded(Guard.TENANT),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    gateway: str = sort_key()
    account: str = sort_key()
    created_at: datetime = instant()


class PartnerLogo(SQLModel, table=True):
    """The picture itself, as a PNG of our own making. `name` says its address, `/brand/<name>.png`."""

    __tablename__ = "partner_logo"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        UniqueConstraint("name"),
        CheckConstraint("name ~ '^[0-9a-f]{32}$'", name="name_shape"),
        CheckConstraint("octet_length(png) <= 524288", name="small"),
        guarded(Guard.TENANT),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    name: str = sort_key()
    png: bytes
    created_at: datetime = instant()


class NewPartner(NamedTuple):
    """A partner, and its first Admin, who has not accepted yet."""

    partner: Partner
    admin: Membership


def create(
    db: Session,
    *,
    name: str,
    admin_name: str,
    admin_email: str,
    slug: str | None = None,
    legal_name: str | None = None,
    support_email: str | None = None,
    time_zone: str | None = None,
    invoice_prefix: str | None = None,
    gateway: str = "sandbox",
    account: str | None = None,
    staff_need_factor: bool = True,
    now: datetime,
) -> NewPartner:
    """Start a partner, with its account at `gateway` and its first Admin, whose invite is mailed.

    The one rule without an actor: it makes the tenant, and leaves the transaction inside it. What is left
    out: `slug` comes from the name, the support address is the Admin's, times are New York's, invoices are
    numbered INV-1 and on, and the sandbox gateway gets an account of its own. The staff are asked for a
    second factor from the start, so the Admin sets one up before the dashboard opens. Refuses all wrong
    fields at once; SLUG_TAKEN and ACCOUNT_TAKEN whoever has it.
    """
    checks = Checks()
    shown = checks.line("name", name, required=True, limit=100)
    who = checks.line("admin_name", admin_name, required=True, limit=100)
    email = checks.email("admin_email", admin_email)
    support = checks.email("support_email", support_email) if support_email else email
    partner = Partner(
        name=shown,
        slug=_read_slug(checks, slug, shown),
        legal_name=checks.line("legal_name", legal_name, required=False, limit=200) or shown,
        support_email=support.address,
        time_zone=read_time_zone(checks, time_zone) or "America/New_York",
        invoice_prefix=read_prefix(checks, invoice_prefix),
        staff_need_factor=staff_need_factor,
        created_at=now,
        updated_at=now,
    )
    checks.done()
    enter(db, partner_id=partner.id)
    with unique(db, "uq_partner_slug", _taken("slug", mark("slug"))):
        db.add(partner)
    held = GatewayAccount(
        partner_id=partner.id, gateway=gateway, account=account or f"acct_{partner.id.hex}", created_at=now
    )
    with unique(db, "uq_gateway_account_gateway_account", _taken("account", mark("gateway account"))):
        db.add(held)
    return NewPartner(partner, _first_admin(db, partner.id, who, email, now))


def create_first(
    db: Session, *, name: str, admin_name: str, admin_email: str, time_zone: str, now: datetime
) -> NewPartner:
    """Start the first partner of an installation, as `create`; refuses NotFound once there is one.

    Two that ask at once wait for each other, so one is refused.
    """
    db.execute(_ONE_AT_A_TIME)
    if not is_empty(db):
        raise NotFound
    return create(db, name=name, admin_name=admin_name, admin_email=admin_email, time_zone=time_zone, now=now)


def is_empty(db: Session) -> bool:
    """Whether no partner was made here yet; asked before anybody is entered."""
    return not db.execute(text("select has_partner()")).scalar_one()


def _first_admin(db: Session, partner_id: UUID, name: str, email: Email, now: datetime) -> Membership:
    actor = system(partner_id)
    audit.record(db, actor, action="partner.created", subject_kind="partner", subject_id=partner_id, now=now)
    admin, invite = memberships.add(
        db, actor, customer_id=None, name=name, email=email, role=Role.ADMIN, now=now
    )
    mails.queue(
        db, partner_id=partner_id, kind=mails.MailKind.INVITE, membership_id=admin.id, subject_id=invite.id,
        customer_id=None, now=now,
    )  # fmt: skip
    return admin


def _read_slug(checks: Checks, typed: str | None, name: str) -> str:
    written = (typed or "").strip()
    if not written and not name:
        return ""  # the name's own problem says enough
    slug = written or slug_of(name)
    if not SHAPE.fullmatch(slug) or len(slug) > LONGEST:
        message = say(
            "Write the slug in up to {longest} lower-case letters, digits and hyphens, like acme-it.",
            longest=LONGEST,
        )
        checks.refuse("slug", code="BAD_SLUG", message=message)
    return slug


def _taken(field: str, called: str) -> Invalid:
    message = say("This {called} is taken. Choose another one.", called=called)
    return Invalid.at(field, code=f"{field.upper()}_TAKEN", message=message)
