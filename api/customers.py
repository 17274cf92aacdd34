"""Customers in the API: the companies that owe the partner."""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from api.changes import (
    Doing,
    Given,
    Oddity,
    Outcome,
    Work,
    change,
    changed,
    changed_list,
    gives,
    opt,
    said,
    takes,
    warnings_of,
)
from api.nouns import (
    Connection,
    Money,
    Node,
    by_id,
    col,
    fixed,
    lazy,
    many,
    money,
    noun,
    one,
    page,
    part,
    sql,
)
from api.partners import Partner
from api.reads import STAFF
from api.tags import Tag
from api.users import NewUserInput
from auth.actors import Action
from billing import customers as t
from billing.addresses import AddressRules as Rules
from billing.addresses import Country, address_rules
from billing.customer_fields import MOST_USERS, CustomerInput, UserInput, key_of
from billing.derived import (
    has_invited,
    has_overdue,
    overdue_minor,
    shows_invited,
    shows_overdue,
    statement_path,
)
from billing.money import Currency
from billing.tags import CustomerTag

if TYPE_CHECKING:
    from api.audit import AuditEvent
    from api.credit_notes import CreditApplication, CreditNote
    from api.customer_notes import CustomerNote
    from api.invoices import Invoice
    from api.payment_methods import PaymentMethod
    from api.payments import Payment
    from api.users import Invite, User


strawberry.enum(
    t.CustomerStatus, description="SETUP until it has a user; an ARCHIVED one's users cannot act."
)


@noun(t.Customer, "cus", needs=Action.VIEW_CUSTOMERS, order="company", search=t.SEARCHED_AS)
class Customer(Node):
    """A company that owes the partner."""

    slug: str = col("Its place in the portal's addresses.")
    company: str = col(where=True, order=True, key="company_key", fold=key_of)
    legal_name: str | None = col(where=True)
    tax_id: str | None = col("EIN or Business Number: nine digits.", where=True)
    address: str = col()
    address2: str | None = col()
    city: str = col(where=True)
    state: str = col("State, territory or province, as its two letters.", where=True)
    postal_code: str = col(where=True)
    country: Country = col(where=True)
    currency: Currency = col(where=True)
    time_zone: str | None = col("Null: the partner's.")
    terms_days: int | None = col("Null: the partner's.")
    external_id: str | None = col("Its number in another system.", where=True, see=STAFF)
    status: t.CustomerStatus = col(where=True)
    balance: Money = money("open_minor", "What is open on its invoices.", where=True, order=True)
    credit: Money = money("credit_minor", "What credit notes left and no invoice took yet.")
    overdue: Money = money(overdue_minor, "What is open on invoices past their due date.")
    is_overdue: bool = sql(shows_overdue, "Has an overdue invoice.", where=True, holds=has_overdue)
    statement_path: str = sql(
        statement_path,
        "Its statement of account, as `Invoice.pdfPath`: put `.pdf`, `.csv` or `.json` behind it, and "
        "`?from=2026-01-01&to=2026-03-31`. Left out: to today, from the first of two months before.",
    )
    has_invited_users: bool = sql(
        shows_invited, "Has a user who has not accepted the invite yet.", where=True, holds=has_invited
    )
    version: int = col("Rises with every change.")
    created_at: datetime = col(where=True, order=True)
    updated_at: datetime = col(where=True, order=True)
    archived_at: datetime | None = col(where=True)
    partner: Partner = one("partner_id")
    tags: list[Tag] = many(
        (CustomerTag, "customer_id", "tag_id"),
        "The partner's, by name.",
        sort="name_key",
        limit=50,
        where=True,
        see=STAFF,
    )
    users: Connection[Annotated["User", lazy("api.users")]] = page("customer_id")
    invites: Connection[Annotated["Invite", lazy("api.users")]] = page("customer_id")
    invoices: Connection[Annotated["Invoice", lazy("api.invoices")]] = page("customer_id")
    payments: Connection[Annotated["Payment", lazy("api.payments")]] = page("customer_id")
    credit_notes: Connection[Annotated["CreditNote", lazy("api.credit_notes")]] = page("customer_id")
    credit_applications: Connection[Annotated["CreditApplication", lazy("api.credit_notes")]] = page(
        "customer_id"
    )
    payment_methods: Connection[Annotated["PaymentMethod", lazy("api.payment_methods")]] = page("customer_id")
    notes: Connection[Annotated["CustomerNote", lazy("api.customer_notes")]] = page("customer_id", see=STAFF)
    audit_events: Connection[Annotated["AuditEvent", lazy("api.audit")]] = page(
        "concerns_id", "The partner's side finds here what happened to drafts, too."
    )


@strawberry.type
class Place:
    """A state, territory, military region or province."""

    code: str = part()
    name: str = part()


@strawberry.type
class AddressRules:
    """What a form for addresses in one country needs."""

    country: Country = part()
    name: str = part()
    states: list[Place] = part()
    state_label: str = part()
    postal_label: str = part()
    postal_pattern: str = part("A regular expression, the same in JavaScript, HTML and Python.")
    postal_example: str = part()


def _rules(country: Country) -> Rules:
    return address_rules(country)


@strawberry.type
class CustomerQueries:
    """Root fields about customers."""

    customer: Customer | None = by_id()
    customers: Connection[Customer] = page(see=STAFF)
    address_rules: AddressRules = fixed(
        _rules, "States and postal codes of a country, so that any front end can build the form."
    )


