"""The lists of payments, through Remit and from outside, at both doors: what they can be narrowed to.

Surprise: the days of a payment are the reader's. It started at an instant, and the list shows that in the
time zone of whoever reads.
"""

from typing import Any

from billing import outside_payment_exports, payment_exports
from languages import mark
from portal.invoice_filters import Span, read_amount, read_day
from portal.narrowed_list import Listing, Tabs
from portal.paging import counted

_UNDER_WAY: dict[str, Any] = {"status": {"in": ["PENDING", "REQUIRES_ACTION", "PROCESSING", "UNKNOWN"]}}
_SORTS = {
    "CREATED_AT_DESC": mark("Newest first"),
    "CREATED_AT_ASC": mark("Oldest first", context="payments"),
    "AMOUNT_DESC": mark("Largest first"),
    "AMOUNT_ASC": mark("Smallest first"),
}
_STARTED = Span(
    "started", "createdAt", read_day,
    mark("Write the days a payment started as YYYY-MM-DD, like 2026-03-31. Until then they are left out."),
    mark("The first day is after the last one: nothing lies between them."),
)  # fmt: skip
_RECEIVED = Span(
    "received", "receivedOn", read_day,
    mark("Write the days of receipt as YYYY-MM-DD, like 2026-03-31. Until then they are left out."),
    mark("The first day is after the last one: nothing lies between them."),
)  # fmt: skip
_AMOUNT = Span(
    "amount", "amount", read_amount,
    mark("Write amounts like 1500.00. Until then they are left out."),
    mark("The first amount is above the second: nothing lies between them."),
)  # fmt: skip
STAFFS_TABS: Tabs = {
    "": (mark("All", context="payments"), {}),
    "succeeded": (mark("Succeeded", context="payments"), {"status": {"eq": "SUCCEEDED"}}),
    "open": (mark("Under way"), _UNDER_WAY),
    "failed": (mark("Failed", context="payments"), {"status": {"eq": "FAILED"}}),
    "canceled": (mark("Canceled", context="payments"), {"status": {"eq": "CANCELED"}}),
    "by_link": (mark("By pay link"), {"askedByKind": {"eq": "GUEST"}}),
}
CUSTOMERS_TABS: Tabs = {
    "": (mark("All", context="payments"), {}),
    "paid": (mark("Succeeded", context="payments"), {"status": {"eq": "SUCCEEDED"}}),
    "open": (mark("Under way"), _UNDER_WAY),
    "failed": (mark("Failed", context="payments"), {"status": {"eq": "FAILED"}}),
    "canceled": (mark("Canceled", context="payments"), {"status": {"eq": "CANCELED"}}),
}
OUTSIDE_TABS: Tabs = {
    "": (mark("All", context="payments"), {}),
    "received": (mark("Received", context="payments"), {"reversedAt": {"isNull": True}}),
    "reversed": (mark("Taken back", context="payments"), {"reversedAt": {"isNull": False}}),
}


def _count(many: int) -> str:
    return counted(many, "payment", "payments")


def _through_remit(*, staffs: bool) -> Listing:
    return Listing(
        path="payments", noun="payments", connection="payments", count=_count,
        tab="status", tabs=STAFFS_TABS if staffs else CUSTOMERS_TABS, sorts=_SORTS, spans=(_STARTED, _AMOUNT),
        export=payment_exports.EXPORT, columns=payment_exports.columns(staffs=staffs),
        row=payment_exports.rows_of(staffs=staffs), staffs=staffs, size=payment_exports.PAGE,
        invoice=("allocations", "invoice"),
    )  # fmt: skip


def _from_outside(*, staffs: bool) -> Listing:
    return Listing(
        path="outside-payments", noun="outside_payments", connection="outsidePayments",
        count=_count, tab="status", tabs=OUTSIDE_TABS, sorts=_SORTS,
        spans=(_RECEIVED, _AMOUNT), export=outside_payment_exports.EXPORT,
        columns=outside_payment_exports.columns(staffs=staffs),
        row=outside_payment_exports.rows_of(staffs=staffs), staffs=staffs,
        size=outside_payment_exports.PAGE, invoice=("allocations", "invoice"),
    )  # fmt: skip


STAFFS, CUSTOMERS = _through_remit(staffs=True), _through_remit(staffs=False)
STAFFS_OUTSIDE, CUSTOMERS_OUTSIDE = _from_outside(staffs=True), _from_outside(staffs=False)
