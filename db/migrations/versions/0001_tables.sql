-- Every table behind its guard. Made from the models once; from here on, migrations change it.
CREATE TABLE partner (
  id UUID NOT NULL, 
  slug VARCHAR COLLATE "C" NOT NULL, 
  name VARCHAR NOT NULL, 
  legal_name VARCHAR NOT NULL, 
  support_email VARCHAR NOT NULL, 
  support_phone VARCHAR, 
  time_zone VARCHAR NOT NULL, 
  invoice_prefix VARCHAR NOT NULL, 
  next_invoice_number BIGINT NOT NULL, 
  default_terms_days INTEGER NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_partner PRIMARY KEY (id), 
  CONSTRAINT uq_partner_slug UNIQUE (slug), 
  CONSTRAINT ck_partner_slug_shape CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'), 
  CONSTRAINT ck_partner_numbers_from_one CHECK (next_invoice_number > 0)
);
alter table partner enable row level security;
alter table partner force row level security;
create policy tenant on partner to remit_app using (id = nullif(current_setting('remit.partner', true), '')::uuid) with check (id = nullif(current_setting('remit.partner', true), '')::uuid);
grant select, insert, update, delete on partner to remit_app;

CREATE TABLE person (
  id UUID NOT NULL, 
  name VARCHAR NOT NULL, 
  email VARCHAR NOT NULL, 
  email_key VARCHAR COLLATE "C" NOT NULL, 
  password_hash VARCHAR, 
  disabled_at TIMESTAMP WITH TIME ZONE, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_person PRIMARY KEY (id), 
  CONSTRAINT uq_person_email_key UNIQUE (email_key)
);
alter table person enable row level security;
alter table person force row level security;
create policy tenant on person to remit_app using (id = nullif(current_setting('remit.user', true), '')::uuid) with check (id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on person to remit_app;

CREATE TABLE throttle_bucket (
  name_hash BYTEA NOT NULL, 
  began_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  tries INTEGER NOT NULL, 
  CONSTRAINT pk_throttle_bucket PRIMARY KEY (name_hash)
);
alter table throttle_bucket enable row level security;
alter table throttle_bucket force row level security;

CREATE TABLE api_key (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  name VARCHAR NOT NULL, 
  token_hash BYTEA NOT NULL, 
  scopes VARCHAR[] NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  created_by UUID, 
  expires_at TIMESTAMP WITH TIME ZONE, 
  revoked_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_api_key PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_api_key_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
  CONSTRAINT uq_api_key_token_hash UNIQUE (token_hash)
);
alter table api_key enable row level security;
alter table api_key force row level security;
create policy tenant on api_key to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on api_key to remit_app;

CREATE TABLE audit_event (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID, 
  at TIMESTAMP WITH TIME ZONE NOT NULL, 
  actor_kind VARCHAR NOT NULL, 
  actor_id UUID, 
  actor_name VARCHAR NOT NULL, 
  action VARCHAR NOT NULL, 
  subject_kind VARCHAR NOT NULL, 
  subject_id UUID, 
  details JSONB NOT NULL, 
  CONSTRAINT pk_audit_event PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_audit_event_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX ix_audit_event_at ON audit_event (partner_id, at, id);
CREATE INDEX ix_audit_event_customer ON audit_event (partner_id, customer_id, at, id);
alter table audit_event enable row level security;
alter table audit_event force row level security;
create policy tenant on audit_event to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on audit_event to remit_app;

CREATE TABLE customer (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  slug VARCHAR COLLATE "C" NOT NULL, 
  company VARCHAR NOT NULL, 
  company_key VARCHAR COLLATE "C" NOT NULL, 
  legal_name VARCHAR, 
  tax_id VARCHAR COLLATE "C", 
  address VARCHAR NOT NULL, 
  address2 VARCHAR, 
  city VARCHAR NOT NULL, 
  state VARCHAR COLLATE "C" NOT NULL, 
  postal_code VARCHAR COLLATE "C" NOT NULL, 
  country VARCHAR(40) NOT NULL, 
  currency VARCHAR(40) NOT NULL, 
  time_zone VARCHAR, 
  terms_days INTEGER, 
  external_id VARCHAR COLLATE "C", 
  status VARCHAR(40) NOT NULL, 
  open_minor BIGINT NOT NULL, 
  version INTEGER NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  archived_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_customer PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_customer_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
  CONSTRAINT uq_customer_slug UNIQUE (slug), 
  CONSTRAINT uq_customer_partner_id_external_id UNIQUE (partner_id, external_id), 
  CONSTRAINT ck_customer_tax_id_shape CHECK (tax_id ~ '^[0-9]{9}$'), 
  CONSTRAINT ck_customer_archived_has_time CHECK ((status = 'ARCHIVED') = (archived_at is not null)), 
  CONSTRAINT ck_customer_slug_shape CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'), 
  CONSTRAINT ck_customer_country CHECK (country IN ('US', 'CA')), 
  CONSTRAINT ck_customer_currency CHECK (currency IN ('USD', 'CAD')), 
  CONSTRAINT ck_customer_customerstatus CHECK (status IN ('SETUP', 'ACTIVE', 'ARCHIVED'))
);
CREATE INDEX ix_customer_company ON customer (partner_id, company_key, id);
CREATE INDEX ix_customer_created ON customer (partner_id, created_at, id);
CREATE INDEX ix_customer_open ON customer (partner_id, open_minor, id);
CREATE INDEX ix_customer_status ON customer (partner_id, status, company_key, id);
CREATE INDEX ix_customer_tax_id ON customer (partner_id, tax_id);
CREATE INDEX ix_customer_updated ON customer (partner_id, updated_at, id);
alter table customer enable row level security;
alter table customer force row level security;
create policy tenant on customer to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on customer to remit_app;

CREATE TABLE device (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  token_hash BYTEA NOT NULL, 
  label VARCHAR NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_device PRIMARY KEY (id), 
  CONSTRAINT uq_device_token_hash UNIQUE (token_hash), 
  CONSTRAINT fk_device_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
CREATE INDEX ix_device_user_id ON device (user_id);
alter table device enable row level security;
alter table device force row level security;
create policy tenant on device to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on device to remit_app;

CREATE TABLE gateway_account (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  gateway VARCHAR COLLATE "C" NOT NULL, 
  account VARCHAR COLLATE "C" NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_gateway_account PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_gateway_account_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
  CONSTRAINT uq_gateway_account_gateway_account UNIQUE (gateway, account)
);
alter table gateway_account enable row level security;
alter table gateway_account force row level security;
create policy tenant on gateway_account to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid);
grant select, insert, update, delete on gateway_account to remit_app;

CREATE TABLE gateway_event (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  gateway VARCHAR COLLATE "C" NOT NULL, 
  event_ref VARCHAR COLLATE "C" NOT NULL, 
  kind VARCHAR NOT NULL, 
  body JSONB NOT NULL, 
  status VARCHAR(40) NOT NULL, 
  reason VARCHAR, 
  received_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  acted_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_gateway_event PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_gateway_event_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
  CONSTRAINT uq_gateway_event_partner_id_gateway_event_ref UNIQUE (partner_id, gateway, event_ref), 
  CONSTRAINT ck_gateway_event_eventstatus CHECK (status IN ('STORED', 'APPLIED', 'IGNORED', 'REFUSED'))
);
alter table gateway_event enable row level security;
alter table gateway_event force row level security;
create policy tenant on gateway_event to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on gateway_event to remit_app;

CREATE TABLE personal_event (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  at TIMESTAMP WITH TIME ZONE NOT NULL, 
  action VARCHAR NOT NULL, 
  address VARCHAR NOT NULL, 
  agent VARCHAR NOT NULL, 
  CONSTRAINT pk_personal_event PRIMARY KEY (id), 
  CONSTRAINT fk_personal_event_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
CREATE INDEX ix_personal_event_user_id ON personal_event (user_id);
alter table personal_event enable row level security;
alter table personal_event force row level security;
create policy tenant on personal_event to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert on personal_event to remit_app;

CREATE TABLE personal_token (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  purpose VARCHAR(40) NOT NULL, 
  token_hash BYTEA NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  used_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_personal_token PRIMARY KEY (id), 
  CONSTRAINT uq_personal_token_token_hash UNIQUE (token_hash), 
  CONSTRAINT fk_personal_token_user_id FOREIGN KEY(user_id) REFERENCES person (id), 
  CONSTRAINT ck_personal_token_purpose CHECK (purpose IN ('RESET', 'DEVICE'))
);
CREATE INDEX ix_personal_token_user_id ON personal_token (user_id);
alter table personal_token enable row level security;
alter table personal_token force row level security;
create policy tenant on personal_token to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on personal_token to remit_app;

CREATE TABLE search_token (
  partner_id UUID NOT NULL, 
  subject_id UUID NOT NULL, 
  kind VARCHAR COLLATE "C" NOT NULL, 
  token VARCHAR COLLATE "C" NOT NULL, 
  customer_id UUID, 
  CONSTRAINT pk_search_token PRIMARY KEY (partner_id, subject_id, kind, token), 
  CONSTRAINT fk_search_token_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX ix_search_token_subject ON search_token (partner_id, subject_id);
CREATE INDEX ix_search_token_token ON search_token (partner_id, kind, token, subject_id);
alter table search_token enable row level security;
alter table search_token force row level security;
create policy tenant on search_token to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on search_token to remit_app;

CREATE TABLE session (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  token_hash BYTEA NOT NULL, 
  device_id UUID, 
  address VARCHAR NOT NULL, 
  agent VARCHAR NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  last_seen_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  stepped_up_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  ended_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_session PRIMARY KEY (id), 
  CONSTRAINT uq_session_token_hash UNIQUE (token_hash), 
  CONSTRAINT fk_session_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
CREATE INDEX ix_session_user_id ON session (user_id);
alter table session enable row level security;
alter table session force row level security;
create policy tenant on session to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on session to remit_app;

CREATE TABLE stored_answer (
  partner_id UUID NOT NULL, 
  actor_id UUID NOT NULL, 
  operation VARCHAR NOT NULL, 
  idempotency_key VARCHAR NOT NULL, 
  customer_id UUID, 
  input_hash BYTEA NOT NULL, 
  answer VARCHAR, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_stored_answer PRIMARY KEY (partner_id, actor_id, operation, idempotency_key), 
  CONSTRAINT fk_stored_answer_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id)
);
CREATE INDEX ix_stored_answer_created ON stored_answer (created_at);
alter table stored_answer enable row level security;
alter table stored_answer force row level security;
create policy tenant on stored_answer to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on stored_answer to remit_app;

CREATE TABLE invoice (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  number VARCHAR COLLATE "C" NOT NULL, 
  status VARCHAR(40) NOT NULL, 
  currency VARCHAR(40) NOT NULL, 
  net_minor BIGINT NOT NULL, 
  tax_minor BIGINT NOT NULL, 
  total_minor BIGINT NOT NULL, 
  paid_minor BIGINT NOT NULL, 
  reserved_minor BIGINT NOT NULL, 
  issue_on DATE NOT NULL, 
  due_on DATE NOT NULL, 
  memo VARCHAR, 
  internal_note VARCHAR, 
  po_number VARCHAR, 
  version INTEGER NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  finalized_at TIMESTAMP WITH TIME ZONE, 
  sent_at TIMESTAMP WITH TIME ZONE, 
  paid_at TIMESTAMP WITH TIME ZONE, 
  voided_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_invoice PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_invoice_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT uq_invoice_partner_id_customer_id_id UNIQUE (partner_id, customer_id, id), 
  CONSTRAINT ck_invoice_numbered_when_issued CHECK ((status = 'DRAFT') = (number = '')), 
  CONSTRAINT ck_invoice_due_not_before_issue CHECK (due_on >= issue_on), 
  CONSTRAINT ck_invoice_total_not_negative CHECK (total_minor >= 0), 
  CONSTRAINT ck_invoice_paid_within_total CHECK (paid_minor between 0 and total_minor), 
  CONSTRAINT ck_invoice_reserved_within_rest CHECK (reserved_minor >= 0 and paid_minor + reserved_minor <= total_minor), 
  CONSTRAINT ck_invoice_only_open_reserved CHECK (status = 'OPEN' or reserved_minor = 0), 
  CONSTRAINT ck_invoice_paid_in_full CHECK (status <> 'PAID' or paid_minor = total_minor), 
  CONSTRAINT ck_invoice_draft_unpaid CHECK (status <> 'DRAFT' or paid_minor = 0), 
  CONSTRAINT ck_invoice_invoicestatus CHECK (status IN ('DRAFT', 'OPEN', 'PAID', 'VOID', 'UNCOLLECTIBLE')), 
  CONSTRAINT ck_invoice_currency CHECK (currency IN ('USD', 'CAD'))
);
CREATE INDEX ix_invoice_created ON invoice (partner_id, created_at, id);
CREATE INDEX ix_invoice_customer_due ON invoice (partner_id, customer_id, due_on, id);
CREATE INDEX ix_invoice_due ON invoice (partner_id, due_on, id);
CREATE INDEX ix_invoice_issue ON invoice (partner_id, issue_on, id);
CREATE INDEX ix_invoice_number ON invoice (partner_id, number, id);
CREATE INDEX ix_invoice_status_due ON invoice (partner_id, status, due_on, id);
CREATE INDEX ix_invoice_total ON invoice (partner_id, total_minor, id);
CREATE INDEX ix_invoice_updated ON invoice (partner_id, updated_at, id);
CREATE UNIQUE INDEX uq_invoice_number ON invoice (partner_id, number) WHERE number <> '';
alter table invoice enable row level security;
alter table invoice force row level security;
create policy tenant on invoice to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and status <> 'DRAFT'))) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and status <> 'DRAFT')));
grant select, insert, update, delete on invoice to remit_app;

