-- What was written down about money stays: only its end is ever added, once.
create function refuse_forgetting() returns trigger
language plpgsql set search_path = public as $$
begin
  if tg_op = 'DELETE'
     or coalesce(to_jsonb(old) ->> 'reversed_at', to_jsonb(old) ->> 'reopened_at') is not null
     or to_jsonb(new) - '{reversed_at,reversal_reason,reopened_at,updated_at}'::text[]
        <> to_jsonb(old) - '{reversed_at,reversal_reason,reopened_at,updated_at}'::text[]
  then
    raise exception 'what was written down of money does not change' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger only_ended before update or delete on outside_payment for each row execute function refuse_forgetting();
create trigger only_ended before update or delete on invoice_write_off for each row execute function refuse_forgetting();
