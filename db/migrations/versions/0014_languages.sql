ALTER TABLE person ADD COLUMN locale VARCHAR;
ALTER TABLE membership ADD COLUMN locale VARCHAR;
-- The default stays: a process that started before this migration makes partners without it.
ALTER TABLE partner ADD COLUMN locale VARCHAR NOT NULL DEFAULT 'en';
ALTER TABLE person ADD CONSTRAINT ck_person_locale CHECK (locale in ('en', 'fr'));
ALTER TABLE membership ADD CONSTRAINT ck_membership_locale CHECK (locale in ('en', 'fr'));
ALTER TABLE partner ADD CONSTRAINT ck_partner_locale CHECK (locale in ('en', 'fr'));
