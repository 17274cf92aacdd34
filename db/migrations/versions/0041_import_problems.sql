update customer_import_row set problems = (
  select jsonb_agg(
    one || jsonb_build_object('message', jsonb_build_object('en', one->'message', 'fr', one->'message'))
    order by place)
  from jsonb_array_elements(problems) with ordinality as each(one, place))
where problems <> '[]';
update invoice_import_row set problems = (
  select jsonb_agg(
    one || jsonb_build_object('message', jsonb_build_object('en', one->'message', 'fr', one->'message'))
    order by place)
  from jsonb_array_elements(problems) with ordinality as each(one, place))
where problems <> '[]';
