CREATE TABLE recurring_invoice (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  owner_id UUID,
  status VARCHAR(40) NOT NULL,
  frequency VARCHAR(40) NOT NULL,
  every_days INTEGER,
  starts_on DATE NOT NULL,
  step INTEGER NOT NULL,
  next_on DATE,
  ends_on DATE,
  max_count INTEGER,
  made_count INTEGER NOT NULL,
  auto_send BOOLEAN NOT NULL,
  refusal VARCHAR(40),
  created_by UUID,
  created_by_name VARCHAR NOT NULL,
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_recurring_invoice PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_recurring_invoice_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id),
  CONSTRAINT uq_recurring_invoice_partner_id_customer_id_id UNIQUE (partner_id, customer_id, id),
  CONSTRAINT ck_recurring_invoice_days_where_counted CHECK ((frequency = 'EVERY_N_DAYS') = (every_days is not null)),
  CONSTRAINT ck_recurring_invoice_days_in_range CHECK (every_days between 1 and 366),
  CONSTRAINT ck_recurring_invoice_next_until_ended CHECK ((status = 'ENDED') = (next_on is null)),
  CONSTRAINT ck_recurring_invoice_counts_up CHECK (made_count >= 0 and step >= 0),
  CONSTRAINT ck_recurring_invoice_within_count CHECK (max_count is null or max_count >= made_count),
  CONSTRAINT ck_recurring_invoice_only_active_refused CHECK (refusal is null or status = 'ACTIVE'),
  CONSTRAINT ck_recurring_invoice_partners_only CHECK (owner_id is null),
  CONSTRAINT ck_recurring_invoice_recurringstatus CHECK (status IN ('ACTIVE', 'PAUSED', 'ENDED')),
  CONSTRAINT ck_recurring_invoice_recurringfrequency CHECK (frequency IN ('MONTHLY', 'QUARTERLY', 'YEARLY', 'EVERY_N_DAYS')),
  CONSTRAINT ck_recurring_invoice_sendrefusal CHECK (refusal IN ('CUSTOMER_ARCHIVED', 'NOBODY_TO_TELL', 'OTHER'))
);
CREATE UNIQUE INDEX uq_recurring_invoice_repeated ON recurring_invoice (partner_id, invoice_id) WHERE status <> 'ENDED';
CREATE INDEX ix_recurring_invoice_invoice ON recurring_invoice (partner_id, invoice_id, created_at, id);
CREATE INDEX ix_recurring_invoice_customer ON recurring_invoice (partner_id, customer_id, created_at, id);
CREATE INDEX ix_recurring_invoice_created ON recurring_invoice (partner_id, created_at, id);
CREATE INDEX ix_recurring_invoice_next ON recurring_invoice (partner_id, next_on, id) WHERE status = 'ACTIVE';
alter table recurring_invoice enable row level security;
alter table recurring_invoice force row level security;
create policy tenant on recurring_invoice to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on recurring_invoice to remit_app;
alter table invoice add column recurring_id uuid, add column recurs_on date;
alter table invoice add constraint ck_invoice_recurs_on_a_day check ((recurring_id is null) = (recurs_on is null));
alter table invoice add constraint fk_invoice_partner_id_customer_id_recurring_id foreign key (partner_id, customer_id, recurring_id) references recurring_invoice (partner_id, customer_id, id);
create unique index uq_invoice_recurring on invoice (partner_id, recurring_id, recurs_on) where recurring_id is not null;
create index ix_invoice_recurring on invoice (partner_id, recurring_id, due_on, id) where recurring_id is not null;
alter table recurring_invoice add constraint fk_recurring_invoice_partner_id_customer_id_invoice_id foreign key (partner_id, customer_id, invoice_id) references invoice (partner_id, customer_id, id);