CREATE TABLE ledger_entry (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  cause VARCHAR(40) NOT NULL, 
  subject_id UUID NOT NULL, 
  actor_kind VARCHAR NOT NULL, 
  actor_id UUID, 
  at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_ledger_entry PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_ledger_entry_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT uq_ledger_entry_partner_id_customer_id_id UNIQUE (partner_id, customer_id, id), 
  CONSTRAINT uq_ledger_entry_partner_id_cause_subject_id UNIQUE (partner_id, cause, subject_id), 
  CONSTRAINT ck_ledger_entry_entrycause CHECK (cause IN ('INVOICE_FINALIZED', 'INVOICE_VOIDED', 'PAYMENT_SUCCEEDED'))
);
CREATE INDEX ix_ledger_entry_at ON ledger_entry (partner_id, at, id);
alter table ledger_entry enable row level security;
alter table ledger_entry force row level security;
create policy tenant on ledger_entry to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on ledger_entry to remit_app;

CREATE TABLE membership (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID, 
  user_id UUID, 
  role VARCHAR(40) NOT NULL, 
  status VARCHAR(40) NOT NULL, 
  name VARCHAR NOT NULL, 
  name_key VARCHAR COLLATE "C" NOT NULL, 
  email VARCHAR NOT NULL, 
  email_key VARCHAR COLLATE "C" NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  removed_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_membership PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_membership_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
  CONSTRAINT fk_membership_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT ck_membership_role_fits_place CHECK ((customer_id is null) = (role in ('ADMIN', 'SUB_ADMIN', 'MEMBER', 'READ_ONLY'))), 
  CONSTRAINT ck_membership_active_has_person CHECK (status <> 'ACTIVE' or user_id is not null), 
  CONSTRAINT fk_membership_user_id FOREIGN KEY(user_id) REFERENCES person (id), 
  CONSTRAINT ck_membership_role CHECK (role IN ('ADMIN', 'SUB_ADMIN', 'MEMBER', 'READ_ONLY', 'MANAGER', 'PAYER', 'VIEWER')), 
  CONSTRAINT ck_membership_membershipstatus CHECK (status IN ('INVITED', 'ACTIVE', 'DISABLED', 'REMOVED'))
);
CREATE INDEX ix_membership_created ON membership (partner_id, customer_id, created_at, id);
CREATE INDEX ix_membership_name ON membership (partner_id, customer_id, name_key, id);
CREATE INDEX ix_membership_user ON membership (user_id);
CREATE UNIQUE INDEX uq_membership_place ON membership (partner_id, customer_id, email_key) NULLS NOT DISTINCT WHERE status <> 'REMOVED';
alter table membership enable row level security;
alter table membership force row level security;
create policy tenant on membership to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
create policy own on membership for select to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on membership to remit_app;

