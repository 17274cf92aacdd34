"""`python -m bench.imports`: imports of customers and invoices against `COPY` and one `INSERT … SELECT`.

Each round makes a partner of its own with 100,000 new customers, or 100,000 invoices of a line, through the
rules and the worker's loop, and another one by the floor, in turns. Surprise: what the floor inserts are the
finished rows of the import just before it (made by our own reading), so it neither reads nor checks, and
writes neither log nor search words: what these take by SQL alone is measured beside it. Its one statement
writes an invoice with its line.
"""

import io
import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import psutil
from sqlalchemy import Connection, Engine, TextClause, create_engine, text

from app.memory import settle
from app.tables import METADATA
from auth.actors import Actor, ActorKind
from auth.roles import Role
from bench.load import clock
from billing import customer_imports, invoice_imports
from db import embedded, schema
from db.columns import new_id
from db.engine import make_engine
from db.session import Database
from integrations import importing
from worker.queue import defer_job

FOLDER = Path(".remit") / "bench"
NAME = "imports"
ROWS, ROUNDS = 100_000, 3
_BILLS_HEAD = (
    "Invoice number,Customer number,Invoice date,Due date,PO number,Description,Quantity,Unit price,Discount"
)
_HEAD = "Company,EIN,Address,City,State,ZIP,Country,External id"
_PARTNER = text("""
    insert into partner (id, slug, name, legal_name, support_email, time_zone, invoice_prefix,
      next_invoice_number, default_terms_days, created_at, updated_at)
    values (:id, 'p-' || left(cast(:id as text), 8) || right(cast(:id as text), 6), 'P', 'P LLC',
      'help@p.example', 'America/New_York', 'P-', 1, 30, now(), now())
""")
_ADMIN = text("""
    insert into membership (partner_id, id, role, status, name, name_key, email, email_key, created_at,
      updated_at, user_id)
    values (:partner_id, :id, 'ADMIN', 'ACTIVE', 'Ada', 'ada', 'ada@p.example', 'ada@p.example', now(), now(),
      :user_id)
""")
_USER = text("""
    insert into person (id, name, email, email_key, password_hash, created_at, updated_at)
    values (:id, 'Ada', cast(:id as text) || '@p.example', cast(:id as text) || '@p.example', '',
      now(), now())
""")
_COLUMNS = (
    "slug, company, company_key, legal_name, tax_id, address, address2, city, state, postal_code, country,"
    " currency, time_zone, terms_days, external_id, status, open_minor, version, created_at, updated_at"
)


_INVOICE = (
    "customer_id, number, status, currency, net_minor, tax_minor, total_minor, paid_minor, credited_minor,"
    " reserved_minor, issue_on, due_on, po_number, external_id, version, created_at, updated_at"
)
_LINE = (
    "position, description, quantity_e4, unit_price_minor, discount_minor, net_minor, tax_minor, total_minor,"
    " issued"
)
_LOG = text("""
    insert into audit_event (partner_id, id, customer_id, at, actor_kind, actor_id, actor_name, action,
      subject_kind, subject_id, details)
    select :id, id, customer_id, at, actor_kind, actor_id, actor_name, action, subject_kind, subject_id,
      details
    from audit_event where partner_id = :ours and action = :made
""")
_WORDS = text("""
    insert into search_token (partner_id, subject_id, kind, token, customer_id)
    select :id, subject_id, kind, token, customer_id from search_token
    where partner_id = :ours and kind = :kind
""")
_BILLED = 200
_CUSTOMERS = text("""
    insert into customer (partner_id, id, slug, company, company_key, address, city, state, postal_code,
      country, currency, external_id, status, open_minor, credit_minor, version, created_at, updated_at)
    select :id, uuidv7(), 'b-' || substr(md5(cast(:id as text) || n), 1, 20), 'Billed ' || n, 'billed ' || n,
      '1 Main St', 'Peoria', 'IL', '61602', 'US', 'USD', 'C-' || n, 'ACTIVE', 0, 0, 1, now(), now()
    from generate_series(0, :many - 1) n
""")


class Kind(NamedTuple):
    """What is imported: its rules, the worker's loop, a file, its table, what the floor copies and inserts.

    `prepare` is what must be there before. `finished` and `insert` are SQL, of the partner `:id`.
    """

    name: str
    rules: Any
    carried: Callable[..., None]
    file: Callable[[int], bytes]
    table: str
    finished: str
    insert: str
    prepare: TextClause | None = None


class Taken(NamedTuple):
    """What a step took: seconds by the clock, and of the processor (Python's and PostgreSQL's)."""

    seconds: float
    processor: float


