-- Passkeys, and the challenges their authenticators answer.

CREATE TABLE passkey (
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  name VARCHAR NOT NULL,
  credential_id BYTEA NOT NULL,
  public_key BYTEA NOT NULL,
  sign_count BIGINT NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_passkey PRIMARY KEY (id),
  CONSTRAINT uq_passkey_credential_id UNIQUE (credential_id),
  CONSTRAINT fk_passkey_user_id FOREIGN KEY(user_id) REFERENCES person (id)
);
CREATE INDEX ix_passkey_user_id ON passkey (user_id);
alter table passkey enable row level security;
alter table passkey force row level security;
create policy tenant on passkey to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on passkey to remit_app;

CREATE TABLE passkey_challenge (
  challenge_hash BYTEA NOT NULL,
  browser_hash BYTEA NOT NULL,
  about UUID NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  CONSTRAINT pk_passkey_challenge PRIMARY KEY (challenge_hash)
);
CREATE INDEX ix_passkey_challenge_expires_at ON passkey_challenge (expires_at);
alter table passkey_challenge enable row level security;
alter table passkey_challenge force row level security;

grant select on passkey to remit_lookup;
grant select, insert, update, delete on passkey_challenge to remit_lookup;
