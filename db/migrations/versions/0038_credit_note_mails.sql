-- The default stays: a process that started before this migration makes partners without this column.
alter table partner add column credit_note_prefix varchar not null default 'CN-';
