drop index ix_mail_subject;
create index ix_mail_subject on mail (partner_id, subject_id, created_at, id);
create index ix_mail_lost on mail (partner_id, subject_id) where status in ('REFUSED', 'DEAD');
