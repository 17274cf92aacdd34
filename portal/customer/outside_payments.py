"""The portal's payments from outside: checks, wires and cash that the partner noted as received."""

from starlette.routing import Route

from portal import papers, payment_lists
from portal.door import customer

ROUTES = [
    *payment_lists.CUSTOMERS_OUTSIDE.routes(),
    Route("/portal/{slug}/outside-payments/{outside_id}/receipt.pdf", customer(papers.outside_receipt)),
]
