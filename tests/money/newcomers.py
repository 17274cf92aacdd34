"""A partner, its gateway account and a customer with two users: a world for one run of the model."""

from datetime import datetime

from auth.actors import Actor, ActorKind
from auth.memberships import Membership, MembershipStatus, Role
from billing.addresses import Country
from billing.customers import Customer, CustomerStatus
from billing.money import Currency
from billing.partners import GatewayAccount, Partner
from db.columns import new_id
from db.session import Database
from tests.cast import Cast


def newcomers(database: Database, *, now: datetime) -> tuple[Cast, str]:
    """The world, under the cast's names, and the name of its account at the gateway."""
    partner_id, account = new_id(), f"acct_{new_id().hex}"
    partner = Partner(
        id=partner_id, slug=f"partner-{partner_id.hex}", name="Modelled", legal_name="Modelled LLC",
        support_email="support@modelled.example", time_zone="America/New_York", invoice_prefix="M-",
        created_at=now, updated_at=now,
    )  # fmt: skip
    customer = Customer(
        partner_id=partner_id, slug=f"customer-{partner_id.hex}", company="Model", company_key="model",
        address="1 Main Street", city="Springfield", state="IL", postal_code="62701", country=Country.US,
        currency=Currency.USD, status=CustomerStatus.ACTIVE, created_at=now, updated_at=now,
    )  # fmt: skip
    members = {
        name: Membership(
            partner_id=partner_id, customer_id=customer.id, role=role, status=MembershipStatus.INVITED,
            name=name, name_key=name, email=f"{name}@model.example", email_key=f"{name}@model.example",
            created_at=now, updated_at=now,
        )
        for name, role in (("carl", Role.MANAGER), ("petra", Role.PAYER))
    }  # fmt: skip
    with database.transaction(partner_id=partner_id) as db:
        for rows in ([partner], [customer], members.values()):
            db.add_all(rows)
            db.flush()
        db.add(GatewayAccount(partner_id=partner_id, gateway="sandbox", account=account, created_at=now))
    cast = Cast(partners={"northwind": partner_id}, customers={"acme": customer.id})
    cast.actors["ada"] = Actor(ActorKind.STAFF, partner_id, id=new_id(), role=Role.ADMIN, name="Ada")
    for name, member in members.items():
        cast.actors[name] = Actor(
            ActorKind.CUSTOMER_USER, partner_id, id=member.id, customer_id=customer.id, role=member.role,
            name=name,
        )  # fmt: skip
    return cast, account
