"""Every mutation there is, with an input that is right: what the tests go through, one after the other.

A new mutation joins by a line here; `test_every_mutation_is_in_the_table` fails without it.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.api.writing import ANN, COMPANY, LINES, Things, usd

BACK = "https://pay.example/back"
CSV = ["Company,Address,City,State,ZIP,Country", "Imported,1 Main St,Peoria,IL,61602,US"]
BILLS = ["Invoice number,Description", "I-1,Work"]
Made = Callable[[Things], dict[str, Any]]


@dataclass(frozen=True)
class Sample:
    """An input of one mutation; the scopes it takes; where it names records (`tagIds.0`)."""

    name: str
    given: Made
    scopes: tuple[str, ...]
    records: tuple[str, ...] = ()
    asks_gateway: bool = False

    def with_record(self, things: Things, path: str, text: str) -> dict[str, Any]:
        """The input with another id at one place."""
        given = copy.deepcopy(self.given(things))
        inner: Any = given
        *way, last = path.split(".")
        for step in way:
            inner = inner[int(step) if step.isdigit() else step]
        inner[int(last) if last.isdigit() else last] = text
        return given


def _pay(things: Things) -> dict[str, Any]:
    return {
        "customerId": things["customer"],
        "paymentMethodId": things["method"],
        "allocations": [{"invoiceId": things["invoice"], "amount": usd("100")}],
        "expectedTotal": usd("100"),
        "idempotencyKey": "pay-1",
    }


CUSTOMERS, USERS, TAGS = "customers:write", "users:write", "tags:write"
INVOICES, METHODS = "invoices:write", "payment_methods:write"
THREADS = "threads:write"
READS = ("invoices:read",)
# What is a member's alone: keys are refused it, and the log tells nothing of it.
PERSONAL = {"markInvoiceThreadRead", "markInvoiceThreadUnread", "markAllInvoiceThreadsRead"}
VIEWS = ("views:read", "views:write")

SAMPLES = [
    Sample("createCustomer", lambda t: {**COMPANY, "users": [ANN]}, (CUSTOMERS, USERS)),
    Sample("finishCustomerSetup", lambda t: {"id": t["setup"], "users": [ANN]}, (CUSTOMERS, USERS), ("id",)),
    Sample("updateCustomer", lambda t: {"id": t["customer"], "city": "Peoria"}, (CUSTOMERS,), ("id",)),
    Sample("archiveCustomer", lambda t: {"id": t["customer"]}, (CUSTOMERS,), ("id",)),
    Sample("restoreCustomer", lambda t: {"id": t["customer"]}, (CUSTOMERS,), ("id",)),
    *(
        Sample(
            name, lambda t: {"customerIds": [t["customer"], t["setup"]]}, (CUSTOMERS,),
            ("customerIds.0", "customerIds.1"),
        )
        for name in ("archiveCustomers", "restoreCustomers")
    ),
    Sample(
        "addCustomerNote", lambda t: {"customerId": t["customer"], "text": "Call back"}, (CUSTOMERS,),
        ("customerId",),
    ),
    Sample(
        "openInvoiceThread", lambda t: {"invoiceId": t["invoice"], "lineId": t["line"], "text": "Why?"},
        (THREADS,), ("invoiceId", "lineId"),
    ),
    Sample("replyToInvoiceThread", lambda t: {"id": t["thread"], "text": "So"}, (THREADS,), ("id",)),
    Sample("resolveInvoiceThread", lambda t: {"id": t["thread"]}, (THREADS,), ("id",)),
    Sample("reopenInvoiceThread", lambda t: {"id": t["settled_thread"]}, (THREADS,), ("id",)),
    Sample("markInvoiceThreadRead", lambda t: {"id": t["thread"]}, READS, ("id",)),
    Sample("markInvoiceThreadUnread", lambda t: {"id": t["thread"]}, READS, ("id",)),
    Sample("markAllInvoiceThreadsRead", lambda t: {}, READS),
    Sample("updateCustomerNote", lambda t: {"id": t["note"], "text": "Called"}, (CUSTOMERS,), ("id",)),
    Sample("deleteCustomerNote", lambda t: {"id": t["note"]}, (CUSTOMERS,), ("id",)),
    Sample(
        "createCustomerView", lambda t: {"name": "Late", "isShared": True, "tagIds": [t["tag"]]}, VIEWS,
        ("tagIds.0",),
    ),
    Sample(
        "updateCustomerView", lambda t: {"id": t["view"], "name": "Later", "tagIds": [t["tag"]]}, VIEWS,
        ("id", "tagIds.0"),
    ),
    Sample("deleteCustomerView", lambda t: {"id": t["view"]}, VIEWS, ("id",)),
    Sample("createCustomerImport", lambda t: {"fileName": "a.csv", "csv": CSV}, (CUSTOMERS,)),
    Sample("addCustomerImportRows", lambda t: {"id": t["import"], "csv": CSV[1:]}, (CUSTOMERS,), ("id",)),
    Sample("checkCustomerImport", lambda t: {"id": t["import"]}, (CUSTOMERS,), ("id",)),
    Sample("startCustomerImport", lambda t: {"id": t["checked_import"]}, (CUSTOMERS,), ("id",)),
    Sample("cancelCustomerImport", lambda t: {"id": t["import"]}, (CUSTOMERS,), ("id",)),
    Sample("createInvoiceImport", lambda t: {"fileName": "a.csv", "csv": BILLS}, (INVOICES,)),
    Sample("addInvoiceImportRows", lambda t: {"id": t["bills"], "csv": BILLS[1:]}, (INVOICES,), ("id",)),
    Sample("checkInvoiceImport", lambda t: {"id": t["bills"]}, (INVOICES,), ("id",)),
    Sample("startInvoiceImport", lambda t: {"id": t["checked_bills"]}, (INVOICES,), ("id",)),
    Sample("cancelInvoiceImport", lambda t: {"id": t["bills"]}, (INVOICES,), ("id",)),
    Sample("inviteUser", lambda t: {"customerId": t["customer"], **ANN}, (USERS,), ("customerId",)),
    Sample("resendInvite", lambda t: {"userId": t["invited"]}, (USERS,), ("userId",)),
    Sample("revokeInvite", lambda t: {"userId": t["invited"]}, (USERS,), ("userId",)),
    Sample("updateUserRole", lambda t: {"id": t["invited"], "role": "VIEWER"}, (USERS,), ("id",)),
    Sample("correctUser", lambda t: {"id": t["invited"], "name": "Una Ray"}, (USERS,), ("id",)),
    Sample("disableUser", lambda t: {"id": t["invited"]}, (USERS,), ("id",)),
    Sample("enableUser", lambda t: {"id": t["disabled"]}, (USERS,), ("id",)),
    Sample("removeUser", lambda t: {"id": t["invited"]}, (USERS,), ("id",)),
    Sample(
        "approveAccessRequest", lambda t: {"id": t["asked"], "customerId": t["customer"]}, (CUSTOMERS, USERS),
        ("id", "customerId"),
    ),
    Sample("denyAccessRequest", lambda t: {"id": t["asks"]}, (CUSTOMERS,), ("id",)),
    Sample("createTag", lambda t: {"name": "Late", "colour": "#AA0000"}, (TAGS,)),
    Sample("updateTag", lambda t: {"id": t["tag"], "name": "Later"}, (TAGS,), ("id",)),
    Sample(
        "mergeTags", lambda t: {"id": t["other_tag"], "intoId": t["tag"]}, (TAGS,), ("id", "intoId")
    ),
    Sample("deleteTag", lambda t: {"id": t["tag"]}, (TAGS,), ("id",)),
    *(
        Sample(
            name,
            lambda t: {"tagIds": [t["tag"]], "customerIds": [t["customer"], t["setup"]]},
            (TAGS,), ("tagIds.0", "customerIds.0", "customerIds.1"),
        )
        for name in ("tagCustomers", "untagCustomers")
    ),
    *(
        Sample(
            name,
            lambda t: {"tagIds": [t["tag"]], "invoiceIds": [t["draft"], t["invoice"]]},
            (TAGS,), ("tagIds.0", "invoiceIds.0", "invoiceIds.1"),
        )
        for name in ("tagInvoices", "untagInvoices")
    ),
    Sample(
        "createInvoice", lambda t: {"customerId": t["customer"], "lines": LINES}, (INVOICES,), ("customerId",)
    ),
    Sample("updateInvoice", lambda t: {"id": t["draft"], "memo": "Thanks"}, (INVOICES,), ("id",)),
    Sample("duplicateInvoice", lambda t: {"id": t["invoice"]}, (INVOICES,), ("id",)),
    Sample("deleteDraftInvoice", lambda t: {"id": t["draft"]}, (INVOICES,), ("id",)),
    Sample(
        "scheduleInvoice",
        lambda t: {"id": t["draft"], "sendOn": "2026-03-20", "recipientIds": [t["manager"]]},
        (INVOICES,), ("id", "recipientIds.0"),
    ),
    Sample("unscheduleInvoice", lambda t: {"id": t["draft"]}, (INVOICES,), ("id",)),
    Sample("dismissLeftOut", lambda t: {"id": t["third_invoice"]}, (INVOICES,), ("id",)),
    Sample(
        "createRecurringInvoice", lambda t: {"invoiceId": t["invoice"], "frequency": "MONTHLY"}, (INVOICES,),
        ("invoiceId",),
    ),
    Sample(
        "updateRecurringInvoice", lambda t: {"id": t["recurring"], "invoiceId": t["draft"], "maxCount": 3},
        (INVOICES,), ("id", "invoiceId"),
    ),
    Sample("pauseRecurringInvoice", lambda t: {"id": t["recurring"]}, (INVOICES,), ("id",)),
    Sample("resumeRecurringInvoice", lambda t: {"id": t["paused_recurring"]}, (INVOICES,), ("id",)),
    Sample(
        "skipRecurringInvoice", lambda t: {"id": t["recurring"], "on": "2026-05-01"}, (INVOICES,), ("id",)
    ),
    Sample("createTaxRate", lambda t: {"name": "HST", "rate": "13"}, (INVOICES,)),
    Sample("updateTaxRate", lambda t: {"id": t["rate"], "rate": "15"}, (INVOICES,), ("id",)),
    Sample("archiveTaxRate", lambda t: {"id": t["rate"]}, (INVOICES,), ("id",)),
    Sample("restoreTaxRate", lambda t: {"id": t["archived_rate"]}, (INVOICES,), ("id",)),
    Sample(
        "createCatalogueItem",
        lambda t: {"name": "Hour", "usdPrice": "150.00", "taxRateIds": [t["rate"], t["other_rate"]]},
        (INVOICES,), ("taxRateIds.0", "taxRateIds.1"),
    ),
    Sample(
        "updateCatalogueItem", lambda t: {"id": t["item"], "cadPrice": "9", "taxRateIds": [t["other_rate"]]},
        (INVOICES,), ("id", "taxRateIds.0"),
    ),
    Sample("archiveCatalogueItem", lambda t: {"id": t["item"]}, (INVOICES,), ("id",)),
    Sample("restoreCatalogueItem", lambda t: {"id": t["archived_item"]}, (INVOICES,), ("id",)),
    Sample("createPayLink", lambda t: {"invoiceId": t["invoice"]}, (INVOICES,), ("invoiceId",)),
    Sample("revokePayLink", lambda t: {"id": t["pay_link"]}, (INVOICES,), ("id",)),
    Sample("endRecurringInvoice", lambda t: {"id": t["recurring"]}, (INVOICES,), ("id",)),
    Sample("finalizeInvoice", lambda t: {"id": t["draft"]}, (INVOICES,), ("id",)),
    Sample(
        "sendInvoice", lambda t: {"id": t["draft"], "recipientIds": [t["invited"]]}, (INVOICES,),
        ("id", "recipientIds.0"),
    ),
    Sample(
        "recordOutsidePayment",
        lambda t: {
            "invoiceId": t["invoice"], "kind": "CHECK", "amount": usd("2"), "idempotencyKey": "out-1",
            "allocations": [
                {"invoiceId": t["invoice"], "amount": usd("1")},
                {"invoiceId": t["second_invoice"], "amount": usd("1")},
            ],
        },
        (INVOICES,), ("invoiceId", "allocations.1.invoiceId"),
    ),
    Sample(
        "reverseOutsidePayment",
        lambda t: {"id": t["outside"], "reason": "It bounced", "idempotencyKey": "back-1"},
        ("invoices:void",), ("id",),
    ),
    Sample(
        "createCreditNote",
        lambda t: {
            "invoiceId": t["paid_invoice"], "reason": "Never delivered",
            "lines": [{"lineId": t["paid_line"], "amount": usd("1")}], "idempotencyKey": "note-1",
        },
        ("invoices:void",), ("invoiceId", "lines.0.lineId"),
    ),
    Sample(
        "sendCreditNote", lambda t: {"id": t["credit_note"], "recipientIds": [t["invited"]]}, (INVOICES,),
        ("id", "recipientIds.0"),
    ),
    Sample(
        "applyCredit",
        lambda t: {"invoiceId": t["second_invoice"], "amount": usd("1"), "idempotencyKey": "credit-1"},
        (INVOICES,), ("invoiceId",),
    ),
    Sample("markInvoiceUncollectible", lambda t: {"id": t["second_invoice"]}, ("invoices:void",), ("id",)),
    *(
        Sample(name, lambda t: {"id": t["given_up"]}, (INVOICES,), ("id",))
        for name in ("archiveInvoice", "restoreInvoice")
    ),
    *(
        Sample(name, lambda t: {"invoiceIds": [t["given_up"]]}, (INVOICES,), ("invoiceIds.0",))
        for name in ("archiveInvoices", "restoreInvoices")
    ),
    Sample("reopenInvoice", lambda t: {"id": t["given_up"]}, ("invoices:void",), ("id",)),
    Sample(
        "sendInvoices", lambda t: {"invoiceIds": [t["draft"], t["invoice"]]}, (INVOICES,),
        ("invoiceIds.0", "invoiceIds.1"),
    ),
    Sample("reissueInvoice", lambda t: {"id": t["third_invoice"]}, ("invoices:void", INVOICES), ("id",)),
    Sample("voidInvoice", lambda t: {"id": t["invoice"]}, ("invoices:void",), ("id",)),
    Sample(
        "payInvoices", _pay, ("payments:write",),
        ("customerId", "paymentMethodId", "allocations.0.invoiceId"), asks_gateway=True,
    ),
    Sample(
        "createPaymentMethodSetup",
        lambda t: {"customerId": t["customer"], "returnUrl": BACK},
        (METHODS,), ("customerId",), asks_gateway=True,
    ),
    Sample(
        "finishPaymentMethodSetup",
        lambda t: {"setupId": t["gateway_setup"]},
        (METHODS,), ("setupId",), asks_gateway=True,
    ),
    Sample("setDefaultPaymentMethod", lambda t: {"id": t["second_method"]}, (METHODS,), ("id",)),
    Sample("removePaymentMethod", lambda t: {"id": t["method"]}, (METHODS,), ("id",)),
    Sample(
        "createPortalSession",
        lambda t: {"customerId": t["customer"], "origins": ["https://pay.example"]},
        ("portal_sessions:write",), ("customerId",),
    ),
    Sample("updatePartner", lambda t: {"supportPhone": "(217) 555-0142"}, ("settings:write",)),
]  # fmt: skip


def other_ids(sample: Sample, path: str, own: Things, others: list[Things]) -> Iterator[str]:
    """Ids that must all fare alike: one that nobody has, then those of the other sides, then nonsense."""
    right = _at(sample.given(own), path)
    kind = next(name for name, text in own.ids.items() if text == right)
    prefix = right.partition("_")[0]
    if kind == "gateway_setup":
        yield "seti_nobody"
        yield from (other[kind] for other in others if other[kind] != right)
        yield from ("", "x" * 5000, "seti_ACME", "';--")
        return
    yield f"{prefix}_{uuid4().hex}"
    yield from (other[kind] for other in others if other[kind] != right)
    nobody = uuid4().hex
    yield from (
        "", prefix, f"{prefix}_", f"{prefix}_{nobody[:-1]}", f"{prefix}_{nobody.upper()}Z", nobody,
        f"xyz_{nobody}", right.upper(), f" {right}", f"{right} ", right.replace("_", "-"), "x" * 5000,
        "%", "';--", own["customer"] if prefix != "cus" else own["tag"],
    )  # fmt: skip


def _at(given: Any, path: str) -> str:
    for step in path.split("."):
        given = given[int(step) if step.isdigit() else step]
    return str(given)
