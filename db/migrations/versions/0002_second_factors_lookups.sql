-- What must be found before anybody is entered; each gives ids only.
create function find_pending_sign_in(p_hash bytea) returns table (pending_id uuid, user_id uuid)
language sql stable security definer set search_path = public as $$
  select id, user_id from pending_sign_in where token_hash = p_hash
$$;

create function people_with_seeds() returns setof uuid
language sql stable security definer set search_path = public as $$
  select distinct user_id from totp_factor order by user_id
$$;

alter function find_pending_sign_in(bytea) owner to remit_lookup;
alter function people_with_seeds() owner to remit_lookup;
revoke execute on function find_pending_sign_in(bytea), people_with_seeds() from public;
grant execute on function find_pending_sign_in(bytea), people_with_seeds() to remit_app;
