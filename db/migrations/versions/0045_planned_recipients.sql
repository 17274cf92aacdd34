-- The default stays: a process that started before this migration makes rows without this column.
alter table invoice add column send_to uuid[] not null default '{}';
alter table invoice add constraint ck_invoice_only_planned_addressed check (send_to = '{}' or send_on is not null);
