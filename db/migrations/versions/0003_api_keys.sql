ALTER TABLE api_key ADD COLUMN last_used_at TIMESTAMP WITH TIME ZONE;
ALTER TABLE api_key ADD COLUMN replaced_at TIMESTAMP WITH TIME ZONE;
CREATE INDEX ix_api_key_created ON api_key (partner_id, created_at, id);
