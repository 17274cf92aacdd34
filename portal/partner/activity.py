"""The audit log as sentences: who did what, when.

Surprise: a row of the log names its subject by id only. People are named from the customer's users; what has
no words here yet is shown under the log's own name for it, so that nothing is ever left out.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from portal.navigation import ROLES
from portal.partner.customer_form import LABELS
from portal.partner.settings_form import SETTINGS

# {who}, {number}, {method}, {role}, {fields} and {settings} are put in from the row.
WORDS = {
    "partner.created": "started here",
    "partner.updated": "changed in the business profile: {settings}",
    "partner.logo_changed": "changed the logo",
    "partner.logo_removed": "removed the logo",
    "partner.sign_in_policy_changed": "changed the sign-in policy: {settings}",
    "api_key.created": "made an API key",
    "api_key.rotated": "rotated an API key",
    "api_key.revoked": "revoked an API key",
    "audit.export_started": "took the audit log out as a file",
    "customer.created": "added the customer",
    "customer.activated": "finished the setup",
    "customer.updated": "changed {fields}",
    "customer.archived": "archived the customer",
    "customer.restored": "restored the customer",
    "customer.tagged": "tagged the customer",
    "customer.untagged": "took a tag off the customer",
    "customer.export_started": "began to export customers",
    "customer.exported": "exported customers",
    "customer_import.uploaded": "uploaded a file of customers: {file}",
    "customer_import.confirmed": "began to import customers from {file}",
    "customer_import.finished": "imported customers from {file}: {counts}",
    "customer_import.canceled": "canceled the import of {file}",
    "customer.note_added": "added a note",
    "customer.note_changed": "changed a note",
    "customer.note_deleted": "deleted a note",
    "user.invited": "invited {who} as {role}",
    "user.invite_resent": "sent {who} a new invite",
    "user.invite_revoked": "revoked the invite of {who}",
    "user.activated": "accepted the invite",
    "user.role_changed": "made {who} {role}",
    "user.disabled": "disabled {who}",
    "user.enabled": "enabled {who}",
    "user.removed": "removed {who}",
    "access.asked": "noted a request for access",
    "access.approved": "gave access to somebody who asked",
    "access.denied": "denied a request for access",
    "user.erased": "erased a user",
    "user.renamed": "changed their name",
    "user.address_changed": "changed their e-mail address",
    "invoice.created": "drafted an invoice",
    "invoice.updated": "changed a draft invoice",
    "invoice.deleted": "deleted a draft invoice",
    "invoice.finalized": "issued invoice {number}",
    "invoice.sent": "sent invoice {number}",
    "invoice.voided": "voided invoice {number}",
    "invoice.tagged": "tagged an invoice",
    "invoice.untagged": "took a tag off an invoice",
    "payment.begun": "started a payment",
    "payment.succeeded": "completed a payment",
    "payment.failed": "noted that a payment failed",
    "payment.canceled": "canceled a payment",
    "payment.unknown": "waits for the bank to answer about a payment",
    "payment_method.added": "added {method}",
    "payment_method.removed": "removed {method}",
    "payment_method.default_changed": "made {method} the default",
    "portal_session.created": "opened a portal session",
    "tag.created": "created a tag",
    "tag.updated": "changed a tag",
    "tag.deleted": "deleted a tag",
    "tag.merged": "merged a tag into another",
}
# Subjects that have a page in the dashboard.
PAGES = {"invoice": "invoices", "payment": "payments", "access_request": "access-requests"}
IMPORTED = ("created", "updated", "unchanged", "refused")


class Event(NamedTuple):
    """One line of the log; `path` is its subject's page under the dashboard's home, if it has one.

    `customer`: whose it is, and `actor`: the id of who did it, where the document asked for that.
    """

    at: str
    who: str
    what: str
    path: str | None
    customer: Mapping[str, Any] | None = None
    actor: str | None = None


def activity_of(rows: Iterable[Mapping[str, Any]], users: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The `auditEvents` of a document as lines, with the names of `users`."""
    names = {user["id"]: user["name"] for user in users}
    return [_event(row, names) for row in rows]


def _event(row: Mapping[str, Any], names: Mapping[str, str]) -> Event:
    details = row["details"] or {}
    changed = [LABELS[name] for name in details.get("fields", ()) if name in LABELS]
    words = WORDS.get(row["action"], row["action"].replace("_", " ").replace(".", ": "))
    what = words.format(
        who=names.get(row["subjectId"], "a user"),
        number=details.get("number") or "",
        method=f"{details.get('brand', 'card')} ending in {details.get('last4', '····')}",
        role=ROLES.get(details.get("role", ""), "user"),
        fields=", ".join(changed) or "the company",
        settings=_settings(details),
        file=details.get("file") or "a file",
        counts=", ".join(f"{details.get(name, 0)} {name}" for name in IMPORTED),
    )
    folder = PAGES.get(row["subjectKind"])
    gone = row["action"].endswith(".deleted")
    path = f"/{folder}/{row['subjectId']}" if folder and row["subjectId"] and not gone else None
    return Event(row["at"], row["actorName"], what, path, row.get("customer"), row.get("actorId"))


def _settings(details: Mapping[str, Any]) -> str:
    """`Colour from “#0b7285” to “#3346c4”`, for each setting that was changed."""
    rows = zip(details.get("fields", ()), details.get("was", ()), details.get("became", ()), strict=False)
    return ", ".join(
        f"{SETTINGS.get(name, name)} from {_said(was)} to {_said(became)}" for name, was, became in rows
    )


def _said(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    return f"“{value}”" if value else "nothing"
