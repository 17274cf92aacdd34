-- Second factors: authenticator apps, recovery codes, and sign-ins that wait for a code.

CREATE TABLE totp_factor (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  name VARCHAR NOT NULL, 
  seed_sealed BYTEA NOT NULL, 
  last_step INTEGER NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  confirmed_at TIMESTAMP WITH TIME ZONE, 
  used_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_totp_factor PRIMARY KEY (id), 
  CONSTRAINT uq_totp_factor_user_id_id UNIQUE (user_id, id), 
  CONSTRAINT fk_totp_factor_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
alter table totp_factor enable row level security;
alter table totp_factor force row level security;
create policy tenant on totp_factor to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on totp_factor to remit_app;

CREATE TABLE recovery_code (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  code_hash BYTEA NOT NULL, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  used_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_recovery_code PRIMARY KEY (id), 
  CONSTRAINT uq_recovery_code_user_id_code_hash UNIQUE (user_id, code_hash), 
  CONSTRAINT fk_recovery_code_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
alter table recovery_code enable row level security;
alter table recovery_code force row level security;
create policy tenant on recovery_code to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on recovery_code to remit_app;

CREATE TABLE pending_sign_in (
  id UUID NOT NULL, 
  user_id UUID NOT NULL, 
  token_hash BYTEA NOT NULL, 
  password_digest BYTEA NOT NULL, 
  device_id UUID, 
  created_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL, 
  used_at TIMESTAMP WITH TIME ZONE, 
  CONSTRAINT pk_pending_sign_in PRIMARY KEY (id), 
  CONSTRAINT uq_pending_sign_in_token_hash UNIQUE (token_hash), 
  CONSTRAINT fk_pending_sign_in_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
CREATE INDEX ix_pending_sign_in_user_id ON pending_sign_in (user_id);
alter table pending_sign_in enable row level security;
alter table pending_sign_in force row level security;
create policy tenant on pending_sign_in to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on pending_sign_in to remit_app;

grant select on pending_sign_in, totp_factor to remit_lookup;
