-- The defaults stay: a process that started before this migration makes rows without these columns.
alter table invoice_thread
  add column last_message_at timestamptz not null default now(),
  add column last_from_partner boolean not null default false;
-- The guard binds the owner too, and no tenant is set here.
alter table invoice_thread no force row level security;
alter table invoice_thread_message no force row level security;
update invoice_thread t set last_message_at = w.created_at, last_from_partner = w.is_from_partner
from (
  select distinct on (partner_id, thread_id) partner_id, thread_id, created_at, is_from_partner
  from invoice_thread_message order by partner_id, thread_id, created_at desc, id desc
) w
where (t.partner_id, t.id) = (w.partner_id, w.thread_id);
alter table invoice_thread_message force row level security;
alter table invoice_thread force row level security;
create index ix_invoice_thread_message_at on invoice_thread (partner_id, last_message_at, id);
create index ix_invoice_thread_turn on invoice_thread (partner_id, state, last_from_partner, updated_at, id);

-- What was written before this is nobody's news: no conversation begins as unread.
CREATE TABLE unread_thread (
	partner_id UUID NOT NULL,
	member_id UUID NOT NULL,
	thread_id UUID NOT NULL,
	customer_id UUID NOT NULL,
	since TIMESTAMP WITH TIME ZONE NOT NULL,
	until TIMESTAMP WITH TIME ZONE NOT NULL,
	CONSTRAINT pk_unread_thread PRIMARY KEY (partner_id, member_id, thread_id),
	CONSTRAINT fk_unread_thread_partner_id_member_id FOREIGN KEY(partner_id, member_id) REFERENCES membership (partner_id, id),
	CONSTRAINT fk_unread_thread_partner_id_customer_id_thread_id FOREIGN KEY(partner_id, customer_id, thread_id) REFERENCES invoice_thread (partner_id, customer_id, id),
	CONSTRAINT ck_unread_thread_in_order CHECK (since <= until)
);
CREATE INDEX ix_unread_thread_until ON unread_thread (partner_id, until);
alter table unread_thread enable row level security;
alter table unread_thread force row level security;
create policy tenant on unread_thread to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid) and member_id = nullif(current_setting('remit.member', true), '')::uuid) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid) and member_id = nullif(current_setting('remit.member', true), '')::uuid);
grant select, insert, update, delete on unread_thread to remit_app;
create policy guest_insert on unread_thread as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on unread_thread as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on unread_thread as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
