alter table invoice add column archived_at timestamp with time zone, add column archiving_id uuid;
alter table invoice add constraint ck_invoice_archived_in_an_act check ((archived_at is null) = (archiving_id is null));
alter table invoice add constraint ck_invoice_only_ended_archived check (archived_at is null or status in ('PAID', 'VOID', 'UNCOLLECTIBLE'));
create index ix_invoice_archived on invoice (partner_id, due_on, id) where archived_at is not null;
create index ix_invoice_archiving on invoice (partner_id, archiving_id) where archiving_id is not null;
