create index ix_audit_event_actor on audit_event (partner_id, actor_id, at, id);
create index ix_audit_event_actor_kind on audit_event (partner_id, actor_kind, at, id);
