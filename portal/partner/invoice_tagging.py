"""Tags on many invoices at once: the dashboard's addresses of `portal.invoice_tagging`."""

from starlette.routing import Route

from portal.door import partner
from portal.invoice_tagging import show_tagging, tag

_TAG = "/partner/{slug}/invoices/tag"
ROUTES = [
    Route(_TAG, partner(show_tagging)),
    Route(_TAG, partner(tag), methods=["POST"]),
]
