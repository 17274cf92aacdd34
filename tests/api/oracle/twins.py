"""The computed fields once more, in Python: each from what the field promises, not from its SQL."""

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from billing.payments import RECEIVED
from db import ids
from tests.api.oracle import orders

if TYPE_CHECKING:
    from tests.api.oracle.maker import Row
    from tests.api.oracle.reference import Reference

Twin = Callable[["Reference", "Row"], Any]


def is_overdue(world: "Reference", invoice: "Row") -> bool:
    return invoice["status"].value == "OPEN" and invoice["due_on"] < world.today


def lacks(invoice: "Row") -> int:
    return invoice["total_minor"] - invoice["paid_minor"] - invoice["credited_minor"]


def is_partially_paid(world: "Reference", invoice: "Row") -> bool:
    return invoice["status"].value == "OPEN" and invoice["paid_minor"] > 0


def shown_status(world: "Reference", invoice: "Row") -> str:
    if is_overdue(world, invoice):
        return "OVERDUE"
    return "PARTIALLY_PAID" if is_partially_paid(world, invoice) else invoice["status"].value


def _is_undelivered(world: "Reference", invoice: "Row") -> bool:
    brought = {
        mail["status"].value
        for mail in world.all("mail")
        if (mail["subject_id"], mail["kind"].value) == (invoice["id"], "INVOICE")
    }
    return (
        invoice["status"].value == "OPEN"
        and bool(brought & {"REFUSED", "DEAD", "BOUNCED"})
        and not brought & {"SENT", "QUEUED"}
    )


def _mail_bounces(world: "Reference", user: "Row") -> bool:
    """Did one come back, and was none to the same address taken and kept since?"""
    mine = [
        (mail["created_at"], mail["status"].value)
        for mail in world.all("mail")
        if (mail["membership_id"], mail["address"]) == (user["id"], user["email"])
    ]
    kept = [at for at, status in mine if status == "SENT"]
    return any(status == "BOUNCED" and not any(later > at for later in kept) for at, status in mine)


def _open(invoice: "Row", minor: int) -> int:
    return minor if invoice["status"].value == "OPEN" else 0


def _overdue_of(world: "Reference", customer: "Row") -> list["Row"]:
    return [
        invoice
        for invoice in world.all("invoice")
        if (invoice["partner_id"], invoice["customer_id"]) == (customer["partner_id"], customer["id"])
        and is_overdue(world, invoice)
    ]


def _invite_status(world: "Reference", invite: "Row") -> str:
    if invite["accepted_at"]:
        return "ACCEPTED"
    if invite["revoked_at"]:
        return "REVOKED"
    return "EXPIRED" if invite["expires_at"] <= world.now else "PENDING"


def _is_expired(world: "Reference", method: "Row") -> bool:
    if method["kind"].value != "CARD" or method["exp_year"] is None:
        return False
    return (method["exp_year"], method["exp_month"]) < (world.today.year, world.today.month)


def _key_status(world: "Reference", key: "Row") -> str:
    if key["revoked_at"]:
        return "REVOKED"
    if key["expires_at"] and key["expires_at"] <= world.now:
        return "EXPIRED"
    return "ROTATED" if key["replaced_at"] else "ACTIVE"


def age(world: "Reference", invoice: "Row") -> str:
    """By the days between two dates, the day itself counting as not past it."""
    late = (world.today - invoice["due_on"]).days
    for most, name in ((0, "CURRENT"), (30, "DAYS_1_TO_30"), (60, "DAYS_31_TO_60"), (90, "DAYS_61_TO_90")):
        if late <= most:
            return name
    return "OVER_90_DAYS"


def _amount(cents: int, currency: str) -> dict[str, str]:
    return {"amount": f"{Decimal(cents) / 100:.2f}", "currency": currency}


def receivables_by_age(world: "Reference", invoices: list["Row"]) -> list[dict[str, Any]]:
    """Every open invoice added to the sum of its currency and age."""
    sums: dict[tuple[str, str], tuple[int, int]] = {}
    for invoice in invoices:
        if invoice["status"].value == "OPEN":
            group = (invoice["currency"].value, age(world, invoice))
            cents, count = sums.get(group, (0, 0))
            sums[group] = (cents + lacks(invoice), count + 1)
    return [
        {
            "currency": currency,
            "age": name,
            "balance": _amount(cents, currency),
            "invoiceCount": count,
        }
        for (currency, name), (cents, count) in sorted(sums.items())
    ]


def invoice_totals(world: "Reference", invoices: list["Row"]) -> list[dict[str, Any]]:
    """Each currency's invoices, added up one figure at a time."""
    totals = []
    for currency in sorted({invoice["currency"].value for invoice in invoices}):
        these = [invoice for invoice in invoices if invoice["currency"].value == currency]
        owed = {i["id"]: _open(i, lacks(i)) for i in these}
        late = [owed[i["id"]] for i in these if is_overdue(world, i)]
        drafts, void = (_standing(these, status) for status in ("DRAFT", "VOID"))
        issued = [i for i in these if i not in drafts and i not in void]
        totals.append(
            {
                "currency": currency,
                "invoiceCount": len(these),
                "issuedCount": len(issued),
                "draftCount": len(drafts),
                "voidCount": len(void),
                "total": _amount(sum(i["total_minor"] for i in these), currency),
                "invoiced": _amount(sum(i["total_minor"] for i in issued), currency),
                "writtenOff": _amount(sum(lacks(i) for i in _standing(these, "UNCOLLECTIBLE")), currency),
                "drafted": _amount(sum(i["total_minor"] for i in drafts), currency),
                "paid": _amount(sum(i["paid_minor"] for i in these), currency),
                "credited": _amount(sum(i["credited_minor"] for i in these), currency),
                "balance": _amount(sum(owed.values()), currency),
                "overdue": _amount(sum(late), currency),
            }
        )
    return totals


