ALTER TABLE invite ADD COLUMN reminded_at TIMESTAMP WITH TIME ZONE;
CREATE INDEX ix_membership_everybody_name ON membership (partner_id, name_key, id) WHERE customer_id is not null;
CREATE INDEX ix_membership_everybody_created ON membership (partner_id, created_at, id) WHERE customer_id is not null;
CREATE INDEX ix_invite_unreminded ON invite (partner_id, created_at, id) WHERE accepted_at is null and revoked_at is null and reminded_at is null;
