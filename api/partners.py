"""The partner in the API, and who asks: `viewer`.

The surprise: one partner is all a request ever sees, so there is no list of partners; it is reached from the
viewer and from its customers.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import Doing, Given, Oddity, Outcome, change, changed, gives, opt, said, takes, warnings_of
from api.nouns import Connection, Node, any_by_id, col, known, lazy, mine, mine_column, myself, noun, page
from api.own import own_count
from api.reads import STAFF
from api.roles import Role
from auth.actors import Action, Actor, ActorKind
from auth.memberships import Membership
from billing import partner_profile
from billing import partners as t
from billing.addresses import Country
from billing.derived import is_staff
from billing.partner_profile import PartnerInput
from billing.unread_threads import MOST_COUNTED, UnreadThread

if TYPE_CHECKING:
    from api.api_keys import ApiKey
    from api.audit import AuditEvent
    from api.customers import Customer
    from api.users import User


strawberry.enum(Country, description="Where a customer or partner may be.")
strawberry.enum(ActorKind, description="What stands behind a request.")


@noun(t.Partner, "par", needs=None, order="created_at")
class Partner(Node):
    """The business that is owed money."""

    slug: str = col("Its place in the dashboard's addresses.")
    name: str = col()
    legal_name: str = col()
    support_email: str = col()
    support_phone: str | None = col()
    support_url: str | None = col("An http or https address.")
    time_zone: str = col("What `overdue` is judged in.")
    locale: str = col("`en` or `fr`: the language of mails to people who chose none.")
    address: str | None = col("Null, as all of the address, until it is entered.")
    address2: str | None = col()
    city: str | None = col()
    state: str | None = col("State, territory or province, as its two letters.")
    postal_code: str | None = col()
    country: Country | None = col()
    ein: str | None = col("Nine digits.")
    gst_hst_number: str | None = col("Nine digits, RT, four digits.")
    qst_number: str | None = col("Ten digits, TQ, four digits.")
    accent: str | None = col("Its colour, as `#` and six hexadecimal digits. Null: Remit's.")
    logo: str | None = col("The name of its picture: a PNG at `/brand/<logo>.png`.")
    staff_need_factor: bool = col("Does its dashboard open only to staff with a second factor?", see=STAFF)
    users_need_factor: bool = col("And its portal only to users with one?", see=STAFF)
    version: int = col("Rises with every change of these.", see=STAFF)
    invoice_prefix: str = col("What stands before an invoice's number.", see=STAFF)
    credit_note_prefix: str = col("What stands before a credit note's number.", see=STAFF)
    first_invoice_number: int = col("The number its invoices begin with.", see=STAFF)
    default_terms_days: int = col("From issue to due date, unless the customer has its own.", see=STAFF)
    payment_instructions: str | None = col("How else an invoice is paid, on each that is open.")
    created_at: datetime = col()
    updated_at: datetime = col()
    users: Connection[Annotated["User", lazy("api.users")]] = page(
        "partner_id", "Its staff.", only=is_staff, see=STAFF
    )
    api_keys: Connection[Annotated["ApiKey", lazy("api.api_keys")]] = page("partner_id", see=STAFF)
    audit_events: Connection[Annotated["AuditEvent", lazy("api.audit")]] = page("partner_id", see=STAFF)


def _membership(actor: Actor) -> object:
    if actor.kind is ActorKind.IMPERSONATION:
        return actor.viewed_id
    return actor.id if actor.kind in (ActorKind.STAFF, ActorKind.CUSTOMER_USER) else None


def _rights(actor: Actor) -> list[str]:
    return sorted(action.value for action in Action if actor.may(action))


@strawberry.type
class Viewer:
    """Who asks, for which partner or customer, and what they may do there."""

    kind: ActorKind = known(lambda actor: actor.kind.value)
    name: str = known(lambda actor: actor.name, "The person's or the key's.")
    email: str | None = mine_column(Membership, "email", _membership)
    time_zone: str | None = mine_column(
        Membership, "time_zone", _membership, "What a person reads instants in, if they chose one."
    )
    locale: str | None = mine_column(
        Membership,
        "locale",
        _membership,
        "The language of mails to a person, if they chose one: `en` or `fr`.",
    )
    role: Role | None = known(lambda actor: actor.role.value if actor.role else None)
    scopes: list[str] = known(_rights, "What may be done: the scopes of a key, or what the role allows.")
    partner: Partner = mine(lambda actor: actor.partner_id)
    customer: Annotated["Customer", lazy("api.customers")] | None = mine(
        lambda actor: actor.customer_id, "Of a customer's user or portal token."
    )
    unread_thread_count: int | None = own_count(
        UnreadThread,
        "Conversations with messages one has not read; stops at 100. Null for keys and tokens.",
        most=MOST_COUNTED,
        see=Action.VIEW_INVOICES,
    )
    user: Annotated["User", lazy("api.users")] | None = mine(
        _membership, "Not of keys and tokens. Of an impersonation: the user it looks as, if it is one."
    )


@strawberry.type
class PartnerQueries:
    """Root fields about who asks, and about anything with an id."""

    viewer: Viewer = myself()
    node: Node | None = any_by_id("Any record by its id; null if there is none you may see.")
    nodes: list[Node | None] = any_by_id("Several at once, in the order of the ids.", several=True)


@takes(dry_run=True)
class UpdatePartnerInput:
    """What is not given stays as it is; null takes an optional field away."""

    name: str | None = opt("What customers see. Never empty.")
    legal_name: str | None = opt("For formal documents. Empty: the name.")
    address: str | None = opt("The address is given as a whole, or taken away as a whole.")
    address2: str | None = opt()
    city: str | None = opt()
    state: str | None = opt("Two letters or the full name; see `addressRules`.")
    postal_code: str | None = opt()
    country: Country | None = opt()
    ein: str | None = opt("US Employer Identification Number: nine digits.")
    gst_hst_number: str | None = opt("Like 123456782 RT0001.")
    qst_number: str | None = opt("Like 1234567890 TQ0001.")
    support_email: str | None = opt("Where customers' replies go. Never empty.")
    support_phone: str | None = opt()
    support_url: str | None = opt("An http or https address.")
    time_zone: str | None = opt("Like America/New_York. Never empty.")
    locale: str | None = opt("`en` or `fr`. Never empty.")
    accent: str | None = opt("`#` and six hexadecimal digits. Null: Remit's own colour.")
    invoice_prefix: str | None = opt("Up to ten letters and digits, like INV-.")
    credit_note_prefix: str | None = opt("Up to ten letters and digits, like CN-.")
    first_invoice_number: int | None = opt("1 to 9,999,999, until an invoice has a number.")
    default_terms_days: int | None = opt("0 to 365, from issue to due date.")
    payment_instructions: str | None = opt(
        "A bank account, whom checks are made out to; up to 1000 characters."
    )
    version: int | None = opt("The one you saw: refused (CONFLICT) if it is another one by now.")


@gives
class UpdatePartnerPayload:
    """The partner as it is now."""

    partner: Partner | None = changed()
    warnings: list[Oddity] = said("What is odd about the tax numbers.", limit=5)


def _update(doing: Doing, given: Given) -> Outcome:
    saved = partner_profile.update(
        doing.db, doing.actor, fields=given.fields(PartnerInput), version=given.get("version"), now=doing.now
    )
    return {"partner": saved.partner.id, "warnings": warnings_of(saved.warnings)}


@strawberry.type
class PartnerMutations:
    """Changes of the partner's own settings."""

    update_partner: UpdatePartnerPayload | None = change(
        _update, UpdatePartnerInput, Action.MANAGE_SETTINGS, about="Change the partner's own profile."
    )
