"""Every table of the product, for migrations and tests: importing this module fills the metadata."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from auth import (
    api_keys,
    audit,
    challenges,
    factor_tables,
    impersonations,
    invites,
    mailed_codes,
    memberships,
    pending,
    personal_tokens,
    recovery_codes,
    replays,
    sessions,
    throttle,
    users,
)
from billing import (
    access_requests,
    catalogue,
    credit_notes,
    customer_import_tables,
    customer_notes,
    customer_views,
    customers,
    invoice_import_tables,
    invoice_life,
    invoice_threads,
    invoices,
    ledger,
    long_act_tables,
    mails,
    outside_payments,
    partners,
    pay_links,
    payment_methods,
    payments,
    recurrences,
    tags,
    tax_rates,
    unread_threads,
)
from integrations import inbox

NOUNS = (
    access_requests, api_keys, audit, catalogue, challenges, credit_notes, customer_import_tables,
    customer_notes, customer_views, customers, factor_tables, impersonations, inbox, invites,
    invoice_import_tables, invoice_life, invoice_threads, invoices, ledger, long_act_tables, mailed_codes,
    mails, memberships, outside_payments, partners, pay_links, payment_methods, payments, pending,
    personal_tokens, recovery_codes, recurrences, replays, sessions, tags, tax_rates, throttle,
    unread_threads, users,
)  # fmt: skip

METADATA: MetaData = SQLModel.metadata
