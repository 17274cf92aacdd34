alter table invoice_import add column date_format varchar(40);
alter table invoice_import add constraint ck_invoice_import_dateformat check (date_format in ('ISO', 'MONTH_FIRST', 'DAY_FIRST'));
alter table invoice_import add column number_format varchar(40);
alter table invoice_import add constraint ck_invoice_import_numberformat check (number_format in ('POINT', 'COMMA'));
-- Imports that were checked before were read so. The guard binds the owner too, and no tenant is set here.
alter table invoice_import no force row level security;
update invoice_import set date_format = 'ISO', number_format = 'POINT' where state in ('CHECKING', 'CHECKED', 'RUNNING');
alter table invoice_import force row level security;
