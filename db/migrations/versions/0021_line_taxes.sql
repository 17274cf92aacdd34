alter table invoice_line add column discount_rate_e4 integer;
alter table invoice_line add constraint uq_invoice_line_partner_id_customer_id_invoice_id_id unique (partner_id, customer_id, invoice_id, id);

CREATE TABLE invoice_line_tax (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  line_id UUID NOT NULL,
  position INTEGER NOT NULL,
  name VARCHAR NOT NULL,
  rate_e4 INTEGER NOT NULL,
  tax_minor BIGINT NOT NULL,
  issued BOOLEAN NOT NULL,
  CONSTRAINT pk_invoice_line_tax PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_invoice_line_tax_partner_id_customer_id_invoice_id_line_id FOREIGN KEY(partner_id, customer_id, invoice_id, line_id) REFERENCES invoice_line (partner_id, customer_id, invoice_id, id) ON DELETE CASCADE,
  CONSTRAINT ck_invoice_line_tax_rate_is_a_percentage CHECK (rate_e4 between 0 and 1000000)
);
CREATE UNIQUE INDEX ix_invoice_line_tax_position ON invoice_line_tax (partner_id, line_id, position);
CREATE INDEX ix_invoice_line_tax_invoice ON invoice_line_tax (partner_id, invoice_id);

-- The tax a line had becomes the first of its taxes. The owner is bound by the guard too, so it rests meanwhile.
alter table invoice_line no force row level security;
insert into invoice_line_tax
  select partner_id, gen_random_uuid(), customer_id, invoice_id, id, 0, coalesce(nullif(tax_name, ''), 'Tax'), tax_rate_e4, tax_minor, issued
  from invoice_line where tax_name <> '' or tax_rate_e4 <> 0 or tax_minor <> 0;
alter table invoice_line force row level security;
alter table invoice_line drop column tax_name, drop column tax_rate_e4;

alter table invoice_line_tax enable row level security;
alter table invoice_line_tax force row level security;
create policy tenant on invoice_line_tax to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and issued))) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and issued)));
grant select, insert, update, delete on invoice_line_tax to remit_app;
