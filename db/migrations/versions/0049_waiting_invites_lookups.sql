-- The newest invite of each place that an address has not accepted, unless that one was revoked; newest first.
create function find_waiting_invites(p_email_key text) returns table (partner_id uuid, invite_id uuid)
language sql stable security definer set search_path = public as $$
  select newest.partner_id, newest.id from (
    select distinct on (i.partner_id, i.membership_id)
      i.partner_id, i.id, i.created_at, i.accepted_at, i.revoked_at
    from invite i
    join membership m on (m.partner_id, m.id, m.email_key) = (i.partner_id, i.membership_id, i.email_key)
    where i.email_key = p_email_key and m.status = 'INVITED'
    order by i.partner_id, i.membership_id, i.created_at desc, i.id desc
  ) newest
  where newest.accepted_at is null and newest.revoked_at is null
  order by newest.created_at desc, newest.id desc
$$;

alter function find_waiting_invites(text) owner to remit_lookup;
revoke execute on function find_waiting_invites(text) from public;
grant execute on function find_waiting_invites(text) to remit_app;
