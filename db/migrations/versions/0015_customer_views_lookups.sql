-- As before, and one thing more: which member of the partner's staff knocks, who alone sees what they keep for
-- themselves. Keys and impersonations never set it; and a customer's door, or staff who look through one, see no
-- row of such a table whoever is set (`Guard.SHARED`).
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
            set_config('remit.member', case when v_place.customer_id is null then v_place.id::text else '' end, true);
  end if;
  return query select v_session.id, v_session.user_id, v_place.id, v_place.partner_id, v_place.customer_id,
    v_place.role::text, v_place.name::text, v_session.last_seen_at, v_session.stepped_up_at, v_session.expires_at,
    extract(epoch from v_idle)::integer,
    coalesce(v_place.needs_factor and not has_second_factor(v_session.user_id), false);
end
$$;

-- Merging tags: whatever view asked for the one asks for the other, also those that whoever merges can't see.
create function merge_tag_in_views(p_gone uuid, p_stays uuid, p_now timestamptz) returns void
language sql security definer set search_path = public as $$
  update customer_view v
  set tag_ids = m.ids, tag_match = case when cardinality(m.ids) > 1 then v.tag_match else 'ANY' end,
      version = v.version + 1, updated_at = p_now
  from customer_view w, lateral (
    select array(select distinct case when id = p_gone then p_stays else id end from unnest(w.tag_ids) id order by 1)
  ) m(ids)
  where (w.partner_id, w.id) = (v.partner_id, v.id) and p_gone = any (v.tag_ids)
    and v.partner_id = nullif(current_setting('remit.partner', true), '')::uuid
    and nullif(current_setting('remit.customer', true), '') is null
$$;

grant select, update (tag_ids, tag_match, version, updated_at) on customer_view to remit_lookup;
alter function merge_tag_in_views(uuid, uuid, timestamptz) owner to remit_lookup;
revoke execute on function merge_tag_in_views(uuid, uuid, timestamptz) from public;
grant execute on function merge_tag_in_views(uuid, uuid, timestamptz) to remit_app;
