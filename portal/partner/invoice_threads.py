"""Customers' conversations on their invoices: the pages are both doors' (`portal/invoice_threads.py`)."""

from starlette.routing import Route

from auth.actors import Action
from portal import conversations, invoice_threads
from portal.door import partner

_LIST = "/partner/{slug}/conversations"
_ONE = "/partner/{slug}/invoices/{invoice_id}"
_THREAD = _ONE + "/threads/{thread_id}"
ROUTES = [
    Route(_LIST, partner(conversations.list_threads)),
    Route(_LIST + "/read", partner(conversations.back)),
    Route(_LIST + "/read", partner(conversations.read_all), methods=["POST"]),
    Route(_ONE + "/ask", partner(invoice_threads.show_ask, needs=Action.DISCUSS)),
    Route(_ONE + "/ask", partner(invoice_threads.begin), methods=["POST"]),
    Route(_THREAD, partner(invoice_threads.show_thread)),
    Route(_THREAD, partner(invoice_threads.reply), methods=["POST"]),
    Route(_THREAD + "/resolve", partner(invoice_threads.back)),
    Route(_THREAD + "/resolve", partner(invoice_threads.resolve), methods=["POST"]),
    Route(_THREAD + "/reopen", partner(invoice_threads.back)),
    Route(_THREAD + "/reopen", partner(invoice_threads.reopen), methods=["POST"]),
    Route(_THREAD + "/unread", partner(invoice_threads.back)),
    Route(_THREAD + "/unread", partner(invoice_threads.keep_unread), methods=["POST"]),
]