CREATE TABLE payment_method (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  kind VARCHAR(40) NOT NULL, 
  funding VARCHAR(40) NOT NULL, 
  brand VARCHAR NOT NULL, 
  last4 VARCHAR NOT NULL, 
  exp_month INTEGER, 
  exp_year INTEGER, 
  fingerprint VARCHAR NOT NULL, 
  gateway VARCHAR COLLATE "C" NOT NULL, 
  gateway_account VARCHAR NOT NULL, 
  gateway_ref VARCHAR COLLATE "C" NOT NULL, 
  is_default BOOLEAN NOT NULL, 
  added_by UUID, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  removed_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_payment_method PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_payment_method_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT uq_payment_method_partner_id_customer_id_id UNIQUE (partner_id, customer_id, id), 
  CONSTRAINT uq_payment_method_partner_id_gateway_gateway_ref UNIQUE (partner_id, gateway, gateway_ref), 
  CONSTRAINT ck_payment_method_last_four_only CHECK (last4 ~ '^[0-9]{4}$'), 
  CONSTRAINT ck_payment_method_removed_is_no_default CHECK (not (is_default and removed_at is not null)), 
  CONSTRAINT ck_payment_method_methodkind CHECK (kind IN ('CARD', 'BANK')), 
  CONSTRAINT ck_payment_method_funding CHECK (funding IN ('CREDIT', 'DEBIT', 'PREPAID', 'UNKNOWN'))
);
CREATE INDEX ix_payment_method_created ON payment_method (partner_id, customer_id, created_at, id);
CREATE UNIQUE INDEX uq_payment_method_default ON payment_method (partner_id, customer_id) WHERE is_default;
alter table payment_method enable row level security;
alter table payment_method force row level security;
create policy tenant on payment_method to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on payment_method to remit_app;

