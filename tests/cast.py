"""The cast: who is in every test's database, written straight into the tables.

Northwind (admin Ada, sub-admin Sue, member Clem, read-only Rita) is owed money by Acme (manager Carl,
payer Petra, viewer Vera) and by Globex (manager Gus). Contoso (admin Mallory) is owed by Initech
(manager Ines). Everybody's password is PASSWORD.
"""

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlmodel import Session

from auth.actors import KEY_SCOPES, Actor, ActorKind
from auth.api_keys import ApiKey
from auth.memberships import STAFF_ROLES, Membership, MembershipStatus, Role
from auth.tokens import digest_of
from auth.users import User
from billing.addresses import Country
from billing.customers import Customer, CustomerStatus
from billing.money import Currency
from billing.partners import GatewayAccount, Partner

PASSWORD = "correct-horse-battery-9"
# argon2id of PASSWORD (m=19456, t=2, p=1): hashing it for every template would cost more than it shows.
PASSWORD_HASH = (
    "$argon2id$v=19$m=19456,t=2,p=1$DCFkDAEA4HwvpXROqRUixA$46UypsriijolmroFVhnBMmCb/dnzG2uhhMDUdfxj6U8"
)


@dataclass
class Cast:
    """Ids and actors by name: `cast.partners["northwind"]`, `cast.actors["petra"]`."""

    partners: dict[str, UUID] = field(default_factory=dict)
    customers: dict[str, UUID] = field(default_factory=dict)
    slugs: dict[str, str] = field(default_factory=dict)
    actors: dict[str, Actor] = field(default_factory=dict)
    emails: dict[str, str] = field(default_factory=dict)
    keys: dict[str, str] = field(default_factory=dict)

    def __getattr__(self, name: str) -> Actor:
        """`cast.petra`: the actor of that name."""
        try:
            return self.__dict__["actors"][name]
        except KeyError:
            raise AttributeError(name) from None


STAFF = {
    "northwind": {"ada": Role.ADMIN, "sue": Role.SUB_ADMIN, "clem": Role.MEMBER, "rita": Role.READ_ONLY},
    "contoso": {"mallory": Role.ADMIN},
}
PEOPLE = {
    "acme": {"carl": Role.MANAGER, "petra": Role.PAYER, "vera": Role.VIEWER},
    "globex": {"gus": Role.MANAGER},
    "initech": {"ines": Role.MANAGER},
}
CUSTOMERS = {"northwind": ("acme", "globex"), "contoso": ("initech",)}


def seed(db: Session, *, now: datetime) -> Cast:
    """Write the cast through `db`, which must be past row-level security."""
    cast = Cast()
    for partner, customers in CUSTOMERS.items():
        _partner(db, cast, partner, now)
        for person, role in STAFF[partner].items():
            _person(db, cast, person, role, partner, None, now)
        for customer in customers:
            _customer(db, cast, customer, partner, now)
            for person, role in PEOPLE[customer].items():
                _person(db, cast, person, role, partner, customer, now)
        _key(db, cast, partner, now)
    return cast


def _partner(db: Session, cast: Cast, name: str, now: datetime) -> None:
    partner = Partner(
        slug=name, name=name.title(), legal_name=f"{name.title()} Services LLC",
        support_email=f"support@{name}.example", time_zone="America/New_York",
        invoice_prefix=name[:2].upper() + "-", created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(partner)
    db.flush()
    db.add(GatewayAccount(partner_id=partner.id, gateway="sandbox", account=f"acct_{name}", created_at=now))
    cast.partners[name] = partner.id
    cast.slugs[name] = name


def _customer(db: Session, cast: Cast, name: str, partner: str, now: datetime) -> None:
    customer = Customer(
        partner_id=cast.partners[partner], slug=f"{name}-1a2b3c", company=name.title(), company_key=name,
        address="1 Main Street", city="Springfield", state="IL", postal_code="62701",
        country=Country.US, currency=Currency.USD, status=CustomerStatus.ACTIVE,
        created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(customer)
    db.flush()
    cast.customers[name] = customer.id
    cast.slugs[name] = customer.slug


def _person(
    db: Session, cast: Cast, name: str, role: Role, partner: str, customer: str | None, now: datetime
) -> None:
    email = f"{name}@{customer or partner}.example"
    user = User(
        name=name.title(), email=email, email_key=email, password_hash=PASSWORD_HASH,
        created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(user)
    db.flush()
    membership = Membership(
        partner_id=cast.partners[partner], customer_id=cast.customers[customer] if customer else None,
        user_id=user.id, role=role, status=MembershipStatus.ACTIVE, name=user.name, name_key=name,
        email=email, email_key=email, created_at=now, updated_at=now,
    )  # fmt: skip
    db.add(membership)
    db.flush()
    cast.emails[name] = email
    cast.actors[name] = Actor(
        kind=ActorKind.STAFF if role in STAFF_ROLES else ActorKind.CUSTOMER_USER,
        partner_id=membership.partner_id, id=membership.id, customer_id=membership.customer_id,
        role=role, name=user.name, user_id=user.id,
    )  # fmt: skip


def _key(db: Session, cast: Cast, partner: str, now: datetime) -> None:
    token = f"remit_{partner}_" + "k" * 40
    scopes = sorted(action.value for action in KEY_SCOPES)
    key = ApiKey(
        partner_id=cast.partners[partner], name="all scopes", token_hash=digest_of(token),
        scopes=scopes, created_at=now, last_used_at=now,
    )  # fmt: skip
    db.add(key)
    db.flush()
    cast.keys[partner] = token
    cast.actors[f"{partner}_key"] = Actor(
        kind=ActorKind.API_KEY, partner_id=key.partner_id, id=key.id, scopes=frozenset(scopes), name=key.name
    )
