CREATE TABLE customer_view (
	partner_id UUID NOT NULL, 
	id UUID NOT NULL, 
	name VARCHAR NOT NULL, 
	name_key VARCHAR COLLATE "C" NOT NULL, 
	is_shared BOOLEAN NOT NULL, 
	created_by UUID, 
	search VARCHAR, 
	tag_ids UUID[] NOT NULL, 
	tag_match VARCHAR(40) NOT NULL, 
	status VARCHAR(40) NOT NULL, 
	country VARCHAR(40), 
	balance VARCHAR(40) NOT NULL, 
	balance_from_minor BIGINT, 
	balance_to_minor BIGINT, 
	is_overdue BOOLEAN NOT NULL, 
	sort VARCHAR(40) NOT NULL, 
	version INTEGER NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	CONSTRAINT pk_customer_view PRIMARY KEY (partner_id, id), 
	CONSTRAINT fk_customer_view_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
	CONSTRAINT fk_customer_view_partner_id_created_by FOREIGN KEY(partner_id, created_by) REFERENCES membership (partner_id, id), 
	CONSTRAINT ck_customer_view_somebodys CHECK (is_shared or created_by is not null), 
	CONSTRAINT ck_customer_view_bounds CHECK (balance_from_minor <= balance_to_minor), 
	CONSTRAINT ck_customer_view_tagmatch CHECK (tag_match IN ('ANY', 'ALL')), 
	CONSTRAINT ck_customer_view_wantedstatus CHECK (status IN ('NOT_ARCHIVED', 'ACTIVE', 'SETUP', 'ARCHIVED', 'ANY')), 
	CONSTRAINT ck_customer_view_country CHECK (country IN ('US', 'CA')), 
	CONSTRAINT ck_customer_view_wantedbalance CHECK (balance IN ('ANY', 'SOME', 'NONE')), 
	CONSTRAINT ck_customer_view_customersort CHECK (sort IN ('COMPANY_ASC', 'COMPANY_DESC', 'BALANCE_DESC', 'CREATED_AT_DESC', 'UPDATED_AT_DESC'))
);
CREATE INDEX ix_customer_view_name ON customer_view (partner_id, name_key, id);
CREATE UNIQUE INDEX uq_customer_view_own ON customer_view (partner_id, created_by, name_key) WHERE not is_shared;
CREATE UNIQUE INDEX uq_customer_view_shared ON customer_view (partner_id, name_key) WHERE is_shared;
alter table customer_view enable row level security;
alter table customer_view force row level security;
create policy tenant on customer_view to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null) and (is_shared or created_by = nullif(current_setting('remit.member', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null) and (is_shared or created_by = nullif(current_setting('remit.member', true), '')::uuid));
grant select, insert, update, delete on customer_view to remit_app;
