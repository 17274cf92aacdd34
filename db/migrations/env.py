"""Alembic's entry: the caller hands in the connection and the tables, nothing is read from a file."""

from alembic import context


def without_guards(migration, revision, directives) -> None:  # type: ignore[no-untyped-def]
    """A table's guard is for `db.policies`; in a migration it would be a value without meaning."""
    for directive in directives:
        for operation in directive.upgrade_ops.ops:
            getattr(operation, "kw", {}).pop("info", None)


connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=context.config.attributes["metadata"],
    compare_type=True,
    process_revision_directives=without_guards,
    # The queue's tables come from its own package, not from our models.
    include_name=lambda name, kind, parents: kind != "table" or not str(name).startswith("procrastinate_"),
)
with context.begin_transaction():
    context.run_migrations()
