"""The dashboard's invoices: list, editor for drafts, the invoice itself, sending and voiding.

Surprise: a draft's own page is its preview. Only sending gives it a number, and from then on it can be voided
but never edited.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import invoice_duplicates, invoices, tags
from billing.invoice_fields import InvoiceInput, LineInput
from db import ids
from errors import Conflict, Invalid, NotFound
from languages import mark, say
from portal import invoice_files, papers
from portal.door import act, go, partner, read_form
from portal.every_tag import with_every_tag
from portal.form import MOST_ROWS, Form, Row
from portal.house import house, place, record_id
from portal.invoice_filters import Filters
from portal.meanwhile import version_of
from portal.page import Page, ask, show
from portal.paging import counted, link, neighbours, window

FIELDS = ("issue_on", "due_on", "memo", "internal_note", "po_number")
LINE_FIELDS = ("description", "quantity", "unit_price", "discount", "tax_name", "tax_rate")
FIRST_LINES = 3
CONFIRMED = ("send", "void", "delete")
TABS: dict[str, dict[str, Any]] = {
    "draft": {"status": {"eq": "DRAFT"}},
    "open": {"status": {"eq": "OPEN"}},
    "overdue": {"isOverdue": {"eq": True}},
    "paid": {"status": {"eq": "PAID"}},
    "void": {"status": {"eq": "VOID"}},
}
LABELS = {
    "": mark("All"),
    "draft": mark("Drafts"),
    "open": mark("Open"),
    "overdue": mark("Overdue"),
    "paid": mark("Paid"),
    "void": mark("Void"),
}
SORTS = {
    "DUE_ON_DESC": mark("Due latest first"),
    "DUE_ON_ASC": mark("Due earliest first"),
    "CREATED_AT_DESC": mark("Newest first"),
    "TOTAL_DESC": mark("Largest first"),
    "NUMBER_ASC": mark("By number"),
}


class TooLongToEdit(Conflict):
    """The page's form would lose lines."""

    code = "TOO_LONG_TO_EDIT"
    message = say(
        "This draft has more than {most_rows} lines. Change it through the API, or make a new draft.",
        most_rows=MOST_ROWS,
    )


async def list_invoices(request: Request) -> Response:
    """All invoices, by status, searched, by tags, due dates and currency, sorted."""
    query, filters = request.query_params, Filters.read(request)
    asked = {name: query.get(name, "") for name in ("status", "sort")}
    page = await ask(
        request, "partner/invoices/list", **window(request), search=filters.search or None,
        where={**TABS.get(asked["status"], {}), **filters.where()},
        orderBy=asked["sort"] if asked["sort"] in SORTS else None,
    )  # fmt: skip
    page = await with_every_tag(request, page)
    found = page.content["invoices"]
    tabs = [(label, link(request, status=tab), tab == asked["status"], None) for tab, label in LABELS.items()]
    return show(
        request, "partner/invoices/list.html", page, asked=asked, filters=filters, sorts=SORTS, tabs=tabs,
        beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "invoice", "invoices"),
    )  # fmt: skip


async def choose_customer(request: Request) -> Response:
    """Whom to invoice: active customers, searched."""
    search = request.query_params.get("search", "")
    page = await ask(request, "partner/invoices/choose", **window(request), search=search or None)
    found = page.content["customers"]
    return show(
        request, "partner/invoices/choose.html", page, search=search,
        beside=neighbours(request, found["pageInfo"]),
        count=counted(found["totalCount"], "customer", "customers"),
    )  # fmt: skip


async def show_new(request: Request) -> Response:
    """An empty invoice for one customer."""
    return await _editor(request, Form())


async def create(request: Request) -> Response:
    """Save the draft; what was typed wrong comes back at its field."""
    form = await read_form(request)
    if (rearranged := form.rearranged("lines")) is not None:
        return await _editor(request, rearranged)
    form = form.without_blank_rows("lines")
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        made = invoices.create_draft(db, actor, customer_id=customer_id, fields=_fields(form), now=now)
        return ids.shown("inv", made.id)

    try:
        made = await act(request, work, form=form)
    except Invalid as wrong:
        return await _editor(request, form.with_problems(wrong), status=422)
    return go(
        request, f"{place(request).home}/invoices/{made}", "The draft is saved. Check it, then send it."
    )


async def show_invoice(request: Request) -> Response:
    """The invoice as the customer will see it, with what can be done about it."""
    return await _details(request)


async def show_edit(request: Request) -> Response:
    """A draft in the editor."""
    page = await ask(request, "partner/invoices/edit", id=request.path_params["invoice_id"])
    invoice = _found(page)
    if len(invoice["lines"]["nodes"]) > MOST_ROWS:
        raise TooLongToEdit
    form = Form.of(_typed(invoice))
    return show(
        request, "partner/invoices/editor.html", page, form=form, customer=invoice["customer"],
        rows=form.rows("lines", at_least=1), action=request.url.path,
        back=f"{place(request).home}/invoices/{invoice['id']}",
    )  # fmt: skip


async def edit(request: Request) -> Response:
    """Save a changed draft."""
    form = await read_form(request)
    if (rearranged := form.rearranged("lines")) is not None:
        return await _edit_again(request, rearranged)
    form = form.without_blank_rows("lines")
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    version = version_of(form)

    def work(db: Session, actor: Actor) -> None:
        invoices.update_draft(
            db, actor, invoice_id=invoice_id, fields=_fields(form), version=version, now=now
        )

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        return await _edit_again(request, form.with_problems(wrong), status=422)
    return go(request, _address(request), "The draft is saved.")


