-- Is there a way of proving it twice? Not for the app role: only the two functions below ask.
create function has_second_factor(p_user uuid) returns boolean
language sql stable as $$
  select exists (select 1 from totp_factor where user_id = p_user and confirmed_at is not null)
$$;

-- As before, and one thing more: does the partner ask for a second factor that the person has not? Then no
-- door opens at this place until there is one (auth.sessions.FactorNeeded).
drop function knock_session(bytea, text, text, timestamptz);
create function knock_session(p_hash bytea, p_place text, p_slug text, p_now timestamptz)
returns table (session_id uuid, user_id uuid, membership_id uuid, partner_id uuid, customer_id uuid,
               role text, name text, last_seen_at timestamptz, stepped_up_at timestamptz, expires_at timestamptz,
               idle_seconds integer, lacks_factor boolean)
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
    select m.id, m.partner_id, m.customer_id, m.role, m.name, p.staff_need_factor as needs_factor into v_place
    from membership m join partner p on p.id = m.partner_id
    where p.slug = p_slug and m.customer_id is null and m.user_id = v_session.user_id and m.status = 'ACTIVE';
  else
    select m.id, m.partner_id, m.customer_id, m.role, m.name, p.users_need_factor as needs_factor into v_place
    from membership m join customer c on c.partner_id = m.partner_id and c.id = m.customer_id
    join partner p on p.id = m.partner_id
    where c.slug = p_slug and c.status = 'ACTIVE' and m.user_id = v_session.user_id and m.status = 'ACTIVE';
  end if;
  if v_place.id is not null then
    perform set_config('remit.partner', v_place.partner_id::text, true),
            set_config('remit.customer', coalesce(v_place.customer_id::text, ''), true);
  end if;
  return query select v_session.id, v_session.user_id, v_place.id, v_place.partner_id, v_place.customer_id,
    v_place.role::text, v_place.name::text, v_session.last_seen_at, v_session.stepped_up_at, v_session.expires_at,
    extract(epoch from v_idle)::integer,
    coalesce(v_place.needs_factor and not has_second_factor(v_session.user_id), false);
end
$$;

-- Which places of the person whom the transaction entered open only with a second factor.
create function places_that_need_factor() returns table (kind text, slug text, name text)
language sql stable security definer set search_path = public as $$
  select case when m.customer_id is null then 'partner' else 'portal' end, coalesce(c.slug, p.slug),
         case when m.customer_id is null then p.name else c.company || ' (' || p.name || ')' end
  from membership m
  join partner p on p.id = m.partner_id
  left join customer c on c.partner_id = m.partner_id and c.id = m.customer_id
  where m.user_id = nullif(current_setting('remit.user', true), '')::uuid and m.status = 'ACTIVE'
    and (m.customer_id is null or c.status = 'ACTIVE')
    and case when m.customer_id is null then p.staff_need_factor else p.users_need_factor end
  order by 3, 2
$$;

-- Whose logo has this name: browsers ask for it before anybody is known.
create function find_logo(p_name text) returns table (partner_id uuid, logo_id uuid)
language sql stable security definer set search_path = public as $$
  select partner_id, id from partner_logo where name = p_name
$$;

grant select on totp_factor, partner_logo to remit_lookup;
alter function has_second_factor(uuid) owner to remit_lookup;
alter function knock_session(bytea, text, text, timestamptz) owner to remit_lookup;
alter function places_that_need_factor() owner to remit_lookup;
alter function find_logo(text) owner to remit_lookup;
revoke execute on function has_second_factor(uuid), knock_session(bytea, text, text, timestamptz),
  places_that_need_factor(), find_logo(text) from public;
grant execute on function knock_session(bytea, text, text, timestamptz), places_that_need_factor(),
  find_logo(text) to remit_app;
