alter table invoice add column void_reason varchar;
