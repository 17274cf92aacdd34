-- Whose an event is that the customer itself must not see: the partner finds it by that.
alter table audit_event add column concerns_id uuid;
-- The log is only added to; here each row so far gets the new column, and nothing else of it changes.
-- The owner is behind the guards too, but for this once.
alter table audit_event disable trigger append_only;
alter table audit_event no force row level security;
alter table invoice no force row level security;
alter table recurring_invoice no force row level security;
update audit_event set concerns_id = customer_id where customer_id is not null;
update audit_event e set concerns_id = i.customer_id from invoice i
where e.customer_id is null and e.subject_kind = 'invoice' and (i.partner_id, i.id) = (e.partner_id, e.subject_id);
update audit_event e set concerns_id = r.customer_id from recurring_invoice r
where e.customer_id is null and e.subject_kind = 'recurring_invoice'
  and (r.partner_id, r.id) = (e.partner_id, e.subject_id);
update audit_event set concerns_id = subject_id where customer_id is null and subject_kind = 'customer';
alter table recurring_invoice force row level security;
alter table invoice force row level security;
alter table audit_event force row level security;
alter table audit_event enable trigger append_only;
create index ix_audit_event_concerns on audit_event (partner_id, concerns_id, at, id);
-- What happened to one record.
create index ix_audit_event_subject on audit_event (partner_id, subject_id, at, id);
