-- As before, and one thing more: which member knocks is set at either door, for what is a member's alone.
create or replace function knock_session(p_hash bytea, p_place text, p_slug text, p_now timestamptz)
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
          set_config('remit.user', '', true), set_config('remit.member', '', true);
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
            set_config('remit.customer', coalesce(v_place.customer_id::text, ''), true),
            set_config('remit.member', v_place.id::text, true);
  end if;
  return query select v_session.id, v_session.user_id, v_place.id, v_place.partner_id, v_place.customer_id,
    v_place.role::text, v_place.name::text, v_session.last_seen_at, v_session.stepped_up_at, v_session.expires_at,
    extract(epoch from v_idle)::integer,
    coalesce(v_place.needs_factor and not has_second_factor(v_session.user_id), false);
end
$$;

-- As before, and whoever only looks is no member: neither of the staff nor of the customer.
create or replace function knock_impersonation(p_hash bytea, p_slug text, p_grant uuid, p_now timestamptz)
returns table (session_id uuid, user_id uuid, grant_id uuid, partner_id uuid, customer_id uuid, role text, name text,
               last_seen_at timestamptz, stepped_up_at timestamptz, expires_at timestamptz, idle_seconds integer,
               lacks_factor boolean, viewed_id uuid, staff_name text, staff_role text, ends_at timestamptz,
               is_over boolean)
language plpgsql security definer set search_path = public as $$
#variable_conflict use_column
declare
  v_staff record;
  v_grant record;
begin
  select * into v_staff from knock_session(p_hash, 'partner', p_slug, p_now);
  perform set_config('remit.partner', '', true), set_config('remit.customer', '', true),
          set_config('remit.user', '', true), set_config('remit.member', '', true),
          set_config('transaction_read_only', 'on', true);
  if v_staff.session_id is null then
    return;
  end if;
  select g.id, g.partner_id, g.customer_id, g.viewed_id, g.expires_at, coalesce(m.role, g.role)::text as role,
         m.name::text as name,
         coalesce(g.ended_at is not null or g.expires_at <= p_now or g.session_id <> v_staff.session_id
                  or c.status <> 'ACTIVE' or m.status <> 'ACTIVE' or m.customer_id <> g.customer_id, false) as is_over
  into v_grant
  from impersonation g
  join customer c on c.partner_id = g.partner_id and c.id = g.customer_id
  left join membership m on m.partner_id = g.partner_id and m.id = g.viewed_id
  where g.partner_id = v_staff.partner_id and g.id = p_grant and g.membership_id = v_staff.membership_id;
  if v_grant.id is not null and not v_grant.is_over then
    perform set_config('remit.partner', v_grant.partner_id::text, true),
            set_config('remit.customer', v_grant.customer_id::text, true);
  end if;
  return query select v_staff.session_id, v_staff.user_id, v_grant.id, v_grant.partner_id, v_grant.customer_id,
    v_grant.role, v_grant.name, v_staff.last_seen_at, v_staff.stepped_up_at, v_staff.expires_at,
    v_staff.idle_seconds, v_staff.lacks_factor, v_grant.viewed_id, v_staff.name, v_staff.role, v_grant.expires_at,
    coalesce(v_grant.is_over, false);
end
$$;

-- Whom a message is for: the other side's people. Whoever writes sees the message, but a customer's users do not
-- see the partner's staff.
create function note_unread_thread(p_message uuid) returns void
language sql security definer set search_path = public as $$
  insert into unread_thread as u (partner_id, member_id, thread_id, customer_id, since, until)
  select w.partner_id, m.id, w.thread_id, w.customer_id, w.created_at, w.created_at
  from invoice_thread_message w
  join membership m on m.partner_id = w.partner_id and m.status = 'ACTIVE'
    and m.customer_id is not distinct from case when w.is_from_partner then w.customer_id end
  where w.id = p_message and w.partner_id = nullif(current_setting('remit.partner', true), '')::uuid
    and (nullif(current_setting('remit.customer', true), '') is null
         or w.customer_id = nullif(current_setting('remit.customer', true), '')::uuid)
  order by m.id
  on conflict (partner_id, member_id, thread_id) do update set until = greatest(u.until, excluded.until)
$$;

-- What nobody opened for long, and of each member what lies deeper than the latest so many, of the partner at work.
create function drop_old_unread_threads(p_before timestamptz, p_most integer) returns integer
language sql security definer set search_path = public as $$
  with mine as (
    select nullif(current_setting('remit.partner', true), '')::uuid as partner_id
    where nullif(current_setting('remit.customer', true), '') is null
  ), many as (
    select u.partner_id, u.member_id from unread_thread u join mine on mine.partner_id = u.partner_id
    group by u.partner_id, u.member_id having count(*) > p_most
  ), deep as (
    select d.* from many cross join lateral (
      select u.partner_id, u.member_id, u.thread_id from unread_thread u
      where u.partner_id = many.partner_id and u.member_id = many.member_id
      order by u.until desc, u.thread_id desc offset p_most
    ) d
  ), gone as (
    delete from unread_thread u using mine
    where u.partner_id = mine.partner_id
      and (u.until < p_before or (u.partner_id, u.member_id, u.thread_id) in (select * from deep))
    returning 1
  )
  select count(*)::integer from gone
$$;

grant select on invoice_thread_message to remit_lookup;
grant select, insert, update (until), delete on unread_thread to remit_lookup;
alter function note_unread_thread(uuid) owner to remit_lookup;
alter function drop_old_unread_threads(timestamptz, integer) owner to remit_lookup;
revoke execute on function note_unread_thread(uuid), drop_old_unread_threads(timestamptz, integer) from public;
grant execute on function note_unread_thread(uuid), drop_old_unread_threads(timestamptz, integer) to remit_app;
