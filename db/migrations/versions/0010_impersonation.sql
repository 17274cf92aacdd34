CREATE TABLE impersonation (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  membership_id UUID NOT NULL,
  session_id UUID NOT NULL,
  customer_id UUID NOT NULL,
  viewed_id UUID,
  role VARCHAR(40),
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  ended_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_impersonation PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_impersonation_partner_id_membership_id FOREIGN KEY(partner_id, membership_id) REFERENCES membership (partner_id, id),
  CONSTRAINT fk_impersonation_partner_id_customer_id FOREIGN KEY(partner_id, customer_id) REFERENCES customer (partner_id, id),
  CONSTRAINT fk_impersonation_partner_id_viewed_id FOREIGN KEY(partner_id, viewed_id) REFERENCES membership (partner_id, id),
  CONSTRAINT ck_impersonation_one_view CHECK ((viewed_id is null) <> (role is null)),
  CONSTRAINT ck_impersonation_customers_role CHECK (role in ('MANAGER', 'PAYER', 'VIEWER')),
  CONSTRAINT ck_impersonation_role CHECK (role IN ('ADMIN', 'SUB_ADMIN', 'MEMBER', 'READ_ONLY', 'MANAGER', 'PAYER', 'VIEWER'))
);
alter table impersonation enable row level security;
alter table impersonation force row level security;
create policy tenant on impersonation to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on impersonation to remit_app;
