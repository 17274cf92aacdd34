alter table partner add column payment_instructions varchar;
