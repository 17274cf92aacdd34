-- What must be found before anybody is entered; each gives ids only.
create function find_partner(p_slug text) returns uuid
language sql stable security definer set search_path = public as $$
  select id from partner where slug = p_slug
$$;

create function find_access_link(p_hash bytea) returns table (partner_id uuid, link_id uuid)
language sql stable security definer set search_path = public as $$
  select partner_id, id from access_link where token_hash = p_hash
$$;

grant select on access_link to remit_lookup;
alter function find_partner(text) owner to remit_lookup;
alter function find_access_link(bytea) owner to remit_lookup;
revoke execute on function find_partner(text), find_access_link(bytea) from public;
grant execute on function find_partner(text), find_access_link(bytea) to remit_app;