@strawberry.input
class _Company:
    """The fields of a company, as its form has them."""

    company: str | None = opt("The name it goes by. Never empty.")
    legal_name: str | None = opt("For formal documents.")
    tax_id: str | None = opt("EIN, or Canadian Business Number: nine digits.")
    address: str | None = opt("Never empty.")
    address2: str | None = opt()
    city: str | None = opt("Never empty.")
    state: str | None = opt("Two letters or the full name; see `addressRules`. Never empty.")
    postal_code: str | None = opt("Never empty.")
    country: Country | None = opt("Never empty.")
    currency: Currency | None = opt("Left out: that of the country. Fixed by the first invoice.")
    time_zone: str | None = opt("Like America/New_York. Left out: the partner's.")
    terms_days: int | None = opt("From issue to due date, 0 to 365. Left out: the partner's.")
    external_id: str | None = opt("Its number in another system; unique.")


@takes(dry_run=True)
class CreateCustomerInput(_Company):
    """A new customer; with users it is ACTIVE at once."""

    users: list[NewUserInput] | None = opt("To be invited, 50 at most. None: it stays in SETUP.")


@takes(dry_run=True)
class FinishCustomerSetupInput:
    """The first users of a customer in SETUP."""

    id: strawberry.ID
    users: list[NewUserInput] = strawberry.field(description="At least one, 50 at most; one a MANAGER.")


@takes(dry_run=True)
class UpdateCustomerInput(_Company):
    """What is not given stays as it is; null takes an optional field away."""

    id: strawberry.ID
    version: int | None = opt("The one you saw: refused (CONFLICT) if it is another one by now.")


@takes(dry_run=True)
class ArchiveCustomerInput:
    """A customer to archive."""

    id: strawberry.ID


@takes(dry_run=True)
class RestoreCustomerInput:
    """A customer to restore."""

    id: strawberry.ID


@gives
class CreateCustomerPayload:
    """The new customer and its users."""

    customer: Customer | None = changed()
    users: list[Annotated["User", lazy("api.users")]] = changed_list(MOST_USERS, "Those invited now.")
    warnings: list[Oddity] = said("Possible duplicates, and what is odd about the tax id.", limit=5)


@gives
class FinishCustomerSetupPayload:
    """The customer, ACTIVE now, and its users."""

    customer: Customer | None = changed()
    users: list[Annotated["User", lazy("api.users")]] = changed_list(MOST_USERS, "Those invited now.")


@gives
class UpdateCustomerPayload:
    """The customer as it is now."""

    customer: Customer | None = changed()
    warnings: list[Oddity] = said("Possible duplicates, and what is odd about the tax id.", limit=5)


@gives
class ArchiveCustomerPayload:
    """The customer as it is now."""

    customer: Customer | None = changed()


@gives
class RestoreCustomerPayload:
    """The customer as it is now."""

    customer: Customer | None = changed()


def _outcome(saved: t.Saved) -> Outcome:
    users = [user.id for user in saved.users]
    return {"customer": saved.customer.id, "users": users, "warnings": warnings_of(saved.warnings)}


def _create(doing: Doing, given: Given) -> Outcome:
    fields, users = given.fields(CustomerInput), given.rows("users", UserInput)
    return _outcome(t.create(doing.db, doing.actor, fields=fields, users=users, now=doing.now))


def _finish_setup(doing: Doing, given: Given) -> Outcome:
    customer_id, users = given.record("id", "cus"), given.rows("users", UserInput)
    saved = t.finish_setup(doing.db, doing.actor, customer_id=customer_id, users=users, now=doing.now)
    return _outcome(saved)


def _update(doing: Doing, given: Given) -> Outcome:
    saved = t.update(
        doing.db, doing.actor, customer_id=given.record("id", "cus"), fields=given.fields(CustomerInput),
        version=given.get("version"), now=doing.now,
    )  # fmt: skip
    return _outcome(saved)


def _moving(rule: Callable[..., t.Customer]) -> Work:
    def run(doing: Doing, given: Given) -> Outcome:
        moved = rule(doing.db, doing.actor, customer_id=given.record("id", "cus"), now=doing.now)
        return {"customer": moved.id}

    return run


def _for_users(given: Mapping[str, Any]) -> Iterable[Action]:
    return [Action.MANAGE_USERS] if given.get("users") else []


@strawberry.type
class CustomerMutations:
    """Changes of customers."""

    create_customer: CreateCustomerPayload | None = change(
        _create, CreateCustomerInput, Action.EDIT_CUSTOMERS, also=_for_users,
        about="Make a customer; with users, invite them.",
    )  # fmt: skip
    finish_customer_setup: FinishCustomerSetupPayload | None = change(
        _finish_setup, FinishCustomerSetupInput, Action.EDIT_CUSTOMERS, Action.MANAGE_USERS,
        about="Give a customer in SETUP its first users, which makes it ACTIVE and invites them.",
    )  # fmt: skip
    update_customer: UpdateCustomerPayload | None = change(
        _update, UpdateCustomerInput, Action.EDIT_CUSTOMERS, about="Change a customer's fields."
    )
    archive_customer: ArchiveCustomerPayload | None = change(
        _moving(t.archive), ArchiveCustomerInput, Action.EDIT_CUSTOMERS,
        about="Close a customer: its users can't act, its open invites die, its records stay.",
    )  # fmt: skip
    restore_customer: RestoreCustomerPayload | None = change(
        _moving(t.restore), RestoreCustomerInput, Action.EDIT_CUSTOMERS,
        about="Open an archived customer again. Invites that died with it have to be sent again.",
    )  # fmt: skip
