CREATE TABLE invoice_thread (
	partner_id UUID NOT NULL, 
	id UUID NOT NULL, 
	customer_id UUID NOT NULL, 
	invoice_id UUID NOT NULL, 
	line_id UUID, 
	kind VARCHAR(40) NOT NULL, 
	state VARCHAR(40) NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	updated_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	resolved_at TIMESTAMP WITH TIME ZONE, 
	resolved_by VARCHAR, 
	resolver_id UUID, 
	CONSTRAINT pk_invoice_thread PRIMARY KEY (partner_id, id), 
	CONSTRAINT fk_invoice_thread_partner_id_customer_id_invoice_id FOREIGN KEY(partner_id, customer_id, invoice_id) REFERENCES invoice (partner_id, customer_id, id), 
	CONSTRAINT fk_invoice_thread_partner_id_customer_id_invoice_id_line_id FOREIGN KEY(partner_id, customer_id, invoice_id, line_id) REFERENCES invoice_line (partner_id, customer_id, invoice_id, id), 
	CONSTRAINT uq_invoice_thread_partner_id_customer_id_id UNIQUE (partner_id, customer_id, id), 
	CONSTRAINT ck_invoice_thread_resolved_has_time CHECK ((state = 'RESOLVED') = (resolved_at is not null)), 
	CONSTRAINT ck_invoice_thread_resolved_has_name CHECK ((resolved_at is null) = (resolved_by is null)), 
	CONSTRAINT ck_invoice_thread_threadkind CHECK (kind IN ('QUESTION', 'DISPUTE')), 
	CONSTRAINT ck_invoice_thread_threadstate CHECK (state IN ('OPEN', 'RESOLVED'))
);
CREATE INDEX ix_invoice_thread_customer ON invoice_thread (partner_id, customer_id, updated_at, id);
CREATE INDEX ix_invoice_thread_invoice ON invoice_thread (partner_id, invoice_id, updated_at, id);
CREATE INDEX ix_invoice_thread_state ON invoice_thread (partner_id, state, updated_at, id);
CREATE INDEX ix_invoice_thread_updated ON invoice_thread (partner_id, updated_at, id);
alter table invoice_thread enable row level security;
alter table invoice_thread force row level security;
create policy tenant on invoice_thread to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on invoice_thread to remit_app;
CREATE TABLE invoice_thread_message (
	partner_id UUID NOT NULL, 
	id UUID NOT NULL, 
	customer_id UUID NOT NULL, 
	thread_id UUID NOT NULL, 
	text VARCHAR NOT NULL, 
	is_from_partner BOOLEAN NOT NULL, 
	author_kind VARCHAR NOT NULL, 
	author_id UUID, 
	author_name VARCHAR NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
	CONSTRAINT pk_invoice_thread_message PRIMARY KEY (partner_id, id), 
	CONSTRAINT fk_invoice_thread_message_partner_id_customer_id_thread_id FOREIGN KEY(partner_id, customer_id, thread_id) REFERENCES invoice_thread (partner_id, customer_id, id)
);
CREATE INDEX ix_invoice_thread_message_thread ON invoice_thread_message (partner_id, thread_id, created_at, id);
alter table invoice_thread_message enable row level security;
alter table invoice_thread_message force row level security;
create policy tenant on invoice_thread_message to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and ((select nullif(current_setting('remit.customer', true), '') is null) or customer_id = nullif(current_setting('remit.customer', true), '')::uuid));
grant select, insert, update, delete on invoice_thread_message to remit_app;
