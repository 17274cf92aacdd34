"""The partner dashboard: a file per noun, each with its routes."""

from portal.partner import (
    customer_changes,
    customers,
    home,
    invites,
    invoice_tagging,
    invoices,
    payments,
    search,
    tags,
    users,
    wizard,
)

ROUTES = [
    *home.ROUTES,
    *search.ROUTES,
    *invites.ROUTES,
    *wizard.ROUTES,  # before the customers: "new" is no customer's id
    *customers.ROUTES,
    *customer_changes.ROUTES,
    *users.ROUTES,
    *tags.ROUTES,
    *invoice_tagging.ROUTES,  # before the invoices: "tag" is no invoice's id
    *invoices.ROUTES,
    *payments.ROUTES,
]
