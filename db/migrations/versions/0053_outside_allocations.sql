-- What exists keeps nothing. The default stays: a process that started before this migration makes rows without it.
alter table outside_payment add column kept_minor bigint not null default 0;
alter table outside_payment
  add constraint ck_outside_payment_kept_within_amount check (kept_minor >= 0 and kept_minor < amount_minor),
  add constraint uq_outside_payment_partner_id_customer_id_id unique (partner_id, customer_id, id);

CREATE TABLE outside_payment_allocation (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  payment_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  CONSTRAINT pk_outside_payment_allocation PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_outside_payment_allocation_partner_id_customer_id_payment_id FOREIGN KEY(partner_id, customer_id, payment_id) REFERENCES outside_payment (partner_id, customer_id, id),
  CONSTRAINT fk_outside_payment_allocation_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id),
  CONSTRAINT uq_outside_payment_allocation_partner_id_payment_id_invoice_id UNIQUE (partner_id, payment_id, invoice_id),
  CONSTRAINT ck_outside_payment_allocation_amount_positive CHECK (amount_minor > 0)
);
CREATE INDEX ix_outside_payment_allocation_invoice ON outside_payment_allocation (partner_id, invoice_id, id);
CREATE INDEX ix_outside_payment_allocation_payment ON outside_payment_allocation (partner_id, payment_id, id);
alter table outside_payment_allocation enable row level security;
alter table outside_payment_allocation force row level security;
create policy tenant on outside_payment_allocation to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on outside_payment_allocation to remit_app;
create policy guest_insert on outside_payment_allocation as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
