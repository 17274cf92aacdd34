"""The audit log as sentences: who did what, when.

Surprise: a row of the log names its subject by id only, or by the name it had then. People, tags and the
like are looked up for the page, so that whom somebody erased is in no old row; what has no words here yet is
shown under the log's own name for it, so that nothing is ever left out.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from billing.card_brands import brand_text
from billing.dates import day_text
from billing.many import Noun, What
from billing.money import Currency, Money
from db import ids
from languages import grouped, mark, say, spoken
from portal.act_words import doing
from portal.in_parts import path_of
from portal.navigation import ROLES
from portal.partner import refused_sending
from portal.partner.told_changes import told

# {who}, {number}, {method}, {role}, {fields} and the like are put in from the row.
WORDS = {
    "partner.created": mark("started here"),
    "partner.updated": mark("changed in the business profile: {settings}"),
    "partner.logo_changed": mark("changed the logo"),
    "partner.logo_removed": mark("removed the logo"),
    "partner.sign_in_policy_changed": mark("changed the sign-in policy: {settings}"),
    "api_key.created": mark("made an API key"),
    "api_key.rotated": mark("rotated an API key"),
    "api_key.revoked": mark("revoked an API key"),
    "audit.export_started": mark("took the audit log out as a file"),
    "customer.created": mark("added the customer"),
    "customer.activated": mark("finished the setup"),
    "customer.updated": mark("changed {fields}"),
    "customer.archived": mark("archived the customer"),
    "customer.restored": mark("restored the customer"),
    "customer.tagged": mark("tagged the customer"),
    "customer.untagged": mark("took a tag off the customer"),
    "customer.export_started": mark("began to export customers"),
    "customer.exported": mark("exported customers"),
    "customer_import.uploaded": mark("uploaded a file of customers: {file}"),
    "customer_import.extended": mark("added rows to the file of customers {file}"),
    "customer_import.checked": mark("had the file of customers {file} checked"),
    "customer_import.confirmed": mark("began to import customers from {file}"),
    "customer_import.finished": mark("imported customers from {file}: {counts}"),
    "customer_import.canceled": mark("canceled the import of {file}"),
    "invoice_import.uploaded": mark("uploaded a file of invoices: {file}"),
    "invoice_import.extended": mark("added rows to the file of invoices {file}"),
    "invoice_import.checked": mark("had the file of invoices {file} checked"),
    "invoice_import.confirmed": mark("began to import invoices from {file}"),
    "invoice_import.finished": mark("imported invoices from {file}: {counts}"),
    "invoice_import.canceled": mark("canceled the import of {file}"),
    "long_act.begun": mark("began: {act}"),
    "long_act.stopped": mark("stopped after {seen} of {total}: {act}"),
    "customer.note_added": mark("added a note"),
    "customer.note_changed": mark("changed a note"),
    "customer.note_deleted": mark("deleted a note"),
    "user.added": mark("added {who} as {role}, without an invite"),
    "user.invited": mark("invited {who} as {role}"),
    "user.invite_resent": mark("sent {who} a new invite"),
    "user.invite_revoked": mark("revoked the invite of {who}"),
    "user.activated": mark("accepted the invite"),
    "user.corrected": mark("corrected how {who} was invited"),
    "user.role_changed": mark("made {who} {role}"),
    "user.disabled": mark("disabled {who}"),
    "user.enabled": mark("enabled {who}"),
    "user.removed": mark("removed {who}"),
    "access.asked": mark("noted a request for access"),
    "access.approved": mark("gave access to somebody who asked"),
    "access.denied": mark("denied a request for access"),
    "user.factors_reset": mark("took the lost second step of {who} away, on the server"),
    "user.erased": mark("erased a user"),
    "user.mail_bounced": mark("heard that a mail to {who} came back"),
    "user.renamed": mark("changed their name"),
    "user.address_changed": mark("changed their e-mail address"),
    "invoice.created": mark("drafted an invoice"),
    "invoice.duplicated": mark("duplicated an invoice as a new draft"),
    "invoice.reissued": mark("made a draft to correct a voided invoice"),
    "invoice.updated": mark("changed a draft invoice"),
    "invoice.deleted": mark("deleted a draft invoice"),
    "invoice.scheduled": mark("set a draft invoice to be sent on {day}"),
    "invoice.unscheduled": mark("left a draft invoice to be sent by hand"),
    "invoice.schedule_kept": mark("sends a draft invoice on the day that {by} chose"),
    "invoice.recipients_left_out": mark("left out {people}, who can't get a mail any more"),
    "invoice.recipients_gone": mark(
        "found that {people}, chosen to get it, can't get a mail any more, and sends it to the managers and"
        " payers"
    ),
    "invoice.left_out_seen": mark("noted that invoice {number} was sent without some who were to get it"),
    "invoice.send_refused": mark("could not send a draft invoice on the day that {by} chose: {why}"),
    "invoice.recurred": mark("made an invoice that {by} ordered to be repeated"),
    "recurring_invoice.created": mark("ordered a recurring invoice"),
    "recurring_invoice.updated": mark("changed a recurring invoice"),
    "recurring_invoice.paused": mark("paused a recurring invoice"),
    "recurring_invoice.resumed": mark("resumed a recurring invoice"),
    "recurring_invoice.skipped": mark("left out {day} of a recurring invoice"),
    "recurring_invoice.ended": mark("ended a recurring invoice"),
    "recurring_invoice.kept": mark("kept the recurring invoice that {by} ordered"),
    "recurring_invoice.export_started": mark("began to export recurring invoices"),
    "recurring_invoice.exported": mark("exported recurring invoices"),
    "recurring_invoice.refused": mark("could not make the recurring invoice that {by} ordered: {why}"),
    "invoice.finalized": mark("issued invoice {number}"),
    "invoice.sent": mark("sent invoice {number}"),
    "invoice.bounced": mark("heard that the mail with invoice {number} came back"),
    "invoice.voided": mark("voided invoice {number}{reason}"),
    "invoice.void_told": mark("had the customer told that invoice {number} is void"),
    "invoice.written_off": mark("wrote off invoice {number} as uncollectible"),
    "invoice.archived": mark("archived invoice {number}"),
    "invoice.restored": mark("put invoice {number} into the lists again"),
    "invoice.taken_up": mark("reopened invoice {number}"),
    "outside_payment.recorded": mark("noted a payment from outside for invoice {number}"),
    "outside_payment.reversed": mark("took back a payment from outside for invoice {number}"),
    "outside_payment.export_started": mark("began to export payments from outside"),
    "outside_payment.exported": mark("exported payments from outside"),
    "credit_note.created": mark("made credit note {credit_note} for invoice {number}"),
    "credit_note.sent": mark("sent credit note {credit_note} for invoice {number}"),
    "credit_note.export_started": mark("began to export credit notes"),
    "credit_note.exported": mark("exported credit notes"),
    "credit.applied": mark("applied credit to invoice {number}"),
    "credit.kept": mark("kept a part of a payment from outside as credit"),
    "credit.kept_back": mark("took back what was kept as credit"),
    "invoice.viewed": mark("opened invoice {number}"),
    "pay_link.created": mark("made a pay link for invoice {number}"),
    "pay_link.mailed": mark("had a fresh link to invoice {number} mailed to the company"),
    "pay_link.revoked": mark("revoked a pay link for invoice {number}"),
    "invoice.asked": mark("asked about an invoice"),
    "invoice.disputed": mark("disputed an invoice"),
    "invoice.replied": mark("wrote in a conversation on an invoice"),
    "invoice.settled": mark("settled a conversation on an invoice"),
    "invoice.reopened": mark("went on with a settled conversation on an invoice"),
    "invoice.export_started": mark("began to export invoices"),
    "invoice.exported": mark("exported invoices"),
    "invoice.tagged": mark("tagged an invoice"),
    "invoice.untagged": mark("took a tag off an invoice"),
    "payment.begun": mark("started a payment"),
    "payment.succeeded": mark("completed a payment"),
    "payment.failed": mark("noted that a payment failed"),
    "payment.canceled": mark("canceled a payment"),
    "payment.export_started": mark("began to export payments"),
    "payment.exported": mark("exported payments"),
    "payment.unknown": mark("waits for the bank to answer about a payment"),
    "payment_method.added": mark("added {method}"),
    "payment_method.removed": mark("removed {method}"),
    "payment_method.default_changed": mark("made {method} the default"),
    "portal_session.created": mark("opened a portal session"),
    "impersonation.started": mark("looked at the portal as {whose}{reason}"),
    "impersonation.ended": mark("stopped looking at the portal as {whose}"),
    "impersonation.refused": mark(
        "tried to change something while looking at the portal as {whose}: {tried}"
    ),
    "view.shared": mark("shared the saved view “{view}”"),
    "view.changed": mark("changed the saved view “{view}”"),
    "view.unshared": mark("took the saved view “{view}” back for themselves"),
    "view.deleted": mark("deleted the saved view “{view}”"),
    "tax_rate.created": mark("added the tax rate “{view}”"),
    "tax_rate.updated": mark("changed the tax rate “{view}”"),
    "tax_rate.archived": mark("archived the tax rate “{view}”"),
    "tax_rate.restored": mark("restored the tax rate “{view}”"),
    "catalogue_item.created": mark("added “{view}” to the products and services"),
    "catalogue_item.updated": mark("changed the product or service “{view}”"),
    "catalogue_item.archived": mark("archived the product or service “{view}”"),
    "catalogue_item.restored": mark("restored the product or service “{view}”"),
    "tag.created": mark("created a tag"),
    "tag.updated": mark("changed a tag"),
    "tag.deleted": mark("deleted a tag"),
    "tag.merged": mark("merged a tag into another"),
}
# The same, where what it was done to has a name: {view}, {number}, or {tags} that were put on it.
NAMED = {
    "api_key.created": mark("made the API key “{view}”"),
    "api_key.rotated": mark("rotated the API key “{view}”"),
    "api_key.revoked": mark("revoked the API key “{view}”"),
    "customer.tagged": mark("tagged the customer with {tags}"),
    "customer.untagged": mark("took {tags} off the customer"),
    "access.asked": mark("noted the request of {view} for access"),
    "access.approved": mark("gave access to {view}, who asked for it"),
    "access.denied": mark("denied the request of {view} for access"),
    "invoice.asked": mark("asked about invoice {number}"),
    "invoice.disputed": mark("disputed invoice {number}"),
    "invoice.replied": mark("wrote in a conversation on invoice {number}"),
    "invoice.settled": mark("settled a conversation on invoice {number}"),
    "invoice.reopened": mark("went on with a settled conversation on invoice {number}"),
    "invoice.tagged": mark("tagged {invoice} with {tags}"),
    "invoice.untagged": mark("took {tags} off {invoice}"),
    "tag.created": mark("created the tag “{view}”"),
    "tag.updated": mark("changed the tag “{view}”"),
    "tag.deleted": mark("deleted the tag “{view}”"),
    "tag.merged": mark("merged the tag “{view}” into “{into}”"),
}
# The same, where the row says what was changed, as {changes}, or what the role was {before}.
TOLD = {
    "invoice.updated": mark("changed a draft invoice: {changes}"),
    "tag.updated": mark("changed the tag “{view}”: {changes}"),
    "user.role_changed": mark("changed the role of {who} from {before} to {role}"),
}
# The same, where the row says how much it is about, as {amount}, in minor units under this name.
SUMMED = {
    "invoice.finalized": ("total_minor", mark("issued invoice {number} ({amount})")),
    "invoice.sent": ("total_minor", mark("sent invoice {number} ({amount})")),
    "invoice.voided": ("total_minor", mark("voided invoice {number} over {amount}{reason}")),
    "outside_payment.recorded": (
        "amount_minor", mark("noted a payment of {amount} from outside for invoice {number}")
    ),
    "outside_payment.reversed": (
        "amount_minor", mark("took back a payment of {amount} from outside for invoice {number}")
    ),
    "credit_note.created": (
        "amount_minor", mark("made credit note {credit_note} ({amount}) for invoice {number}")
    ),
    "credit_note.sent": (
        "amount_minor", mark("sent credit note {credit_note} ({amount}) for invoice {number}")
    ),
    "credit.applied": ("amount_minor", mark("applied {amount} of credit to invoice {number}")),
    "credit.kept": ("amount_minor", mark("kept {amount} of a payment from outside as credit")),
    "credit.kept_back": ("amount_minor", mark("took back {amount} that was kept as credit")),
    "payment.begun": ("amount_minor", mark("started a payment of {amount}")),
    "payment.succeeded": ("amount_minor", mark("completed a payment of {amount}")),
    "payment.failed": ("amount_minor", mark("noted that a payment of {amount} failed")),
    "payment.canceled": ("amount_minor", mark("canceled a payment of {amount}")),
    "payment.unknown": ("amount_minor", mark("waits for the bank to answer about a payment of {amount}")),
}  # fmt: skip
# Subjects whose name of today is looked up, or whose customer, where the row is not for its eyes.
LOOKED_UP = ("user", "tag", "access_request", "invoice", "customer", "recurring_invoice")
MOST_LOOKED_UP = 100
# Subjects that have a page in the dashboard.
PAGES = {"invoice": "invoices", "payment": "payments", "access_request": "access-requests"} | {
    "recurring_invoice": "recurring",
    "customer_import": "customers/imports",
    "invoice_import": "invoices/imports",
}
IMPORTED = {
    "created": mark("created"),
    "updated": mark("updated"),
    "unchanged": mark("unchanged"),
    "refused": mark("refused"),
}


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


def looked_up(rows: Iterable[Mapping[str, Any]]) -> Sequence[str]:
    """The ids in these rows whose names the lines want."""
    wanted: set[str] = set()
    for row in rows:
        if row["subjectKind"] in LOOKED_UP and row["subjectId"]:
            wanted.add(row["subjectId"])
        wanted.update([*_tags(row), *people_of(row)])
    return sorted(wanted)[:MOST_LOOKED_UP]


def activity_of(rows: Iterable[Mapping[str, Any]], known: Iterable[Mapping[str, Any]]) -> list[Event]:
    """The `auditEvents` of a document as lines, with the names and customers of `known` records."""
    found = {one["id"]: one for one in known}
    names = {id_: name for id_, one in found.items() if (name := one.get("name") or one.get("number"))}
    money = {id_: one["currency"] for id_, one in found.items() if "currency" in one}
    return [_event(row, names, money)._replace(customer=_customer(row, found)) for row in rows]


def _event(row: Mapping[str, Any], names: Mapping[str, str], currencies: Mapping[str, str]) -> Event:
    details = row["details"] or {}
    changes = told(row["subjectKind"], details)
    name = details.get("name") or names.get(row["subjectId"], "")
    number = details.get("number") or name
    tags = [names.get(tag) for tag in _tags(row)]
    words = WORDS.get(row["action"], row["action"].replace("_", " ").replace(".", ": "))
    if any(tags) if row["action"].endswith("tagged") else number:
        words = NAMED.get(row["action"], words)
    if changes or details.get("before"):
        words = TOLD.get(row["action"], words)
    amount = _amount(row, currencies.get(row["subjectId"]))
    if amount is not None:
        words = SUMMED[row["action"]][1]
    what = say(
        words,
        amount=amount or "",
        who=names.get(row["subjectId"], mark("a user")),
        number=number,
        invoice=say("invoice {number}", number=number) if number else say("a draft invoice"),
        tags=", ".join(say("“{text}”", text=tag) if tag else say("a deleted tag") for tag in tags),
        into=details.get("into") or "",
        credit_note=details.get("credit_note") or "",
        method=say(
            "{brand} ending in {last4}",
            brand=brand_text(details["brand"]) if "brand" in details else mark("card"),
            last4=details.get("last4", "····"),
        ),
        role=ROLES.get(details.get("role", ""), mark("user")),
        whose=names.get(row["subjectId"])
        or say("any {role}", role=ROLES.get(details.get("role", ""), mark("user"))),
        reason=f" ({details['reason']})" if details.get("reason") else "",
        tried=details.get("tried") or "",
        before=ROLES.get(details.get("before", ""), mark("user")),
        fields=changes or mark("the company"),
        settings=changes,
        changes=changes,
        day=day_text(date.fromisoformat(details["day"]), spoken()) if "day" in details else "",
        by=details.get("by") or mark("somebody"),
        people=", ".join(names.get(one) or say("a former user") for one in people_of(row)),
        why=refused_sending.SHORT.get(details.get("why") or "OTHER", ""),
        view=name,
        file=details.get("file") or mark("a file"),
        act=_act(details),
        seen=grouped(details.get("seen") or 0),
        total=grouped(details.get("total") or 0),
        counts=", ".join(f"{details.get(name, 0)} {said}" for name, said in IMPORTED.items()),
    )
    # A guest has no name: the log has what they came by.
    who = say("Somebody with a pay link") if row.get("actorKind") == "GUEST" else row["actorName"]
    return Event(row["at"], who, what, _path(row, names), actor=row.get("actorId"))


def _amount(row: Mapping[str, Any], currency: str | None) -> Money | None:
    """How much a row is about; `currency` is its subject's, for rows from before the log kept that."""
    field, _ = SUMMED.get(row["action"], (None, None))
    details = row["details"] or {}
    currency = details.get("currency") or currency
    if field is None or field not in details or currency is None:
        return None
    return Money(details[field], Currency(currency))


