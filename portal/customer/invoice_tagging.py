"""Tags on many invoices at once: the portal's addresses of `portal.invoice_tagging`."""

from starlette.routing import Route

from portal.door import customer
from portal.invoice_tagging import show_tagging, tag

_TAG = "/portal/{slug}/invoices/tag"
ROUTES = [
    Route(_TAG, customer(show_tagging)),
    Route(_TAG, customer(tag), methods=["POST"]),
]
