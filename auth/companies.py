"""What identity must know of the companies above it: their names, and whether a customer is open.

Surprise: partner and customer are tables of `billing`, which stands above `auth`. Only these columns of
them are read here, by name; tests would not start if one of them were gone.
"""

from typing import NamedTuple
from uuid import UUID

from sqlalchemy import Row, String, Uuid, column, select, table
from sqlmodel import Session

from auth.actors import Actor
from errors import Conflict, NotFound

_PARTNER = table(
    "partner", column("id", Uuid), column("slug", String), column("name", String), column("accent", String),
    column("logo", String),
)  # fmt: skip
_CUSTOMER = table(
    "customer", column("partner_id", Uuid), column("id", Uuid), column("slug", String),
    column("company", String), column("status", String),
)  # fmt: skip


class CustomerClosed(Conflict):
    """Nobody gets into an archived customer."""

    code = "CUSTOMER_ARCHIVED"
    message = "This customer is archived. Restore it first."


class CustomerNotReady(Conflict):
    """Nothing to see in a customer that is still being set up."""

    code = "CUSTOMER_NOT_SET_UP"
    message = "This customer has no users yet. Finish its setup first."


class Company(NamedTuple):
    """Where a membership is: the customer, or the partner itself when `customer_id` is None.

    `accent` and `logo` are the partner's in both.
    """

    partner_name: str
    name: str
    slug: str
    is_open: bool
    accent: str | None = None
    logo: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """What a password there must not be made of."""
        return (self.partner_name, self.name)


def lock(db: Session, actor: Actor, *, customer_id: UUID | None) -> str:
    """The status of the actor's customer, its row locked as every rule about a customer does.

    None: the partner itself, whose row is locked then; its status is always ACTIVE. Whoever changes the
    people of a place takes this lock first, then the membership's, then the invite's. Refuses NotFound for
    somebody else's customer, also of the actor's own partner.
    """
    if actor.customer_id is not None and actor.customer_id != customer_id:
        raise NotFound
    wanted = select(_PARTNER.c.id).where(_PARTNER.c.id == actor.partner_id)
    if customer_id is not None:
        wanted = select(_CUSTOMER.c.status).where(
            _CUSTOMER.c.partner_id == actor.partner_id, _CUSTOMER.c.id == customer_id
        )
    found = db.execute(wanted.with_for_update(key_share=True)).scalar_one_or_none()
    if found is None:
        raise NotFound
    return "ACTIVE" if customer_id is None else str(found)


def require_open(status: str) -> None:
    """Refuse (`CustomerClosed`) what would let somebody into an archived customer."""
    if status == "ARCHIVED":
        raise CustomerClosed


def require_active(status: str) -> None:
    """Refuse (`CustomerClosed`, `CustomerNotReady`) what needs a customer whose users can act."""
    require_open(status)
    if status != "ACTIVE":
        raise CustomerNotReady


def company_of(db: Session, *, partner_id: UUID, customer_id: UUID | None, hold: bool = False) -> Company:
    """The company of a place, for whoever entered its tenant. `hold` keeps it as it is until the end."""
    partner = db.execute(select(_PARTNER).where(_PARTNER.c.id == partner_id)).one()
    if customer_id is None:
        return Company(partner.name, partner.name, partner.slug, True, partner.accent, partner.logo)
    wanted = select(_CUSTOMER).where(_CUSTOMER.c.partner_id == partner_id, _CUSTOMER.c.id == customer_id)
    customer: Row[tuple[object, ...]] = db.execute(
        wanted.with_for_update(read=True) if hold else wanted
    ).one()
    is_open = customer.status != "ARCHIVED"
    return Company(partner.name, customer.company, customer.slug, is_open, partner.accent, partner.logo)
