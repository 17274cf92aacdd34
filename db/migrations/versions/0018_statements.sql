create index ix_ledger_entry_customer_at on ledger_entry (partner_id, customer_id, at, id);
