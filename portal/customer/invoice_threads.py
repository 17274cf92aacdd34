"""The customer's conversations on invoices: the pages are both doors' (`portal/invoice_threads.py`)."""

from starlette.routing import Route

from auth.actors import Action
from portal import conversations, invoice_threads
from portal.door import customer

_LIST = "/portal/{slug}/conversations"
_ONE = "/portal/{slug}/invoices/{invoice_id}"
_THREAD = _ONE + "/threads/{thread_id}"
ROUTES = [
    Route(_LIST, customer(conversations.list_threads)),
    Route(_LIST + "/read", customer(conversations.back)),
    Route(_LIST + "/read", customer(conversations.read_all), methods=["POST"]),
    Route(_ONE + "/ask", customer(invoice_threads.show_ask, needs=Action.DISCUSS)),
    Route(_ONE + "/ask", customer(invoice_threads.begin), methods=["POST"]),
    Route(_THREAD, customer(invoice_threads.show_thread)),
    Route(_THREAD, customer(invoice_threads.reply), methods=["POST"]),
    Route(_THREAD + "/resolve", customer(invoice_threads.back)),
    Route(_THREAD + "/resolve", customer(invoice_threads.resolve), methods=["POST"]),
    Route(_THREAD + "/reopen", customer(invoice_threads.back)),
    Route(_THREAD + "/reopen", customer(invoice_threads.reopen), methods=["POST"]),
    Route(_THREAD + "/unread", customer(invoice_threads.back)),
    Route(_THREAD + "/unread", customer(invoice_threads.keep_unread), methods=["POST"]),
]
