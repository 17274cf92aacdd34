CREATE TABLE outside_payment (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  kind VARCHAR(40) NOT NULL,
  reference VARCHAR,
  note VARCHAR,
  received_on DATE NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency VARCHAR(40) NOT NULL,
  recorded_by UUID,
  request_key VARCHAR COLLATE "C" NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  reversed_at TIMESTAMP WITH TIME ZONE,
  reversal_reason VARCHAR,
  CONSTRAINT pk_outside_payment PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_outside_payment_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id),
  CONSTRAINT ck_outside_payment_amount_positive CHECK (amount_minor > 0),
  CONSTRAINT ck_outside_payment_reversed_for_a_reason CHECK ((reversed_at is null) = (reversal_reason is null)),
  CONSTRAINT ck_outside_payment_outsidekind CHECK (kind IN ('CHECK', 'WIRE', 'CASH', 'OTHER')),
  CONSTRAINT ck_outside_payment_currency CHECK (currency IN ('USD', 'CAD'))
);
CREATE UNIQUE INDEX uq_outside_payment_request ON outside_payment (partner_id, recorded_by, request_key) NULLS NOT DISTINCT;
CREATE INDEX ix_outside_payment_created ON outside_payment (partner_id, created_at, id);
CREATE INDEX ix_outside_payment_customer ON outside_payment (partner_id, customer_id, created_at, id);
CREATE INDEX ix_outside_payment_invoice ON outside_payment (partner_id, invoice_id, created_at, id);
alter table outside_payment enable row level security;
alter table outside_payment force row level security;
create policy tenant on outside_payment to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on outside_payment to remit_app;

CREATE TABLE invoice_write_off (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  reason VARCHAR,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  reopened_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_invoice_write_off PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_invoice_write_off_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id),
  CONSTRAINT ck_invoice_write_off_amount_positive CHECK (amount_minor > 0)
);
CREATE UNIQUE INDEX uq_invoice_write_off_standing ON invoice_write_off (partner_id, invoice_id) WHERE reopened_at is null;
alter table invoice_write_off enable row level security;
alter table invoice_write_off force row level security;
create policy tenant on invoice_write_off to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on invoice_write_off to remit_app;
