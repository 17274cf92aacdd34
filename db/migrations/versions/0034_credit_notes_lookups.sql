-- What is credited of an issued invoice moves as what is paid of it does.
create or replace function refuse_rewriting() returns trigger
language plpgsql set search_path = public as $$
begin
  if tg_table_name in ('invoice_line', 'invoice_line_tax') then
    if (to_jsonb(old) ->> 'issued')::boolean then
      raise exception 'a line of an issued invoice does not change' using errcode = 'check_violation';
    end if;
  elsif (to_jsonb(old) ->> 'status') <> 'DRAFT' then
    if tg_op = 'DELETE'
       or to_jsonb(new) - '{status,paid_minor,credited_minor,reserved_minor,memo,internal_note,version,updated_at,sent_at,paid_at,voided_at,archived_at,archiving_id}'::text[]
          <> to_jsonb(old) - '{status,paid_minor,credited_minor,reserved_minor,memo,internal_note,version,updated_at,sent_at,paid_at,voided_at,archived_at,archiving_id}'::text[]
    then
      raise exception 'an issued invoice does not change: void it and make another' using errcode = 'check_violation';
    end if;
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
create trigger append_only before update or delete on credit_note for each row execute function refuse_change();
create trigger append_only before update or delete on credit_note_line for each row execute function refuse_change();
create trigger append_only before update or delete on credit_application for each row execute function refuse_change();
