"""What must hold of credit notes and of customers' credit, as SQL: a part of `ledger.check`.

Surprise: each statement lists what does not hold, so that nothing at all is what it should find.
"""

CREDITS = """
select 'I3: customer ' || c.id || ' has ' || c.credit_minor || ' in credit by its row, '
  || coalesce(k.minor, 0) || ' by the ledger, '
  || coalesce(n.kept, 0) + coalesce(x.kept, 0) - coalesce(a.minor, 0)
  || ' by its credit notes and what was kept of payments from outside'
from customer c
left join (select partner_id, customer_id, -sum(amount_minor) as minor from ledger_posting
  where account = 'CUSTOMER_CREDIT' group by 1, 2) k on k.partner_id = c.partner_id and k.customer_id = c.id
left join (select partner_id, customer_id, sum(total_minor - applied_minor) as kept
  from credit_note group by 1, 2) n on n.partner_id = c.partner_id and n.customer_id = c.id
left join (select partner_id, customer_id, sum(kept_minor) as kept
  from outside_payment where reversed_at is null group by 1, 2) x
  on x.partner_id = c.partner_id and x.customer_id = c.id
left join (select partner_id, customer_id, sum(amount_minor) as minor
  from credit_application group by 1, 2) a on a.partner_id = c.partner_id and a.customer_id = c.id
where c.credit_minor < 0 or c.credit_minor <> coalesce(k.minor, 0)
  or c.credit_minor <> coalesce(n.kept, 0) + coalesce(x.kept, 0) - coalesce(a.minor, 0)
union all
select 'I3: credit note ' || n.id || ' moves something else in the ledger'
from credit_note n
left join ledger_entry e on e.partner_id = n.partner_id and e.subject_id = n.id
  and e.cause = 'CREDIT_NOTE_ISSUED'
left join ledger_posting p on p.partner_id = e.partner_id and p.entry_id = e.id
group by n.partner_id, n.id, n.net_minor, n.tax_minor, n.total_minor, n.applied_minor
having (n.net_minor, n.tax_minor, n.applied_minor, n.total_minor - n.applied_minor) is distinct from (
  coalesce(sum(p.amount_minor) filter (where p.account = 'SALES'), 0),
  coalesce(sum(p.amount_minor) filter (where p.account = 'TAX_PAYABLE'), 0),
  -coalesce(sum(p.amount_minor) filter (where p.account = 'RECEIVABLE'), 0),
  -coalesce(sum(p.amount_minor) filter (where p.account = 'CUSTOMER_CREDIT'), 0))
union all
select 'I3: applied credit ' || a.id || ' of ' || a.amount_minor || ' is '
  || coalesce(sum(p.amount_minor), 0) || ' in the ledger'
from credit_application a
left join ledger_entry e on e.partner_id = a.partner_id and e.subject_id = a.id and e.cause = 'CREDIT_APPLIED'
left join ledger_posting p on p.partner_id = e.partner_id and p.entry_id = e.id
  and p.account = 'CUSTOMER_CREDIT'
group by a.partner_id, a.id, a.amount_minor having coalesce(sum(p.amount_minor), 0) <> a.amount_minor
union all
select 'I3: the lines of credit note ' || n.id || ' do not add up'
from credit_note n
left join credit_note_line l on l.partner_id = n.partner_id and l.credit_note_id = n.id
group by n.partner_id, n.id, n.net_minor, n.tax_minor, n.total_minor
having (sum(l.net_minor), sum(l.tax_minor), sum(l.total_minor))
  is distinct from (n.net_minor, n.tax_minor, n.total_minor)
  or bool_or(l.tax_minor <> coalesce((select sum(part) from unnest(l.taxes_minor) part), 0))
union all
select 'I3: more is credited of line ' || l.id || ' than it comes to'
from invoice_line l join credit_note_line c on c.partner_id = l.partner_id and c.line_id = l.id
group by l.partner_id, l.id having sum(c.net_minor) > l.net_minor or sum(c.tax_minor) > l.tax_minor
union all
select 'M-4: the credit note numbers of partner ' || p.id || ' have a gap' from partner p
where p.next_credit_note_number - 1 <> (select count(*) from credit_note n where n.partner_id = p.id)"""
"""A sentence per contradiction."""