CREATE TABLE payment_method_setup (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  gateway VARCHAR COLLATE "C" NOT NULL, 
  gateway_account VARCHAR NOT NULL, 
  gateway_setup VARCHAR COLLATE "C", 
  payment_method_id UUID, 
  created_by UUID, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  finished_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_payment_method_setup PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_payment_method_setup_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT uq_payment_method_setup_partner_id_gateway_gateway_setup UNIQUE (partner_id, gateway, gateway_setup)
);
alter table payment_method_setup enable row level security;
alter table payment_method_setup force row level security;
create policy tenant on payment_method_setup to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on payment_method_setup to remit_app;

CREATE TABLE portal_token (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  api_key_id UUID NOT NULL, 
  token_hash BYTEA NOT NULL, 
  origins VARCHAR[] NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_portal_token PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_portal_token_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT fk_portal_token_partner_id_api_key_id FOREIGN KEY(partner_id, api_key_id) REFERENCES api_key (partner_id, id), 
  CONSTRAINT uq_portal_token_token_hash UNIQUE (token_hash)
);
alter table portal_token enable row level security;
alter table portal_token force row level security;
create policy tenant on portal_token to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on portal_token to remit_app;

CREATE TABLE tag (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  owner_id UUID, 
  name VARCHAR NOT NULL, 
  name_key VARCHAR COLLATE "C" NOT NULL, 
  colour VARCHAR NOT NULL, 
  description VARCHAR, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_tag PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_tag_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
  CONSTRAINT fk_tag_partner_id_owner_id FOREIGN KEY(partner_id, owner_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT ck_tag_colour_shape CHECK (colour ~ '^#[0-9a-f]{6}$')
);
CREATE INDEX ix_tag_name ON tag (partner_id, owner_id, name_key, id);
CREATE INDEX ix_tag_staff_name ON tag (partner_id, name_key, id) WHERE owner_id is null;
CREATE UNIQUE INDEX uq_tag_name ON tag (partner_id, owner_id, name_key) NULLS NOT DISTINCT;
alter table tag enable row level security;
alter table tag force row level security;
create policy tenant on tag to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on tag to remit_app;

CREATE TABLE customer_tag (
  partner_id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  tag_id UUID NOT NULL, 
  owner_id UUID, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_customer_tag PRIMARY KEY (partner_id, customer_id, tag_id), 
  CONSTRAINT fk_customer_tag_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id) ON DELETE CASCADE, 
  CONSTRAINT fk_customer_tag_partner_id_tag_id FOREIGN KEY(partner_id, tag_id) REFERENCES tag (partner_id, id) ON DELETE CASCADE, 
  CONSTRAINT ck_customer_tag_partners_only CHECK (owner_id is null)
);
CREATE INDEX ix_customer_tag_tag ON customer_tag (partner_id, tag_id, customer_id);
alter table customer_tag enable row level security;
alter table customer_tag force row level security;
create policy tenant on customer_tag to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on customer_tag to remit_app;