def main(rows: int = ROWS, rounds: int = ROUNDS) -> None:
    """Measure and print; a first round warms up and is not counted."""
    url = _database()
    owner = create_engine(url.replace("postgresql:", "postgresql+psycopg:"))
    database = Database(make_engine(url, pool_size=2), defer_job, secret="bench-only-" + "x" * 40)
    postmaster = int((FOLDER / "postgres" / "postmaster.pid").read_text().split()[0])
    settle()  # as the worker's process does
    for kind in KINDS:
        content = kind.file(rows)
        taken: dict[str, list[Taken]] = {}
        grown = 0.0
        for number in range(rounds + 1):
            with _measuring(postmaster, taken if number else {}) as step:
                partner_id, more = _ours(kind, database, owner, content, step)
                grown = max(grown, more)
                _floor(kind, owner, rows, step, partner_id)
        _print(kind.name, rows, taken, grown)
    database.close()
    owner.dispose()


def _database() -> str:
    """An empty, migrated database beside the one of the reads."""
    url = embedded.start(FOLDER / "postgres")
    admin = create_engine(url.replace("postgresql:", "postgresql+psycopg:"), isolation_level="AUTOCOMMIT")
    with admin.connect() as connection:
        connection.execute(text(f"drop database if exists {NAME} with (force)"))
        connection.execute(text(f"create database {NAME}"))
    admin.dispose()
    mine = url.replace("/postgres?", f"/{NAME}?")
    engine = make_engine(mine, as_role=False)
    with engine.connect() as connection:
        schema.migrate(connection, METADATA)
    engine.dispose()
    return mine


def _file(rows: int) -> bytes:
    lines = (
        f"Bluebird {n} & Sons,{n % 90 + 10}-{n:07d},{n} Main St,Peoria,IL,{n % 90000 + 10000},US,C-{n}"
        for n in range(rows)
    )
    return "\r\n".join([_HEAD, *lines]).encode()


def _bills(rows: int) -> bytes:
    lines = (
        f"INV-{n},C-{n % _BILLED},2026-03-01,2026-03-31,PO-{n},Managed workstations,{n % 90 + 1}.5,45.00,10%"
        for n in range(rows)
    )
    return "\r\n".join([_BILLS_HEAD, *lines]).encode()


KINDS = (
    Kind(
        "customers", customer_imports, importing.import_customers, _file, "customer",
        f"select {_COLUMNS} from customer where partner_id = :id",
        f"insert into customer (partner_id, id, {_COLUMNS}) select :id, uuidv7(),"
        f" 'f-' || substr(md5(slug), 1, 20), {_COLUMNS.removeprefix('slug, ')} from staging",
    ),
    Kind(
        "invoices", invoice_imports, importing.import_invoices, _bills, "invoice",
        f"select {', '.join(f'i.{one}' for one in _INVOICE.split(', '))}, l.description, l.quantity_e4,"
        " l.unit_price_minor, l.discount_minor from invoice i join invoice_line l"
        " on l.partner_id = i.partner_id and l.invoice_id = i.id where i.partner_id = :id",
        "with one as (select uuidv7() as id, s.*, c.id as owner from staging s join customer o"
        " on o.id = s.customer_id join customer c on c.partner_id = :id and c.external_id = o.external_id),"
        f" made as (insert into invoice (partner_id, id, {_INVOICE}) select :id, id, owner,"
        f" {_INVOICE.removeprefix('customer_id, ')} from one)"
        f" insert into invoice_line (partner_id, id, customer_id, invoice_id, {_LINE}) select :id, uuidv7(),"
        " owner, id, 0, description, quantity_e4, unit_price_minor, discount_minor, net_minor, tax_minor,"
        " total_minor, false from one",
        _CUSTOMERS,
    ),
)  # fmt: skip


def _actor(owner: Engine, kind: Kind) -> Actor:
    partner_id, member_id, user_id = new_id(), new_id(), new_id()
    with owner.begin() as connection:
        connection.execute(_PARTNER, {"id": partner_id})
        connection.execute(_USER, {"id": user_id})
        connection.execute(_ADMIN, {"partner_id": partner_id, "id": member_id, "user_id": user_id})
        if kind.prepare is not None:
            connection.execute(kind.prepare, {"id": partner_id, "many": _BILLED})
    return Actor(ActorKind.STAFF, partner_id, id=member_id, role=Role.ADMIN, name="Ada", user_id=user_id)


Step = Callable[[str, Callable[[], None]], None]


