"""Requests for access in the API: who asked on the billing link to be let in. The partner's side only."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, opt, takes
from api.nouns import Connection, Node, by_id, col, lazy, noun, one, page
from api.reads import STAFF
from api.users import LANGUAGE, CustomerRole
from auth.actors import Action
from billing import access_requests as t

if TYPE_CHECKING:
    from api.users import User

strawberry.enum(t.AccessStatus, description="OPEN until staff decide, or for 30 days.")


@noun(t.AccessRequest, "acr", needs=Action.VIEW_USERS, order="-created_at")
class AccessRequest(Node):
    """Somebody who asks to be let in; the address was confirmed by mail, the rest is what they typed."""

    status: t.AccessStatus = col(where=True)
    name: str = col()
    email: str = col()
    company: str = col("What they say they belong to.")
    message: str | None = col("May have several lines.")
    created_at: datetime = col(order=True)
    expires_at: datetime = col()
    resolved_at: datetime | None = col()
    user: Annotated["User", lazy("api.users")] | None = one("membership_id", "Whom an approval made.")


@strawberry.type
class AccessRequestQueries:
    """Root fields about requests for access."""

    access_request: AccessRequest | None = by_id(see=STAFF)
    access_requests: Connection[AccessRequest] = page(None, "Newest first.", see=STAFF)


@takes(dry_run=True)
class ApproveAccessRequestInput:
    """A request, and the place to give."""

    id: strawberry.ID
    customer_id: strawberry.ID
    role: CustomerRole | None = opt("Left out: MANAGER for the customer's first user, PAYER for later ones.")
    locale: str | None = opt(LANGUAGE)


@takes(dry_run=True)
class DenyAccessRequestInput:
    """A request to deny."""

    id: strawberry.ID


@gives
class ApproveAccessRequestPayload:
    """The request, with the user that was invited."""

    access_request: AccessRequest | None = changed()


@gives
class DenyAccessRequestPayload:
    """The request, DENIED now."""

    access_request: AccessRequest | None = changed()


def _approve(doing: Doing, given: Given) -> Outcome:
    request = t.approve(
        doing.db, doing.actor, request_id=given.record("id", "acr"),
        customer_id=given.record("customer_id", "cus"), role=given.get("role"), locale=given.get("locale"),
        now=doing.now,
    )  # fmt: skip
    return {"access_request": request.id}


def _deny(doing: Doing, given: Given) -> Outcome:
    request = t.deny(doing.db, doing.actor, request_id=given.record("id", "acr"), now=doing.now)
    return {"access_request": request.id}


@strawberry.type
class AccessRequestMutations:
    """What staff decide."""

    approve_access_request: ApproveAccessRequestPayload | None = change(
        _approve, ApproveAccessRequestInput, Action.EDIT_CUSTOMERS, alone=True,
        about="Invite whoever asked to a customer. One in set-up becomes ACTIVE.",
    )  # fmt: skip
    deny_access_request: DenyAccessRequestPayload | None = change(
        _deny, DenyAccessRequestInput, Action.EDIT_CUSTOMERS,
        about="Say no; whoever asked is told so by mail.",
    )  # fmt: skip
