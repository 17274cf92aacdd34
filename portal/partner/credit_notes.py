"""The dashboard's credit notes: making one, each with its lines, mailing it; and applying credit.

Surprise: the form carries a key made for it, so however often it is sent, one note is made.
"""

from collections.abc import Sequence
from secrets import token_urlsafe
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import credit_note_sending, crediting, mailed_links
from billing.crediting import ApplyInput, CreditLineInput, CreditNoteInput, Tried
from billing.money import Money
from billing.payment_orders import LessIsLeft
from db import ids
from errors import Conflict, Invalid, Problem
from languages import say
from portal import credit_note_list, papers
from portal.door import act, go, meet, partner, read_form
from portal.form import Form, Row
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import Page, ask, show
from portal.partner.invoice_totals import TOTALS
from portal.partner.invoices import address, found

WHOLE, LINES = "WHOLE", "LINES"


class Sums(NamedTuple):
    """What the form comes to: in all, off the invoice, kept as credit; and what can't be read, each with its
    field, the line's description and the message.
    """

    total: Money
    applied: Money
    kept: Money
    problems: tuple[Problem, ...]
    unread: list[tuple[str, str, str]]


class NotToCredit(Conflict):
    """Credit notes are made for open and paid invoices."""

    code = "INVOICE_NOT_OPEN"
    message = "This invoice is neither open nor paid, so it can't be credited."


class NothingToApply(Conflict):
    """Credit is applied to open invoices, as long as there is any."""

    code = "NO_CREDIT"
    message = "This customer has no credit, or the invoice is not open."


async def show_note(request: Request) -> Response:
    """One of them, with its lines."""
    page = await ask(request, "partner/credit_notes/one", id=request.path_params["credit_note_id"])
    return show(request, "partner/credit_notes/details.html", page, note=found(page, "creditNote"))


async def show_new(request: Request) -> Response:
    """The form for an invoice, with all that is left of it chosen."""
    return await _form(request, Form.of({"key": token_urlsafe(16), "send": True}))


async def create(request: Request) -> Response:
    """Make the note."""
    form = await read_form(request)
    if form.pressed == TOTALS:
        return await _form(request, form)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    chosen = _chosen(form)

    def work(db: Session, actor: Actor) -> str:
        _require_one_way(form, bool(chosen))
        fields = CreditNoteInput(reason=form.value("reason"), lines=_lines_of(form))
        key = f"form-{form.value('key')}"
        made = crediting.issue(
            db, actor, invoice_id=invoice_id, fields=fields, request_key=key, send=form.checked("send"),
            now=now,
        )  # fmt: skip
        return ids.shown("crn", made.id)

    try:
        made = await act(request, work, form=form)
    except Invalid as wrong:
        return await _form(request, form.with_problems(_placed(form, wrong)), status=422)
    return go(request, f"{place(request).home}/credit-notes/{made}", "The credit note is made.")


def _chosen(form: Form) -> list[Row]:
    """The lines with an amount: the rule is told of no other."""
    return [row for row in form.rows("lines") if row.value("amount").strip()]


def _lines_of(form: Form) -> list[CreditLineInput] | None:
    if form.value("how") != LINES:
        return None
    return [
        CreditLineInput(line_id=ids.parsed(row.value("line_id"), "lin"), amount=row.value("amount"))
        for row in _chosen(form)
    ]


def _placed(form: Form, wrong: Invalid) -> Invalid:
    """What the rule refused of the lines it was told, at those of the page."""
    chosen = _chosen(form)
    return Invalid([
        problem._replace(path=("lines", chosen[problem.path[1]].index, *problem.path[2:]))
        if problem.path[:1] == ("lines",) and len(problem.path) > 1 and isinstance(problem.path[1], int)
        else problem
        for problem in wrong.problems
    ])  # fmt: skip


async def show_send(request: Request) -> Response:
    """Asks to whom a note is mailed, its customer's managers and payers chosen."""
    return await _sending(request, None)