def _ours(kind: Kind, database: Database, owner: Engine, content: bytes, step: Step) -> tuple[UUID, float]:
    """Import the file; for whom, and how many megabytes the process grew by meanwhile."""
    actor = _actor(owner, kind)
    found: list[UUID] = []

    def upload() -> None:
        with database.transaction(partner_id=actor.partner_id) as db:
            begun = kind.rules.start(
                db, actor, file_name="c.csv", file=io.BytesIO(content), now=datetime.now(UTC)
            )
            found.append(begun.id)

    def move(rule: Callable[..., object], **what: object) -> None:
        with database.transaction(partner_id=actor.partner_id) as db:
            rule(db, actor, import_id=found[0], now=datetime.now(UTC), **what)

    def work() -> None:
        kind.carried(
            database, partner_id=actor.partner_id, import_id=found[0], clock=lambda: datetime.now(UTC)
        )

    with _growth() as grown:
        step("upload", upload)
        with database.transaction(partner_id=actor.partner_id) as db:
            fields = kind.rules.find(db, actor, import_id=found[0]).fields
        move(kind.rules.choose_columns, fields=fields)
        step("check", work)
        move(kind.rules.confirm)
        step("run", work)
    with owner.begin() as connection:
        _require_all(connection, kind, actor.partner_id, content.count(b"\r\n"))
        connection.execute(text("drop table if exists finished"))
        # Rows that came in a moment ago: without this a join of theirs may run a line at a time.
        connection.execute(text("analyze"))
        connection.execute(text(f"create table finished as {kind.finished}"), {"id": actor.partner_id})
    return actor.partner_id, grown()


def _require_all(connection: Connection, kind: Kind, partner_id: UUID, rows: int) -> None:
    wanted = text(f"select count(*) from {kind.table} where partner_id = :id")
    made = connection.scalar(wanted, {"id": partner_id})
    assert made == rows, (made, rows)


def _floor(kind: Kind, owner: Engine, rows: int, step: Step, ours: UUID) -> None:
    """The finished rows of a file, copied into a staging table and inserted by one statement.

    Beside it, what it leaves out and no import may: the log and the search words, copied from ours in SQL.
    """
    partner_id = _actor(owner, kind).partner_id
    with owner.begin() as connection:
        cursor = connection.connection.cursor()
        with cursor.copy("copy finished to stdout") as out:
            content = b"".join(bytes(part) for part in out)
        connection.execute(text("drop table if exists staging"))
        connection.execute(text("create table staging (like finished)"))

    def insert() -> None:
        with owner.begin() as connection:
            cursor = connection.connection.cursor()
            with cursor.copy("copy staging from stdin") as into:
                into.write(content)
            connection.execute(text(kind.insert), {"id": partner_id})

    def tell() -> None:
        given = {"id": partner_id, "ours": ours, "made": f"{kind.table}.created", "kind": kind.table}
        with owner.begin() as connection:
            for statement in (_LOG, _WORDS):
                connection.execute(statement, given)

    step("floor", insert)
    step("log and words", tell)
    with owner.begin() as connection:
        _require_all(connection, kind, partner_id, rows)


@contextmanager
def _measuring(postmaster: int, taken: dict[str, list[Taken]]) -> Iterator[Step]:
    cpu = clock(os.getpid(), postmaster)

    def step(name: str, work: Callable[[], None]) -> None:
        before, began = sum(cpu()), time.perf_counter()
        work()
        taken.setdefault(name, []).append(Taken(time.perf_counter() - began, sum(cpu()) - before))

    yield step


@contextmanager
def _growth() -> Iterator[Callable[[], float]]:
    """Megabytes by which this process is larger at its largest than at the beginning."""
    process, done = psutil.Process(), threading.Event()
    began = most = process.memory_info().rss

    def watch() -> None:
        nonlocal most
        while not done.wait(0.1):
            most = max(most, process.memory_info().rss)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield lambda: (most - began) / (1 << 20)
    finally:
        done.set()
        watcher.join()


def _print(what: str, rows: int, taken: dict[str, list[Taken]], grown: float) -> None:
    head = f"{'seconds':>9}{'of floor':>10}{'processor s':>13}{'of it':>8}"
    print(f"\nimport: {rows:,} new {what}\n{'':38}{head}")
    seconds = {name: statistics.median(one.seconds for one in all_) for name, all_ in taken.items()}
    processor = {name: statistics.median(one.processor for one in all_) for name, all_ in taken.items()}
    for sums in (seconds, processor):
        sums["check and run"] = sums["check"] + sums["run"]
    for name in ("floor", "log and words", "upload", "check", "run", "check and run"):
        print(f"{name:38}{seconds[name]:9.1f}{seconds['floor'] / seconds[name]:10.2f}"
              f"{processor[name]:13.1f}{processor['floor'] / processor[name]:8.2f}")  # fmt: skip
    print(f"memory of the process grew by at most {grown:.0f} MB", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
