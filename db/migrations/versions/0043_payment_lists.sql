-- Payments are found by words, which whoever begins one writes down: a guest, too.
drop policy guest_insert on search_token;
create policy guest_insert on search_token as restrictive for insert to remit_app with check ((select nullif(current_setting('remit.invoice', true), '')::uuid is null) or kind = 'payment');
-- Payments from outside are sorted by amount and narrowed by the day they were received.
create index ix_outside_payment_amount on outside_payment (partner_id, amount_minor, id);
create index ix_outside_payment_received on outside_payment (partner_id, received_on, id);