async def send(request: Request) -> Response:
    """Mail a note to those who were chosen."""
    form = await read_form(request)
    note_id, now = record_id(request, "credit_note_id", "crn"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        told = [ids.parsed(one, "usr") for one in form.values("recipient_ids")]
        return credit_note_sending.send(db, actor, note_id=note_id, recipients=told, now=now).number

    try:
        number = await act(request, work, form=form)
    except Invalid as wrong:
        return await _sending(request, form.with_problems(wrong), status=422)
    return go(request, _address(request), say("Credit note {number} is on its way.", number=number))


async def _sending(request: Request, form: Form | None, *, status: int = 200) -> Response:
    page = await ask(request, "partner/credit_notes/send", id=request.path_params["credit_note_id"])
    note = found(page, "creditNote")
    chosen = [user["id"] for user in note["customer"]["users"]["nodes"] if user["role"] in mailed_links.TOLD]
    return show(
        request, "partner/credit_notes/send.html", page, note=note, back=_address(request), roles=ROLES,
        form=form or Form.of({"recipientIds": chosen}), status=status,
    )  # fmt: skip


def _address(request: Request) -> str:
    return f"{place(request).home}/credit-notes/{request.path_params['credit_note_id']}"


def _require_one_way(form: Form, has_amounts: bool) -> None:
    """Refuse (Invalid) neither of the two ways, and all of the invoice while amounts of lines are typed."""
    how = form.value("how")
    if how not in (WHOLE, LINES):
        raise Invalid.at("how", code="REQUIRED", message=say("Choose what to credit."))
    if how == WHOLE and has_amounts:
        message = say("You typed amounts: choose “Some lines”, or empty them to credit everything.")
        raise Invalid.at("how", code="TWO_WAYS", message=message)


async def show_apply(request: Request) -> Response:
    """The form, with as much filled in as there is of both."""
    return await _applying(request, None)


async def apply(request: Request) -> Response:
    """Take credit off the invoice."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> Money:
        fields, key = ApplyInput(amount=form.value("amount")), f"form-{form.value('key')}"
        made = crediting.apply(db, actor, invoice_id=invoice_id, fields=fields, request_key=key, now=now)
        return Money(made.amount_minor, made.currency)

    try:
        amount = await act(request, work, form=form)
    except Invalid as wrong:
        return await _applying(request, form.with_problems(wrong), status=422)
    except (LessIsLeft, crediting.LessCredit) as less:
        return await _applying(request, form.with_problems(Invalid.of(less, "amount")), status=422)
    return go(request, address(request), say("{amount} of the credit is applied.", amount=amount))


async def _form(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/credit_notes/new", id=request.path_params["invoice_id"])
    if found(page)["status"] not in ("OPEN", "PAID"):
        raise NotToCredit
    lines = [line for line in await _lines(request, page) if line["creditable"]["amount"] != "0.00"]
    if not lines:
        raise crediting.NothingToCredit
    ways = [
        (WHOLE, say("Everything that is not credited yet")),
        (LINES, say("Some lines, or a part of them")),
    ]
    sums = await _sums(request, form, [line["description"] for line in lines])
    # Whoever is typing keeps the focus, and is told at the fields by the script.
    typing = form.pressed == TOTALS and "hx-request" in request.headers
    asked = form.pressed == TOTALS and not typing
    if asked and sums.problems:
        form, status = form.with_problems(Invalid(sums.problems)), 422
    return show(
        request, f"partner/credit_notes/{'totals' if typing else 'new'}.html", page, form=form, lines=lines,
        ways=ways, status=status, sums=sums, asked=asked and not form.problems, action=request.url.path,
        back=address(request),
    )  # fmt: skip


async def _sums(request: Request, form: Form, described: Sequence[str]) -> Sums:
    """What the note comes to by the rule that would make it."""
    invoice_id = record_id(request, "invoice_id", "inv")

    def work(db: Session, actor: Actor) -> Tried:
        return crediting.try_out(db, actor, invoice_id=invoice_id, lines=_lines_of(form))

    tried = await (act(request, work, form=form) if request.method == "POST" else meet(request, work))
    problems = _placed(form, Invalid(tried.problems)).problems
    return Sums(
        tried.total, tried.applied, tried.total - tried.applied, problems,
        [
            (f"lines-{problem.path[1]}-amount", described[int(problem.path[1])], problem.message)
            for problem in problems if int(problem.path[1]) < len(described)
        ],
    )  # fmt: skip


async def _lines(request: Request, page: Page) -> list[dict[str, Any]]:
    """All lines: more than a hundred are asked for in further pages."""
    listed = found(page)["lines"]
    lines: list[dict[str, Any]] = list(listed["nodes"])
    while listed["pageInfo"]["hasNextPage"]:
        more = await ask(
            request, "partner/credit_notes/lines", id=request.path_params["invoice_id"],
            after=listed["pageInfo"]["endCursor"],
        )  # fmt: skip
        listed = found(more)["lines"]
        lines += listed["nodes"]
    return lines


async def _applying(request: Request, form: Form | None, *, status: int = 200) -> Response:
    page = await ask(request, "partner/credit_notes/new", id=request.path_params["invoice_id"])
    invoice = found(page)
    if invoice["status"] != "OPEN" or invoice["customer"]["credit"]["amount"] == "0.00":
        raise NothingToApply
    if form is None:
        form = Form.of({"key": token_urlsafe(16)})
    return show(
        request, "partner/credit_notes/apply.html", page, form=form, status=status,
        action=request.url.path, back=address(request),
    )  # fmt: skip


_LIST = "/partner/{slug}/credit-notes"
_ONE = _LIST + "/{credit_note_id}"
_INVOICE = "/partner/{slug}/invoices/{invoice_id}"
ROUTES = [
    *credit_note_list.STAFFS.routes(),
    Route(_ONE, partner(show_note)),
    Route(_ONE + "/credit-note.pdf", partner(papers.credit_note)),
    Route(_ONE + "/send", partner(show_send, needs=Action.EDIT_INVOICES)),
    Route(_ONE + "/send", partner(send), methods=["POST"]),
    Route(_INVOICE + "/credit", partner(show_new, needs=Action.VOID_INVOICES)),
    Route(_INVOICE + "/credit", partner(create), methods=["POST"]),
    Route(_INVOICE + "/apply-credit", partner(show_apply, needs=Action.EDIT_INVOICES)),
    Route(_INVOICE + "/apply-credit", partner(apply), methods=["POST"]),
]
