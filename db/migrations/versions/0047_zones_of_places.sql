-- As before, and each place's time zone: what a person who chose none reads instants in.
drop function places_of_user();
create function places_of_user()
returns table (kind text, slug text, name text, role text, partner_name text, time_zone text)
language sql stable security definer set search_path = public as $$
  select case when m.customer_id is null then 'partner' else 'portal' end, coalesce(c.slug, p.slug),
         coalesce(c.company, p.name), m.role::text, p.name, coalesce(c.time_zone, p.time_zone)
  from membership m
  join partner p on p.id = m.partner_id
  left join customer c on c.partner_id = m.partner_id and c.id = m.customer_id
  where m.user_id = nullif(current_setting('remit.user', true), '')::uuid and m.status = 'ACTIVE'
    and (m.customer_id is null or c.status = 'ACTIVE')
  order by 3, 5, 2
$$;

alter function places_of_user() owner to remit_lookup;
revoke execute on function places_of_user() from public;
grant execute on function places_of_user() to remit_app;