def _standing(invoices: list["Row"], status: str) -> list["Row"]:
    return [invoice for invoice in invoices if invoice["status"].value == status]


SUMS: dict[str, Callable[["Reference", list["Row"]], list[dict[str, Any]]]] = {
    "Query.receivablesByAge": receivables_by_age,
    "Query.invoiceTotals": invoice_totals,
}
"""The groups of each field that adds up."""


def _carrying(world: "Reference", tag: "Row", table: str) -> int:
    return sum(link["tag_id"] == tag["id"] for link in world.all(table))


VALUES: dict[str, Twin] = {
    "Customer.isOverdue": lambda world, row: bool(_overdue_of(world, row)),
    "Customer.hasInvitedUsers": lambda world, row: any(
        user["customer_id"] == row["id"] and user["status"].value == "INVITED"
        for user in world.all("membership")
    ),
    "Customer.statementPath": lambda world, row: f"/files/customers/{ids.shown('cus', row['id'])}/statement",
    "User.mailBounces": _mail_bounces,
    "Invoice.number": lambda world, row: row["number"] or None,
    "Invoice.shownStatus": shown_status,
    "Invoice.isOverdue": is_overdue,
    "Invoice.isDisputed": lambda world, row: any(
        (thread["invoice_id"], thread["kind"].value, thread["state"].value) == (row["id"], "DISPUTE", "OPEN")
        for thread in world.all("invoice_thread")
    ),
    "Invoice.hasOpenThread": lambda world, row: any(
        (thread["invoice_id"], thread["state"].value) == (row["id"], "OPEN")
        for thread in world.all("invoice_thread")
    ),
    "Invoice.isPartiallyPaid": is_partially_paid,
    "Invoice.isUndelivered": _is_undelivered,
    "Invoice.pdfPath": lambda world, row: f"/files/invoices/{ids.shown('inv', row['id'])}.pdf",
    "Payment.receiptPath": lambda world, row: (
        f"/files/payments/{ids.shown('pay', row['id'])}.pdf" if row["status"] in RECEIVED else None
    ),
    "OutsidePayment.receiptPath": lambda world, row: (
        f"/files/outside-payments/{ids.shown('opm', row['id'])}.pdf"
    ),
    "CreditNote.pdfPath": lambda world, row: f"/files/credit-notes/{ids.shown('crn', row['id'])}.pdf",
    "Invite.status": _invite_status,
    "PaymentMethod.isExpired": _is_expired,
    "ApiKey.scope": lambda world, row: " ".join(row["scopes"]),
    "ApiKey.status": _key_status,
    "RecurringInvoice.nextDays": lambda world, row: orders.next_days(row),
    "RecurringInvoice.nextLines": lambda world, row: orders.next_lines(world, row),
    "Invoice.sendToIds": lambda world, row: [f"usr_{id_.hex}" for id_ in row["send_to"]],
    "Invoice.leftOutIds": lambda world, row: [f"usr_{id_.hex}" for id_ in row["left_out"]],
    "CustomerView.tagIds": lambda world, row: [f"tag_{id_.hex}" for id_ in row["tag_ids"]],
    "Tag.customerCount": lambda world, row: _carrying(world, row, "customer_tag"),
    "Tag.invoiceCount": lambda world, row: _carrying(world, row, "invoice_tag"),
}
"""The value of each computed field."""

CENTS: dict[str, Twin] = {
    "Customer.overdue": lambda world, row: sum(lacks(invoice) for invoice in _overdue_of(world, row)),
    "InvoiceLine.creditable": lambda world, row: (
        row["total_minor"]
        - sum(one["total_minor"] for one in world.all("credit_note_line") if one["line_id"] == row["id"])
    ),
    "CreditNote.kept": lambda world, row: row["total_minor"] - row["applied_minor"],
    "Invoice.balance": lambda world, row: _open(row, lacks(row)),
    "Invoice.payable": lambda world, row: _open(row, lacks(row) - row["reserved_minor"]),
}
"""The cents of each computed amount."""

ONLY: dict[str, Callable[["Row"], bool]] = {
    "Partner.users": lambda row: row["customer_id"] is None,
    "Query.users": lambda row: row["customer_id"] is not None,
    "Invoice.mails": lambda row: row["kind"].value == "INVOICE",
    "Invoice.voidMails": lambda row: row["kind"].value == "INVOICE_VOIDED",
    "CreditNote.mails": lambda row: row["kind"].value == "CREDIT_NOTE",
    "User.bouncedMail": lambda row: row["status"].value == "BOUNCED",
    "User.invite": lambda row: row["accepted_at"] is None and row["revoked_at"] is None,
}
"""Which records a link leads to, where not all."""