CREATE TABLE invite (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID, 
  membership_id UUID NOT NULL, 
  email_key VARCHAR NOT NULL, 
  token_hash BYTEA NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  created_by UUID, 
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  accepted_at TIMESTAMP WITH TIME ZONE, 
  revoked_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_invite PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_invite_partner_id_membership_id FOREIGN KEY(partner_id, membership_id) REFERENCES membership (partner_id, id), 
  CONSTRAINT fk_invite_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT uq_invite_token_hash UNIQUE (token_hash)
);
CREATE INDEX ix_invite_email ON invite (email_key, created_at);
CREATE INDEX ix_invite_membership ON invite (partner_id, membership_id, created_at, id);
alter table invite enable row level security;
alter table invite force row level security;
create policy tenant on invite to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on invite to remit_app;

CREATE TABLE invoice_line (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  invoice_id UUID NOT NULL, 
  position INTEGER NOT NULL, 
  description VARCHAR NOT NULL, 
  quantity_e4 BIGINT NOT NULL, 
  unit_price_minor BIGINT NOT NULL, 
  discount_minor BIGINT NOT NULL, 
  tax_name VARCHAR, 
  tax_rate_e4 INTEGER NOT NULL, 
  net_minor BIGINT NOT NULL, 
  tax_minor BIGINT NOT NULL, 
  total_minor BIGINT NOT NULL, 
  issued BOOLEAN NOT NULL, 
  CONSTRAINT pk_invoice_line PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_invoice_line_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id) ON DELETE CASCADE, 
  CONSTRAINT ck_invoice_line_quantity_positive CHECK (quantity_e4 > 0), 
  CONSTRAINT ck_invoice_line_adds_up CHECK (total_minor = net_minor + tax_minor)
);
CREATE UNIQUE INDEX ix_invoice_line_position ON invoice_line (partner_id, invoice_id, position);
alter table invoice_line enable row level security;
alter table invoice_line force row level security;
create policy tenant on invoice_line to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and issued))) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and issued)));
grant select, insert, update, delete on invoice_line to remit_app;

