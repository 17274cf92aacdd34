-- Whose mail a delivery notice is about.
create function find_mail(p_mail uuid) returns uuid
language sql stable security definer set search_path = public as $$
  select partner_id from mail where id::text = p_mail::text
$$;

grant select on mail to remit_lookup;
alter function find_mail(uuid) owner to remit_lookup;
revoke execute on function find_mail(uuid) from public;
grant execute on function find_mail(uuid) to remit_app;
-- Those that left before went to the address their reader still has, as far as anybody can tell.
update mail set address = m.email from membership m
  where m.partner_id = mail.partner_id and m.id = mail.membership_id and mail.status in ('SENT', 'QUEUED');
