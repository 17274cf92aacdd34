CREATE TABLE customer_import (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  file_name VARCHAR NOT NULL,
  state VARCHAR(40) NOT NULL,
  columns VARCHAR[] NOT NULL,
  fields VARCHAR[] NOT NULL,
  total INTEGER NOT NULL,
  reached INTEGER NOT NULL,
  created INTEGER NOT NULL,
  updated INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  asked_by UUID NOT NULL,
  asked_by_name VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  cleared_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_customer_import PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_customer_import_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id),
  CONSTRAINT ck_customer_import_importstate CHECK (state IN ('MAPPING', 'CHECKING', 'CHECKED', 'RUNNING', 'DONE', 'CANCELED', 'STOPPED'))
);
CREATE INDEX ix_customer_import_created ON customer_import (partner_id, created_at, id);
alter table customer_import enable row level security;
alter table customer_import force row level security;
create policy tenant on customer_import to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on customer_import to remit_app;
CREATE TABLE customer_import_row (
  partner_id UUID NOT NULL,
  import_id UUID NOT NULL,
  position INTEGER NOT NULL,
  cells VARCHAR[] NOT NULL,
  outcome VARCHAR(40),
  problems JSONB NOT NULL,
  customer_id UUID,
  CONSTRAINT pk_customer_import_row PRIMARY KEY (partner_id, import_id, position),
  CONSTRAINT fk_customer_import_row_partner_id_import_id FOREIGN KEY(partner_id, import_id) REFERENCES customer_import (partner_id, id) ON DELETE CASCADE,
  CONSTRAINT ck_customer_import_row_rowoutcome CHECK (outcome IN ('CREATED', 'UPDATED', 'UNCHANGED', 'REFUSED'))
);
CREATE INDEX ix_customer_import_row_outcome ON customer_import_row (partner_id, import_id, outcome, position);
alter table customer_import_row enable row level security;
alter table customer_import_row force row level security;
create policy tenant on customer_import_row to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on customer_import_row to remit_app;
CREATE TABLE customer_import_key (
  partner_id UUID NOT NULL,
  import_id UUID NOT NULL,
  mark VARCHAR COLLATE "C" NOT NULL,
  position INTEGER NOT NULL,
  CONSTRAINT pk_customer_import_key PRIMARY KEY (partner_id, import_id, mark),
  CONSTRAINT fk_customer_import_key_partner_id_import_id FOREIGN KEY(partner_id, import_id) REFERENCES customer_import (partner_id, id) ON DELETE CASCADE
);
alter table customer_import_key enable row level security;
alter table customer_import_key force row level security;
create policy tenant on customer_import_key to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on customer_import_key to remit_app;
