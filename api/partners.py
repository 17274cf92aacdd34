"""The partner in the API, and who asks: `viewer`.

The surprise: one partner is all a request ever sees, so there is no list of partners; it is reached from the
viewer and from its customers.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.nouns import Connection, Node, any_by_id, col, known, lazy, mine, mine_column, myself, noun, page
from api.reads import STAFF
from api.roles import Role
from auth.actors import Action, Actor, ActorKind
from auth.memberships import Membership
from billing import partners as t
from billing.derived import is_staff

if TYPE_CHECKING:
    from api.api_keys import ApiKey
    from api.audit import AuditEvent
    from api.customers import Customer
    from api.users import User


strawberry.enum(ActorKind, description="What stands behind a request.")


@noun(t.Partner, "par", needs=None, order="created_at")
class Partner(Node):
    """The business that is owed money."""

    slug: str = col("Its place in the dashboard's addresses.")
    name: str = col()
    legal_name: str = col()
    support_email: str = col()
    support_phone: str | None = col()
    time_zone: str = col("What `overdue` is judged in.")
    invoice_prefix: str = col(see=STAFF)
    default_terms_days: int = col("From issue to due date, unless the customer has its own.", see=STAFF)
    created_at: datetime = col()
    updated_at: datetime = col()
    users: Connection[Annotated["User", lazy("api.users")]] = page(
        "partner_id", "Its staff.", only=is_staff, see=STAFF
    )
    api_keys: Connection[Annotated["ApiKey", lazy("api.api_keys")]] = page("partner_id", see=STAFF)
    audit_events: Connection[Annotated["AuditEvent", lazy("api.audit")]] = page("partner_id", see=STAFF)


def _membership(actor: Actor) -> object:
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
    role: Role | None = known(lambda actor: actor.role.value if actor.role else None)
    scopes: list[str] = known(_rights, "What may be done: the scopes of a key, or what the role allows.")
    partner: Partner = mine(lambda actor: actor.partner_id)
    customer: Annotated["Customer", lazy("api.customers")] | None = mine(
        lambda actor: actor.customer_id, "Of a customer's user or portal token."
    )
    user: Annotated["User", lazy("api.users")] | None = mine(_membership, "Not of keys and tokens.")


@strawberry.type
class PartnerQueries:
    """Root fields about who asks, and about anything with an id."""

    viewer: Viewer = myself()
    node: Node | None = any_by_id("Any record by its id; null if there is none you may see.")
    nodes: list[Node | None] = any_by_id("Several at once, in the order of the ids.", several=True)
