"""The partner dashboard: a file per noun, each with its routes."""

from portal.partner import (
    api_keys,
    customer_changes,
    customers,
    home,
    invoices,
    payments,
    tags,
    team,
    users,
    wizard,
)

ROUTES = [
    *home.ROUTES,
    *wizard.ROUTES,  # before the customers: "new" is no customer's id
    *customers.ROUTES,
    *customer_changes.ROUTES,
    *users.ROUTES,
    *tags.ROUTES,
    *invoices.ROUTES,
    *payments.ROUTES,
    *team.ROUTES,
    *api_keys.ROUTES,
]
