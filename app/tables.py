"""Every table of the product, for migrations and tests: importing this module fills the metadata."""

from sqlalchemy import MetaData
from sqlmodel import SQLModel

from auth import (
    api_keys,
    audit,
    impersonations,
    invites,
    memberships,
    pending,
    personal_tokens,
    recovery_codes,
    replays,
    second_factors,
    sessions,
    throttle,
    users,
)
from billing import (
    access_requests,
    customer_import_tables,
    customer_notes,
    customers,
    invoices,
    ledger,
    mails,
    partners,
    payment_methods,
    payments,
    tags,
)
from integrations import inbox

NOUNS = (
    access_requests, api_keys, audit, customer_import_tables, customer_notes, customers,
    impersonations, inbox, invites, invoices, ledger, mails, memberships, partners, payment_methods, payments,
    pending, personal_tokens, recovery_codes, replays, second_factors, sessions, tags, throttle, users,
)  # fmt: skip

METADATA: MetaData = SQLModel.metadata
