"""The schema, put together from the noun files, and checked against the database it reads.

The surprise: Strawberry makes the schema, and its executor sees only questions about the schema itself.
Documents that read are planned (`api/plan/`), and those that change something go through `api/mutation.py`.
"""

from collections.abc import Mapping
from typing import Any

import strawberry
from graphql import GraphQLSchema
from strawberry.schema.config import StrawberryConfig
from strawberry.tools import merge_types

from api import (
    access_requests,
    api_keys,
    audit,
    catalogue,
    credit_notes,
    customer_bulk,
    customer_imports,
    customer_notes,
    customer_views,
    customers,
    invoice_archiving,
    invoice_bulk,
    invoice_copies,
    invoice_imports,
    invoice_life,
    invoice_scheduling,
    invoice_threads,
    invoices,
    mails,
    outside_payments,
    partners,
    pay_links,
    payment_methods,
    payments,
    portal_sessions,
    receivables,
    recurring_invoices,
    tags,
    tax_rates,
    users,
)
from api.nouns import NOUNS, read_of
from api.plan.expressions import template
from api.reads import Amount, Change, ChangedMany, Computed, Kept, Many, Read, Said, Sums
from api.scalars import SCALARS

QUERIES: tuple[type, ...] = (
    partners.PartnerQueries,
    customers.CustomerQueries,
    customer_imports.CustomerImportQueries,
    invoice_imports.InvoiceImportQueries,
    customer_views.CustomerViewQueries,
    users.UserQueries,
    invoices.InvoiceQueries,
    invoice_threads.InvoiceThreadQueries,
    recurring_invoices.RecurringInvoiceQueries,
    receivables.ReceivableQueries,
    payments.PaymentQueries,
    outside_payments.OutsidePaymentQueries,
    credit_notes.CreditNoteQueries,
    payment_methods.PaymentMethodQueries,
    tags.TagQueries,
    tax_rates.TaxRateQueries,
    catalogue.CatalogueQueries,
    api_keys.ApiKeyQueries,
    audit.AuditQueries,
    access_requests.AccessRequestQueries,
)
"""The root fields that read, by noun file."""

MUTATIONS: tuple[type, ...] = (
    customers.CustomerMutations,
    customer_bulk.CustomerBulkMutations,
    customer_notes.CustomerNoteMutations,
    customer_imports.CustomerImportMutations,
    invoice_imports.InvoiceImportMutations,
    customer_views.CustomerViewMutations,
    users.UserMutations,
    tags.TagMutations,
    invoices.InvoiceMutations,
    invoice_life.InvoiceLifeMutations,
    invoice_copies.InvoiceCopyMutations,
    invoice_scheduling.InvoiceSchedulingMutations,
    invoice_bulk.InvoiceBulkMutations,
    invoice_archiving.InvoiceArchivingMutations,
    recurring_invoices.RecurringInvoiceMutations,
    invoice_threads.InvoiceThreadMutations,
    payments.PaymentMutations,
    outside_payments.OutsidePaymentMutations,
    credit_notes.CreditNoteMutations,
    pay_links.PayLinkMutations,
    tax_rates.TaxRateMutations,
    catalogue.CatalogueMutations,
    payment_methods.PaymentMethodMutations,
    portal_sessions.PortalSessionMutations,
    partners.PartnerMutations,
    access_requests.AccessRequestMutations,
)
"""The root fields that change something, by noun file."""

NOUN_FILES = (
    api_keys, audit, catalogue, credit_notes, customer_imports, customer_notes, customer_views, customers,
    invoice_imports, invoice_threads, invoices, mails, outside_payments, partners, pay_links,
    payment_methods, payments, recurring_invoices, tags, tax_rates, users,
)  # fmt: skip


def make_schema() -> strawberry.Schema:
    """The whole schema."""
    return strawberry.Schema(
        query=merge_types("Query", QUERIES),
        mutation=merge_types("Mutation", MUTATIONS),
        types=[noun.kind for noun in NOUNS.values()],
        config=StrawberryConfig(scalar_map=SCALARS, disable_field_suggestions=True),
    )


SCHEMA = make_schema()
GRAPHQL: GraphQLSchema = SCHEMA._schema
"""The schema as graphql-core has it."""


def list_sizes(type_name: str, field_name: str) -> int | None:
    """How many records a plain list holds at most, by the names of its type and field, for the guard."""
    return _SIZES.get((type_name, field_name))


def changes() -> Mapping[str, Change]:
    """Every mutation, by its name."""
    declared: Any = GRAPHQL.mutation_type
    found: dict[str, Any] = {name: read_of(field) for name, field in declared.fields.items()}
    return found


SINGLE = frozenset(name for name, change in changes().items() if change.alone)
"""The mutations that must be alone in their document."""


def _sizes() -> Mapping[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for name, kind in GRAPHQL.type_map.items():
        for field_name, field in getattr(kind, "fields", {}).items():
            declared = field.extensions.get("strawberry-definition")
            read: Read | None = declared.metadata.get("read") if declared else None
            if isinstance(read, Many | ChangedMany | Kept | Said | Sums) and read.limit is not None:
                found[name, field_name] = read.limit
    found["AddressRules", "states"] = 100
    return found


_SIZES = _sizes()


def prepare_expressions() -> None:
    """Make the templates of all expressions, so that no request is the first to wait for them."""
    for noun in NOUNS.values():
        for _, _, read in noun.fields:
            if isinstance(read, Computed):
                for expression in filter(None, (read.make, read.holds)):
                    template(expression, noun.table, read.see)
            elif isinstance(read, Amount) and not isinstance(read.minor, str):
                template(read.minor, noun.table, read.see)
    for field in GRAPHQL.query_type.fields.values() if GRAPHQL.query_type else ():
        summed = read_of(field)
        if isinstance(summed, Sums):
            for make in (summed.only, *(made for _, made in (*summed.by, *summed.totals))):
                if make is not None and not isinstance(make, str):
                    template(make, summed.table, summed.see)


def sdl() -> str:
    """The schema as text, as it is committed in `api/schema.graphql`."""
    return SCHEMA.as_str() + "\n"
