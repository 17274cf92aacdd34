"""`python -m bench.depth`: long lists, deep inside, against the first page of one a hundredth as long.

One partner has 100,000 customers and 1,000,000 invoices, another 1,000 and 10,000. The lists are those of the
pages, fifty each with their counts, through the public endpoint. Surprise: a place deep inside is reached as
no reader would: a filter jumps there, and the cursor found is used without the filter.
"""

import json
import statistics
from collections.abc import Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
from sqlalchemy import Connection, text

from app.tables import METADATA
from auth.actors import KEY_SCOPES
from bench import load
from bench.servers import database, origin, serving
from db import schema
from db.engine import make_engine

DOCUMENTS = Path(__file__).parents[1] / "portal" / "documents"
ROUNDS, SECONDS = 7, 3.0
_KEY = "remit_bench_key_of_the_"
# Customers of each partner; every one of them has ten invoices.
PARTNERS: Mapping[str, int] = {"large": 100_000, "small": 1_000}
INVOICES_EACH = 10
_STEPS = (
    """
    insert into partner (id, slug, name, legal_name, support_email, time_zone, invoice_prefix,
      next_invoice_number, default_terms_days, created_at, updated_at)
    values (uuidv7(), :slug, :slug, :slug, 'help@partner.example', 'America/New_York', 'INV-', 10000000, 30,
      now(), now())
    """,
    """
    insert into api_key (partner_id, id, name, token_hash, scopes, created_at)
    select id, uuidv7(), 'bench', sha256(convert_to('remit_bench_key_of_the_' || slug, 'UTF8')), :scopes,
      now() from partner where slug = :slug
    """,
    """
    insert into customer (partner_id, id, slug, company, company_key, legal_name, address, city, state,
      postal_code, country, currency, status, open_minor, version, created_at, updated_at)
    select p.id, uuidv7(), p.slug || '-' || n, 'Customer ' || lpad(n::text, 6, '0'),
      'customer ' || lpad(n::text, 6, '0'), null, n || ' Main St', 'Peoria', 'IL', '61602', 'US', 'USD',
      'ACTIVE', 0, 1, now() - n * interval '1 minute', now()
    from generate_series(1, :customers) n join partner p on p.slug = :slug
    """,
    """
    create temp table bill as
    select c.partner_id, c.id as customer_id, c.slug || '-' || k as number, k % 4 > 0 as paid,
      (k * 97 + split_part(c.slug, '-', 2)::int) % 1000 as day
    from customer c join partner p on p.id = c.partner_id, generate_series(1, :each) k where p.slug = :slug
    """,
    """
    insert into invoice (partner_id, id, customer_id, number, status, currency, net_minor, tax_minor,
      total_minor, paid_minor, reserved_minor, issue_on, due_on, version, created_at, updated_at,
      finalized_at, paid_at)
    select partner_id, uuidv7(), customer_id, number, case when paid then 'PAID' else 'OPEN' end, 'USD',
      10000, 0, 10000, case when paid then 10000 else 0 end, 0, date '2023-01-01' + day,
      date '2023-01-31' + day, 2, now(), now(), now(), case when paid then now() end
    from bill
    """,
    "drop table bill",
)


class List(NamedTuple):
    """A list of the dashboard: its page's document and order, and filters that lead to places in it."""

    root: str
    document: str
    order: str
    places: Mapping[str, Any]


LISTS = {
    "invoices, by due date": List(
        "invoices",
        "partner/invoices/list.graphql",
        "DUE_ON_DESC",
        {"middle": {"dueOn": {"lte": "2024-06-15"}}, "end": {"dueOn": {"lte": "2023-01-31"}}},
    ),
    "customers, by company": List(
        "customers",
        "partner/customers/list.graphql",
        "COMPANY_ASC",
        {"middle": {"company": {"gte": "Customer 050000"}}, "end": {"company": {"gte": "Customer 099900"}}},
    ),
}


def main() -> None:
    """Load the data once, start the server, measure, print."""
    url, postmaster = database("depth")
    engine = make_engine(url, as_role=False)
    with engine.connect() as connection:
        schema.migrate(connection, METADATA)
        if not connection.scalar(text("select count(*) from partner")):
            connection.rollback()
            print("Loading 1,111,000 rows …", flush=True)
            _load(connection)
    engine.dispose()
    with serving(url, ["remit"]) as pids:
        for title, listed in LISTS.items():
            places = _places(listed)
            samples: dict[str, list[load.Sample]] = {name: [] for name in places}
            for number in range(ROUNDS + 1):
                for name, request in places.items():
                    sample = load.measure(
                        origin("remit"), [request], pids["remit"], postmaster, seconds=SECONDS
                    )
                    if number:  # the first round warms up
                        samples[name].append(sample)
            _print(title, samples)


def _load(owner: Connection) -> None:
    """Fill an empty migrated database, in one transaction; about a minute."""
    with owner.begin():
        # The keys the tables would check one by one are right by construction.
        owner.execute(text("set local session_replication_role = replica"))
        for slug, customers in PARTNERS.items():
            values = {
                "slug": slug,
                "customers": customers,
                "each": INVOICES_EACH,
                "scopes": sorted(KEY_SCOPES),
            }
            for step in _STEPS:
                owner.execute(
                    text(step), {name: value for name, value in values.items() if f":{name}" in step}
                )
    owner.execution_options(isolation_level="AUTOCOMMIT").execute(text("vacuum analyze"))


def _places(listed: List) -> dict[str, bytes]:
    """The requests for a page at each place, checked to be full pages."""
    found = {"small, first page": ("small", None), "large, first page": ("large", None)}
    for name, where in listed.places.items():
        jumped = _answer("large", _body(listed, where=where))[listed.root]
        found[f"large, {name}"] = ("large", jumped["pageInfo"]["endCursor"])
    requests = {}
    for name, (slug, after) in found.items():
        body = _body(listed, after=after)
        page = _answer(slug, body)[listed.root]
        assert len(page["nodes"]) == 50, (name, len(page["nodes"]))
        requests[name] = load.request(f"{origin('remit')}/graphql", f"{_KEY}{slug}", body)
    return requests


def _answer(slug: str, body: bytes) -> Any:
    headers = {"authorization": f"Bearer {_KEY}{slug}", "content-type": "application/json"}
    answer = httpx2.post(f"{origin('remit')}/graphql", content=body, headers=headers, trust_env=False)
    assert "errors" not in answer.json(), answer.text[:500]
    return answer.json()["data"]


def _body(listed: List, *, after: str | None = None, where: Any = None) -> bytes:
    query = "".join((DOCUMENTS / name).read_text() for name in (listed.document, "layout.graphql"))
    variables = {"first": 50, "after": after, "where": where, "orderBy": listed.order}
    return json.dumps({"query": query, "variables": variables}).encode()


def _print(title: str, samples: Mapping[str, list[load.Sample]]) -> None:
    print(f"\n{title}\n{'':26}{'req/s':>9}{'takes':>10}{'python ms':>11}{'postgres ms':>13}")
    first = statistics.median(sample.per_second for sample in samples["small, first page"])
    for name, taken in samples.items():
        speed, python, postgres = (
            statistics.median(column) for column in zip(*map(astuple, taken), strict=True)
        )
        print(f"{name:26}{speed:9.0f}{first / speed:8.2f} x{python:11.2f}{postgres:13.2f}")


if __name__ == "__main__":
    main()
