"""Questions on an invoice, at both doors: asking, the conversation, settling it and taking it up again.

Surprise: a form of its own page for each, so that what was typed wrongly stands where it was typed and the
invoice's own page stays as it is. And a GET that writes: whoever opens a conversation has read it, with or
without a script; that, and for themselves alone.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from billing import invoice_threads, thread_reading
from billing.invoice_threads import Opening, ThreadKind
from db import ids
from errors import Invalid, NotFound
from languages import mark, say
from portal.door import act, go, is_opened, note_opening, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.invoice_choice import folder
from portal.page import Page, ask, show
from portal.paging import PLACES, neighbours, window

# Of a conversation on one page.
SIZE = 50


async def show_ask(request: Request) -> Response:
    """A form for a new question; `?line=` says that it is about one line."""
    return await _ask_page(request, Form.of({"line": request.query_params.get("line", "")}))


async def begin(request: Request) -> Response:
    """Ask, or dispute."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        if form.value("kind") not in list(ThreadKind):
            raise Invalid.at("kind", code="REQUIRED", message=say("Choose one of the two."))
        line_id = ids.parsed(form.value("line"), "lin") if form.value("line") else None
        fields = Opening(ThreadKind(form.value("kind")), form.value("text"), line_id)
        made = invoice_threads.open_thread(db, actor, invoice_id=invoice_id, fields=fields, now=now)
        return ids.shown("thr", made.id)

    try:
        made = await act(request, work, form=form)
    except Invalid as wrong:
        return await _ask_page(request, form.with_problems(wrong), status=422)
    return go(request, f"{_invoice(request)}/threads/{made}", "Your message is there to be read.")


async def show_thread(request: Request) -> Response:
    """The conversation, its latest messages, the oldest of them first. Whoever opens it has read it."""
    page = await _conversation(request)
    since = page.content["thread"]["unreadSince"]
    if since is not None and is_opened(request) and _is_latest(request):
        # Up to what this page shows: a message that comes just now is shown as new, and stays so.
        await _mark_read(request, datetime.fromisoformat(page.content["thread"]["lastMessageAt"]))
        page = await _conversation(request)
    return _thread_page(request, page, Form(), since=since)


async def reply(request: Request) -> Response:
    """Write into it."""
    form = await read_form(request)
    thread_id, now = record_id(request, "thread_id", "thr"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoice_threads.reply(db, actor, thread_id=thread_id, text=form.value("text"), now=now)

    try:
        await act(request, work, form=form)
    except Invalid as wrong:
        page = await _conversation(request)
        return _thread_page(request, page, form.with_problems(wrong), status=422)
    return go(request, _thread(request), "Your message is there to be read.")


async def resolve(request: Request) -> Response:
    """Settle it."""
    return await _moved(request, invoice_threads.resolve, mark("This conversation is settled."))


async def reopen(request: Request) -> Response:
    """Take it up again."""
    return await _moved(request, invoice_threads.reopen, mark("This conversation is open again."))


async def keep_unread(request: Request) -> Response:
    """Come back to it later: unread again, for whoever asks."""
    form = await read_form(request)
    thread_id = record_id(request, "thread_id", "thr")

    def work(db: Session, actor: Actor) -> None:
        thread_reading.mark_unread(db, actor, thread_id=thread_id)

    await act(request, work, form=form)
    # Not to the conversation: opening it would have it read.
    return go(request, f"{place(request).home}/conversations", "This conversation is marked as unread.")


async def back(request: Request) -> Response:
    """Whoever comes to a form's address without the form, say after signing in again."""
    return go(request, _thread(request))


async def _moved(request: Request, rule: Callable[..., Any], said: str) -> Response:
    form = await read_form(request)
    thread_id, now = record_id(request, "thread_id", "thr"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        rule(db, actor, thread_id=thread_id, now=now)

    await act(request, work, form=form)
    return go(request, _thread(request), said)


async def _ask_page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await _asked(request, "ask", id=request.path_params["invoice_id"])
    invoice = page.content["invoice"]
    if invoice is None or invoice["status"] == "DRAFT":
        raise NotFound
    lines = [(line["id"], line["description"]) for line in invoice["lines"]["nodes"]]
    return show(
        request, f"{folder(request)}/invoices/ask.html", page, form=form, status=status, lines=lines,
        here=_invoice(request),
    )  # fmt: skip


async def _conversation(request: Request) -> Page:
    page = await _asked(request, "thread", id=request.path_params["thread_id"], **_window(request))
    thread = page.content["thread"]
    if thread is None or thread["invoice"]["id"] != request.path_params["invoice_id"]:
        raise NotFound
    return page


def _window(request: Request) -> dict[str, Any]:
    """What was written last, unless the address names another part."""
    if _is_latest(request):
        return {"last": SIZE}
    return window(request, size=SIZE)


def _is_latest(request: Request) -> bool:
    return not any(name in request.query_params for name in PLACES)


async def _mark_read(request: Request, until: datetime) -> None:
    thread_id = record_id(request, "thread_id", "thr")

    def work(db: Session, actor: Actor) -> None:
        thread_reading.mark_read(db, actor, thread_id=thread_id, until=until)

    await note_opening(request, work)


def _thread_page(
    request: Request, page: Page, form: Form, *, status: int = 200, since: str | None = None
) -> Response:
    """`since`: from when on it was unread before it was opened."""
    before, after = neighbours(request, page.content["thread"]["messages"]["pageInfo"])
    return show(
        request, f"{folder(request)}/invoices/thread.html", page, form=form, status=status,
        here=_thread(request), back=_invoice(request), before=before, after=after, since=since,
    )  # fmt: skip


async def _asked(request: Request, name: str, **variables: Any) -> Page:
    return await ask(request, f"{folder(request)}/invoices/{name}", **variables)


def _invoice(request: Request) -> str:
    return f"{place(request).home}/invoices/{request.path_params['invoice_id']}"


def _thread(request: Request) -> str:
    return f"{_invoice(request)}/threads/{request.path_params['thread_id']}"
