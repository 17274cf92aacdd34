"""The same page as most teams would build it: Strawberry resolvers, SQLModel sessions, DataLoaders.

It stands in the benchmark as the rival, written as the libraries' own guides do: a session per request, a
loader per relation, resolvers per field. It checks the key and keeps to the partner, without row-level
security and without limits, which would only cost it more. Loaders run side by side, which one session does
not allow: each has its own.
"""

import os
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlmodel import col, select
from starlette.applications import Starlette
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader

from auth.api_keys import ApiKey
from auth.tokens import digest_of
from billing import customers, invoices, payments

Sessions = async_sessionmaker[AsyncSession]


@strawberry.type
class Money:
    amount: str
    currency: str


def money(minor: int, currency: str) -> Money:
    return Money(amount=str(Decimal(minor).scaleb(-2)), currency=currency)


@strawberry.type
class Line:
    description: str
    quantity: str
    unit_price: Money
    total: Money


@strawberry.type
class LineConnection:
    nodes: list[Line]


@strawberry.type
class Payment:
    id: strawberry.ID
    status: str
    created_at: str


@strawberry.type
class Allocation:
    row: strawberry.Private[payments.PaymentAllocation]
    amount: Money

    @strawberry.field
    async def payment(self, info: strawberry.Info) -> Payment:
        found = await info.context["payments"].load(self.row.payment_id)
        return Payment(
            id=strawberry.ID(f"pay_{found.id.hex}"),
            status=found.status,
            created_at=f"{found.created_at:%Y-%m-%dT%H:%M:%S.%f}Z",
        )


@strawberry.type
class AllocationConnection:
    nodes: list[Allocation]


@strawberry.type
class Invoice:
    row: strawberry.Private[invoices.Invoice]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"inv_{self.row.id.hex}")

    @strawberry.field
    def number(self) -> str | None:
        return self.row.number or None

    @strawberry.field
    def status(self) -> str:
        return self.row.status

    @strawberry.field
    def due_on(self) -> str:
        return self.row.due_on.isoformat()

    @strawberry.field
    def total(self) -> Money:
        return money(self.row.total_minor, self.row.currency)

    @strawberry.field
    def balance(self) -> Money:
        lacks = self.row.total_minor - self.row.paid_minor - self.row.credited_minor
        owed = lacks if self.row.status == "OPEN" else 0
        return money(owed, self.row.currency)

    @strawberry.field
    async def lines(self, info: strawberry.Info, first: int = 25) -> LineConnection:
        found = await info.context["lines"].load(self.row.id)
        return LineConnection(
            nodes=[
                Line(
                    description=line.description,
                    quantity=f"{Decimal(line.quantity_e4).scaleb(-4).normalize():f}",
                    unit_price=money(line.unit_price_minor, self.row.currency),
                    total=money(line.total_minor, self.row.currency),
                )
                for line in found[:first]
            ]
        )

    @strawberry.field
    async def allocations(self, info: strawberry.Info, first: int = 25) -> AllocationConnection:
        found = await info.context["allocations"].load(self.row.id)
        return AllocationConnection(
            nodes=[
                Allocation(row=row, amount=money(row.amount_minor, self.row.currency))
                for row in found[:first]
            ]
        )


@strawberry.enum
class InvoiceOrder(Enum):
    DUE_ON_DESC = "DUE_ON_DESC"


@strawberry.type
class PageInfo:
    has_next_page: bool


@strawberry.type
class InvoiceEdge:
    node: Invoice


@strawberry.type
class InvoiceConnection:
    edges: list[InvoiceEdge]
    page_info: PageInfo


@strawberry.type
class Customer:
    row: strawberry.Private[customers.Customer]

    @strawberry.field
    def id(self) -> strawberry.ID:
        return strawberry.ID(f"cus_{self.row.id.hex}")

    @strawberry.field
    def company(self) -> str:
        return self.row.company

    @strawberry.field
    async def invoices(
        self, info: strawberry.Info, order_by: InvoiceOrder, first: int = 25
    ) -> InvoiceConnection:
        row = col(invoices.Invoice.due_on), col(invoices.Invoice.id)
        statement = (
            select(invoices.Invoice)
            .where(
                invoices.Invoice.partner_id == info.context["partner_id"],
                invoices.Invoice.customer_id == self.row.id,
            )
            .order_by(*(column.desc() for column in row))
            .limit(first + 1)
        )
        async with info.context["sessions"]() as session:
            found = list(await session.scalars(statement))
        return InvoiceConnection(
            edges=[InvoiceEdge(node=Invoice(row=invoice)) for invoice in found[:first]],
            page_info=PageInfo(has_next_page=len(found) > first),
        )


@strawberry.type
class Query:
    @strawberry.field
    async def customer(self, info: strawberry.Info, id: strawberry.ID) -> Customer | None:  # noqa: A002
        key = info.context["partner_id"], UUID(hex=id.removeprefix("cus_"))
        async with info.context["sessions"]() as session:
            found = await session.get(customers.Customer, key)
        return Customer(row=found) if found else None


def loaders(sessions: Sessions, partner_id: UUID) -> dict[str, DataLoader[UUID, Any]]:
    """One per relation, for one request."""

    def grouped(model: Any, order: Any) -> DataLoader[UUID, Any]:
        async def load(keys: list[UUID]) -> list[list[Any]]:
            statement = (
                select(model)
                .where(model.partner_id == partner_id, model.invoice_id.in_(keys))
                .order_by(model.invoice_id, order)
            )
            under: defaultdict[UUID, list[Any]] = defaultdict(list)
            async with sessions() as session:
                for row in await session.scalars(statement):
                    under[row.invoice_id].append(row)
            return [under[key] for key in keys]

        return DataLoader(load_fn=load)

    async def load_payments(keys: list[UUID]) -> list[payments.Payment]:
        statement = select(payments.Payment).where(
            payments.Payment.partner_id == partner_id, col(payments.Payment.id).in_(keys)
        )
        async with sessions() as session:
            found = {row.id: row for row in await session.scalars(statement)}
        return [found[key] for key in keys]

    return {
        "lines": grouped(invoices.InvoiceLine, invoices.InvoiceLine.position),
        "allocations": grouped(payments.PaymentAllocation, payments.PaymentAllocation.id),
        "payments": DataLoader(load_fn=load_payments),
    }


class Endpoint(GraphQL):
    """Strawberry's own ASGI view, with the key's partner and fresh loaders for each request."""

    sessions: Sessions

    async def get_context(self, request: Any, response: Any) -> Any:
        """Who asks, and what resolvers share."""
        digest = digest_of(request.headers["authorization"].removeprefix("Bearer "))
        statement = select(ApiKey).where(ApiKey.token_hash == digest, col(ApiKey.revoked_at).is_(None))
        async with self.sessions() as session:
            partner_id = (await session.scalars(statement)).one().partner_id
        return {
            "sessions": self.sessions,
            "partner_id": partner_id,
            **loaders(self.sessions, partner_id),
        }


endpoint = Endpoint(strawberry.Schema(Query), graphql_ide=None)


@asynccontextmanager
async def _open(_app: Starlette) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    engine = create_async_engine("postgresql+psycopg" + url[url.index("://") :], pool_size=16, max_overflow=0)
    endpoint.sessions = async_sessionmaker(engine, expire_on_commit=False)
    yield
    await engine.dispose()


app = Starlette(routes=[Route("/graphql", endpoint)], lifespan=_open)
