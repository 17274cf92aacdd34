-- Why an invoice was voided: for the customer, too.
alter table invoice add column void_reason varchar;
-- In which browser a guest began to enter a card.
alter table payment_method_setup add column browser_hash bytea;
create index ix_payment_method_setup_link on payment_method_setup (partner_id, pay_link_id) where pay_link_id is not null;
