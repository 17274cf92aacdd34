alter table invoice add column send_on date, add column send_refusal varchar(40), add column scheduled_by uuid, add column scheduled_by_name varchar;
alter table invoice add constraint ck_invoice_only_drafts_planned check (send_on is null or status = 'DRAFT');
alter table invoice add constraint ck_invoice_only_planned_refused check (send_refusal is null or send_on is not null);
alter table invoice add constraint ck_invoice_sendrefusal check (send_refusal in ('CUSTOMER_ARCHIVED', 'NOBODY_TO_TELL', 'OTHER'));
create index ix_invoice_send on invoice (partner_id, send_on, id) where send_on is not null;
