"""The editor of drafts: a new invoice for a customer, one like another, a draft again; a row for each line.

Surprise: a copy is no draft until it is saved, so whoever cancels leaves none behind.
"""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import invoice_duplicates, invoice_previews, invoices
from billing.invoice_fields import MOST_LINES, MOST_TAXES, InvoiceInput
from billing.invoice_latest import Latest, latest_act
from billing.invoice_refusals import NotADraft
from billing.papers import InvoicePaper
from db import ids
from errors import Conflict, Invalid, NotFound, Problem
from portal.door import act, go, meet, partner, read_form
from portal.every_choice import with_every
from portal.form import LONG, Form
from portal.house import house, place, record_id
from portal.meanwhile import version_of
from portal.page import Page, ask, show
from portal.partner.draft_form import copied, fields_of, lines_of, placed, rearranged, taxes_of
from portal.partner.invoice_preview import EDIT, is_asked, show_typed
from portal.partner.invoice_totals import TOTALS, sums_of
from portal.partner.invoices import address, found
from portal.partner.late_draft import HIDDEN, Late, begun, line_text, put_together, typed_text
from portal.partner.line_picking import ITEM, TAX, picked

SEND = "send"
# How often a draft is saved over changes that its editor doesn't show, such as a day to send it.
_TRIES = 3
# What is picked from, and the documents that list the rest of it.
CHOICES = {"catalogueItems": "partner/catalogue/choices", "taxRates": "partner/tax_rates/choices"}


async def show_new(request: Request) -> Response:
    """An empty invoice for one customer."""
    return await _editor(request, Form())


async def create(request: Request) -> Response:
    """Save the draft; what was typed wrong comes back at its field."""
    form = await read_form(request, LONG)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor, fields: InvoiceInput) -> UUID:
        return invoices.create_draft(db, actor, customer_id=customer_id, fields=fields, now=now).id

    return await _create(request, form, customer_id, work, _editor)


async def show_copy(request: Request) -> Response:
    """A new invoice like this one in the editor; nothing is stored until it is saved."""
    return await _copy(request, None)


async def copy(request: Request) -> Response:
    """Save it. From a page that was open before it was asked first: show it."""
    form = await read_form(request, LONG)
    if not form.pressed and not form.rows("lines"):
        return await _copy(request, None)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    customer = found(await _stored(request))["customer"]["id"]

    def work(db: Session, actor: Actor, fields: InvoiceInput) -> UUID:
        made = invoice_duplicates.duplicate(db, actor, invoice_id=invoice_id, fields=fields, now=now)
        return made.invoice.id

    return await _create(request, form, ids.parsed(customer, "cus"), work, _copy)


async def _create(
    request: Request, form: Form, customer_id: UUID,
    rule: Callable[[Session, Actor, InvoiceInput], UUID], editor: Callable[..., Awaitable[Response]],
) -> Response:  # fmt: skip
    """Make a draft of what was typed, unless a button was pressed that saves nothing; else `editor` again."""
    if (unsaved := _unsaved(form)) is not None:
        return await editor(request, unsaved[0], focus=unsaved[1])
    form, now = form.without_blank_rows("lines"), house(request).clock()

    def look(db: Session, actor: Actor) -> InvoicePaper:
        return invoice_previews.preview_new(
            db, actor, customer_id=customer_id, fields=fields_of(form), now=now
        )

    def work(db: Session, actor: Actor) -> str:
        return ids.shown("inv", rule(db, actor, fields_of(form)))

    try:
        if is_asked(form):
            return show_typed(request, await act(request, look, form=form), form)
        made = await act(request, work, form=form)
    except Invalid as wrong:
        return await editor(request, form.with_problems(placed(form, wrong)), status=422)
    except Conflict as refusal:
        return await editor(request, _refused(form, refusal), status=409)
    return _saved(request, form, f"{place(request).home}/invoices/{made}")


async def show_edit(request: Request) -> Response:
    """A draft in the editor."""
    page = await _stored(request)
    invoice = found(page)
    if invoice["status"] != "DRAFT":
        return go(request, address(request), NotADraft.message, tone="info")
    return await _edit_again(request, begun(Form.of(_typed(invoice))), page=page)


async def edit(request: Request) -> Response:
    """Save a changed draft. One that comes too late comes back with all that was typed, and is not saved."""
    form = await read_form(request, LONG)
    try:
        return await _edit(request, form)
    except NotADraft:
        return await _gone(request, form, await _stored(request))
    except NotFound:
        return await _gone(request, form, await ask(request, "partner/plain"))


async def _edit(request: Request, form: Form) -> Response:
    if (unsaved := _unsaved(form)) is not None:
        return await _edit_again(request, unsaved[0], focus=unsaved[1])
    form = form.without_blank_rows("lines")
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    version = version_of(form)

    def look(db: Session, actor: Actor) -> InvoicePaper:
        return invoice_previews.preview_changed(
            db, actor, invoice_id=invoice_id, fields=fields_of(form), now=now
        )

    def work(db: Session, actor: Actor) -> None:
        invoices.update_draft(
            db, actor, invoice_id=invoice_id, fields=fields_of(form), version=version, now=now
        )

    for _ in range(_TRIES):
        try:
            if is_asked(form):
                return show_typed(request, await act(request, look, form=form), form)
            await act(request, work, form=form)
        except Invalid as wrong:
            return await _edit_again(request, form.with_problems(placed(form, wrong)), status=422)
        except NotADraft:
            raise
        except Conflict as refusal:
            if type(refusal) is not Conflict:
                return await _edit_again(request, _refused(form, refusal), status=409)
            page = await _stored(request)
            again, late = put_together(form, Form.of(_typed(found(page))))
            if late:
                latest = await _latest(request, form)
                return await _edit_again(request, again, page=page, late=late, latest=latest, status=409)
            version = found(page)["version"]
            continue
        return _saved(request, form, address(request))
    raise Conflict


