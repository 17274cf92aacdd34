-- The queue holds ids only and belongs to no tenant: the app role may use it, not change its shape.
grant select, insert, update, delete on procrastinate_jobs, procrastinate_events, procrastinate_workers,
  procrastinate_periodic_defers to remit_app;
grant usage on all sequences in schema public to remit_app;
