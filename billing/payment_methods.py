"""Payment methods: what the gateway holds for a customer. Never a number, only a reference.

Surprise: a method can't be edited, only replaced and removed; exactly one usable method is the default.
"""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKeyConstraint, Index, UniqueConstraint, update
from sqlmodel import Session, SQLModel, col, select

from auth import audit
from auth.actors import Action, Actor
from auth.tokens import digest_of
from billing import customers
from billing.customers import Customer
from billing.partners import GatewayAccount
from billing.ports import Funding as Funding
from billing.ports import MethodDetails, SetupResult
from billing.ports import MethodKind as MethodKind
from db.columns import choice, count, digest, instant, key, sort_key, tenant
from db.policies import Guard, guarded
from errors import Conflict, NotFound


class PaymentMethod(SQLModel, table=True):
    """A card (later: a bank account) on file."""

    __tablename__ = "payment_method"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        UniqueConstraint("partner_id", "customer_id", "id"),
        UniqueConstraint("partner_id", "gateway", "gateway_ref"),
        CheckConstraint("last4 ~ '^[0-9]{4}$'", name="last_four_only"),
        CheckConstraint("not (is_default and removed_at is not null)", name="removed_is_no_default"),
        Index(
            "uq_payment_method_default", "partner_id", "customer_id",
            unique=True, postgresql_where="is_default",
        ),
        Index("ix_payment_method_created", "partner_id", "customer_id", "created_at", "id"),
        guarded(Guard.CUSTOMER),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    kind: MethodKind = choice(MethodKind)
    funding: Funding = choice(Funding)
    brand: str
    last4: str
    exp_month: int | None = count(default=None)
    exp_year: int | None = count(default=None)
    fingerprint: str
    gateway: str = sort_key()
    gateway_account: str
    gateway_ref: str = sort_key()
    is_default: bool = False
    added_by: UUID | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()
    removed_at: datetime | None = instant(default=None)


class PaymentMethodSetup(SQLModel, table=True):
    """A begun entry of a method at the gateway: becomes a method when the gateway says it is done.

    `pay_link_id`: a guest's, for one payment. What comes of it is never on file. `browser_hash` is in which
    browser the guest began it: whoever else holds the link never meets their card.
    """

    __tablename__ = "payment_method_setup"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        ForeignKeyConstraint(["partner_id", "pay_link_id"], ["pay_link.partner_id", "pay_link.id"]),
        UniqueConstraint("partner_id", "gateway", "gateway_setup"),
        Index(
            "ix_payment_method_setup_link",
            "partner_id",
            "pay_link_id",
            postgresql_where="pay_link_id is not null",
        ),
        guarded(Guard.CUSTOMER),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID
    gateway: str = sort_key()
    gateway_account: str
    gateway_setup: str | None = sort_key(default=None)
    payment_method_id: UUID | None = None
    pay_link_id: UUID | None = None
    browser_hash: bytes | None = digest(default=None)
    created_by: UUID | None = None
    created_at: datetime = instant()
    finished_at: datetime | None = instant(default=None)


class NoGatewayAccount(Conflict):
    """The partner can't be paid through this gateway yet."""

    code = "NO_GATEWAY_ACCOUNT"
    message = "Card payments are not set up here yet. Ask the company you pay to set them up."


class MethodRemoved(Conflict):
    """It was taken off file."""

    code = "PAYMENT_METHOD_REMOVED"
    message = "This payment method was removed. Choose or add another one."


def begin_setup(
    db: Session,
    actor: Actor,
    *,
    customer_id: UUID,
    gateway: str,
    browser: str | None = None,
    over: UUID | None = None,
    now: datetime,
) -> PaymentMethodSetup:
    """Note that a method is about to be entered at the gateway, before the gateway is asked (commit it).

    A guest's entry that was begun in the same `browser` and has come to nothing yet is given back instead:
    a second click opens no second one. `over` is one that is known to be over at the gateway. Refuses
    NotFound, a customer in SETUP or ARCHIVED, NoGatewayAccount.
    """
    _require_entry(actor)
    customer = customers.billable(db, actor, customer_id=customer_id)
    account = db.exec(
        select(GatewayAccount.account).where(
            GatewayAccount.partner_id == actor.partner_id, GatewayAccount.gateway == gateway
        )
    ).one_or_none()
    if account is None:
        raise NoGatewayAccount
    # The customer's row is kept until the end: of two clicks at once, the second finds the first one's.
    known = digest_of(browser) if browser is not None and actor.is_guest else None
    begun = None if known is None else _begun_in(db, actor, gateway, known, over)
    if begun is not None:
        return begun
    setup = PaymentMethodSetup(
        partner_id=actor.partner_id, customer_id=customer.id, gateway=gateway, gateway_account=account,
        created_by=actor.id, created_at=now, pay_link_id=actor.id if actor.is_guest else None,
        browser_hash=known,
    )  # fmt: skip
    db.add(setup)
    db.flush()
    return setup


