CREATE TABLE long_act (
  partner_id UUID NOT NULL,
  id UUID NOT NULL,
  noun VARCHAR(40) NOT NULL,
  what VARCHAR(40) NOT NULL,
  tag_ids UUID[] NOT NULL,
  archiving_id UUID,
  state VARCHAR(40) NOT NULL,
  total INTEGER NOT NULL,
  reached INTEGER NOT NULL,
  changed INTEGER NOT NULL,
  unchanged INTEGER NOT NULL,
  refused INTEGER NOT NULL,
  told JSONB NOT NULL,
  asked_by UUID NOT NULL,
  asked_by_name VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  finished_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_long_act PRIMARY KEY (partner_id, id),
  CONSTRAINT fk_long_act_partner_id FOREIGN KEY(partner_id) REFERENCES partner (id),
  CONSTRAINT ck_long_act_noun CHECK (noun IN ('CUSTOMERS', 'INVOICES')),
  CONSTRAINT ck_long_act_what CHECK (what IN ('TAG', 'UNTAG', 'ARCHIVE', 'RESTORE', 'UNDO')),
  CONSTRAINT ck_long_act_actstate CHECK (state IN ('RUNNING', 'DONE', 'STOPPED', 'NOT_ALLOWED', 'TAG_GONE'))
);
CREATE INDEX ix_long_act_running ON long_act (partner_id, noun, id) WHERE state = 'RUNNING';
alter table long_act enable row level security;
alter table long_act force row level security;
create policy tenant on long_act to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on long_act to remit_app;
create policy guest_insert on long_act as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on long_act as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on long_act as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
CREATE TABLE long_act_part (
  partner_id UUID NOT NULL,
  act_id UUID NOT NULL,
  position INTEGER NOT NULL,
  record_ids UUID[] NOT NULL,
  CONSTRAINT pk_long_act_part PRIMARY KEY (partner_id, act_id, position),
  CONSTRAINT fk_long_act_part_partner_id_act_id FOREIGN KEY(partner_id, act_id) REFERENCES long_act (partner_id, id) ON DELETE CASCADE
);
alter table long_act_part enable row level security;
alter table long_act_part force row level security;
create policy tenant on long_act_part to remit_app using (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null)) with check (partner_id = nullif(current_setting('remit.partner', true), '')::uuid and (select nullif(current_setting('remit.customer', true), '') is null));
grant select, insert, update, delete on long_act_part to remit_app;
create policy guest_insert on long_act_part as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_update on long_act_part as restrictive for update to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
create policy guest_delete on long_act_part as restrictive for delete to remit_app using ((select nullif(current_setting('remit.invoice', true), '')::uuid is null));
