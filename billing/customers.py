"""Customers: the companies that owe a partner.

Surprise: `company_key`, `open_minor` and the search words are stored beside what they are made from,
because under row-level security only plain columns can use an index; the rules here keep them true.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, SQLModel, col, select

from auth import audit, invites, memberships
from auth.actors import Action, Actor
from auth.authority import LIVE
from auth.companies import require_active, require_open
from auth.memberships import Membership, MembershipStatus
from billing import mails, search
from billing.addresses import Country
from billing.customer_fields import (
    ADDRESS_FIELDS,
    CustomerInput,
    Invitee,
    Profile,
    UserInput,
    read_profile,
    read_users,
)  # fmt: skip
from billing.duplicates import possible_duplicates
from billing.fixed_currency import require_currency
from billing.money import Currency
from billing.slugs import random_slug
from billing.tax_ids import display_tax_id
from billing.texts import Checks
from billing.told import between
from billing.unique import unique
from billing.user_words import keep_user_words
from db.columns import choice, count, instant, key, minor, new_id, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, Invalid, NotFound, Problem

SEARCHED_AS = "customer"


class CustomerStatus(StrEnum):
    """SETUP until it has a user; an ARCHIVED one's users cannot act, its records stay."""

    SETUP = "SETUP"
    ACTIVE = "ACTIVE"
    ARCHIVED = "ARCHIVED"


class Customer(SQLModel, table=True):
    """A company. `slug` is its place in the portal's URLs, unique over all partners.

    `archiving_id` names the act that archived it, the same for all that went in one: what Undo takes back.
    """

    __tablename__ = "customer"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        UniqueConstraint("slug"),
        UniqueConstraint("partner_id", "external_id"),
        CheckConstraint("tax_id ~ '^[0-9]{9}$'", name="tax_id_shape"),
        CheckConstraint("(status = 'ARCHIVED') = (archived_at is not null)", name="archived_has_time"),
        CheckConstraint("slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'", name="slug_shape"),
        Index("ix_customer_company", "partner_id", "company_key", "id"),
        Index("ix_customer_created", "partner_id", "created_at", "id"),
        Index("ix_customer_updated", "partner_id", "updated_at", "id"),
        Index("ix_customer_open", "partner_id", "open_minor", "id"),
        Index("ix_customer_status", "partner_id", "status", "company_key", "id"),
        Index("ix_customer_country", "partner_id", "country", "company_key", "id"),
        Index("ix_customer_tax_id", "partner_id", "tax_id"),
        CheckConstraint("archiving_id is null or status = 'ARCHIVED'", name="archiving_while_archived"),
        # Whatever the code does: no more credit is applied than there is (GUARANTEES M-4).
        CheckConstraint("credit_minor >= 0", name="credit_not_negative"),
        Index(
            "ix_customer_archiving", "partner_id", "archiving_id",
            postgresql_where="archiving_id is not null",
        ),
        guarded(Guard.CUSTOMER_ROW),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    slug: str = sort_key()
    company: str
    company_key: str = sort_key()
    legal_name: str | None = None
    tax_id: str | None = sort_key(default=None)
    address: str
    address2: str | None = None
    city: str
    state: str = sort_key()
    postal_code: str = sort_key()
    country: Country = choice(Country)
    currency: Currency = choice(Currency)
    time_zone: str | None = None
    terms_days: int | None = count(default=None)
    external_id: str | None = sort_key(default=None)
    status: CustomerStatus = choice(CustomerStatus)
    open_minor: int = minor(default=0)
    credit_minor: int = minor(default=0)
    version: int = count(default=1)
    created_at: datetime = instant()
    updated_at: datetime = instant()
    archived_at: datetime | None = instant(default=None)
    archiving_id: UUID | None = None


class Saved(NamedTuple):
    """A written customer, the users it got in the same breath, and warnings for whoever wrote it."""

    customer: Customer
    users: tuple[Membership, ...] = ()
    warnings: tuple[Problem, ...] = ()