async def confirm(request: Request) -> Response:
    """Asks before sending, voiding or deleting."""
    what = request.path_params["what"]
    page = await ask(request, "partner/invoices/details", id=request.path_params["invoice_id"])
    _found(page)
    if what not in CONFIRMED:
        raise NotFound
    return show(request, "partner/invoices/confirm.html", page, what=what, back=_address(request))


async def send(request: Request) -> Response:
    """Issue the invoice if it is a draft, and mail it."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return invoices.send(db, actor, invoice_id=invoice_id, now=now).number

    number = await act(request, work, form=form)
    return go(request, _address(request), say("Invoice {number} is on its way.", number=number))


async def void(request: Request) -> Response:
    """Take the invoice back; its number stays used."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return invoices.void(db, actor, invoice_id=invoice_id, now=now).number

    number = await act(request, work, form=form)
    return go(request, _address(request), say("Invoice {number} is void.", number=number))


async def duplicate(request: Request) -> Response:
    """Make a draft like this invoice, and open it in the editor, unless that has no room for its lines."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        made = invoice_duplicates.duplicate(db, actor, invoice_id=invoice_id, now=now)
        return ids.shown("inv", made.invoice.id) + ("/edit" if made.lines <= MOST_ROWS else "")

    made = await act(request, work, form=form)
    return go(
        request, f"{place(request).home}/invoices/{made}",
        "This is a new draft, made from the invoice. Check it, then send it.",
    )  # fmt: skip


async def delete(request: Request) -> Response:
    """Delete a draft."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoices.delete_draft(db, actor, invoice_id=invoice_id, now=now)

    await act(request, work, form=form)
    return go(request, f"{place(request).home}/invoices", "The draft is deleted.")


async def tag(request: Request) -> Response:
    """Put one of the partner's tags on the invoice, or take it off."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    change = tags.untag_invoices if form.pressed == "remove" else tags.tag_invoices

    def work(db: Session, actor: Actor) -> None:
        tag_id = ids.parsed(form.value("tag"), "tag")
        change(db, actor, tag_ids=[tag_id], invoice_ids=[invoice_id], now=now)

    await act(request, work, form=form)
    return go(request, _address(request))


async def _details(request: Request) -> Response:
    page = await ask(request, "partner/invoices/details", id=request.path_params["invoice_id"])
    _found(page)
    return show(request, "partner/invoices/details.html", await with_every_tag(request, page))


def _found(page: Page, name: str = "invoice") -> dict[str, Any]:
    """The record the page is about; an id of nobody's and of somebody else's are both not there."""
    record: dict[str, Any] | None = page.content[name]
    if record is None:
        raise NotFound
    return record


async def _editor(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/invoices/new", id=request.path_params["customer_id"])
    _found(page, "customer")
    home = place(request).home
    return show(
        request, "partner/invoices/editor.html", page, form=form, status=status,
        rows=_rows(form), action=request.url.path,
        back=f"{home}/customers/{request.path_params['customer_id']}/invoices",
    )  # fmt: skip


async def _edit_again(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/invoices/edit", id=request.path_params["invoice_id"])
    _found(page)
    return show(
        request, "partner/invoices/editor.html", page, form=form, status=status, rows=_rows(form),
        customer=page.content["invoice"]["customer"], action=request.url.path, back=_address(request),
    )  # fmt: skip


def _rows(form: Form) -> list[Row]:
    return form.rows("lines", at_least=1 if form.typed else FIRST_LINES)


def _fields(form: Form) -> InvoiceInput:
    lines = [LineInput(**{name: row.value(name) for name in LINE_FIELDS}) for row in form.rows("lines")]
    return InvoiceInput(**{name: form.value(name) for name in FIELDS}, lines=lines)


def _typed(invoice: dict[str, Any]) -> dict[str, Any]:
    """A draft as the editor shows it: amounts as plain decimals."""
    return {
        **{
            name: invoice[name]
            for name in ("issueOn", "dueOn", "memo", "internalNote", "poNumber", "version")
        },
        "lines": [
            {
                "description": line["description"],
                "quantity": line["quantity"],
                "unitPrice": line["unitPrice"]["amount"],
                "discount": line["discount"]["amount"],
                "taxName": line["taxName"],
                "taxRate": line["taxRate"],
            }
            for line in invoice["lines"]["nodes"]
        ],
    }


def _address(request: Request) -> str:
    return f"{place(request).home}/invoices/{request.path_params['invoice_id']}"


_LIST = "/partner/{slug}/invoices"
_ONE = _LIST + "/{invoice_id}"
_NEW = "/partner/{slug}/customers/{customer_id}/invoices/new"
ROUTES = [
    Route(_LIST, partner(list_invoices)),
    Route(_LIST + "/new", partner(choose_customer)),
    Route(_LIST + "/chosen.zip", partner(invoice_files.download)),
    Route(_NEW, partner(show_new)),
    Route(_NEW, partner(create), methods=["POST"]),
    Route(_ONE, partner(show_invoice)),
    Route(_ONE + "/invoice.pdf", partner(papers.invoice)),
    Route(_ONE + "/edit", partner(show_edit)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/confirm-{what:str}", partner(confirm)),
    Route(_ONE + "/send", partner(send), methods=["POST"]),
    Route(_ONE + "/void", partner(void), methods=["POST"]),
    Route(_ONE + "/duplicate", partner(duplicate), methods=["POST"]),
    Route(_ONE + "/delete", partner(delete), methods=["POST"]),
    Route(_ONE + "/tags", partner(tag), methods=["POST"]),
]
