-- Whose link it is, before anybody is entered; ids only.
create function find_pay_link(p_hash bytea) returns table (partner_id uuid, link_id uuid)
language sql stable security definer set search_path = public as $$
  select partner_id, id from pay_link where token_hash = p_hash
$$;

grant select on pay_link to remit_lookup;
alter function find_pay_link(bytea) owner to remit_lookup;
revoke execute on function find_pay_link(bytea) from public;
grant execute on function find_pay_link(bytea) to remit_app;
