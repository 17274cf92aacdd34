alter table partner add column first_invoice_number bigint not null default 1;
alter table partner add constraint ck_partner_first_number_before_next check (first_invoice_number between 1 and next_invoice_number);
