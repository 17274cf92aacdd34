-- Who looks through this grant? As knock_session at the partner's dashboard, whose answers these are: no row, no
-- live session; a row without a grant: nothing of theirs. Only a grant that opens sets the tenant, as one customer.
-- Whatever it finds, nothing can be written in this transaction from here on, and PostgreSQL takes no way back.
create function knock_impersonation(p_hash bytea, p_slug text, p_grant uuid, p_now timestamptz)
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
          set_config('remit.user', '', true), set_config('transaction_read_only', 'on', true);
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

grant select on impersonation to remit_lookup;
grant execute on function knock_session(bytea, text, text, timestamptz) to remit_lookup;
alter function knock_impersonation(bytea, text, uuid, timestamptz) owner to remit_lookup;
revoke execute on function knock_impersonation(bytea, text, uuid, timestamptz) from public;
grant execute on function knock_impersonation(bytea, text, uuid, timestamptz) to remit_app;
