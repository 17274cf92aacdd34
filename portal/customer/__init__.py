"""The customer portal: a file per noun, each with its routes."""

from portal.customer import invoices, paying, payment_methods, payments, tags, team

ROUTES = [
    *invoices.ROUTES,
    *paying.ROUTES,
    *payments.ROUTES,
    *payment_methods.ROUTES,
    *tags.ROUTES,
    *team.ROUTES,
]