class AlreadySetUp(Conflict):
    """The wizard's second step, come too late."""

    code = "CUSTOMER_ALREADY_SET_UP"
    message = "This customer is set up already. Add users on its page, under Users."


def check(db: Session, actor: Actor, *, fields: CustomerInput) -> tuple[Problem, ...]:
    """What `create` would warn of, writing nothing; refuses as `create` does."""
    actor.require(Action.EDIT_CUSTOMERS)
    checks = Checks()
    profile = read_profile(checks, fields)
    checks.done()
    return profile.warnings + _duplicates(db, actor, profile, None)


def create(
    db: Session, actor: Actor, *, fields: CustomerInput, users: Sequence[UserInput] = (), now: datetime
) -> Saved:
    """Make a customer: in SETUP without `users`, ACTIVE with them, each of them invited by mail.

    Refuses all wrong fields at once, at (field,) and ("users", row, field); EXTERNAL_ID_TAKEN. Warns of an
    EIN prefix the IRS never issued and of possible duplicates (PRODUCT.md, Customers). Record, users,
    invites and mails are the caller's one transaction (GUARANTEES C-8).
    """
    actor.require(Action.EDIT_CUSTOMERS)
    if users:
        actor.require(Action.MANAGE_USERS)
    checks = Checks()
    profile = read_profile(checks, fields)
    invitees = read_users(checks, users, first=True) if users else ()
    checks.done()
    customer = _insert(db, actor, profile, now)
    _record(db, actor, customer, "customer.created", now)
    members = seat(db, actor, customer=customer, invitees=invitees, now=now)
    return Saved(customer, members, profile.warnings + _duplicates(db, actor, profile, customer.id))


def finish_setup(
    db: Session, actor: Actor, *, customer_id: UUID, users: Sequence[UserInput], now: datetime
) -> Saved:
    """Give a customer in SETUP its users, which makes it ACTIVE and sends their invites.

    Refuses: NotFound, no user at all, wrong fields at ("users", row, field), AlreadySetUp, CustomerClosed.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    actor.require(Action.MANAGE_USERS)
    customer = locked(db, actor, customer_id=customer_id)
    require_open(customer.status)
    if customer.status is CustomerStatus.ACTIVE:
        raise AlreadySetUp
    checks = Checks()
    invitees = read_users(checks, users, first=True)
    checks.done()
    return Saved(customer, seat(db, actor, customer=customer, invitees=invitees, now=now))


def update(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID,
    fields: CustomerInput,
    version: int | None = None,
    now: datetime,
) -> Saved:
    """Change the given fields. `version` is the one that was shown: another one by now is a Conflict.

    Refuses: NotFound, CustomerClosed, Conflict, wrong fields as `create`, CURRENCY_FIXED once there is an
    invoice. Nothing different: nothing written, not even the version.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    customer = locked(db, actor, customer_id=customer_id)
    require_open(customer.status)
    if version is not None and version != customer.version:
        raise Conflict
    before = customer.model_dump()
    checks = Checks()
    profile = read_profile(checks, fields, before)
    checks.note(require_currency, db, before, profile.values.get("currency", customer.currency))
    checks.done()
    changed = {name: value for name, value in profile.values.items() if value != before[name]}
    if changed:
        with unique(db, "uq_customer_partner_id_external_id", external_id_taken()):
            for name, value in changed.items():
                setattr(customer, name, value)
            _touch(customer, now)
        keep_words(db, customer)
        _record(db, actor, customer, "customer.updated", now, **between(before, changed))
    merged = Profile({**before, **changed}, profile.warnings)
    compared = changed.keys() & {"company_key", "tax_id", *ADDRESS_FIELDS}
    duplicates = _duplicates(db, actor, merged, customer.id) if compared else ()
    return Saved(customer, warnings=profile.warnings + duplicates)


