"""For tests of imports: a file, its check and its run, as Ada and the worker do them."""

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from auth.actors import Actor
from billing import customer_imports
from billing.customer_import_tables import CustomerImport, RowOutcome
from db.session import Database
from integrations import importing

HEAD = "Company,EIN,Address,City,State,ZIP,Country,External id"
BLUE = "Bluebird,12-3456789,1 Main St,Peoria,IL,61602,US,B-1"


class Imports:
    """Ada's imports, through the rules; the worker's part through the worker's own loop."""

    def __init__(self, database: Database, actor: Actor, now: datetime) -> None:
        self.database, self.actor, self.now = database, actor, now

    def act(self, rule: Callable[..., Any], *, who: Actor | None = None, **what: Any) -> Any:
        actor = who or self.actor
        with self.database.transaction(partner_id=actor.partner_id) as db:
            return rule(db, actor, **what)

    def start(self, *rows: str, head: str = HEAD, encoding: str = "utf-8") -> UUID:
        file = io.BytesIO("\r\n".join([head, *rows]).encode(encoding))
        begun = self.act(customer_imports.start, file_name="c.csv", file=file, now=self.now)
        return begun.id  # type: ignore[no-any-return]

    def work(self, import_id: UUID) -> None:
        importing.import_customers(
            self.database, partner_id=self.actor.partner_id, import_id=import_id, clock=lambda: self.now
        )

    def check(self, *rows: str, head: str = HEAD, send_invites: bool = True) -> UUID:
        import_id = self.start(*rows, head=head)
        chosen = {"fields": self.find(import_id).fields, "send_invites": send_invites}
        self.act(customer_imports.choose_columns, import_id=import_id, now=self.now, **chosen)
        self.work(import_id)
        return import_id

    def run(self, *rows: str, head: str = HEAD, send_invites: bool = True) -> UUID:
        import_id = self.check(*rows, head=head, send_invites=send_invites)
        self.act(customer_imports.confirm, import_id=import_id, now=self.now)
        self.work(import_id)
        return import_id

    def find(self, import_id: UUID) -> CustomerImport:
        return self.act(customer_imports.find, import_id=import_id)  # type: ignore[no-any-return]

    def counts(self, import_id: UUID) -> tuple[int, int, int, int]:
        one = self.find(import_id)
        return one.created, one.updated, one.unchanged, one.refused

    def problems(self, import_id: UUID) -> list[tuple[int, list[str]]]:
        rows = self.act(customer_imports.report, import_id=import_id, outcome=RowOutcome.REFUSED)
        return [(row.position, [one["code"] for one in row.problems]) for row in rows]
