"""The roles there are, and the membership: the row that gives a person one of them somewhere.

Surprise: this stands apart from memberships.py because who acts (actors.py) is told by a role, and the
verbs on memberships are told who acts. Everybody else imports these names from auth.memberships.
"""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, Index
from sqlmodel import Field, SQLModel

from db.columns import choice, instant, key, sort_key, tenant
from db.policies import Guard, guarded
from languages import ONE_OF_OURS


class Role(StrEnum):
    """The four partner roles and the three customer roles."""

    ADMIN = "ADMIN"
    SUB_ADMIN = "SUB_ADMIN"
    MEMBER = "MEMBER"
    READ_ONLY = "READ_ONLY"
    MANAGER = "MANAGER"
    PAYER = "PAYER"
    VIEWER = "VIEWER"


STAFF_ROLES = frozenset({Role.ADMIN, Role.SUB_ADMIN, Role.MEMBER, Role.READ_ONLY})
CUSTOMER_ROLES = frozenset({Role.MANAGER, Role.PAYER, Role.VIEWER})


class MembershipStatus(StrEnum):
    """INVITED until the invite is accepted; a removed membership is kept for the records."""

    INVITED = "INVITED"
    ACTIVE = "ACTIVE"
    DISABLED = "DISABLED"
    REMOVED = "REMOVED"


class Membership(SQLModel, table=True):
    """One person's place. `customer_id` is null for partner staff; `user_id` is null until accepted.

    `name`, `email`, `time_zone` and `locale` are copies: whoever invited said all but the zone, and once a
    person stands behind the place, that person's profile is copied here; without a language of their own, the
    one they were invited in stays.
    """

    __tablename__ = "membership"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id"], ["partner.id"]),
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        CheckConstraint(
            "(customer_id is null) = (role in ('ADMIN', 'SUB_ADMIN', 'MEMBER', 'READ_ONLY'))",
            name="role_fits_place",
        ),
        CheckConstraint("status <> 'ACTIVE' or user_id is not null", name="active_has_person"),
        CheckConstraint(ONE_OF_OURS, name="locale"),
        # One live place per e-mail and company; a removed one may be invited again.
        Index(
            "uq_membership_place", "partner_id", "customer_id", "email_key",
            unique=True, postgresql_nulls_not_distinct=True, postgresql_where="status <> 'REMOVED'",
        ),
        Index("ix_membership_user", "user_id"),
        Index("ix_membership_created", "partner_id", "customer_id", "created_at", "id"),
        Index("ix_membership_name", "partner_id", "customer_id", "name_key", "id"),
        # All customers' people in one list: "customer_id is not null" fixes no place in an index' order.
        Index(
            "ix_membership_everybody_created", "partner_id", "created_at", "id",
            postgresql_where="customer_id is not null",
        ),
        Index(
            "ix_membership_everybody_name", "partner_id", "name_key", "id",
            postgresql_where="customer_id is not null",
        ),
        guarded(Guard.MEMBERSHIP),
    )  # fmt: skip

    partner_id: UUID = tenant()
    id: UUID = key()
    customer_id: UUID | None = None
    user_id: UUID | None = Field(default=None, foreign_key="person.id")
    role: Role = choice(Role)
    status: MembershipStatus = choice(MembershipStatus)
    name: str
    name_key: str = sort_key()
    email: str
    email_key: str = sort_key()
    time_zone: str | None = None
    locale: str | None = None
    created_at: datetime = instant()
    updated_at: datetime = instant()
    removed_at: datetime | None = instant(default=None)