def archive(db: Session, actor: Actor, *, customer_id: UUID, now: datetime) -> Customer:
    """Close a customer: its users can't act, its open invites die (GUARANTEES C-3), its records stay.

    Archiving twice changes nothing the second time. Refuses NotFound.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    customer = locked(db, actor, customer_id=customer_id)
    close(db, actor, customer=customer, archiving_id=new_id(), now=now)
    return customer


def restore(db: Session, actor: Actor, *, customer_id: UUID, now: datetime) -> Customer:
    """Open an archived customer again: ACTIVE if it has a user, else in SETUP.

    Invites that died with it stay dead: send them again. Restoring twice changes nothing. Refuses NotFound.
    """
    actor.require(Action.EDIT_CUSTOMERS)
    customer = locked(db, actor, customer_id=customer_id)
    reopen(db, actor, customer=customer, now=now)
    return customer


def close(db: Session, actor: Actor, *, customer: Customer, archiving_id: UUID, now: datetime) -> bool:
    """Archive a customer that is `locked`, as a part of one act; False if it was archived already."""
    if customer.status is CustomerStatus.ARCHIVED:
        return False
    customer.status = CustomerStatus.ARCHIVED
    customer.archived_at = now
    customer.archiving_id = archiving_id
    _touch(customer, now)
    invites.kill_of_customers(db, actor, customer_ids=[customer.id], now=now)
    _record(db, actor, customer, "customer.archived", now)
    return True


def reopen(db: Session, actor: Actor, *, customer: Customer, now: datetime) -> bool:
    """Restore a customer that is `locked`; False if it was not archived."""
    if customer.status is not CustomerStatus.ARCHIVED:
        return False
    has_user = any(member.status in LIVE for member in members_of(db, customer))
    customer.status = CustomerStatus.ACTIVE if has_user else CustomerStatus.SETUP
    customer.archived_at = customer.archiving_id = None
    _touch(customer, now)
    _record(db, actor, customer, "customer.restored", now)
    return True


def locked(db: Session, actor: Actor, *, customer_id: UUID) -> Customer:
    """The actor's own customer of that id, its row locked until the transaction ends; else NotFound.

    Whatever changes a customer, its users or its invoices takes this lock first, so that each sees the
    others' work. A customer user finds only its own company, and only while that is ACTIVE.
    """
    wanted = select(Customer).where(Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    if actor.customer_id is not None:
        wanted = wanted.where(Customer.id == actor.customer_id, Customer.status == CustomerStatus.ACTIVE)
    # "No key": rows that only point here, say a mail's or a tag's, don't have to wait.
    wanted = wanted.with_for_update(key_share=True).execution_options(populate_existing=True)
    customer = db.exec(wanted).one_or_none()
    if customer is None:
        raise NotFound
    return customer


def billable(db: Session, actor: Actor, *, customer_id: UUID) -> Customer:
    """`locked`, for whoever wants to invoice it. Refuses: NotFound, CustomerNotReady, CustomerClosed."""
    customer = locked(db, actor, customer_id=customer_id)
    require_active(customer.status)
    return customer


def require_acting(db: Session, actor: Actor) -> None:
    """Refuse (NotFound) a customer user whose company is not ACTIVE; everybody else passes."""
    if actor.customer_id is None:
        return
    status = select(Customer.status).where(
        Customer.partner_id == actor.partner_id, Customer.id == actor.customer_id
    )
    if db.exec(status).one_or_none() is not CustomerStatus.ACTIVE:
        raise NotFound


def members_of(db: Session, customer: Customer) -> Sequence[Membership]:
    """The customer's users, removed ones too, in the order they came."""
    wanted = (
        select(Membership)
        .where(Membership.partner_id == customer.partner_id, Membership.customer_id == customer.id)
        .order_by(col(Membership.created_at), col(Membership.id))
    )
    return db.exec(wanted).all()


