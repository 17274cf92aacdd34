-- The logs are append-only, but for one thing: whoever is erased is not named in them any more. Only the
-- function below gets through, for it runs as the look-up role, which no connection of ours can become.
create or replace function refuse_change() returns trigger
language plpgsql set search_path = public as $$
begin
  if current_user = 'remit_lookup' and tg_table_name = 'audit_event' and tg_op = 'UPDATE'
     and to_jsonb(new) - 'actor_name' = to_jsonb(old) - 'actor_name' and to_jsonb(new) ->> 'actor_name' = 'Erased user' then
    return new;
  end if;
  if current_user = 'remit_lookup' and tg_table_name = 'personal_event' and tg_op = 'DELETE' then
    return old;
  end if;
  raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
end
$$;

-- Only for who is erased already: the addresses say so.
create function erase_from_logs(p_user uuid, p_memberships uuid[]) returns void
language sql security definer set search_path = public as $$
  update audit_event set actor_name = 'Erased user'
  where actor_kind in ('STAFF', 'CUSTOMER_USER') and actor_id in (
    select id from membership where id = any(p_memberships) and email_key like '%@erased.invalid'
  );
  delete from personal_event where user_id in (
    select id from person where id = p_user and email_key like '%@erased.invalid'
  );
$$;

grant update (actor_name) on audit_event to remit_lookup;
grant select (actor_kind, actor_id) on audit_event to remit_lookup;
grant select (user_id), delete on personal_event to remit_lookup;
alter function erase_from_logs(uuid, uuid[]) owner to remit_lookup;
revoke execute on function erase_from_logs(uuid, uuid[]) from public;
grant execute on function erase_from_logs(uuid, uuid[]) to remit_app;
