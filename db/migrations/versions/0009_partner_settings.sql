alter table partner
  add column address varchar,
  add column address2 varchar,
  add column city varchar,
  add column state varchar,
  add column postal_code varchar,
  add column country varchar(40),
  add column ein varchar,
  add column gst_hst_number varchar,
  add column qst_number varchar,
  add column support_url varchar,
  add column accent varchar,
  add column logo varchar,
  -- The defaults stay: a process that started before this migration makes partners without these columns.
  add column staff_need_factor boolean not null default false,
  add column users_need_factor boolean not null default false,
  add column version integer not null default 1;
alter table partner
  add constraint ck_partner_country check (country in ('US', 'CA')),
  add constraint ck_partner_address_whole check (
    (address is null) = (country is null) and (city is null) = (country is null)
    and (state is null) = (country is null) and (postal_code is null) = (country is null)
    and (address2 is null or country is not null)),
  add constraint ck_partner_ein_shape check (ein ~ '^[0-9]{9}$'),
  add constraint ck_partner_gst_hst_shape check (gst_hst_number ~ '^[0-9]{9}RT[0-9]{4}$'),
  add constraint ck_partner_qst_shape check (qst_number ~ '^[0-9]{10}TQ[0-9]{4}$'),
  add constraint ck_partner_accent_shape check (accent ~ '^#[0-9a-f]{6}$'),
  add constraint ck_partner_logo_shape check (logo ~ '^[0-9a-f]{32}$');
CREATE TABLE partner_logo (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  name VARCHAR COLLATE "C" NOT NULL,
  png BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_partner_logo PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_partner_logo_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id),
  CONSTRAINT uq_partner_logo_name UNIQUE (name),
  CONSTRAINT ck_partner_logo_name_shape CHECK (name ~ '^[0-9a-f]{32}$'),
  CONSTRAINT ck_partner_logo_small CHECK (octet_length(png) <= 524288)
);
alter table partner_logo enable row level security;
alter table partner_logo force row level security;
create policy tenant on partner_logo to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid);
grant select, insert, update, delete on partner_logo to remit_app;
