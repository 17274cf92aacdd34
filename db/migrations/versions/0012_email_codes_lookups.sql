-- Which code waits in the browser with this token, and whose it is.
create function find_mailed_code(p_hash bytea) returns table (code_id uuid, user_id uuid)
language sql stable security definer set search_path = public as $$
  select id, user_id from mailed_code where token_hash = p_hash
$$;

alter function find_mailed_code(bytea) owner to remit_lookup;
revoke execute on function find_mailed_code(bytea) from public;
grant execute on function find_mailed_code(bytea) to remit_app;
