"""What a careful programmer would write by hand for the two reads: routes with their own SQL, no GraphQL.

`/page` and `/small` look the key up and set the tenant in the same pipeline, as the app role, as the product
does; `/page-bare` does neither. `/page-rows` fetches rows and lets Python build the JSON.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg_pool import AsyncConnectionPool
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.tokens import digest_of
from bench.floor_page import portal_page
from db.engine import as_app

_KNOCK = "select k.partner_id from knock_key($1::bytea,$2::timestamptz) k"

PAGE = """
select '{"data":{"customer":{"id":"cus_'||replace(c.id::text,'-','')||'","company":'||to_json(c.company)::text
||',"invoices":{"edges":['||coalesce((select string_agg('{"node":{"id":"inv_'||replace(i.id::text,'-','')
  ||'","number":'||to_json(i.number)::text||',"status":"'||i.status
  ||'","dueOn":"'||to_char(i.due_on,'YYYY-MM-DD')
  ||'","total":{"amount":"'||(i.total_minor*0.01)::text||'","currency":"'||i.currency
  ||'"},"balance":{"amount":"'
  ||((case when i.status='OPEN' then i.total_minor-i.paid_minor-i.credited_minor else 0 end)*0.01)::text
  ||'","currency":"'||i.currency||'"},"lines":{"nodes":['
  ||coalesce((select string_agg('{"description":'||to_json(l.description)::text||',"quantity":"'
      ||trim_scale(l.quantity_e4*0.0001)::text||'","unitPrice":{"amount":"'||(l.unit_price_minor*0.01)::text
      ||'","currency":"'||i.currency||'"},"total":{"amount":"'||(l.total_minor*0.01)::text||'","currency":"'
      ||i.currency||'"}}',',' order by l.position)
    from (select * from invoice_line l where l.partner_id=i.partner_id and l.invoice_id=i.id
          order by l.position limit 4) l),'')
  ||']},"allocations":{"nodes":['
  ||coalesce((select string_agg('{"amount":{"amount":"'||(a.amount_minor*0.01)::text
      ||'","currency":"'||i.currency||'"},"payment":{"id":"pay_'||replace(p.id::text,'-','')||'","status":"'||p.status||'","createdAt":"'
      ||to_char(p.created_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"}}',',' order by a.id)
    from (select * from payment_allocation a where a.partner_id=i.partner_id and a.invoice_id=i.id
          order by a.id limit 4) a
    join payment p on p.partner_id=a.partner_id and p.id=a.payment_id),'')
  ||']}}}',',' order by i.due_on desc,i.id desc)
  from (select * from invoice i where i.partner_id=c.partner_id and i.customer_id=c.id
        order by i.due_on desc,i.id desc limit 50) i),'')
||'],"pageInfo":{"hasNextPage":'||(select count(*)>50 from (select from invoice i
    where i.partner_id=c.partner_id and i.customer_id=c.id limit 51) n)::text||'}}}}}'
from customer c where c.partner_id=$1::uuid and c.id=$2::uuid
"""

SMALL = """
select '{"data":{"customer":{"company":'||to_json(c.company)::text||',"status":"'||c.status||'","createdAt":"'
||to_char(c.created_at at time zone 'UTC','YYYY-MM-DD"T"HH24:MI:SS.US"Z"')||'"}}}'
from customer c where c.partner_id=$1::uuid and c.id=$2::uuid
"""

# The hand-written route learns the partner from the key it has seen before, as the product does.
_PARTNERS: dict[bytes, UUID] = {}


async def _by_hand(request: Request, statement: str) -> Response:
    """Key look-up, tenant and statement in one trip."""
    digest = digest_of(request.headers["authorization"].removeprefix("Bearer "))
    customer = UUID(hex=request.query_params["customer"].removeprefix("cus_"))
    async with request.app.state.pool.connection() as connection:
        if digest not in _PARTNERS:
            found = await connection.execute(_KNOCK, (digest, datetime.now(UTC)))
            _PARTNERS[digest] = (await found.fetchone())[0]
        async with connection.pipeline():
            knock, read = connection.cursor(), connection.cursor()
            await knock.execute(_KNOCK, (digest, datetime.now(UTC)))
            await read.execute(statement, (_PARTNERS[digest], customer))
        alive, row = await knock.fetchone(), await read.fetchone()
    if alive is None or alive[0] != _PARTNERS[digest]:
        return Response(status_code=401)
    return Response(row[0], media_type="application/json")


async def page(request: Request) -> Response:
    """The page read as one hand-written statement."""
    return await _by_hand(request, PAGE)


async def small(request: Request) -> Response:
    """The small read as one hand-written statement."""
    return await _by_hand(request, SMALL)


async def page_bare(request: Request) -> Response:
    """The same statement with no key look-up, past row-level security."""
    partner, customer = request.query_params["partner"], request.query_params["customer"]
    async with request.app.state.bare.connection() as connection:
        found = await connection.execute(PAGE, (UUID(partner), UUID(hex=customer.removeprefix("cus_"))))
        row = await found.fetchone()
    return Response(row[0], media_type="application/json")


_INVOICES = """select id, number, status, due_on, total_minor, paid_minor+credited_minor, currency
from invoice where partner_id=$1 and customer_id=$2 order by due_on desc, id desc limit 51"""
_LINES = """select invoice_id, description, quantity_e4, unit_price_minor, total_minor from invoice_line
where partner_id=$1 and invoice_id=any($2) order by invoice_id, position"""
_PAYMENTS = """select a.invoice_id, a.amount_minor, p.id, p.status, p.created_at from payment_allocation a
join payment p on p.partner_id=a.partner_id and p.id=a.payment_id
where a.partner_id=$1 and a.invoice_id=any($2) order by a.invoice_id, a.id"""


async def page_rows(request: Request) -> Response:
    """Hand-written rows, put together in Python."""
    digest = digest_of(request.headers["authorization"].removeprefix("Bearer "))
    customer = UUID(hex=request.query_params["customer"].removeprefix("cus_"))
    async with request.app.state.pool.connection() as connection, connection.transaction():
        knocked = await connection.execute(_KNOCK, (digest, datetime.now(UTC)))
        partner = (await knocked.fetchone())[0]
        company = await _all(
            connection, "select company from customer where partner_id=$1 and id=$2", partner, customer
        )
        invoices = await _all(connection, _INVOICES, partner, customer)
        ids = [row[0] for row in invoices[:50]]
        async with connection.pipeline():
            lines = await _all(connection, _LINES, partner, ids)
            payments = await _all(connection, _PAYMENTS, partner, ids)
    nodes: dict[UUID, dict[str, Any]] = {row[0]: _invoice(*row) for row in invoices[:50]}
    for invoice, description, quantity, price, total in lines:
        node = nodes[invoice]
        currency, kept = node["total"]["currency"], node["lines"]["nodes"]
        if len(kept) < 4:
            kept.append(
                {
                    "description": description,
                    "quantity": _plain(quantity),
                    "unitPrice": _money(price, currency),
                    "total": _money(total, currency),
                }
            )
    for invoice, amount, payment, status, at in payments:
        node = nodes[invoice]
        paid = {"id": f"pay_{payment.hex}", "status": status,
                "createdAt": f"{at:%Y-%m-%dT%H:%M:%S.%f}Z"}  # fmt: skip
        node["allocations"]["nodes"].append(
            {"amount": _money(amount, node["total"]["currency"]), "payment": paid}
        )
    connected = {
        "edges": [{"node": node} for node in nodes.values()],
        "pageInfo": {"hasNextPage": len(invoices) > 50},
    }
    shown = {"id": f"cus_{customer.hex}", "company": company[0][0], "invoices": connected}
    return Response(orjson.dumps({"data": {"customer": shown}}), media_type="application/json")


async def _all(connection: AsyncConnection, statement: str, *values: object) -> list[Any]:
    return await (await connection.execute(statement, values)).fetchall()


def _invoice(
    id_: UUID, number: str, status: str, due_on: Any, total: int, paid: int, currency: str
) -> dict[str, Any]:
    return {
        "id": f"inv_{id_.hex}",
        "number": number,
        "status": status,
        "dueOn": due_on.isoformat(),
        "total": _money(total, currency),
        "balance": _money(total - paid if status == "OPEN" else 0, currency),
        "lines": {"nodes": []},
        "allocations": {"nodes": []},
    }


def _money(minor: int, currency: str) -> dict[str, str]:
    return {"amount": f"{minor // 100}.{minor % 100:02}", "currency": currency}


def _plain(quantity_e4: int) -> str:
    return f"{quantity_e4 // 10000}.{quantity_e4 % 10000:04}".rstrip("0").rstrip(".")


def _pool(url: str) -> AsyncConnectionPool[AsyncConnection]:
    """As psycopg's guide has it, with what makes it fast: prepared at once, no reset, no BEGIN."""
    kwargs = {"autocommit": True, "prepare_threshold": 0, "cursor_factory": AsyncRawCursor}
    return AsyncConnectionPool(url, min_size=1, max_size=8, open=False, reset=None, timeout=5, kwargs=kwargs)


@asynccontextmanager
async def _open(app: Starlette) -> AsyncIterator[None]:
    url = os.environ["DATABASE_URL"]
    pool = app.state.pool = _pool(as_app(url))
    bare = app.state.bare = _pool(url)
    await pool.open()
    await bare.open()
    yield
    await pool.close()
    await bare.close()


app = Starlette(
    routes=[
        Route("/page", page),
        Route("/page-bare", page_bare),
        Route("/page-rows", page_rows),
        Route("/small", small),
        Route("/portal/{slug}/invoices", portal_page),
    ],
    lifespan=_open,
)
