"""For tests of imports: a file, its check and its run, as Ada and the worker do them."""

import io
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from auth.actors import Actor
from billing import customer_imports, invoice_imports
from billing.import_tables import RowOutcome
from db.session import Database
from integrations import importing

HEAD = "Company,EIN,Address,City,State,ZIP,Country,External id"
BLUE = "Bluebird,12-3456789,1 Main St,Peoria,IL,61602,US,B-1"


INVOICES = "Invoice number,Customer number,Invoice date,Due date,Description,Quantity,Unit price,Tax,Discount"


class Imports:
    """Ada's imports, through the rules; the worker's part through the worker's own loop."""

    rules: Any = customer_imports
    carried = staticmethod(importing.import_customers)
    head = HEAD

    def __init__(self, database: Database, actor: Actor, now: datetime) -> None:
        self.database, self.actor, self.now = database, actor, now

    def act(self, rule: Callable[..., Any], *, who: Actor | None = None, **what: Any) -> Any:
        actor = who or self.actor
        with self.database.transaction(partner_id=actor.partner_id) as db:
            return rule(db, actor, **what)

    def start(self, *rows: str, head: str | None = None, encoding: str = "utf-8") -> UUID:
        file = io.BytesIO("\r\n".join([head or self.head, *rows]).encode(encoding))
        begun = self.act(self.rules.start, file_name="c.csv", file=file, now=self.now)
        return begun.id  # type: ignore[no-any-return]

    def work(self, import_id: UUID) -> None:
        self.carried(
            self.database, partner_id=self.actor.partner_id, import_id=import_id, clock=lambda: self.now
        )

    def check(self, *rows: str, head: str | None = None, **chosen: bool) -> UUID:
        import_id = self.start(*rows, head=head)
        fields = self.find(import_id).fields
        self.act(self.rules.choose_columns, import_id=import_id, fields=fields, now=self.now, **chosen)
        self.work(import_id)
        return import_id

    def run(self, *rows: str, head: str | None = None, **chosen: bool) -> UUID:
        import_id = self.check(*rows, head=head, **chosen)
        self.go(import_id)
        return import_id

    def go(self, import_id: UUID) -> None:
        """Confirmed, and through."""
        self.act(self.rules.confirm, import_id=import_id, now=self.now)
        self.work(import_id)

    def find(self, import_id: UUID) -> Any:
        return self.act(self.rules.find, import_id=import_id)

    def counts(self, import_id: UUID) -> tuple[int, int, int, int]:
        one = self.find(import_id)
        return one.created, one.updated, one.unchanged, one.refused

    def problems(self, import_id: UUID) -> list[tuple[int, list[str]]]:
        rows = self.act(self.rules.report, import_id=import_id, outcome=RowOutcome.REFUSED)
        return [(row.position, [one["code"] for one in row.problems]) for row in rows]


class InvoiceImports(Imports):
    """The same for invoices."""

    rules = invoice_imports
    carried = staticmethod(importing.import_invoices)
    head = INVOICES
