"""The benchmark's data: 200 partners, 20,000 customers, 200,000 invoices, 600,000 lines, 150,000 payments.

Surprise: it goes in past the rules, as plain SQL that only the owner may send; nothing of it is kept in the
books. Two customers of each partner have 50 invoices of four lines each: those are the ones read.
"""

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Connection, text

from app.tables import METADATA
from auth.actors import KEY_SCOPES
from auth.tokens import digest_of
from bench.servers import database
from db import schema
from db.engine import make_engine

PARTNERS, CUSTOMERS, READ_CUSTOMERS = 200, 20_000, 400
COUNTS = {"partner": PARTNERS, "customer": CUSTOMERS, "invoice": 200_000, "invoice_line": 600_000,
          "payment": 150_000}  # fmt: skip

_STEPS = (
    "create temp table who (n int primary key, partner_id uuid, id uuid)",
    """
    insert into partner (id, slug, name, legal_name, support_email, time_zone, invoice_prefix,
      next_invoice_number, default_terms_days, created_at, updated_at)
    select uuidv7(), 'partner-' || n, 'Partner ' || n, 'Partner ' || n || ' LLC', 'help@partner.example',
      'America/New_York', 'INV-', 1000000, 30, now(), now() from generate_series(1, :partners) n
    """,
    """
    insert into api_key (partner_id, id, name, token_hash, scopes, created_at)
    select p.id, uuidv7(), 'bench', sha256(convert_to('remit_bench_key_number_' || p.slug, 'UTF8')), :scopes,
      now() from partner p
    """,
    """
    insert into customer (partner_id, id, slug, company, company_key, legal_name, address, city, state,
      postal_code, country, currency, status, open_minor, version, created_at, updated_at)
    select p.id, uuidv7(), 'customer-' || n, 'Customer "' || n || '"', 'customer ' || n, null,
      n || ' Main St', 'Peoria', 'IL', '61602', 'US', 'USD', 'ACTIVE', 0, 1,
      now() - n * interval '1 minute', now()
    from generate_series(1, :customers) n join partner p on p.slug = 'partner-' || (n % :partners + 1)
    """,
    """
    insert into who select substr(slug, 10)::int, partner_id, id from customer
    """,
    """
    insert into payment_method (partner_id, id, customer_id, kind, funding, brand, last4, exp_month, exp_year,
      fingerprint, gateway, gateway_account, gateway_ref, is_default, created_at, updated_at)
    select partner_id, uuidv7(), id, 'CARD', 'CREDIT', 'visa', '4242', 12, 2034, 'f', 'sandbox', 'a',
      'pm' || n, true, now(), now() from who
    """,
    # 400 customers with 50 invoices, the others with 9 or 10: 200,000 in all.
    """
    create temp table bill as
    select row_number() over () as b, w.n, w.partner_id, w.id as customer_id, k, uuidv7() as id
    from who w, generate_series(1, case when w.n <= :read then 50 when w.n % 49 < 9 then 10 else 9 end) k
    """,
    """
    insert into invoice (partner_id, id, customer_id, number, status, currency, net_minor, tax_minor,
      total_minor, paid_minor, reserved_minor, issue_on, due_on, version, created_at, updated_at,
      finalized_at, paid_at)
    select partner_id, id, customer_id, 'INV-' || b, case when b % 4 > 0 then 'PAID' else 'OPEN' end, 'USD',
      10000 + b, 0, 10000 + b, case when b % 4 > 0 then 10000 + b else 0 end, 0,
      date '2026-01-01' + (b % 300)::int, date '2026-01-31' + (b % 300)::int, 2,
      now() - b * interval '1 second', now(), now(), case when b % 4 > 0 then now() end
    from bill
    """,
    """
    insert into invoice_line (partner_id, id, customer_id, invoice_id, position, description, quantity_e4,
      unit_price_minor, discount_minor, net_minor, tax_minor, total_minor, issued)
    select partner_id, uuidv7(), customer_id, id, p, 'Managed service, part ' || p, 10000 * p, 2500 + b, 0,
      2500, 0, 2500, true
    from bill, generate_series(1, case when n <= :read then 4 when b % 9 = 0 then 2 else 3 end) p
    """,
    """
    insert into payment (partner_id, id, customer_id, status, amount_minor, currency, payment_method_id,
      gateway, gateway_account, gateway_key, gateway_ref, asked_by_kind, request_key, request_hash, tries,
      created_at, updated_at, settled_at)
    select b.partner_id, b.id, b.customer_id, 'SUCCEEDED', 10000 + b, 'USD', m.id, 'sandbox', 'a', 'k' || b,
      'g' || b, 'USER', 'r' || b, '', 1, now() - b * interval '1 second', now(), now()
    from bill b join payment_method m on m.partner_id = b.partner_id and m.customer_id = b.customer_id
    where b % 4 > 0
    """,
    """
    insert into payment_allocation (partner_id, id, customer_id, payment_id, invoice_id, amount_minor, status)
    select partner_id, uuidv7(), customer_id, id, id, 10000 + b, 'APPLIED' from bill where b % 4 > 0
    """,
)


@dataclass(frozen=True)
class Target:
    """One customer that is read, and the key that reads it."""

    key: str
    partner_id: UUID
    customer_id: UUID

    @property
    def shown_id(self) -> str:
        """The customer's id as the API shows it."""
        return f"cus_{self.customer_id.hex}"


def loaded() -> tuple[str, int]:
    """The benchmark's own server with its rows; loaded when they are not there yet."""
    url, postmaster = database()
    engine = make_engine(url, as_role=False)
    with engine.connect() as connection:
        schema.migrate(connection, METADATA)
        if counts(connection)["invoice"] == 0:
            connection.rollback()
            print("Loading 970,000 rows …", flush=True)
            load(connection)
    with engine.connect() as connection:
        found = counts(connection)
        assert found == COUNTS, found
    engine.dispose()
    return url, postmaster


def load(owner: Connection) -> None:
    """Fill an empty migrated database, in one transaction; about a minute."""
    with owner.begin():
        for step in _STEPS:
            # The keys the tables would check one by one are right by construction.
            owner.execute(text("set local session_replication_role = replica"))
            values = {
                "partners": PARTNERS,
                "customers": CUSTOMERS,
                "read": READ_CUSTOMERS,
                "scopes": sorted(KEY_SCOPES),
            }
            owner.execute(text(step), {name: value for name, value in values.items() if f":{name}" in step})
    owner.execution_options(isolation_level="AUTOCOMMIT").execute(text("vacuum analyze"))


def counts(owner: Connection) -> dict[str, int]:
    """How many rows there are of what the benchmark is about."""
    return {table: owner.scalar(text(f"select count(*) from {table}")) or 0 for table in COUNTS}


def targets(owner: Connection) -> list[Target]:
    """The customers that are read, of every partner in turn."""
    found = owner.execute(
        text(
            "select 'remit_bench_key_number_' || p.slug, p.id, c.id from customer c join partner p"
            " on p.id = c.partner_id where substr(c.slug, 10)::int <= :read order by substr(c.slug, 10)::int"
        ),
        {"read": READ_CUSTOMERS},
    )
    return [Target(*row) for row in found]


def key_digest(target: Target) -> bytes:
    """What the server looks the target's key up by."""
    return digest_of(target.key)
