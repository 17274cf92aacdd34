-- Who knocks with this key or token? Sets the tenant for the rest of the transaction, and notes that a key is used.
create or replace function knock_key(p_hash bytea, p_now timestamptz)
returns table (kind text, id uuid, partner_id uuid, customer_id uuid, role text, scopes text[],
               name text, origins text[], expires_at timestamptz)
language plpgsql security definer set search_path = public as $$
#variable_conflict use_column
declare
  v_used timestamptz;
begin
  perform set_config('remit.partner', '', true), set_config('remit.customer', '', true),
          set_config('remit.user', '', true);
  select 'API_KEY', k.id, k.partner_id, null, null, k.scopes, k.name, '{}'::text[], k.expires_at, k.last_used_at
  into kind, id, partner_id, customer_id, role, scopes, name, origins, expires_at, v_used
  from api_key k
  where k.token_hash = p_hash and k.revoked_at is null and (k.expires_at is null or k.expires_at > p_now);
  if not found then
    select 'PORTAL_TOKEN', t.id, t.partner_id, t.customer_id, 'PAYER', '{}'::text[], c.company, t.origins,
           t.expires_at
    into kind, id, partner_id, customer_id, role, scopes, name, origins, expires_at
    from portal_token t
    join customer c on c.partner_id = t.partner_id and c.id = t.customer_id and c.status = 'ACTIVE'
    join api_key k on k.partner_id = t.partner_id and k.id = t.api_key_id and k.revoked_at is null
    where t.token_hash = p_hash and t.expires_at > p_now;
  end if;
  if not found then
    return;
  end if;
  -- Used, noted once a minute; whoever else is noting it just now does it for us.
  if kind = 'API_KEY' and (v_used is null or v_used <= p_now - interval '1 minute') then
    update api_key set last_used_at = p_now
    where (api_key.partner_id, api_key.id) in (
      select k.partner_id, k.id from api_key k
      where k.partner_id = knock_key.partner_id and k.id = knock_key.id for update skip locked);
  end if;
  perform set_config('remit.partner', knock_key.partner_id::text, true),
          set_config('remit.customer', coalesce(knock_key.customer_id::text, ''), true);
  return next;
end
$$;

grant update (last_used_at) on api_key to remit_lookup;
