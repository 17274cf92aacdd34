"""What must hold of payments from outside, as SQL: a part of `ledger.check`.

Surprise: each statement lists what does not hold, so that nothing at all is what it should find.
"""

OUTSIDE = """
select 'I3: outside payment ' || x.id || ' of ' || x.amount_minor || ' is '
  || coalesce(sum(p.amount_minor) filter (where p.account = 'OUTSIDE_CLEARING'), 0)
  || ' in the ledger, and of that '
  || -coalesce(sum(p.amount_minor) filter (where p.account = 'CUSTOMER_CREDIT'), 0) || ' in credit'
from outside_payment x
left join ledger_entry e on e.partner_id = x.partner_id and e.subject_id = x.id
left join ledger_posting p on p.partner_id = e.partner_id and p.entry_id = e.id
group by x.partner_id, x.id, x.amount_minor, x.kept_minor, x.reversed_at
having (coalesce(sum(p.amount_minor) filter (where p.account = 'OUTSIDE_CLEARING'), 0),
    -coalesce(sum(p.amount_minor) filter (where p.account = 'CUSTOMER_CREDIT'), 0))
  <> (case when x.reversed_at is null then x.amount_minor else 0 end,
    case when x.reversed_at is null then x.kept_minor else 0 end)
union all
select 'I3: the shares of outside payment ' || x.id || ' make ' || coalesce(sum(a.amount_minor), 0)
  || ', not ' || x.amount_minor - x.kept_minor
from outside_payment x
left join outside_payment_allocation a on a.partner_id = x.partner_id and a.payment_id = x.id
group by x.partner_id, x.id, x.amount_minor, x.kept_minor
having coalesce(sum(a.amount_minor), 0) <> x.amount_minor - x.kept_minor
union all
select 'I9: payment from outside ' || m.subject_id || ' has ' || count(*) || ' receipts'
from mail m where m.kind in ('OUTSIDE_RECEIPT', 'OUTSIDE_REVERSED')
group by m.partner_id, m.kind, m.subject_id having count(*) > 1"""
"""A sentence per contradiction."""