def _path(row: Mapping[str, Any], names: Mapping[str, str]) -> str | None:
    kind, subject = row["subjectKind"], row["subjectId"]
    if kind == "tag" and subject in names:
        return f"/tags/{subject}/edit"
    if kind == "long_act":
        details = row["details"] or {}
        return path_of(Noun(details["noun"]), UUID(details["act"])) if "act" in details else None
    gone = row["action"].endswith(".deleted")
    return f"/{PAGES[kind]}/{subject}" if kind in PAGES and subject and not gone else None


def _act(details: Mapping[str, Any]) -> str:
    """What was done with many, as its page is called."""
    if "noun" not in details:
        return ""
    called = doing(Noun(details["noun"]), What(details["what"]), grouped(details["total"]))
    return called[:1].lower() + called[1:]


def _customer(row: Mapping[str, Any], found: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Whose it is: the customer that reads the row too, or the one it is about."""
    about = found.get(row["subjectId"], {})
    return row.get("customer") or about.get("customer") or (about if "company" in about else None)


def _tags(row: Mapping[str, Any]) -> list[str]:
    """The tags that were put on the subject, or taken off it."""
    return [ids.shown("tag", UUID(text)) for text in (row["details"] or {}).get("tags", ())]


def people_of(row: Mapping[str, Any]) -> list[str]:
    """The users that a row names beside its subject."""
    return [ids.shown("usr", UUID(text)) for text in (row["details"] or {}).get("people", ())]
