"""The lists of credit notes, at both doors: what they can be narrowed to, and how they are sorted."""

from billing import credit_note_exports
from languages import mark
from portal.invoice_filters import SPANS
from portal.narrowed_list import Listing, Tabs
from portal.paging import counted

TABS: Tabs = {
    "": (mark("All", context="credit notes"), {}),
    "kept": (mark("Kept as credit", context="credit notes"), {"kept": {"gt": "0.00"}}),
}
SORTS = {
    "CREATED_AT_DESC": mark("Newest first", context="credit notes"),
    "CREATED_AT_ASC": mark("Oldest first", context="credit notes"),
    "TOTAL_DESC": mark("Largest first"),
    "NUMBER_ASC": mark("By number"),
}
# What a note has in common with an invoice.
_NOTED = tuple(span for span in SPANS if span.name in ("issued", "total"))


def _listing(*, staffs: bool) -> Listing:
    return Listing(
        path="credit-notes", noun="credit_notes", connection="creditNotes",
        count=lambda many: counted(many, "credit note", "credit notes"), tab="tab", tabs=TABS,
        sorts=SORTS, spans=_NOTED,
        export=credit_note_exports.EXPORT, columns=credit_note_exports.COLUMNS, row=credit_note_exports.row,
        staffs=staffs,
    )  # fmt: skip


STAFFS, CUSTOMERS = _listing(staffs=True), _listing(staffs=False)
