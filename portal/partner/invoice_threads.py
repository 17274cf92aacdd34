"""Customers' questions on invoices: the list of all. What is below an invoice is both doors'."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from languages import mark
from portal import invoice_threads
from portal.door import partner
from portal.page import ask, show
from portal.paging import counted, link, neighbours, window

TABS = {"": (mark("Open"), "OPEN"), "settled": (mark("Settled"), "RESOLVED")}


async def list_threads(request: Request) -> Response:
    """The open ones of all customers, what moved last first; or those that are settled."""
    chosen = request.query_params.get("show", "")
    chosen = chosen if chosen in TABS else ""
    page = await ask(request, "partner/invoices/threads", state=TABS[chosen][1], **window(request))
    found = page.content["threads"]
    before, after = neighbours(request, found["pageInfo"])
    tabs = [(text, link(request, show=name), name == chosen, None) for name, (text, _) in TABS.items()]
    return show(
        request, "partner/invoices/threads.html", page, tabs=tabs, chosen=chosen, before=before, after=after,
        count=counted(found["totalCount"], "conversation", "conversations"),
    )  # fmt: skip


_ONE = "/partner/{slug}/invoices/{invoice_id}"
_THREAD = _ONE + "/threads/{thread_id}"
ROUTES = [
    Route("/partner/{slug}/questions", partner(list_threads)),
    Route(_ONE + "/ask", partner(invoice_threads.show_ask)),
    Route(_ONE + "/ask", partner(invoice_threads.begin), methods=["POST"]),
    Route(_THREAD, partner(invoice_threads.show_thread)),
    Route(_THREAD, partner(invoice_threads.reply), methods=["POST"]),
    Route(_THREAD + "/resolve", partner(invoice_threads.back)),
    Route(_THREAD + "/resolve", partner(invoice_threads.resolve), methods=["POST"]),
    Route(_THREAD + "/reopen", partner(invoice_threads.back)),
    Route(_THREAD + "/reopen", partner(invoice_threads.reopen), methods=["POST"]),
]
