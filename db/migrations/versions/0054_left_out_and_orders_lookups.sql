-- Whom a planned sending left out is written down once it is sent, and forgotten once somebody has seen it.
create or replace function refuse_rewriting() returns trigger
language plpgsql set search_path = public as $$
begin
  if tg_table_name in ('invoice_line', 'invoice_line_tax') then
    if (to_jsonb(old) ->> 'issued')::boolean then
      raise exception 'a line of an issued invoice does not change' using errcode = 'check_violation';
    end if;
  elsif (to_jsonb(old) ->> 'status') <> 'DRAFT' then
    if tg_op = 'DELETE'
       or to_jsonb(new) - '{status,paid_minor,credited_minor,reserved_minor,memo,internal_note,version,updated_at,sent_at,paid_at,voided_at,void_reason,archived_at,archiving_id,left_out,left_out_at}'::text[]
          <> to_jsonb(old) - '{status,paid_minor,credited_minor,reserved_minor,memo,internal_note,version,updated_at,sent_at,paid_at,voided_at,void_reason,archived_at,archiving_id,left_out,left_out_at}'::text[]
    then
      raise exception 'an issued invoice does not change: void it and make another' using errcode = 'check_violation';
    end if;
  end if;
  return case tg_op when 'DELETE' then old else new end;
end
$$;
