alter table customer add column archiving_id uuid;
alter table customer add constraint ck_customer_archiving_while_archived
  check (archiving_id is null or status = 'ARCHIVED');
CREATE INDEX ix_customer_archiving ON customer (partner_id, archiving_id) WHERE archiving_id is not null;
CREATE INDEX ix_customer_country ON customer (partner_id, country, company_key, id);
CREATE TABLE customer_note (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  owner_id UUID,
  text VARCHAR NOT NULL,
  author_kind VARCHAR NOT NULL,
  author_id UUID,
  author_name VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_customer_note PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_customer_note_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id) ON DELETE CASCADE,
  CONSTRAINT ck_customer_note_partners_only CHECK (owner_id is null)
);
CREATE INDEX ix_customer_note_customer ON customer_note (partner_id, customer_id, created_at, id);
alter table customer_note enable row level security;
alter table customer_note force row level security;
create policy tenant on customer_note to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on customer_note to remit_app;
