-- Look-ups before a tenant is known: a closed list. Each is owned by a role that may read past row-level
-- security, takes a hash or a key, and gives back ids and what an actor is, never a record.

create function find_user(p_email_key text) returns uuid
language sql stable security definer set search_path = public as $$
  select id from person where email_key = p_email_key
$$;

-- Whoever is staff anywhere is signed out of everything sooner: else a look at the portal would keep the
-- dashboard open. Not for the app role: only the two functions below ask.
create function works_for_a_partner(p_user uuid) returns boolean
language sql stable as $$
  select exists (select 1 from membership where user_id = p_user and customer_id is null and status = 'ACTIVE')
$$;

create function find_session(p_hash bytea, p_now timestamptz)
returns table (session_id uuid, user_id uuid)
language sql stable security definer set search_path = public as $$
  select s.id, s.user_id from session s join person u on u.id = s.user_id
  where s.token_hash = p_hash and s.ended_at is null and s.expires_at > p_now
    and s.last_seen_at > p_now - case when works_for_a_partner(s.user_id) then interval '30 minutes'
                                      else interval '2 hours' end
    and u.disabled_at is null
$$;

create function find_device(p_hash bytea) returns table (device_id uuid, user_id uuid)
language sql stable security definer set search_path = public as $$
  select id, user_id from device where token_hash = p_hash
$$;

create function find_personal_token(p_hash bytea) returns table (token_id uuid, user_id uuid)
language sql stable security definer set search_path = public as $$
  select id, user_id from personal_token where token_hash = p_hash
$$;

create function find_invite(p_hash bytea) returns table (partner_id uuid, invite_id uuid)
language sql stable security definer set search_path = public as $$
  select partner_id, id from invite where token_hash = p_hash
$$;

create function find_gateway_account(p_gateway text, p_account text) returns uuid
language sql stable security definer set search_path = public as $$
  select partner_id from gateway_account where gateway = p_gateway and account = p_account
$$;

create function partner_ids() returns setof uuid
language sql stable security definer set search_path = public as $$
  select id from partner order by id
$$;

-- Count one try under a hashed name; the answer is how many were made since the window began.
create function count_try(p_name bytea, p_window interval, p_now timestamptz) returns integer
language sql security definer set search_path = public as $$
  insert into throttle_bucket (name_hash, began_at, tries) values (p_name, p_now, 1)
  on conflict (name_hash) do update set
    began_at = case when throttle_bucket.began_at <= p_now - p_window then p_now else throttle_bucket.began_at end,
    tries = case when throttle_bucket.began_at <= p_now - p_window then 1 else throttle_bucket.tries + 1 end
  returning tries
$$;

-- Take back one counted try that was a right one, unless a new window began since.
create function return_try(p_name bytea, p_counted_at timestamptz) returns void
language sql security definer set search_path = public as $$
  update throttle_bucket set tries = tries - 1
  where name_hash = p_name and began_at <= p_counted_at and tries > 0
$$;

create function drop_old_tries(p_before timestamptz) returns integer
language sql security definer set search_path = public as $$
  with gone as (delete from throttle_bucket where began_at < p_before returning 1) select count(*)::int from gone
$$;

-- Who knocks with this key or token? Sets the tenant for the rest of the transaction.
create function knock_key(p_hash bytea, p_now timestamptz)
returns table (kind text, id uuid, partner_id uuid, customer_id uuid, role text, scopes text[],
               name text, origins text[], expires_at timestamptz)
language plpgsql security definer set search_path = public as $$
#variable_conflict use_column
begin
  perform set_config('remit.partner', '', true), set_config('remit.customer', '', true),
          set_config('remit.user', '', true);
  select 'API_KEY', k.id, k.partner_id, null, null, k.scopes, k.name, '{}'::text[], k.expires_at
  into kind, id, partner_id, customer_id, role, scopes, name, origins, expires_at
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
  perform set_config('remit.partner', knock_key.partner_id::text, true),
          set_config('remit.customer', coalesce(knock_key.customer_id::text, ''), true);
  return next;
end
$$;

-- Who knocks with this session at this place? No row: no live session. A row without a membership: a
-- person who has no place there, which must look like a place that does not exist.
create function knock_session(p_hash bytea, p_place text, p_slug text, p_now timestamptz)
returns table (session_id uuid, user_id uuid, membership_id uuid, partner_id uuid, customer_id uuid,
               role text, name text, last_seen_at timestamptz, stepped_up_at timestamptz, expires_at timestamptz,
               idle_seconds integer)
