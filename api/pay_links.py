"""Pay links in the API: made and ended by the partner's side, and what became of them.

Surprise: where a link leads is in the answer once. The answer kept under an idempotency key has it not.
"""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.changes import Doing, Given, Outcome, change, changed, gives, said, takes
from api.nouns import Node, col, lazy, noun, one
from auth.actors import Action
from billing import pay_links as t

if TYPE_CHECKING:
    from api.invoices import Invoice


strawberry.enum(
    t.PayLinkOrigin,
    description="STAFF: made by the partner's side; INVOICE: in the invoice's mails; FRESH: mailed to the"
    " company when somebody asked for it.",
)


@noun(t.PayLink, "pln", needs=Action.VIEW_INVOICES, order="-created_at")
class PayLink(Node):
    """A link that opens one invoice to whoever holds it. Where it leads is not kept."""

    origin: t.PayLinkOrigin = col("Who has it.")
    created_at: datetime = col(order=True)
    created_by: str = col("What whoever made it was called then.", name="created_by_name")
    expires_at: datetime = col("90 days past due, or 30 days after it was made if that is later.")
    revoked_at: datetime | None = col("It opens nothing from then on.")
    opened_count: int = col("How often it was opened, previews by staff apart.")
    last_opened_at: datetime | None = col()
    invoice: Annotated["Invoice", lazy("api.invoices")] = one("invoice_id")


@takes(dry_run=True)
class CreatePayLinkInput:
    """An issued invoice that is not void."""

    invoice_id: strawberry.ID


@takes(dry_run=True)
class RevokePayLinkInput:
    """The link to end."""

    id: strawberry.ID


@gives
class CreatePayLinkPayload:
    """The new link."""

    path: str | None = said(
        "Where it leads, below this installation's address. Shown once: null in the answer to a repeated"
        " idempotency key, and of a dry run."
    )
    pay_link: PayLink | None = changed()


@gives
class RevokePayLinkPayload:
    """The link, revoked."""

    pay_link: PayLink | None = changed()


def _create(doing: Doing, given: Given) -> Outcome:
    invoice_id = given.record("invoice_id", "inv")
    made = t.create(doing.db, doing.actor, invoice_id=invoice_id, now=doing.now)
    # The link of a dry run is undone: its path would lead nowhere.
    path = None if given.get("dry_run") else t.path_of(made.token)
    return {"path": path, "pay_link": made.link.id}


def _without_path(outcome: Outcome) -> Outcome:
    return {**outcome, "path": None}


def _revoke(doing: Doing, given: Given) -> Outcome:
    link = t.revoke(doing.db, doing.actor, link_id=given.record("id", "pln"), now=doing.now)
    return {"pay_link": link.id}


@strawberry.type
class PayLinkMutations:
    """Making and ending pay links."""

    create_pay_link: CreatePayLinkPayload | None = change(
        _create, CreatePayLinkInput, Action.EDIT_INVOICES, without_secrets=_without_path,
        about="Make a link that opens one invoice without an account.",
    )  # fmt: skip
    revoke_pay_link: RevokePayLinkPayload | None = change(
        _revoke, RevokePayLinkInput, Action.EDIT_INVOICES, about="Have a pay link open nothing any more."
    )
