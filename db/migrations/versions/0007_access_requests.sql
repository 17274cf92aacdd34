CREATE TABLE access_link (
	partner_id UUID NOT NULL, 
	id UUID NOT NULL, 
	email VARCHAR NOT NULL, 
	email_key VARCHAR COLLATE "C" NOT NULL, 
	token_hash BYTEA NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	used_at TIMESTAMP WITH TIME ZONE, 
	CONSTRAINT pk_access_link PRIMARY KEY (partner_id, id), 
	CONSTRAINT fk_access_link_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
	CONSTRAINT uq_access_link_token_hash UNIQUE (token_hash)
);
alter table access_link enable row level security;
alter table access_link force row level security;
create policy tenant on access_link to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on access_link to remit_app;
CREATE TABLE access_request (
	partner_id UUID NOT NULL, 
	id UUID NOT NULL, 
	status VARCHAR(40) NOT NULL, 
	name VARCHAR NOT NULL, 
	email VARCHAR NOT NULL, 
	email_key VARCHAR COLLATE "C" NOT NULL, 
	company VARCHAR NOT NULL, 
	message VARCHAR, 
	membership_id UUID, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	resolved_at TIMESTAMP WITH TIME ZONE, 
	CONSTRAINT pk_access_request PRIMARY KEY (partner_id, id), 
	CONSTRAINT fk_access_request_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id), 
	CONSTRAINT fk_access_request_partner_id_membership_id FOREIGN KEY(partner_id, membership_id) REFERENCES membership (partner_id, id), 
	CONSTRAINT ck_access_request_approved_has_user CHECK ((status = 'APPROVED') = (membership_id is not null)), 
	CONSTRAINT ck_access_request_resolved_has_time CHECK ((status = 'OPEN') = (resolved_at is null)), 
	CONSTRAINT ck_access_request_accessstatus CHECK (status IN ('OPEN', 'APPROVED', 'DENIED', 'EXPIRED'))
);
CREATE INDEX ix_access_request_created ON access_request (partner_id, created_at, id);
CREATE INDEX ix_access_request_status ON access_request (partner_id, status, created_at, id);
CREATE UNIQUE INDEX uq_access_request_open ON access_request (partner_id, email_key) WHERE status = 'OPEN';
alter table access_request enable row level security;
alter table access_request force row level security;
create policy tenant on access_request to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on access_request to remit_app;
