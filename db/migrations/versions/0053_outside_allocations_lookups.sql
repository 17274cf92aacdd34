create trigger append_only before update or delete on outside_payment_allocation for each row execute function refuse_change();
-- What a payment from outside is for is all of it. A process that started before this migration says no shares:
-- then all is for the payment's one invoice.
create function share_out_whole() returns trigger
language plpgsql set search_path = public as $$
begin
  insert into outside_payment_allocation (partner_id, id, customer_id, payment_id, invoice_id, amount_minor)
  select new.partner_id, gen_random_uuid(), new.customer_id, new.id, new.invoice_id, new.amount_minor - new.kept_minor
  where not exists (
    select from outside_payment_allocation a where a.partner_id = new.partner_id and a.payment_id = new.id);
  if new.amount_minor - new.kept_minor is distinct from (
    select sum(a.amount_minor) from outside_payment_allocation a
    where a.partner_id = new.partner_id and a.payment_id = new.id)
  then
    raise exception 'the shares of a payment from outside do not make its amount' using errcode = 'check_violation';
  end if;
  return null;
end
$$;
create constraint trigger shared_out after insert on outside_payment
  deferrable initially deferred for each row execute function share_out_whole();
