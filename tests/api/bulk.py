"""Enough rows that the database chooses its plans as it would for a real partner."""

from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from tests.cast import Cast
from tests.conftest import Cluster

MANY = 3_000

_FILL = (
    """
    insert into customer (partner_id, id, slug, company, company_key, tax_id, address, city, state,
      postal_code,
      country, currency, external_id, status, open_minor, version, created_at, updated_at)
    select :partner, gen_random_uuid(), 's' || n || :mark, 'c' || n, 'c' || n, lpad(n::text, 9, '0'), 'a',
      'b',
      'NY', '1', 'US', 'USD', 'x' || n, 'ACTIVE', n, 1, :now + n * interval '1 minute', :now + n * interval
      '1 minute'
    from generate_series(1, :many) n
    """,
    """
    insert into invoice (partner_id, id, customer_id, number, status, currency, net_minor, tax_minor,
      total_minor,
      paid_minor, reserved_minor, issue_on, due_on, version, created_at, updated_at)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then :customer else c.id end, 'N' || n,
      case when n % 3 = 0 then 'PAID' else 'OPEN' end, 'USD', n, 0, n, case when n % 3 = 0 then n else 0
      end, 0,
      date '2026-01-01', date '2026-01-01' + n % 500, 1, :now + n * interval '1 minute', :now + n * interval
      '1 minute'
    from generate_series(1, :many) n join (select id, row_number() over () r from customer where partner_id
      = :partner) c
      on c.r = n
    """,
    """
    insert into invoice_line (partner_id, id, customer_id, invoice_id, position, description, quantity_e4,
      unit_price_minor, discount_minor, net_minor, tax_minor, total_minor, issued)
    select :partner, gen_random_uuid(), customer_id, id, n, 'd', 1, 1, 0, 1, 0, 1, true
    from invoice, generate_series(1, 2) n where partner_id = :partner
    """,
    """
    insert into invoice_line_tax (partner_id, id, customer_id, invoice_id, line_id, position, name, rate_e4,
      tax_minor, issued)
    select :partner, gen_random_uuid(), customer_id, invoice_id, id, n, 't', 0, 0, true
    from invoice_line, generate_series(0, 1) n where partner_id = :partner
    """,
    """
    insert into outside_payment (partner_id, id, customer_id, invoice_id, kind, received_on, amount_minor,
      currency, request_key, created_at, updated_at)
    select :partner, gen_random_uuid(), customer_id, id, 'CHECK', issue_on, 1, 'USD', id::text, created_at,
      created_at
    from invoice, generate_series(1, 2) n where partner_id = :partner and n = 1
    """,
    """
    insert into outside_payment_allocation (partner_id, id, customer_id, payment_id, invoice_id, amount_minor)
    select partner_id, gen_random_uuid(), customer_id, id, invoice_id, 1
    from outside_payment where partner_id = :partner
    """,
    """
    insert into credit_note (partner_id, id, customer_id, invoice_id, number, currency, net_minor, tax_minor,
      total_minor, applied_minor, reason, issue_on, request_key, created_at, updated_at)
    select :partner, id, customer_id, id, id::text, 'USD', 1, 0, 1, 0, 'r', issue_on, id::text, created_at,
      created_at
    from invoice where partner_id = :partner
    """,
    """
    insert into credit_note_line (partner_id, id, customer_id, invoice_id, credit_note_id, line_id, position,
      net_minor, tax_minor, taxes_minor, total_minor)
    select :partner, id, customer_id, invoice_id, invoice_id, id, position, 1, 0, '{}', 1
    from invoice_line where partner_id = :partner
    """,
    """
    insert into credit_application (partner_id, id, customer_id, invoice_id, amount_minor, currency,
      request_key, created_at, updated_at)
    select :partner, gen_random_uuid(), customer_id, id, 1, 'USD', id::text, created_at, created_at
    from invoice where partner_id = :partner
    """,
    """
    insert into pay_link (partner_id, id, customer_id, invoice_id, token_hash, created_at, created_by_name,
      expires_at, opened_count, origin)
    select :partner, gen_random_uuid(), customer_id, id, uuid_send(gen_random_uuid()), created_at, 'x',
      created_at, 0, 'STAFF'
    from invoice where partner_id = :partner
    """,
    """
    insert into mail (partner_id, id, customer_id, membership_id, kind, subject_id, status, tries, created_at)
    select :partner, gen_random_uuid(), i.customer_id, m.id, 'INVOICE', i.id, 'REFUSED', 1, i.created_at
    from invoice i join lateral (select id from membership where partner_id = :partner limit 1) m on true
    where i.partner_id = :partner
    """,
    """
    insert into recurring_invoice (partner_id, id, customer_id, invoice_id, status, frequency, starts_on,
      step, next_on, made_count, auto_send, created_by_name, version, created_at, updated_at)
    select :partner, gen_random_uuid(), customer_id, id, 'ACTIVE', 'MONTHLY', issue_on, 0, issue_on, 0, true,
      'x', 1, created_at, created_at
    from invoice where partner_id = :partner
    """,
    """
    insert into payment_method (partner_id, id, customer_id, kind, funding, brand, last4, fingerprint,
      gateway,
      gateway_account, gateway_ref, is_default, created_at, updated_at)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then :customer else c.id end, 'CARD', 'CREDIT',
      'visa', '4242', 'f',
      'sandbox', 'a', 'r' || n, false, :now + n * interval '1 minute', :now
    from generate_series(1, :many) n join (select id, row_number() over () r from customer where partner_id
      = :partner) c
      on c.r = n
    """,
    """
    insert into payment (partner_id, id, customer_id, status, amount_minor, currency, payment_method_id,
      gateway,
      gateway_account, gateway_key, gateway_ref, asked_by_kind, request_key, request_hash, tries,
      created_at, updated_at)
    select partner_id, gen_random_uuid(), customer_id, 'SUCCEEDED', r, 'USD', id, 'sandbox', 'a', id::text,
      id::text, 'STAFF',
      id::text, '', 1, created_at, created_at
    from (select *, row_number() over () r from payment_method where partner_id = :partner) m
    """,
    """
    insert into payment_allocation (partner_id, id, customer_id, payment_id, invoice_id, amount_minor, status)
    select :partner, gen_random_uuid(), p.customer_id, p.id, i.id, 1, 'APPLIED'
    from (select *, row_number() over (partition by customer_id order by id) r from payment
          where partner_id = :partner) p
    join (select *, row_number() over (partition by customer_id order by id) r from invoice
          where partner_id = :partner) i using (customer_id, r)
    """,
    """
    insert into membership (partner_id, id, customer_id, role, status, name, name_key, email, email_key,
      created_at,
      updated_at)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then :customer else c.id end, 'PAYER',
      'INVITED', 'n' || n, 'n' || n,
      'e' || n, 'e' || n, :now + n * interval '1 minute', :now
    from generate_series(1, :many) n join (select id, row_number() over () r from customer where partner_id
      = :partner) c
      on c.r = n
    """,
    """
    insert into invite (partner_id, id, customer_id, membership_id, email_key, token_hash, created_at,
      expires_at)
    select partner_id, gen_random_uuid(), customer_id, id, email_key, decode(md5(id::text), 'hex'),
      created_at, created_at
    from membership where partner_id = :partner and customer_id is not null
    """,
    """
    insert into tag (partner_id, id, owner_id, name, name_key, colour, created_at, updated_at)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then cast(:customer as uuid) end, 't' || n, 't'
      || n, '#aabbcc', :now, :now
    from generate_series(1, :many) n
    """,
    """
    insert into tax_rate (partner_id, id, name, name_key, rate_e4, version, created_at, updated_at)
    select :partner, gen_random_uuid(), 't' || n, 't' || n, 0, 1, :now, :now
    from generate_series(1, :many) n
    """,
    """
    insert into catalogue_item (partner_id, id, name, name_key, version, created_at, updated_at)
    select :partner, gen_random_uuid(), 'i' || n, 'i' || n, 1, :now, :now
    from generate_series(1, :many) n
    """,
    """
    insert into catalogue_item_tax (partner_id, item_id, tax_rate_id)
    select :partner, i.id, r.id
    from (select id, row_number() over () n from catalogue_item where partner_id = :partner) i
    join (select id, row_number() over () n from tax_rate where partner_id = :partner) r using (n)
    """,
    """
    insert into customer_tag (partner_id, customer_id, tag_id, created_at)
    select :partner, c.id, t.id, :now
    from (select id, row_number() over () r from customer where partner_id = :partner) c
    join (select id, row_number() over () r from tag where partner_id = :partner and owner_id is null) t
      using (r)
    """,
    """
    insert into invoice_tag (partner_id, invoice_id, tag_id, customer_id, created_at)
    select :partner, i.id, t.id, i.customer_id, :now
    from (select *, row_number() over () r from invoice where partner_id = :partner) i
    join (select id, row_number() over () r from tag where partner_id = :partner and owner_id is null) t
      using (r)
    """,
    """
    insert into search_token (partner_id, subject_id, kind, token, customer_id)
    select partner_id, id, 'customer', company_key, id from customer where partner_id = :partner
    union all
    select partner_id, id, 'invoice', lower(number), customer_id from invoice where partner_id = :partner
    union all
    select partner_id, id, 'credit_note', number, customer_id from credit_note where partner_id = :partner
    union all
    select partner_id, id, 'payment', gateway_key, customer_id from payment where partner_id = :partner
    union all
    select partner_id, id, 'outside_payment', request_key, customer_id from outside_payment
    where partner_id = :partner
    union all
    select partner_id, id, 'recurring_invoice', lower(id::text), null from recurring_invoice
    where partner_id = :partner
    union all
    select partner_id, id, 'user', name_key, customer_id from membership
    where partner_id = :partner and customer_id is not null
    """,
    """
    insert into api_key (partner_id, id, name, token_hash, scopes, created_at)
    select :partner, gen_random_uuid(), 'k', decode(md5(:mark || n), 'hex'), '{tags:read}',
      :now + n * interval '1 minute'
    from generate_series(1, :many) n
    """,
    """
    insert into customer_note (partner_id, id, customer_id, text, author_kind, author_name, created_at,
      updated_at)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then :customer else c.id end, 'n' || n, 'STAFF',
      'x', :now + n * interval '1 minute', :now
    from generate_series(1, :many) n join (select id, row_number() over () r from customer where partner_id
      = :partner) c
      on c.r = n
    """,
    """
    insert into invoice_thread (partner_id, id, customer_id, invoice_id, kind, state, created_at, updated_at,
      resolved_at, resolved_by, last_message_at, last_from_partner)
    select :partner, gen_random_uuid(), i.customer_id, i.id,
      case when r % 8 = 0 then 'DISPUTE' else 'QUESTION' end,
      case when r % 4 = 0 then 'OPEN' else 'RESOLVED' end, :now, :now + r * interval '1 minute',
      case when r % 4 = 0 then null else :now end, case when r % 4 = 0 then null else 'x' end,
      :now + r * interval '1 minute', r % 8 <> 0
    from (select *, row_number() over () r from invoice where partner_id = :partner and status <> 'DRAFT') i
    """,
    """
    insert into invoice_thread_message (partner_id, id, customer_id, thread_id, text, is_from_partner,
      author_kind, author_name, created_at)
    select partner_id, gen_random_uuid(), customer_id, id, 't', true, 'STAFF', 'x', created_at
    from invoice_thread where partner_id = :partner
    """,
    """
    insert into search_token (partner_id, subject_id, kind, token, customer_id)
    select partner_id, id, 'invoice_thread', 'c' || row_number() over (), customer_id
    from invoice_thread where partner_id = :partner
    """,
    """
    insert into unread_thread (partner_id, member_id, thread_id, customer_id, since, until)
    select t.partner_id, m.id, t.id, t.customer_id, t.updated_at, t.updated_at
    from (select *, row_number() over () r from invoice_thread where partner_id = :partner) t
    join membership m on m.partner_id = t.partner_id and m.status = 'ACTIVE' and m.customer_id is null
    where m.name <> 'Clem' or t.r % 500 = 0
    """,
    """
    insert into customer_view (partner_id, id, name, name_key, is_shared, tag_ids, tag_match, status, balance,
      is_overdue, sort, version, created_at, updated_at)
    select :partner, gen_random_uuid(), 'v' || n, 'v' || n, true, '{}', 'ANY', 'ACTIVE', 'ANY', false,
      'COMPANY_ASC', 1, :now, :now
    from generate_series(1, :many) n
    """,
    """
    insert into access_request (partner_id, id, status, name, email, email_key, company, created_at,
      expires_at, resolved_at)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then 'OPEN' else 'DENIED' end, 'n', 'e' || n,
      'e' || n, 'c', :now + n * interval '1 minute', :now, case when n % 4 = 0 then null else :now end
    from generate_series(1, :many) n
    """,
    """
    insert into customer_import (partner_id, id, file_name, state, columns, fields, total, reached, created,
      updated, unchanged, refused, send_invites, separator, users_added, invites_held, asked_by,
      asked_by_name, created_at)
    select :partner, gen_random_uuid(), 'f', 'CHECKED', '{a}', '{company}', 1, 1, 1, 0, 0, 0, true, ',', 0, 0,
      gen_random_uuid(), 'x', :now + n * interval '1 minute'
    from generate_series(1, :many) n
    """,
    """
    insert into customer_import_row (partner_id, id, import_id, position, cells, outcome, problems, words,
      marks, users)
    select :partner, gen_random_uuid(), i.id, n, '{a}', case when n % 4 = 0 then 'REFUSED' end, '[]', '{}',
      '{}', 0
    from generate_series(1, :many) n, (select id from customer_import where partner_id = :partner limit 1) i
    """,
    """
    insert into invoice_import (partner_id, id, file_name, state, columns, fields, total, reached, created,
      updated, unchanged, refused, seen, separator, asked_by, asked_by_name, created_at)
    select :partner, gen_random_uuid(), 'f', 'CHECKED', '{a}', '{external_id}', 1, 1, 1, 0, 0, 0, 1, ',',
      gen_random_uuid(), 'x', :now + n * interval '1 minute'
    from generate_series(1, :many) n
    """,
    """
    insert into invoice_import_row (partner_id, id, import_id, position, cells, outcome, problems, words,
      head)
    select :partner, gen_random_uuid(), i.id, n, '{a}', case when n % 4 = 0 then 'REFUSED' end, '[]', '{}', n
    from generate_series(1, :many) n, (select id from invoice_import where partner_id = :partner limit 1) i
    """,
    """
    insert into audit_event (partner_id, id, customer_id, concerns_id, at, actor_kind, actor_id, actor_name,
      action, subject_kind, details)
    select :partner, gen_random_uuid(), case when n % 4 = 0 then cast(:customer as uuid) end,
      case when n % 4 < 2 then cast(:customer as uuid) end, :now + n * interval '1 minute',
      'STAFF', gen_random_uuid(), 'x', 'customer.updated', 'customer', '{}'
    from generate_series(1, :many) n
    """,
)


