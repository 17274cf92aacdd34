"""A-2: a world in which everything of Northwind's has a twin, under the same id, at another partner.

`planted` makes tests run in it, past row-level security. Whatever forgets to say whose it means finds two
rows where one is, or changes the twin, which a trigger refuses: so everyday tests notice a tenant predicate
that is missing.
"""

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from sqlalchemy import Connection, text

from auth.actors import Actor
from db import engine
from db.policies import APP
from tests import conftest
from tests.billing.acting import Acts, acting
from tests.cast import Cast
from tests.conftest import Cluster

TWIN = "018f0000-0000-7000-8000-000000000002"
_HASHED = r"'\x' || encode(sha256(({row} ->> '{column}')::bytea), 'hex')"
_LONGER = "({row} ->> '{column}') || '-twin'"
# What is unique beyond a partner is another one in the twin.
OTHERWISE = {
    ("customer", "slug"): _LONGER,
    ("invite", "token_hash"): _HASHED,
    ("api_key", "token_hash"): _HASHED,
    ("portal_token", "token_hash"): _HASHED,
    ("access_link", "token_hash"): _HASHED,
    ("access_request", "token_hash"): _HASHED,
    ("gateway_account", "account"): _LONGER,
    ("partner_logo", "name"): "reverse({row} ->> '{column}')",
    ("pay_link", "token_hash"): _HASHED,
    ("payment", "gateway_key"): _LONGER,
}
_TABLES = """
select c.table_name, array_agg(quote_ident(c.column_name)) filter (where c.is_generated = 'NEVER')
from information_schema.columns c join pg_class t on t.relname = c.table_name and t.relkind = 'r'
where c.table_schema = 'public' and t.relnamespace = 'public'::regnamespace
group by c.table_name having bool_or(c.column_name = 'partner_id')"""
_MIRROR = """
create function mirror() returns trigger language plpgsql security definer as $$
declare
  columns text := tg_argv[0];
  old_twin jsonb; new_twin jsonb; whose uuid;
begin
  if coalesce(current_setting('twins.mirroring', true), '') = 'on' then
    return null;
  end if;
  whose := (to_jsonb(coalesce(new, old)) ->> 'partner_id')::uuid;
  if whose = '{twin}' then
    raise exception 'the twin of a % was touched', tg_table_name;
  elsif whose <> '{northwind}' then
    return null;
  end if;
  perform set_config('twins.mirroring', 'on', true);
  if tg_op <> 'INSERT' then
    execute 'select $1 || ' || tg_argv[1] into old_twin using to_jsonb(old);
  end if;
  if tg_op <> 'DELETE' then
    execute 'select $1 || ' || tg_argv[1] into new_twin using to_jsonb(new);
  end if;
  if tg_op = 'INSERT' then
    execute format('insert into %1$I (%2$s) select %2$s from jsonb_populate_record(null::%1$I, $1)',
                   tg_table_name, columns) using new_twin;
  elsif tg_op = 'UPDATE' then
    execute format('update %1$I t set (%2$s) = (select %2$s from jsonb_populate_record(null::%1$I, $1))
                    where t.partner_id = ''{twin}'' and to_jsonb(t) = $2', tg_table_name, columns)
      using new_twin, old_twin;
  else
    execute format('delete from %1$I t where t.partner_id = ''{twin}'' and to_jsonb(t) = $1', tg_table_name)
      using old_twin;
  end if;
  perform set_config('twins.mirroring', '', true);
  return null;
{exception}end $$"""
# What can't be done to a twin that was made another thing is left.
_LEFT = """exception when integrity_constraint_violation then
  perform set_config('twins.mirroring', '', true);
  return null;
"""

# What tests look at past the rules, they look at as a role to which the twins are not there.
_WATCHER = """
do $$
declare
  one text;
  shown text;
begin
  if not exists (select from pg_roles where rolname = 'remit_watcher') then
    create role remit_watcher;
  end if;
  for one, shown in
    select c.relname, case when c.relname = 'partner' then 'id' when exists (select from pg_attribute a
      where a.attrelid = c.oid and a.attname = 'partner_id') then 'partner_id' else 'null' end
    from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relrowsecurity
  loop
    execute format('create policy watcher on %I to remit_watcher using (%s is distinct from %L)'
                   ' with check (true)', one, shown, '{twin}');
  end loop;
end $$;
grant usage on schema public to remit_watcher;
grant all on all tables in schema public to remit_watcher;
grant all on all sequences in schema public to remit_watcher;
grant execute on all functions in schema public to remit_watcher"""
_PARTNER = """
create function mirror_partner() returns trigger language plpgsql security definer as $$
begin
  update partner set ({columns}) = (select {columns} from (select new.*) x) where id = '{twin}';
  return null;
end $$"""