async def _gone(request: Request, form: Form, page: Page) -> Response:
    """There is no such draft any more: says so, and shows what was typed to be copied."""
    invoice = page.content.get("invoice")
    return show(
        request, "partner/invoices/gone.html", page, form=form, typed=typed_text(form),
        latest=await _latest(request, form) if invoice else None, issued=invoice, back=address(request),
        status=409 if invoice else 404,
    )  # fmt: skip


async def _latest(request: Request, form: Form) -> Latest | None:
    """Who was faster."""
    invoice_id = record_id(request, "invoice_id", "inv")
    return await act(request, lambda db, actor: latest_act(db, actor, invoice_id=invoice_id), form=form)


def _refused(form: Form, refusal: Conflict) -> Form:
    """What was typed, with why it can't be saved now."""
    return form.with_problems(Invalid([Problem(refusal.code, (), refusal.message)]))


async def _stored(request: Request) -> Page:
    return await ask(request, "partner/invoices/edit", id=request.path_params["invoice_id"])


def _saved(request: Request, form: Form, invoice: str) -> Response:
    """To the draft, or to the question to whom it goes."""
    if form.pressed == SEND:
        return go(
            request, f"{invoice}/confirm-send", "The draft is saved. Check to whom it goes, then send it."
        )
    return go(request, invoice, "The draft is saved. Check it, then send it.")


def _unsaved(form: Form) -> tuple[Form, str | None] | None:
    """The form and the field to go on with, if a button of it was pressed that saves nothing."""
    return (form, None) if form.pressed in (ITEM, TAX, TOTALS, EDIT) else rearranged(form)


async def _editor(request: Request, form: Form, *, status: int = 200, **more: Any) -> Response:
    page = await ask(request, "partner/invoices/new", id=request.path_params["customer_id"])
    customer = found(page, "customer")
    back = f"{place(request).home}/customers/{request.path_params['customer_id']}/invoices"
    return await _show(request, page, form, customer, back, status, **more)


async def _copy(request: Request, form: Form | None, *, status: int = 200, **more: Any) -> Response:
    page = await _stored(request)
    original = found(page)
    if form is None:
        invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
        days = await meet(
            request, lambda db, actor: invoice_duplicates.days_like(db, actor, invoice_id=invoice_id, now=now)
        )
        # A PO number names one order, and there is no version yet.
        like = {**_typed(original), "poNumber": None, "issueOn": days.issue_on, "dueOn": days.due_on}
        del like["version"]
        form = Form.of(like)
    customer, back = original["customer"], address(request)
    return await _show(request, page, form, customer, back, status, copied_from=original, **more)


async def _edit_again(
    request: Request, form: Form, *, page: Page | None = None, status: int = 200, **more: Any
) -> Response:
    if page is None:
        page = await _stored(request)
    return await _show(request, page, form, found(page)["customer"], address(request), status, **more)


async def _show(
    request: Request,
    page: Page,
    form: Form,
    customer: dict[str, Any],
    back: str,
    status: int,
    *,
    focus: str | None = None,
    late: Late | None = None,
    latest: Latest | None = None,
    copied_from: dict[str, Any] | None = None,
) -> Response:
    for name, choices in CHOICES.items():
        page = await with_every(request, page, name, choices)
    form, filled = picked(form, page.content, customer["currency"], MOST_LINES)
    more = {**page.content, "customer": customer}
    sums = await sums_of(request, form, customer["id"])
    # Whoever is typing keeps the focus, and is told at the fields by the script.
    typing = form.pressed == TOTALS and "hx-request" in request.headers
    asked = form.pressed == TOTALS and not typing
    if asked:
        form = form.with_problems(Invalid(sums.problems))
    template = "totals" if typing else "editor"
    copied_line, copied_tax = copied(form)
    return show(
        request, f"partner/invoices/{template}.html", replace(page, content=more), form=form,
        focus=filled or focus, status=422 if form.problems and status == 200 else status,
        rows=lines_of(form), sums=sums, taxes_of=taxes_of, most_taxes=MOST_TAXES, most_lines=MOST_LINES,
        action=request.url.path, back=back, asked=asked and not form.problems, late=late, latest=latest,
        copied_line=copied_line, copied_tax=copied_tax, copied_from=copied_from,
        hidden={name: form.value(name) for name in HIDDEN if name in form.typed}, line_text=line_text,
    )  # fmt: skip


def _typed(invoice: dict[str, Any]) -> dict[str, Any]:
    """A draft as the editor shows it: amounts as plain decimals."""
    head, tail = invoice["lines"], invoice["tail"]["nodes"]
    # The API's pages hold half of the most lines there may be: two are enough, and may overlap.
    beyond = head["totalCount"] - len(head["nodes"])
    lines = head["nodes"] + (tail[-beyond:] if beyond else [])
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
                "discount": "" if line["discountPercent"] else line["discount"]["amount"],
                "discountPercent": line["discountPercent"],
                "taxes": line["taxes"],
            }
            for line in lines
        ],
    }


_ONE = "/partner/{slug}/invoices/{invoice_id}/edit"
_COPY = "/partner/{slug}/invoices/{invoice_id}/duplicate"
_NEW = "/partner/{slug}/customers/{customer_id}/invoices/new"
ROUTES = [
    Route(_NEW, partner(show_new)),
    Route(_NEW, partner(create), methods=["POST"]),
    Route(_ONE, partner(show_edit)),
    Route(_ONE, partner(edit), methods=["POST"]),
    Route(_COPY, partner(show_copy, needs=Action.EDIT_INVOICES)),
    Route(_COPY, partner(copy), methods=["POST"]),
]