@pytest.fixture
def template(cluster: Cluster, cast: Cast, now: datetime) -> str:
    """A test whose module imports this has all of them from the start."""
    return cluster.stocked("many of each", lambda _, owner: fill(owner, cast, now))[0]


def fill(owner: Connection, cast: Cast, now: datetime) -> None:
    """Thousands of each kind for a partner, a quarter under one customer; for another ten times that."""
    # What triggers would check row by row is right by construction.
    owner.execute(text("set session_replication_role = replica"))
    for table in {statement.split()[2] for statement in _FILL}:
        # A vacuum at some moment would change what an index alone can answer, and the plans with it.
        owner.execute(text(f"alter table {table} set (autovacuum_enabled = off)"))
    for partner, customer, many in (("northwind", "acme", MANY), ("contoso", "initech", 10 * MANY)):
        values: dict[str, Any] = {
            "partner": cast.partners[partner],
            "customer": cast.customers[customer],
            "many": many,
            "now": now,
            "mark": partner,
        }
        for statement in _FILL:
            owner.execute(text(statement), values)
            # Else the next one joins what it takes for a handful of rows in a loop.
            owner.execute(text(f"analyze {statement.split()[2]}"))
    owner.execute(text("set session_replication_role = origin"))


def busy_parent(owner: Connection, table: str, link: str, partner: UUID) -> UUID:
    """The record with most records of another table below it."""
    statement = text(
        f"select {link} from {table} where partner_id = :partner and {link} is not null"
        f" group by 1 order by count(*) desc limit 1"
    )
    found: UUID = owner.execute(statement, {"partner": partner}).scalar_one()
    return found
