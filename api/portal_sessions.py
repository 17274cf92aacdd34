"""Portal sessions: how a partner's own front end in the browser gets fifteen minutes in one customer's world.

The surprise: the token is in the answer once. The answer that is kept under an idempotency key has none.
"""

from datetime import datetime

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, said, takes
from api.customers import Customer
from api.scalars import written_instant
from auth import api_keys
from auth.actors import Action


@takes()
class CreatePortalSessionInput:
    """For which customer, and from which sites the token is good."""

    customer_id: strawberry.ID
    origins: list[str] = strawberry.field(description="1 to 10, like https://billing.example.com.")


@gives
class CreatePortalSessionPayload:
    """The token, for `Authorization: Bearer …` from a browser at one of the origins."""

    token: str | None = said("Shown once: null in the answer to a repeated idempotency key.")
    expires_at: datetime | None = said("Fifteen minutes from now.")
    customer: Customer | None = changed()


def _create(doing: Doing, given: Given) -> Outcome:
    customer_id = given.record("customer_id", "cus")
    made = api_keys.create_portal_token(
        doing.db, doing.actor, customer_id=customer_id, origins=given["origins"], now=doing.now
    )
    return {"token": made.token, "expires_at": written_instant(made.row.expires_at), "customer": customer_id}


def _without_token(outcome: Outcome) -> Outcome:
    return {**outcome, "token": None}


@strawberry.type
class PortalSessionMutations:
    """Portal sessions."""

    create_portal_session: CreatePortalSessionPayload | None = change(
        _create, CreatePortalSessionInput, Action.CREATE_PORTAL_SESSIONS, without_secrets=_without_token,
        about="Fifteen minutes as a payer of one customer, for a browser. Takes an API key.",
    )  # fmt: skip
