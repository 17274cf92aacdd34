"""The partner dashboard: a file per noun, each with its routes."""

from portal.partner import (
    access_requests,
    api_keys,
    audit,
    customer_changes,
    customer_chosen,
    customer_export,
    customer_imports,
    customer_notes,
    customer_views,
    customers,
    former,
    home,
    impersonation,
    invites,
    invoice_chosen,
    invoice_editor,
    invoice_list,
    invoice_scheduling,
    invoice_sums,
    invoice_tagging,
    invoice_threads,
    invoices,
    outside_payments,
    payments,
    search,
    settings,
    settings_brand,
    settings_sign_in,
    statement,
    tags,
    team,
    users,
    wizard,
)

ROUTES = [
    *home.ROUTES,
    *search.ROUTES,
    *invites.ROUTES,
    *wizard.ROUTES,  # before the customers: "new" is no customer's id
    *customer_chosen.ROUTES,  # nor are "chosen" and "undo-archive"
    *customer_export.ROUTES,
    *customer_imports.ROUTES,  # nor are "import" and "imports"
    *customer_views.ROUTES,  # nor is "views"
    *customers.ROUTES,
    *customer_changes.ROUTES,
    *impersonation.ROUTES,
    *customer_notes.ROUTES,
    *statement.ROUTES,
    *users.ROUTES,
    *tags.ROUTES,
    *invoice_chosen.ROUTES,  # before the invoices: "export" and "send" are no invoice's id
    *invoice_threads.ROUTES,
    *invoice_tagging.ROUTES,  # before the invoices: "tag" is no invoice's id
    *invoice_list.ROUTES,
    *invoice_sums.ROUTES,  # nor is "totals"
    *invoice_editor.ROUTES,
    *invoice_scheduling.ROUTES,
    *invoices.ROUTES,
    *payments.ROUTES,
    *outside_payments.ROUTES,
    *team.ROUTES,
    *former.ROUTES,
    *api_keys.ROUTES,
    *audit.ROUTES,
    *settings.ROUTES,
    *settings_brand.ROUTES,
    *settings_sign_in.ROUTES,
    *access_requests.ROUTES,
]
