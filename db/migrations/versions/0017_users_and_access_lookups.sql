-- Forget what was good once and is over since before p_before, whoever's it was; how many rows.
create function drop_one_time_rows(p_before timestamptz) returns integer
language plpgsql security definer set search_path = public as $$
declare
  v_table text;
  v_gone integer;
  v_all integer := 0;
begin
  foreach v_table in array array['personal_token', 'mailed_code', 'pending_sign_in', 'passkey_challenge',
                                 'access_link', 'portal_token'] loop
    -- What somebody holds just now is left for the next time.
    execute format('delete from %1$I where ctid in (
                      select ctid from %1$I where expires_at < $1 for update skip locked)', v_table)
      using p_before;
    get diagnostics v_gone = row_count;
    v_all := v_all + v_gone;
  end loop;
  return v_all;
end
$$;

grant select, update, delete on personal_token, mailed_code, pending_sign_in, passkey_challenge, access_link,
  portal_token to remit_lookup;
alter function drop_one_time_rows(timestamptz) owner to remit_lookup;
revoke execute on function drop_one_time_rows(timestamptz) from public;
grant execute on function drop_one_time_rows(timestamptz) to remit_app;
