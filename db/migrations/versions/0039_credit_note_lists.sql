-- Credit notes are sorted by number, total and day.
create index ix_credit_note_number on credit_note (partner_id, number, id);
create index ix_credit_note_total on credit_note (partner_id, total_minor, id);
create index ix_credit_note_issue on credit_note (partner_id, issue_on, id);
