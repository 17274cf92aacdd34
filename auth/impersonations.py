"""Impersonation: staff look at a customer's portal, for thirty minutes, and can change nothing there.

Surprise: the grant in the address opens nothing by itself. It is looked up together with the session that
began it, at every request, by `knock_impersonation`, which also makes the transaction read-only before
anything else runs in it (GUARANTEES A-7, D-8). What each side reads of it stands in the audit log.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKeyConstraint, text
from sqlmodel import Session as Db
from sqlmodel import SQLModel

from auth.actors import RIGHTS, Action, Actor, ActorKind, MissingRight
from auth.roles import CUSTOMER_ROLES, Role
from auth.sessions import Visit
from db.columns import choice, instant, key, tenant
from db.policies import Guard, guarded
from errors import Forbidden
from languages import mark

LIFE = timedelta(minutes=30)
PREFIX = "as"
# What somebody is called who looks as nobody in particular.
ANYBODY = {
    Role.MANAGER: mark("Any Manager"), Role.PAYER: mark("Any Payer"), Role.VIEWER: mark("Any Viewer"),
}  # fmt: skip


class Impersonation(SQLModel, table=True):
    """A grant: which member of the staff looks at which customer's portal, and as whom.

    As one of its users (`viewed_id`, with whatever role they have by then) or as anybody with `role`.
    """

    __tablename__ = "impersonation"
    __table_args__ = (
        ForeignKeyConstraint(["partner_id", "membership_id"], ["membership.partner_id", "membership.id"]),
        ForeignKeyConstraint(["partner_id", "customer_id"], ["customer.partner_id", "customer.id"]),
        ForeignKeyConstraint(["partner_id", "viewed_id"], ["membership.partner_id", "membership.id"]),
        CheckConstraint("(viewed_id is null) <> (role is null)", name="one_view"),
        CheckConstraint("role in ('MANAGER', 'PAYER', 'VIEWER')", name="customers_role"),
        guarded(Guard.STAFF),
    )

    partner_id: UUID = tenant()
    id: UUID = key()
    membership_id: UUID
    session_id: UUID
    customer_id: UUID
    viewed_id: UUID | None = None
    role: Role | None = choice(Role, default=None)
    created_at: datetime = instant()
    expires_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)


class ViewOver(Forbidden):
    """The grant was this person's and is no more: its time is up, it was ended, or they signed in anew."""

    code = "VIEW_OVER"
    message = "This view of the portal has ended. Open it again from the customer's page."

    def __init__(self, customer_id: UUID | None = None) -> None:
        self.customer_id = customer_id
        super().__init__()


@dataclass(frozen=True, slots=True)
class View(Visit):
    """A staff session behind a grant. `actor` is who is looked as; `staff_role` the staff member's own."""

    staff_name: str
    staff_role: Role | None
    customer_id: UUID | None
    ends_at: datetime | None
    is_over: bool

    def admitted(self) -> Actor:
        """Who looks. Refuses NotFound, FactorNeeded, ViewOver, and MissingRight once the role lost it."""
        # Zero arguments of super() don't find the class that slots made anew.
        actor = Visit.admitted(self)
        if self.staff_role is None or Action.IMPERSONATE not in RIGHTS[self.staff_role]:
            raise MissingRight(Action.IMPERSONATE, by_key=False)
        if self.is_over:
            raise ViewOver(self.customer_id)
        return actor


def knock(db: Db, *, token_hash: bytes, slug: str, grant_id: UUID, now: datetime) -> View | None:
    """Who looks through this grant? Sets the tenant, and nothing can be written from here on.

    None: no live session, so sign in.
    """
    row = db.execute(
        text("select * from knock_impersonation(:hash, :slug, :grant, :now)"),
        {"hash": token_hash, "slug": slug, "grant": grant_id, "now": now},
    ).one_or_none()
    return None if row is None else view_of(row)


def view_of(row: Sequence[Any]) -> View:
    """The view that a row of `knock_impersonation` tells of, whichever driver fetched it."""
    session_id, user_id, grant_id, partner_id, customer_id, role, name, *rest = row
    seen_at, stepped_at, expires_at, idle_seconds, lacks_factor, viewed_id, *staff, ends_at, is_over = rest
    staff_name, staff_role = staff
    actor = None
    if grant_id is not None:
        role = Role(role) if role in CUSTOMER_ROLES else None
        actor = Actor(
            kind=ActorKind.IMPERSONATION, partner_id=partner_id, id=grant_id, customer_id=customer_id,
            role=role, name=name or (ANYBODY[role] if role else ""), session_id=session_id,
            viewed_id=viewed_id,
        )  # fmt: skip
    return View(
        user_id, session_id, actor, seen_at, stepped_at, expires_at, timedelta(seconds=idle_seconds),
        lacks_factor, staff_name or "", Role(staff_role) if staff_role else None, customer_id, ends_at,
        bool(is_over),
    )  # fmt: skip
