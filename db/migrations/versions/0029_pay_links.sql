CREATE TABLE pay_link (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  customer_id UUID NOT NULL,
  invoice_id UUID NOT NULL,
  owner_id UUID,
  token_hash BYTEA NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  created_by UUID,
  created_by_name VARCHAR NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  revoked_at TIMESTAMP WITH TIME ZONE,
  opened_count INTEGER NOT NULL,
  last_opened_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_pay_link PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_pay_link_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id),
  CONSTRAINT uq_pay_link_token_hash UNIQUE (token_hash),
  CONSTRAINT ck_pay_link_opened_has_time CHECK ((opened_count = 0) = (last_opened_at is null)),
  CONSTRAINT ck_pay_link_partners_only CHECK (owner_id is null)
);
CREATE INDEX ix_pay_link_invoice ON pay_link (partner_id, invoice_id, created_at, id);
alter table pay_link enable row level security;
alter table pay_link force row level security;
create policy tenant on pay_link to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and case when (select nullif(current_setting('remit.customer', true), '') is null) then owner_id is null else owner_id = nullif(current_setting('remit.customer', true), '')::uuid end);
grant select, insert, update, delete on pay_link to remit_app;

-- A guest reads one invoice, its lines and whom it is billed to.
alter policy tenant on customer using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or id = nullif(current_setting('remit.customer', true), '')::uuid or id = nullif(current_setting('remit.billed', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or id = nullif(current_setting('remit.customer', true), '')::uuid));
create policy guest on customer as restrictive for delete to remit_app using (nullif(current_setting('remit.invoice', true), '')::uuid is null);
alter policy tenant on invoice using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or ((customer_id = nullif(current_setting('remit.customer', true), '')::uuid or id = nullif(current_setting('remit.invoice', true), '')::uuid) and status <> 'DRAFT'))) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and status <> 'DRAFT')));
create policy guest on invoice as restrictive for delete to remit_app using (nullif(current_setting('remit.invoice', true), '')::uuid is null);
alter policy tenant on invoice_line using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or ((customer_id = nullif(current_setting('remit.customer', true), '')::uuid or invoice_id = nullif(current_setting('remit.invoice', true), '')::uuid) and issued))) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and issued)));
create policy guest on invoice_line as restrictive for delete to remit_app using (nullif(current_setting('remit.invoice', true), '')::uuid is null);
alter policy tenant on invoice_line_tax using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or ((customer_id = nullif(current_setting('remit.customer', true), '')::uuid or invoice_id = nullif(current_setting('remit.invoice', true), '')::uuid) and issued))) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or (customer_id = nullif(current_setting('remit.customer', true), '')::uuid and issued)));
create policy guest on invoice_line_tax as restrictive for delete to remit_app using (nullif(current_setting('remit.invoice', true), '')::uuid is null);