def seat(
    db: Session, actor: Actor, *, customer: Customer, invitees: Sequence[Invitee], now: datetime
) -> tuple[Membership, ...]:
    """Give a customer that is `locked` these users, each invited by mail; the first ones make it ACTIVE."""
    members = []
    for invitee in invitees:
        member, invite = memberships.add(
            db, actor, customer_id=customer.id, name=invitee.name, email=invitee.email, role=invitee.role,
            locale=invitee.locale, path=invitee.path, now=now,
        )  # fmt: skip
        mails.queue(
            db, partner_id=customer.partner_id, kind=mails.MailKind.INVITE, membership_id=member.id,
            subject_id=invite.id, customer_id=customer.id, now=now,
        )  # fmt: skip
        keep_user_words(db, member)
        members.append(member)
    if members:
        settle_in(db, actor, customer=customer, now=now)
    keep_words(db, customer)
    return tuple(members)


def settle_in(db: Session, actor: Actor, *, customer: Customer, now: datetime) -> None:
    """The first users make a customer that is `locked` ACTIVE. Its words are the caller's to keep."""
    if customer.status is CustomerStatus.SETUP:
        customer.status = CustomerStatus.ACTIVE
        _touch(customer, now)
        _record(db, actor, customer, "customer.activated", now)


def keep_words(db: Session, customer: Customer) -> None:
    """Make the customer findable by what it and its users are called now; to be called when that changes."""
    users = [member for member in members_of(db, customer) if member.status is not MembershipStatus.REMOVED]
    texts = [*words_of(customer.model_dump()), *(said for user in users for said in (user.name, user.email))]
    search.keep(
        db, partner_id=customer.partner_id, customer_id=customer.id, kind=SEARCHED_AS,
        subject_id=customer.id, texts=texts,
    )  # fmt: skip


def words_of(row: Mapping[str, Any]) -> list[str | None]:
    """The texts of its own that a customer is found by, from its columns."""
    shown = row["tax_id"] and display_tax_id(row["tax_id"], row["country"])
    return [row["company"], row["legal_name"], row["external_id"], row["tax_id"], shown]


def _insert(db: Session, actor: Actor, profile: Profile, now: datetime) -> Customer:
    fixed = {
        "partner_id": actor.partner_id, "id": new_id(), "status": CustomerStatus.SETUP,
        "created_at": now, "updated_at": now, "open_minor": 0, "credit_minor": 0, "version": 1,
    }  # fmt: skip
    for _ in range(8):  # a slug that another partner happens to have can't be seen from here: draw again
        row = {**fixed, **profile.values, "slug": random_slug(profile.values["company"])}
        made = insert(Customer).values(row).on_conflict_do_nothing().returning(Customer)
        customer = db.scalars(made).one_or_none()
        if customer is not None:
            return customer
        if row["external_id"] is not None and _has_external_id(db, actor, row["external_id"]):
            raise external_id_taken()
    raise RuntimeError("no free slug in eight draws")


def _has_external_id(db: Session, actor: Actor, external_id: str) -> bool:
    same = (Customer.partner_id == actor.partner_id, Customer.external_id == external_id)
    return db.exec(select(Customer.id).where(*same)).first() is not None


def external_id_taken() -> Invalid:
    """The refusal of an external id that another customer of the partner has."""
    message = "Another customer has this external id. Change it, or edit that customer."
    return Invalid.at("external_id", code="EXTERNAL_ID_TAKEN", message=message)


def _duplicates(db: Session, actor: Actor, profile: Profile, except_id: UUID | None) -> tuple[Problem, ...]:
    return possible_duplicates(db, partner_id=actor.partner_id, values=profile.values, except_id=except_id)


def _touch(customer: Customer, now: datetime) -> None:
    customer.version += 1
    customer.updated_at = now


def _record(
    db: Session, actor: Actor, customer: Customer, action: str, now: datetime, **details: object
) -> None:
    audit.record(
        db, actor, action=action, subject_kind="customer", subject_id=customer.id,
        customer_id=customer.id, now=now, **details,
    )  # fmt: skip
    db.flush()  # whoever reads next in this transaction, also past the session, finds it done