def _begun_in(
    db: Session, actor: Actor, gateway: str, browser_hash: bytes, over: UUID | None
) -> PaymentMethodSetup | None:
    wanted = select(PaymentMethodSetup).where(
        *_setups(actor),
        PaymentMethodSetup.gateway == gateway,
        PaymentMethodSetup.browser_hash == browser_hash,
        col(PaymentMethodSetup.finished_at).is_(None),
    )
    if over is not None:  # nor any that was begun before it
        wanted = wanted.where(col(PaymentMethodSetup.id) > over)
    newest = (col(PaymentMethodSetup.created_at).desc(), col(PaymentMethodSetup.id).desc())
    return db.exec(wanted.order_by(*newest).limit(1)).one_or_none()


def attach_setup(db: Session, actor: Actor, *, setup_id: UUID, gateway_setup: str) -> None:
    """Note what the gateway calls a begun entry. The payer gets to see its page only after that."""
    _require_entry(actor)
    mine = [*_setups(actor), col(PaymentMethodSetup.id) == setup_id]
    setup = db.exec(select(PaymentMethodSetup).where(*mine).with_for_update()).one_or_none()
    if setup is None:
        raise NotFound
    setup.gateway_setup = gateway_setup
    db.flush()


def find_setup(db: Session, actor: Actor, *, gateway: str, gateway_setup: str) -> PaymentMethodSetup:
    """The actor's entry by the gateway's name for it, which comes back in an address and proves nothing."""
    setup = db.exec(
        select(PaymentMethodSetup).where(
            *_setups(actor),
            PaymentMethodSetup.gateway == gateway,
            PaymentMethodSetup.gateway_setup == gateway_setup,
        )
    ).one_or_none()
    if setup is None:
        raise NotFound
    return setup


def finish_setup(
    db: Session, actor: Actor, *, setup_id: UUID, result: SetupResult, now: datetime
) -> PaymentMethod | None:
    """Keep the method that was entered; None while the gateway has none. Page and webhook both call this.

    The customer's first method becomes its default. The same card again, with the same expiry, is the
    method that is there already. A guest's is never on file. `result` is the gateway's own answer, never
    what a browser brought.
    """
    mine = [*_setups(actor), col(PaymentMethodSetup.id) == setup_id]
    customer_id = db.exec(select(PaymentMethodSetup.customer_id).where(*mine)).one_or_none()
    if customer_id is None:
        raise NotFound
    customer = _lock_customer(db, actor, customer_id=customer_id)
    wanted = select(PaymentMethodSetup).where(*mine).execution_options(populate_existing=True)
    setup = db.exec(wanted).one()
    if setup.payment_method_id is not None:
        return db.exec(
            select(PaymentMethod).where(
                PaymentMethod.partner_id == actor.partner_id, PaymentMethod.id == setup.payment_method_id
            )
        ).one()
    if result.method is None:
        return None
    method = None if setup.pay_link_id else _present(db, customer, setup, result.method)
    if setup.pay_link_id is not None:
        method = _keep(db, customer, setup, result.method, now)
    elif method is None:
        method = _keep(db, customer, setup, result.method, now)
        _record(db, actor, method, customer, "payment_method.added", now)
    setup.payment_method_id = method.id
    setup.finished_at = now
    db.flush()
    return method


def set_default(db: Session, actor: Actor, *, method_id: UUID, now: datetime) -> PaymentMethod:
    """Make it the customer's default instead of another. Refuses NotFound and MethodRemoved."""
    actor.require(Action.MANAGE_METHODS)
    customer, method = _locked(db, actor, method_id=method_id)
    if method.removed_at is not None:
        raise MethodRemoved
    if not method.is_default:
        _make_default(db, method, now)
        _record(db, actor, method, customer, "payment_method.default_changed", now)
    return method


def remove(db: Session, actor: Actor, *, method_id: UUID, now: datetime) -> PaymentMethod | None:
    """Take a method off file; the customer's default from now on, None if that was the last one.

    Was it the default, the one added last takes its place. A payment under way with it is carried to its
    end: it was asked for. Removing twice changes nothing. Refuses NotFound.
    """
    actor.require(Action.MANAGE_METHODS)
    customer, method = _locked(db, actor, method_id=method_id)
    if method.removed_at is None:
        was_default = method.is_default
        method.removed_at, method.is_default, method.updated_at = now, False, now
        db.flush()
        _record(db, actor, method, customer, "payment_method.removed", now)
        others = _usable(db, customer)
        if was_default and others:
            _make_default(db, others[-1], now)
    return next((other for other in _usable(db, customer) if other.is_default), None)


def usable(db: Session, actor: Actor, *, customer_id: UUID, method_id: UUID) -> PaymentMethod:
    """The customer's method, fit to be charged. Refuses NotFound and MethodRemoved.

    A guest's is the card that was entered by its own link, and no other one.
    """
    method = db.exec(
        select(PaymentMethod).where(
            *_mine(actor, PaymentMethod),
            PaymentMethod.customer_id == customer_id,
            PaymentMethod.id == method_id,
        )
    ).one_or_none()
    if method is None or (actor.is_guest and not _is_entered_by(db, actor, method)):
        raise NotFound
    if method.removed_at is not None and not actor.is_guest:
        raise MethodRemoved
    return method


