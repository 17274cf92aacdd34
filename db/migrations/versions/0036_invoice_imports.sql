alter table invoice add column external_id varchar collate "C";
alter table invoice add constraint uq_invoice_partner_id_external_id unique (partner_id, external_id);
CREATE TABLE invoice_import (
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
  separator VARCHAR NOT NULL,
  asked_by UUID NOT NULL,
  asked_by_name VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  cleared_at TIMESTAMP WITH TIME ZONE,
  seen INTEGER NOT NULL,
  CONSTRAINT pk_invoice_import PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_invoice_import_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id),
  CONSTRAINT ck_invoice_import_importstate CHECK (state IN ('MAPPING', 'CHECKING', 'CHECKED', 'RUNNING', 'DONE', 'CANCELED', 'STOPPED'))
);
CREATE INDEX ix_invoice_import_created ON invoice_import (partner_id, created_at, id);
alter table invoice_import enable row level security;
alter table invoice_import force row level security;
create policy tenant on invoice_import to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on invoice_import to remit_app;
create policy guest_insert on invoice_import as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on invoice_import as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on invoice_import as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
CREATE TABLE invoice_import_row (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  import_id UUID NOT NULL,
  position INTEGER NOT NULL,
  cells VARCHAR[] NOT NULL,
  outcome VARCHAR(40),
  problems JSONB NOT NULL,
  made JSONB,
  words VARCHAR[] NOT NULL,
  invoice_id UUID,
  mark VARCHAR COLLATE "C",
  head INTEGER NOT NULL,
  CONSTRAINT pk_invoice_import_row PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_invoice_import_row_partner_id_import_id FOREIGN KEY(partner_id, import_id) REFERENCES invoice_import (partner_id, id) ON DELETE CASCADE,
  CONSTRAINT ck_invoice_import_row_rowoutcome CHECK (outcome IN ('CREATED', 'UPDATED', 'UNCHANGED', 'REFUSED'))
);
CREATE UNIQUE INDEX ix_invoice_import_row_position ON invoice_import_row (partner_id, import_id, position, id);
alter table invoice_import_row enable row level security;
alter table invoice_import_row force row level security;
create policy tenant on invoice_import_row to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on invoice_import_row to remit_app;
create policy guest_insert on invoice_import_row as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on invoice_import_row as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on invoice_import_row as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
