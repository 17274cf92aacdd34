"""Many new drafts at once, in a few statements: what an import makes.

Surprise: it leaves the same rows behind as `invoices.create_draft` does one by one (invoice, lines, taxes,
log, search words), and a test compares the two. What is written stands finished in the import's rows
(`staged`), so that no value of it travels a second time.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlmodel import Session

from auth import audit
from auth.actors import Action, Actor
from billing import search
from billing.customers import Customer
from billing.import_files import insert_free
from billing.invoice_fields import Draft
from billing.invoice_words import SEARCHED_AS, words_of
from db.arrays import numbers
from db.columns import new_id

_MADE = text("""
    insert into invoice (partner_id, id, customer_id, number, status, currency, net_minor, tax_minor,
      total_minor, paid_minor, credited_minor, reserved_minor, issue_on, due_on, memo, internal_note,
      po_number, external_id, version, created_at, updated_at)
    select :partner_id, r.invoice_id, one.customer_id, '', 'DRAFT', one.currency, one.net_minor,
      one.tax_minor, one.total_minor, 0, 0, 0, one.issue_on, one.due_on, one.memo, one.internal_note,
      one.po_number, one.external_id, 1, :now, :now
    from invoice_import_row r cross join lateral jsonb_populate_record(null::invoice, r.made) as one
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
    returning id, customer_id, total_minor, currency
""")
_LINES = text("""
    insert into invoice_line (partner_id, id, customer_id, invoice_id, position, description, quantity_e4,
      unit_price_minor, discount_minor, discount_rate_e4, net_minor, tax_minor, total_minor, issued)
    select :partner_id, one.id, (r.made->>'customer_id')::uuid, r.invoice_id, one.position, one.description,
      one.quantity_e4, one.unit_price_minor, one.discount_minor, one.discount_rate_e4, one.net_minor,
      one.tax_minor, one.total_minor, false
    from invoice_import_row r
    cross join lateral jsonb_populate_recordset(null::invoice_line, r.made->'lines') as one
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
""")
_TAXES = text("""
    insert into invoice_line_tax (partner_id, id, customer_id, invoice_id, line_id, position, name, rate_e4,
      tax_minor, issued)
    select :partner_id, one.id, (r.made->>'customer_id')::uuid, r.invoice_id, one.line_id, one.position,
      one.name, one.rate_e4, one.tax_minor, false
    from invoice_import_row r
    cross join lateral jsonb_populate_recordset(null::invoice_line_tax, r.made->'taxes') as one
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
""")
_WORDS = text("""
    insert into search_token (partner_id, subject_id, kind, token, customer_id)
    select :partner_id, r.invoice_id, :kind, one.token, null
    from invoice_import_row r cross join lateral unnest(r.words) as one(token)
    where r.partner_id = :partner_id and r.import_id = :import_id
      and r.position = any(cast(:positions as int[]))
""")


def staged(customer: Customer, draft: Draft) -> dict[str, Any]:
    """What a row keeps of an invoice that is to be made: its columns and lines, and the words it is found by.

    `customer_version` is the customer's as it was read: another one at the run, and it is not made.
    """
    values = draft.values
    lines, taxes = [], []
    for line in draft.lines or ():
        line_id = new_id()
        lines.append({**line.values, "id": line_id})
        taxes += [{**tax, "id": new_id(), "line_id": line_id} for tax in line.taxes]
    made = {
        **values,
        "customer_id": customer.id, "customer_version": customer.version, "currency": customer.currency,
        "lines": lines, "taxes": taxes,
    }  # fmt: skip
    return {"made": made, "words": sorted(search.words_kept(words_of({**values, "number": ""}, customer)))}


def create_staged(
    db: Session, actor: Actor, *, import_id: UUID, new: Mapping[int, UUID], now: datetime
) -> frozenset[int]:
    """Make the drafts of these rows (position: id), whose customers are held, as `staged` has them.

    Back come the rows of those not made: their external id was taken. Refuses MissingRight.
    """
    actor.require(Action.EDIT_INVOICES)
    if not new:
        return frozenset()
    mine = {"partner_id": actor.partner_id, "import_id": import_id}
    left = {id_: position for position, id_ in new.items()}
    made, totals, whose = {}, [], []
    for one in insert_free(db, _MADE, {**mine, "now": now}, [*new]):
        made[one.id] = left.pop(one.id)
        whose.append(one.customer_id)
        totals.append({"number": "", "total_minor": one.total_minor, "currency": one.currency})
    if made:
        rows = {**mine, "positions": numbers(made.values())}
        db.execute(_LINES, rows)
        db.execute(_TAXES, rows)
        audit.record_many(
            db, actor, action="invoice.created", subject_kind="invoice",
            subjects=[(id_, None) for id_ in made], details=totals, concerned=whose,
            now=now,
        )  # fmt: skip
        db.execute(_WORDS, {**rows, "kind": SEARCHED_AS})
    return frozenset(left.values())