CREATE TABLE invoice_tag (
  partner_id UUID NOT NULL, 
  invoice_id UUID NOT NULL, 
  tag_id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  owner_id UUID, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  CONSTRAINT pk_invoice_tag PRIMARY KEY (partner_id, invoice_id, tag_id), 
  CONSTRAINT fk_invoice_tag_partner_id_invoice_id FOREIGN KEY(partner_id, invoice_id) REFERENCES invoice (partner_id, id) ON DELETE CASCADE, 
  CONSTRAINT fk_invoice_tag_partner_id_tag_id FOREIGN KEY(partner_id, tag_id) REFERENCES tag (partner_id, id) ON DELETE CASCADE, 
  CONSTRAINT ck_invoice_tag_owner_is_the_customer CHECK (owner_id is null or owner_id = customer_id)
);
CREATE INDEX ix_invoice_tag_tag ON invoice_tag (partner_id, tag_id, invoice_id);
alter table invoice_tag enable row level security;
alter table invoice_tag force row level security;
create policy tenant on invoice_tag to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on invoice_tag to remit_app;

CREATE TABLE ledger_posting (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  entry_id UUID NOT NULL, 
  account VARCHAR(40) NOT NULL, 
  amount_minor BIGINT NOT NULL, 
  currency VARCHAR(40) NOT NULL, 
  invoice_id UUID, 
  payment_id UUID, 
  CONSTRAINT pk_ledger_posting PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_ledger_posting_partner_id_customer_id_entry_id FOREIGN KEY(partner_id, customer_id, entry_id) REFERENCES ledger_entry (partner_id, customer_id, id), 
  CONSTRAINT ck_ledger_posting_amount_moves CHECK (amount_minor <> 0), 
  CONSTRAINT ck_ledger_posting_account CHECK (account IN ('RECEIVABLE', 'SALES', 'TAX_PAYABLE', 'GATEWAY_CLEARING', 'WRITTEN_OFF')), 
  CONSTRAINT ck_ledger_posting_currency CHECK (currency IN ('USD', 'CAD'))
);
CREATE INDEX ix_ledger_posting_entry ON ledger_posting (partner_id, entry_id);
CREATE INDEX ix_ledger_posting_invoice ON ledger_posting (partner_id, invoice_id, account);
alter table ledger_posting enable row level security;
alter table ledger_posting force row level security;
create policy tenant on ledger_posting to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert on ledger_posting to remit_app;

