-- Codes mailed to a person. The code itself is not here: it is made of the record with the server's secret.

CREATE TABLE mailed_code (
  id UUID NOT NULL,
  user_id UUID NOT NULL,
  purpose VARCHAR(40) NOT NULL,
  token_hash BYTEA NOT NULL,
  password_digest BYTEA,
  address VARCHAR NOT NULL,
  agent VARCHAR NOT NULL,
  created_at TIMESTAMP WITH TIME ZONE NOT NULL,
  expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
  used_at TIMESTAMP WITH TIME ZONE,
  CONSTRAINT pk_mailed_code PRIMARY KEY (id),
  CONSTRAINT uq_mailed_code_token_hash UNIQUE (token_hash),
  CONSTRAINT fk_mailed_code_user_id FOREIGN KEY(user_id) REFERENCES person (id),
  CONSTRAINT ck_mailed_code_codepurpose CHECK (purpose IN ('SIGN_IN', 'DEVICE'))
);
CREATE INDEX ix_mailed_code_user_id ON mailed_code (user_id);
alter table mailed_code enable row level security;
alter table mailed_code force row level security;
create policy tenant on mailed_code to remit_app using (user_id = nullif(current_setting('remit.user', true), '')::uuid) with check (user_id = nullif(current_setting('remit.user', true), '')::uuid);
grant select, insert, update, delete on mailed_code to remit_app;

grant select on mailed_code to remit_lookup;
