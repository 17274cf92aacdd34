CREATE TABLE tax_rate (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  owner_id UUID,
  name VARCHAR NOT NULL,
  name_key VARCHAR COLLATE "C" NOT NULL,
  rate_e4 INTEGER NOT NULL,
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  archived_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_tax_rate PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_tax_rate_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id),
  CONSTRAINT ck_tax_rate_partners_only CHECK (owner_id is null),
  CONSTRAINT ck_tax_rate_rate_is_a_percentage CHECK (rate_e4 between 0 and 1000000)
);
CREATE UNIQUE INDEX uq_tax_rate_name ON tax_rate (partner_id, name_key, rate_e4) WHERE archived_at is null;
CREATE INDEX ix_tax_rate_name ON tax_rate (partner_id, name_key, id) WHERE owner_id is null;
CREATE TABLE catalogue_item (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  owner_id UUID,
  name VARCHAR NOT NULL,
  name_key VARCHAR COLLATE "C" NOT NULL,
  description VARCHAR,
  usd_minor BIGINT,
  cad_minor BIGINT,
  version INTEGER NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  updated_at TIMESTAMP WITH TIME ZONE NOT NULL,
  archived_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_catalogue_item PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_catalogue_item_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id),
  CONSTRAINT ck_catalogue_item_partners_only CHECK (owner_id is null),
  CONSTRAINT ck_catalogue_item_usd_in_range CHECK (usd_minor between 0 and 1000000000000000),
  CONSTRAINT ck_catalogue_item_cad_in_range CHECK (cad_minor between 0 and 1000000000000000)
);
CREATE UNIQUE INDEX uq_catalogue_item_name ON catalogue_item (partner_id, name_key) WHERE archived_at is null;
CREATE INDEX ix_catalogue_item_name ON catalogue_item (partner_id, name_key, id) WHERE owner_id is null;
CREATE TABLE catalogue_item_tax (
  partner_id UUID NOT NULL,
  item_id UUID NOT NULL,
  tax_rate_id UUID NOT NULL,
  owner_id UUID,
  CONSTRAINT pk_catalogue_item_tax PRIMARY KEY (partner_id, item_id, tax_rate_id),
  CONSTRAINT fk_catalogue_item_tax_partner_id_item_id FOREIGN KEY(partner_id, item_id) REFERENCES catalogue_item (partner_id, id) ON DELETE CASCADE,
  CONSTRAINT fk_catalogue_item_tax_partner_id_tax_rate_id FOREIGN KEY(partner_id, tax_rate_id) REFERENCES tax_rate (partner_id, id),
  CONSTRAINT ck_catalogue_item_tax_partners_only CHECK (owner_id is null)
);
CREATE INDEX ix_catalogue_item_tax_rate ON catalogue_item_tax (partner_id, tax_rate_id, item_id);
alter table tax_rate enable row level security;
alter table tax_rate force row level security;
create policy tenant on tax_rate to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on tax_rate to remit_app;
alter table catalogue_item enable row level security;
alter table catalogue_item force row level security;
create policy tenant on catalogue_item to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on catalogue_item to remit_app;
alter table catalogue_item_tax enable row level security;
alter table catalogue_item_tax force row level security;
create policy tenant on catalogue_item_tax to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on catalogue_item_tax to remit_app;
create policy guest_insert on catalogue_item as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on catalogue_item as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on catalogue_item as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_insert on tax_rate as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on tax_rate as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on tax_rate as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_insert on catalogue_item_tax as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on catalogue_item_tax as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on catalogue_item_tax as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
