drop table customer_import_key;
-- The primary key begins with the same columns.
drop index ix_search_token_subject;
drop index ix_customer_import_row_outcome;
alter table customer_import_row add column made jsonb;
alter table customer_import_row add column words varchar[] not null default '{}';
alter table customer_import_row add column marks varchar[] not null default '{}';
alter table customer_import_row add column id uuid not null default gen_random_uuid();
alter table customer_import_row alter column id drop default;
alter table customer_import_row drop constraint pk_customer_import_row;
alter table customer_import_row add constraint pk_customer_import_row primary key (partner_id, id);
create unique index ix_customer_import_row_position
  on customer_import_row (partner_id, import_id, position, id);
alter table customer_import_row add column users integer not null default 0;
alter table customer_import_row alter column users drop default;
alter table customer_import_row alter column words drop default;
alter table customer_import_row alter column marks drop default;
-- What was checked before has no marks: its run would find every customer missing. It is checked again; what
-- a run had done by then is found unchanged. The guard binds the owner too, and no tenant is set here.
alter table customer_import no force row level security;
update customer_import set state = 'MAPPING', reached = 0, created = 0, updated = 0, unchanged = 0, refused = 0
where state in ('CHECKING', 'CHECKED', 'RUNNING');
alter table customer_import force row level security;
alter table customer_import add column send_invites boolean not null default true;
alter table customer_import add column users_added integer not null default 0;
alter table customer_import add column invites_held integer not null default 0;
alter table customer_import alter column send_invites drop default;
alter table customer_import alter column users_added drop default;
alter table customer_import alter column invites_held drop default;
