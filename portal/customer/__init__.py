"""The customer portal: a file per noun, each with its routes."""

from portal.customer import (
    credit_notes,
    invoice_papers,
    invoice_tagging,
    invoice_threads,
    invoices,
    outside_payments,
    paying,
    payment_methods,
    payments,
    statement,
    tags,
    team,
)

ROUTES = [
    *invoice_threads.ROUTES,
    *invoice_tagging.ROUTES,  # before the invoices: "tag" is no invoice's id
    *invoice_papers.ROUTES,  # before them, too: "chosen.zip" is none either
    *invoices.ROUTES,
    *paying.ROUTES,
    *payments.ROUTES,
    *outside_payments.ROUTES,
    *credit_notes.ROUTES,
    *payment_methods.ROUTES,
    *statement.ROUTES,
    *tags.ROUTES,
    *team.ROUTES,
]
