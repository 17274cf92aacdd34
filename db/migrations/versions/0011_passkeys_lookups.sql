-- A passkey is a second factor too.
create or replace function has_second_factor(p_user uuid) returns boolean
language sql stable as $$
  select exists (select 1 from totp_factor where user_id = p_user and confirmed_at is not null)
      or exists (select 1 from passkey where user_id = p_user)
$$;

-- Whose passkey has this id: authenticators tell it before anybody is known.
create function find_passkey(p_credential_id bytea) returns table (passkey_id uuid, user_id uuid)
language sql stable security definer set search_path = public as $$
  select id, user_id from passkey where credential_id = p_credential_id
$$;

-- Keep a challenge until it is answered; some that nobody answered in time are forgotten.
create function issue_challenge(p_challenge bytea, p_browser bytea, p_about uuid, p_now timestamptz,
                                p_expires timestamptz) returns void
language sql security definer set search_path = public as $$
  delete from passkey_challenge where challenge_hash in (
    select challenge_hash from passkey_challenge where expires_at <= p_now
    order by expires_at limit 100 for update skip locked);
  insert into passkey_challenge (challenge_hash, browser_hash, about, expires_at)
  values (p_challenge, p_browser, p_about, p_expires)
$$;

-- Use a challenge up, if this browser was given it and it is not over: whom it is about, once.
create function use_challenge(p_challenge bytea, p_browser bytea, p_now timestamptz) returns uuid
language sql security definer set search_path = public as $$
  delete from passkey_challenge
  where challenge_hash = p_challenge and browser_hash = p_browser and expires_at > p_now
  returning about
$$;

alter function find_passkey(bytea) owner to remit_lookup;
alter function issue_challenge(bytea, bytea, uuid, timestamptz, timestamptz) owner to remit_lookup;
alter function use_challenge(bytea, bytea, timestamptz) owner to remit_lookup;
revoke execute on function find_passkey(bytea), use_challenge(bytea, bytea, timestamptz),
  issue_challenge(bytea, bytea, uuid, timestamptz, timestamptz) from public;
grant execute on function find_passkey(bytea), use_challenge(bytea, bytea, timestamptz),
  issue_challenge(bytea, bytea, uuid, timestamptz, timestamptz) to remit_app;
