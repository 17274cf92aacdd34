alter table mail add column address varchar, add column delayed_at timestamptz, add column bounced_at timestamptz;
alter table mail
  drop constraint ck_mail_sent_has_time,
  add constraint ck_mail_sent_has_time check ((status in ('SENT', 'BOUNCED')) = (sent_at is not null)),
  add constraint ck_mail_bounced_has_time check ((status = 'BOUNCED') = (bounced_at is not null));
-- By the text of the id: an index of the id alone would be taken for what a partner asks, too.
create index ix_mail_id on mail ((id::text));
drop index ix_mail_lost;
create index ix_mail_lost on mail (partner_id, subject_id) where status in ('REFUSED', 'DEAD', 'BOUNCED');
create index ix_mail_membership on mail (partner_id, membership_id, created_at, id);
create index ix_mail_bounced on mail (partner_id, membership_id) where status = 'BOUNCED';