def plant(connection: psycopg.Connection[object], cast: Cast, *, is_alike: bool = True) -> None:
    """The other partner, a twin of all that Northwind has, and what keeps it one.

    `is_alike` False: parts of the twin are to be made something else.
    """
    northwind = str(cast.partners["northwind"])
    tables: dict[str, list[str]] = dict(connection.execute(_TABLES).fetchall())  # type: ignore[call-overload]
    (columns,) = connection.execute(
        "select string_agg(quote_ident(column_name), ', ') from information_schema.columns"
        " where table_name = 'partner' and table_schema = 'public' and is_generated = 'NEVER'"
    ).fetchone()  # type: ignore[misc]
    other = f"jsonb_build_object('id', '{TWIN}', 'slug', 'northwind-twin')"
    connection.execute(
        f"insert into partner ({columns}) select {columns} from ("  # type: ignore[arg-type]
        f"select (jsonb_populate_record(null::partner, to_jsonb(p) || {other})).* from partner p"
        f" where p.id = '{northwind}') x"
    )
    mirror = _MIRROR.replace("{exception}", "" if is_alike else _LEFT)
    connection.execute(mirror.replace("{twin}", TWIN).replace("{northwind}", northwind))  # type: ignore[arg-type]
    kept = ", ".join(name for name in columns.split(", ") if name not in ("id", "slug"))
    connection.execute(_PARTNER.replace("{twin}", TWIN).replace("{columns}", kept))  # type: ignore[arg-type]
    connection.execute(
        "create trigger zz_twins after update on partner for each row"  # type: ignore[arg-type]
        f" when (new.id = '{northwind}') execute function mirror_partner()"
    )
    for table, named in tables.items():
        arguments = (", ".join(named), _other(table, "$1"))
        given = ", ".join(psycopg.sql.Literal(one).as_string(connection) for one in arguments)
        connection.execute(
            f"create trigger zz_twins after insert or update or delete on {table}"  # type: ignore[arg-type]
            f" for each row execute function mirror({given})"
        )
    # What the cast has already, in whatever order: neither triggers nor foreign keys are asked.
    connection.execute("set session_replication_role = replica")
    for table, named in tables.items():
        listed = ", ".join(named)
        connection.execute(
            f"insert into {table} ({listed}) select {listed} from (select (jsonb_populate_record("  # type: ignore[arg-type]
            f"null::{table}, to_jsonb(t) || {_other(table, 'to_jsonb(t)')})).*"
            f" from {table} t where t.partner_id = '{northwind}') x"
        )
    connection.execute("set session_replication_role = origin")
    connection.execute(_WATCHER.replace("{twin}", TWIN))  # type: ignore[arg-type]


def _other(table: str, row: str) -> str:
    """What of a row is another thing in its twin, as SQL that makes a JSON object."""
    changes = [f"'partner_id', '{TWIN}'"]
    for (where, column), made in OTHERWISE.items():
        if where == table:
            changes.append(f"'{column}', {made.format(row=row, column=column)}")
    return f"jsonb_build_object({', '.join(changes)})"


def read(self: Acts, who: Actor, statement: Any) -> Sequence[Any]:
    """What a test looks at for itself, it sees as ever."""
    with acting(self.database, who) as db:
        db.execute(text(f"set local role {APP}"))
        return db.exec(statement).all()


def looking(connection: Connection) -> Connection:
    """What a test looks at as the owner of the database, it sees without the twins."""
    connection.execute(text("set role remit_watcher"))
    return connection


@contextmanager
def planted() -> Iterator[None]:
    """Clusters that are made meanwhile have the twins, and no connection steps down to the app role."""
    made = Cluster._make_template

    def make(self: Cluster) -> tuple[str, Cast]:
        template, cast = made(self)
        with psycopg.connect(self.url_of(template), autocommit=True) as connection:
            plant(connection, cast)
        return template, cast

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Cluster, "_make_template", make)
        patch.setattr(engine, "as_app", lambda url: url)
        patch.setattr(Acts, "read", read)
        patch.setattr(conftest, "looking", looking)
        yield


def main(*files: str) -> int:
    """Run tests in that world."""
    quietly = ["-q", "-o", "addopts=", "-p", "no:cacheprovider", "-p", "no:xdist"]
    with planted():
        return int(pytest.main([*files, *quietly, "-W", "ignore::pytest.PytestAssertRewriteWarning"]))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