def _require_entry(actor: Actor) -> None:
    actor.require(Action.PAY if actor.is_guest else Action.MANAGE_METHODS)


def _is_entered_by(db: Session, actor: Actor, method: PaymentMethod) -> bool:
    entry = select(PaymentMethodSetup.id).where(
        *_setups(actor), PaymentMethodSetup.payment_method_id == method.id
    )
    return method.kind is MethodKind.CARD and db.exec(entry).one_or_none() is not None


def _mine(actor: Actor, table: type[PaymentMethod] | type[PaymentMethodSetup]) -> list[ColumnElement[bool]]:
    mine = [col(table.partner_id) == actor.partner_id]
    if actor.customer_id is not None:
        mine.append(col(table.customer_id) == actor.customer_id)
    return mine


def _setups(actor: Actor) -> list[ColumnElement[bool]]:
    """A customer's users and the guests of its invoices don't meet each other's entries."""
    mine = _mine(actor, PaymentMethodSetup)
    if actor.customer_id is not None:
        link = col(PaymentMethodSetup.pay_link_id)
        mine.append(link == actor.id if actor.is_guest else link.is_(None))
    return mine


def _lock_customer(db: Session, actor: Actor, *, customer_id: UUID) -> Customer:
    """Also an archived customer's: what the gateway took is kept, whoever may act by now."""
    wanted = select(Customer).where(Customer.partner_id == actor.partner_id, Customer.id == customer_id)
    return db.exec(wanted.with_for_update(key_share=True)).one()


def _locked(db: Session, actor: Actor, *, method_id: UUID) -> tuple[Customer, PaymentMethod]:
    mine = [*_mine(actor, PaymentMethod), col(PaymentMethod.id) == method_id]
    customer_id = db.exec(select(PaymentMethod.customer_id).where(*mine)).one_or_none()
    if customer_id is None:
        raise NotFound
    customer = customers.locked(db, actor, customer_id=customer_id)
    wanted = select(PaymentMethod).where(*mine).execution_options(populate_existing=True)
    return customer, db.exec(wanted).one()


def _usable(db: Session, customer: Customer) -> list[PaymentMethod]:
    wanted = (
        select(PaymentMethod)
        .where(
            PaymentMethod.partner_id == customer.partner_id,
            PaymentMethod.customer_id == customer.id,
            col(PaymentMethod.removed_at).is_(None),
        )
        .order_by(col(PaymentMethod.created_at), col(PaymentMethod.id))
        .execution_options(populate_existing=True)
    )
    return list(db.exec(wanted).all())


def _present(
    db: Session, customer: Customer, setup: PaymentMethodSetup, details: MethodDetails
) -> PaymentMethod | None:
    """The same card, if the customer has it on file already."""
    new = (setup.gateway_account, details.fingerprint, details.exp_month, details.exp_year)
    for method in _usable(db, customer):
        if (method.gateway_account, method.fingerprint, method.exp_month, method.exp_year) == new:
            return method
    return None


def _keep(
    db: Session, customer: Customer, setup: PaymentMethodSetup, details: MethodDetails, now: datetime
) -> PaymentMethod:
    """The customer's row is locked: nobody else adds, removes or chooses meanwhile.

    A guest's card is off file from its first moment on: no list offers it and no rule charges it again.
    """
    for_once = setup.pay_link_id is not None
    method = PaymentMethod(
        partner_id=customer.partner_id, customer_id=customer.id, kind=details.kind, funding=details.funding,
        brand=details.brand, last4=details.last4, exp_month=details.exp_month, exp_year=details.exp_year,
        fingerprint=details.fingerprint, gateway=setup.gateway, gateway_account=setup.gateway_account,
        gateway_ref=details.gateway_ref, is_default=not for_once and not _usable(db, customer),
        added_by=None if for_once else setup.created_by, removed_at=now if for_once else None,
        created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(method)
    db.flush()
    return method


def _make_default(db: Session, method: PaymentMethod, now: datetime) -> None:
    db.execute(
        update(PaymentMethod)
        .where(
            col(PaymentMethod.partner_id) == method.partner_id,
            col(PaymentMethod.customer_id) == method.customer_id,
            col(PaymentMethod.is_default),
        )
        .values(is_default=False, updated_at=now)
    )
    method.is_default, method.updated_at = True, now
    db.flush()


def _record(
    db: Session, actor: Actor, method: PaymentMethod, customer: Customer, action: str, now: datetime
) -> None:
    audit.record(
        db, actor, action=action, subject_kind="payment_method", subject_id=method.id,
        customer_id=customer.id, now=now, brand=method.brand, last4=method.last4,
    )  # fmt: skip