CREATE TABLE mail (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID, 
  membership_id UUID NOT NULL, 
  kind VARCHAR(40) NOT NULL, 
  subject_id UUID NOT NULL, 
  status VARCHAR(40) NOT NULL, 
  tries INTEGER NOT NULL, 
  answer VARCHAR, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  sent_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_mail PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_mail_partner_id_membership_id FOREIGN KEY(partner_id, membership_id) REFERENCES membership (partner_id, id), 
  CONSTRAINT ck_mail_sent_has_time CHECK ((status = 'SENT') = (sent_at is not null)), 
  CONSTRAINT ck_mail_mailkind CHECK (kind IN ('INVITE', 'INVOICE', 'RECEIPT', 'PAYMENT_FAILED')), 
  CONSTRAINT ck_mail_mailstatus CHECK (status IN ('QUEUED', 'SENT', 'REFUSED', 'DEAD', 'DROPPED'))
);
CREATE INDEX ix_mail_subject ON mail (partner_id, subject_id);
alter table mail enable row level security;
alter table mail force row level security;
create policy tenant on mail to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on mail to remit_app;

CREATE TABLE payment (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  status VARCHAR(40) NOT NULL, 
  amount_minor BIGINT NOT NULL, 
  currency VARCHAR(40) NOT NULL, 
  payment_method_id UUID NOT NULL, 
  gateway VARCHAR COLLATE "C" NOT NULL, 
  gateway_account VARCHAR NOT NULL, 
  gateway_key VARCHAR COLLATE "C" NOT NULL, 
  gateway_ref VARCHAR COLLATE "C", 
  return_url VARCHAR, 
  action_url VARCHAR, 
  failure_code VARCHAR, 
  failure_message VARCHAR, 
  asked_by UUID, 
  asked_by_kind VARCHAR NOT NULL, 
  request_key VARCHAR COLLATE "C" NOT NULL, 
  request_hash BYTEA NOT NULL, 
  tries INTEGER NOT NULL, 
  tried_at TIMESTAMP WITH TIME ZONE, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  settled_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_payment PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_payment_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id), 
  CONSTRAINT fk_payment_partner_id_customer_id_payment_method_id FOREIGN KEY(partner_id, customer_id, payment_method_id) REFERENCES payment_method (partner_id, customer_id, id), 
  CONSTRAINT uq_payment_partner_id_customer_id_id UNIQUE (partner_id, customer_id, id), 
  CONSTRAINT uq_payment_gateway_key UNIQUE (gateway_key), 
  CONSTRAINT uq_payment_partner_id_gateway_gateway_ref UNIQUE (partner_id, gateway, gateway_ref), 
  CONSTRAINT ck_payment_amount_positive CHECK (amount_minor > 0), 
  CONSTRAINT ck_payment_paymentstatus CHECK (status IN ('SCHEDULED', 'PENDING', 'REQUIRES_ACTION', 'PROCESSING', 'UNKNOWN', 'SUCCEEDED', 'FAILED', 'CANCELED', 'RETURNED', 'DISPUTED', 'REFUNDED', 'PARTIALLY_REFUNDED')), 
  CONSTRAINT ck_payment_currency CHECK (currency IN ('USD', 'CAD'))
);
CREATE INDEX ix_payment_amount ON payment (partner_id, amount_minor, id);
CREATE INDEX ix_payment_created ON payment (partner_id, created_at, id);
CREATE INDEX ix_payment_customer_created ON payment (partner_id, customer_id, created_at, id);
CREATE INDEX ix_payment_status ON payment (partner_id, status, created_at, id);
CREATE INDEX ix_payment_updated ON payment (partner_id, updated_at, id);
CREATE UNIQUE INDEX uq_payment_request ON payment (partner_id, asked_by, request_key) NULLS NOT DISTINCT;
alter table payment enable row level security;
alter table payment force row level security;
create policy tenant on payment to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on payment to remit_app;

