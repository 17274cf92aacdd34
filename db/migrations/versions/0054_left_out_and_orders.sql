-- The default stays: a process that started before this migration makes rows without this column.
alter table invoice add column left_out uuid[] not null default '{}', add column left_out_at timestamp with time zone;
alter table invoice add constraint ck_invoice_left_out_at_a_time check ((left_out = '{}') = (left_out_at is null));
create index ix_invoice_left_out on invoice (partner_id, due_on, id) where left_out_at is not null;