language plpgsql security definer set search_path = public as $$
#variable_conflict use_column
declare
  v_session session%rowtype;
  v_place record;
  v_idle interval;
begin
  perform set_config('remit.partner', '', true), set_config('remit.customer', '', true),
          set_config('remit.user', '', true);
  select s.* into v_session from session s join person u on u.id = s.user_id
  where s.token_hash = p_hash and s.ended_at is null and s.expires_at > p_now and u.disabled_at is null;
  if not found then
    return;
  end if;
  v_idle := case when p_place = 'partner' or works_for_a_partner(v_session.user_id)
                 then interval '30 minutes' else interval '2 hours' end;
  if v_session.last_seen_at <= p_now - v_idle then
    return;
  end if;
  -- Seen, noted once a minute; whoever else is noting it just now does it for us.
  if v_session.last_seen_at <= p_now - interval '1 minute' then
    update session set last_seen_at = p_now
    where id = (select s.id from session s where s.id = v_session.id for update skip locked);
  end if;
  if p_place = 'partner' then
    select m.id, m.partner_id, m.customer_id, m.role, m.name into v_place
    from membership m join partner p on p.id = m.partner_id
    where p.slug = p_slug and m.customer_id is null and m.user_id = v_session.user_id and m.status = 'ACTIVE';
  else
    select m.id, m.partner_id, m.customer_id, m.role, m.name into v_place
    from membership m join customer c on c.partner_id = m.partner_id and c.id = m.customer_id
    where c.slug = p_slug and c.status = 'ACTIVE' and m.user_id = v_session.user_id and m.status = 'ACTIVE';
  end if;
  if v_place.id is not null then
    perform set_config('remit.partner', v_place.partner_id::text, true),
            set_config('remit.customer', coalesce(v_place.customer_id::text, ''), true);
  end if;
  return query select v_session.id, v_session.user_id, v_place.id, v_place.partner_id, v_place.customer_id,
    v_place.role::text, v_place.name::text, v_session.last_seen_at, v_session.stepped_up_at, v_session.expires_at,
    extract(epoch from v_idle)::integer;
end
$$;

-- Where the person whom the transaction entered may act now: what the account switcher lists.
create function places_of_user()
returns table (kind text, slug text, name text, role text, partner_name text)
language sql stable security definer set search_path = public as $$
  select case when m.customer_id is null then 'partner' else 'portal' end, coalesce(c.slug, p.slug),
         coalesce(c.company, p.name), m.role::text, p.name
  from membership m
  join partner p on p.id = m.partner_id
  left join customer c on c.partner_id = m.partner_id and c.id = m.customer_id
  where m.user_id = nullif(current_setting('remit.user', true), '')::uuid and m.status = 'ACTIVE'
    and (m.customer_id is null or c.status = 'ACTIVE')
  order by 3, 5, 2
$$;

-- A ledger entry must balance per currency and have at least two legs when the transaction commits.
create function check_ledger_entry() returns trigger
language plpgsql security definer set search_path = public as $$
declare
  v_entry uuid := case tg_table_name when 'ledger_entry' then new.id else (to_jsonb(new) ->> 'entry_id')::uuid end;
begin
  if exists (select 1 from ledger_posting p where p.partner_id = new.partner_id and p.entry_id = v_entry
             group by p.currency having sum(p.amount_minor) <> 0)
     or (select count(*) from ledger_posting p where p.partner_id = new.partner_id and p.entry_id = v_entry) < 2 then
    raise exception 'ledger entry % does not balance', v_entry using errcode = 'check_violation';
  end if;
  return null;
end
$$;

-- Stands where a value can't be missing: a null among concatenated JSON texts would swallow the record unseen.
create function must(p_name text) returns text
language plpgsql volatile set search_path = public as $$
begin
  raise exception '% has no value', p_name using errcode = 'not_null_violation';
end
$$;

create function refuse_change() returns trigger
language plpgsql set search_path = public as $$
begin
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

