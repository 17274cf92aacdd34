alter table customer_import add column separator varchar not null default ',';
alter table customer_import alter column separator drop default;
