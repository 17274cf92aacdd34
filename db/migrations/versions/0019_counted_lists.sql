drop index ix_invoice_customer_due;
create index ix_invoice_customer_due on invoice (partner_id, customer_id, due_on, id) include (status);