-- What an attempt was is fixed when it begins, and a final state only moves to what can follow it.
create function refuse_turning_back() returns trigger
language plpgsql set search_path = public as $$
begin
  if (new.customer_id, new.amount_minor, new.currency, new.payment_method_id, new.gateway, new.gateway_account,
      new.gateway_key, new.created_at) is distinct from
     (old.customer_id, old.amount_minor, old.currency, old.payment_method_id, old.gateway, old.gateway_account,
      old.gateway_key, old.created_at)
     or (old.gateway_ref is not null and new.gateway_ref is distinct from old.gateway_ref) then
    raise exception 'what payment % is about does not change', old.id using errcode = 'check_violation';
  end if;
  if new.status <> old.status and (
       old.status in ('FAILED', 'CANCELED', 'RETURNED', 'REFUNDED')
       or (old.status in ('SUCCEEDED', 'DISPUTED', 'PARTIALLY_REFUNDED')
           and new.status not in ('SUCCEEDED', 'RETURNED', 'DISPUTED', 'REFUNDED', 'PARTIALLY_REFUNDED'))) then
    raise exception 'payment % is % for good', old.id, old.status using errcode = 'check_violation';
  end if;
  return new;
end
$$;

-- What was issued is never rewritten: an invoice keeps what it claims, its lines stay as they were sent.
create function refuse_rewriting() returns trigger
language plpgsql set search_path = public as $$
begin
  if tg_table_name = 'invoice_line' then
    if (to_jsonb(old) ->> 'issued')::boolean then
      raise exception 'a line of an issued invoice does not change' using errcode = 'check_violation';
    end if;
  elsif (to_jsonb(old) ->> 'status') <> 'DRAFT' then
    if tg_op = 'DELETE'
       or to_jsonb(new) - '{status,paid_minor,reserved_minor,memo,internal_note,version,updated_at,sent_at,paid_at,voided_at}'::text[]
          <> to_jsonb(old) - '{status,paid_minor,reserved_minor,memo,internal_note,version,updated_at,sent_at,paid_at,voided_at}'::text[]
    then
      raise exception 'an issued invoice does not change: void it and make another' using errcode = 'check_violation';
    end if;
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;

create trigger issued_stays before update or delete on invoice for each row execute function refuse_rewriting();
create trigger issued_stays before update or delete on invoice_line for each row execute function refuse_rewriting();
create trigger only_forward before update on payment for each row execute function refuse_turning_back();

create constraint trigger balanced after insert on ledger_entry
  deferrable initially deferred for each row execute function check_ledger_entry();
create constraint trigger balanced after insert on ledger_posting
  deferrable initially deferred for each row execute function check_ledger_entry();
create trigger append_only before update or delete on ledger_entry for each row execute function refuse_change();
create trigger append_only before update or delete on ledger_posting for each row execute function refuse_change();
create trigger append_only before update or delete on audit_event for each row execute function refuse_change();
create trigger append_only before update or delete on personal_event for each row execute function refuse_change();

grant select on person, session, device, personal_token, invite, gateway_account, partner, customer, membership,
  api_key, portal_token, ledger_posting to remit_lookup;
grant select, insert, update, delete on throttle_bucket to remit_lookup;
grant update (last_seen_at) on session to remit_lookup;

alter function find_user(text) owner to remit_lookup;
alter function find_session(bytea, timestamptz) owner to remit_lookup;
alter function find_device(bytea) owner to remit_lookup;
alter function find_personal_token(bytea) owner to remit_lookup;
alter function find_invite(bytea) owner to remit_lookup;
alter function find_gateway_account(text, text) owner to remit_lookup;
alter function partner_ids() owner to remit_lookup;
alter function count_try(bytea, interval, timestamptz) owner to remit_lookup;
alter function return_try(bytea, timestamptz) owner to remit_lookup;
alter function drop_old_tries(timestamptz) owner to remit_lookup;
alter function knock_key(bytea, timestamptz) owner to remit_lookup;
alter function knock_session(bytea, text, text, timestamptz) owner to remit_lookup;
alter function places_of_user() owner to remit_lookup;
alter function works_for_a_partner(uuid) owner to remit_lookup;
alter function check_ledger_entry() owner to remit_lookup;

revoke execute on function find_user(text), find_session(bytea, timestamptz), find_device(bytea),
  find_personal_token(bytea), find_invite(bytea), find_gateway_account(text, text), partner_ids(),
  count_try(bytea, interval, timestamptz), return_try(bytea, timestamptz),
  drop_old_tries(timestamptz), knock_key(bytea, timestamptz), knock_session(bytea, text, text, timestamptz),
  places_of_user(), works_for_a_partner(uuid)
  from public;
grant execute on function find_user(text), find_session(bytea, timestamptz), find_device(bytea),
  find_personal_token(bytea), find_invite(bytea), find_gateway_account(text, text), partner_ids(),
  count_try(bytea, interval, timestamptz), return_try(bytea, timestamptz),
  drop_old_tries(timestamptz), knock_key(bytea, timestamptz), knock_session(bytea, text, text, timestamptz),
  places_of_user()
  to remit_app;
