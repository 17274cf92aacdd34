-- What exists has neither credit nor notes. The defaults stay: a process that started before this migration
-- makes rows without these columns.
alter table partner add column next_credit_note_number bigint not null default 1;
alter table partner add constraint ck_partner_credit_notes_from_one check (next_credit_note_number > 0);
alter table customer add column credit_minor bigint not null default 0;
alter table customer add constraint ck_customer_credit_not_negative check (credit_minor >= 0);
alter table invoice add column credited_minor bigint not null default 0;
alter table invoice
  drop constraint ck_invoice_reserved_within_rest, drop constraint ck_invoice_paid_in_full, drop constraint ck_invoice_draft_unpaid,
  add constraint ck_invoice_credited_not_negative check (credited_minor >= 0),
  add constraint ck_invoice_reserved_within_rest check (reserved_minor >= 0 and paid_minor + credited_minor + reserved_minor <= total_minor),
  add constraint ck_invoice_paid_in_full check (status <> 'PAID' or paid_minor + credited_minor = total_minor),
  add constraint ck_invoice_draft_unpaid check (status <> 'DRAFT' or paid_minor + credited_minor = 0);

CREATE TABLE credit_note (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  number VARCHAR COLLATE "C" NOT NULL,
  currency VARCHAR(40) NOT NULL,
  net_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  total_minor BIGINT NOT NULL,
  applied_minor BIGINT NOT NULL,
  reason VARCHAR NOT NULL,
  issue_on DATE NOT NULL,
  created_by UUID,
  request_key VARCHAR COLLATE "C" NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_credit_note PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_credit_note_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id),
  CONSTRAINT uq_credit_note_partner_id_customer_id_invoice_id_id UNIQUE (partner_id, customer_id, invoice_id, id),
  CONSTRAINT ck_credit_note_amounts_positive CHECK (total_minor > 0 and net_minor >= 0 and tax_minor >= 0),
  CONSTRAINT ck_credit_note_adds_up CHECK (total_minor = net_minor + tax_minor),
  CONSTRAINT ck_credit_note_applied_within_total CHECK (applied_minor between 0 and total_minor),
  CONSTRAINT ck_credit_note_currency CHECK (currency IN ('USD', 'CAD'))
);
CREATE INDEX ix_credit_note_created ON credit_note (partner_id, created_at, id);
CREATE INDEX ix_credit_note_customer ON credit_note (partner_id, customer_id, created_at, id);
CREATE INDEX ix_credit_note_invoice ON credit_note (partner_id, invoice_id, created_at, id);
CREATE UNIQUE INDEX uq_credit_note_number ON credit_note (partner_id, number);
CREATE UNIQUE INDEX uq_credit_note_request ON credit_note (partner_id, created_by, request_key) NULLS NOT DISTINCT;
alter table credit_note enable row level security;
alter table credit_note force row level security;
create policy tenant on credit_note to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on credit_note to remit_app;
create policy guest_insert on credit_note as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));

CREATE TABLE credit_note_line (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  credit_note_id UUID NOT NULL,
  line_id UUID NOT NULL,
  position INTEGER NOT NULL,
  net_minor BIGINT NOT NULL,
  tax_minor BIGINT NOT NULL,
  taxes_minor BIGINT[] NOT NULL,
  total_minor BIGINT NOT NULL,
  CONSTRAINT pk_credit_note_line PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_credit_note_line_partner_id_customer_id_invoice_id_c_d432 FOREIGN KEY(partner_id, customer_id, invoice_id, credit_note_id) REFERENCES credit_note (partner_id, customer_id, invoice_id, id),
  CONSTRAINT fk_credit_note_line_partner_id_customer_id_invoice_id_line_id FOREIGN KEY(partner_id, customer_id, invoice_id, line_id) REFERENCES invoice_line (partner_id, customer_id, invoice_id, id),
  CONSTRAINT ck_credit_note_line_amounts_positive CHECK (total_minor > 0 and net_minor >= 0 and tax_minor >= 0),
  CONSTRAINT ck_credit_note_line_adds_up CHECK (total_minor = net_minor + tax_minor)
);
CREATE INDEX ix_credit_note_line_line ON credit_note_line (partner_id, line_id);
CREATE UNIQUE INDEX ix_credit_note_line_position ON credit_note_line (partner_id, credit_note_id, position);
alter table credit_note_line enable row level security;
alter table credit_note_line force row level security;
create policy tenant on credit_note_line to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on credit_note_line to remit_app;
create policy guest_insert on credit_note_line as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));

CREATE TABLE credit_application (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  amount_minor BIGINT NOT NULL,
  currency VARCHAR(40) NOT NULL,
  applied_by UUID,
  request_key VARCHAR COLLATE "C" NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_credit_application PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_credit_application_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id),
  CONSTRAINT ck_credit_application_amount_positive CHECK (amount_minor > 0),
  CONSTRAINT ck_credit_application_currency CHECK (currency IN ('USD', 'CAD'))
);
CREATE INDEX ix_credit_application_created ON credit_application (partner_id, created_at, id);
CREATE INDEX ix_credit_application_customer ON credit_application (partner_id, customer_id, created_at, id);
CREATE INDEX ix_credit_application_invoice ON credit_application (partner_id, invoice_id, created_at, id);
CREATE UNIQUE INDEX uq_credit_application_request ON credit_application (partner_id, applied_by, request_key) NULLS NOT DISTINCT;
alter table credit_application enable row level security;
alter table credit_application force row level security;
create policy tenant on credit_application to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on credit_application to remit_app;
create policy guest_insert on credit_application as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