CREATE TABLE payment_allocation (
  partner_id UUID NOT NULL, 
  id UUID NOT NULL, 
  customer_id UUID NOT NULL, 
  payment_id UUID NOT NULL, 
  invoice_id UUID NOT NULL, 
  amount_minor BIGINT NOT NULL, 
  status VARCHAR(40) NOT NULL, 
  CONSTRAINT pk_payment_allocation PRIMARY KEY (partner_id, id), 
  CONSTRAINT fk_payment_allocation_partner_id_customer_id_payment_id FOREIGN KEY(partner_id, customer_id, payment_id) REFERENCES payment (partner_id, customer_id, id), 
  CONSTRAINT fk_payment_allocation_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id), 
  CONSTRAINT uq_payment_allocation_partner_id_payment_id_invoice_id UNIQUE (partner_id, payment_id, invoice_id), 
  CONSTRAINT ck_payment_allocation_amount_positive CHECK (amount_minor > 0), 
  CONSTRAINT ck_payment_allocation_allocationstatus CHECK (status IN ('RESERVED', 'APPLIED', 'RELEASED'))
);
CREATE INDEX ix_payment_allocation_invoice ON payment_allocation (partner_id, invoice_id, payment_id);
alter table payment_allocation enable row level security;
alter table payment_allocation force row level security;
create policy tenant on payment_allocation to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on payment_allocation to remit_app;

