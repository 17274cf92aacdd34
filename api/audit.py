"""The audit log in the API: who did what, when. A customer's managers see what concerns their company."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import strawberry

from api.nouns import Connection, Node, col, lazy, noun, one, page, reference
from api.reads import STAFF
from api.scalars import Json
from auth import audit as t
from auth.actors import Action

if TYPE_CHECKING:
    from api.customers import Customer


_ACTORS = {"STAFF": "User", "CUSTOMER_USER": "User", "API_KEY": "ApiKey"}
_KINDS = {
    "partner": "Partner",
    "customer": "Customer",
    "user": "User",
    "invoice": "Invoice",
    "recurring_invoice": "RecurringInvoice",
    "payment": "Payment",
    "payment_method": "PaymentMethod",
    "tag": "Tag",
    "tax_rate": "TaxRate",
    "catalogue_item": "CatalogueItem",
    "api_key": "ApiKey",
    "access_request": "AccessRequest",
    "customer_import": "CustomerImport",
    "invoice_import": "InvoiceImport",
}


@noun(t.AuditEvent, "aud", needs=Action.VIEW_AUDIT, order="-at")
class AuditEvent(Node):
    """One act."""

    at: datetime = col(where=True, order=True)
    actor_kind: str = col(
        "`STAFF`, `CUSTOMER_USER`, `API_KEY`, `PORTAL_TOKEN`, `GUEST` (by a pay link) or `SYSTEM`.",
        where=True,
    )
    actor_id: strawberry.ID | None = reference(
        "actor_id", "Who did it: a user or an API key.", kind="actor_kind", kinds=_ACTORS, where=True,
        see=STAFF,
    )  # fmt: skip
    actor_name: str = col("What the actor was called then.")
    action: str = col(where=True)
    subject_kind: str = col()
    subject_id: strawberry.ID | None = reference(
        "subject_id", "What it was done to.", kind="subject_kind", kinds=_KINDS
    )
    details: Json = col(see=STAFF)
    customer: Annotated["Customer", lazy("api.customers")] | None = one("concerns_id", where=True)


@strawberry.type
class AuditQueries:
    """Root fields about the audit log."""

    audit_events: Connection[AuditEvent] = page(None, "Everything, newest first.", see=STAFF)
