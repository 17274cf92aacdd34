"""Everybody who may stand before the API, and whose each record is, told from the rows and not by the API.

A record somebody must not see is strange to them: another partner's, a sibling customer's, a draft, a tag of
the other side. Every id in an answer that is strange to whoever asked is a leak, and so is every canary.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import Connection, select, text

from api.nouns import NOUNS
from auth.actors import KEY_SCOPES, Actor, ActorKind
from auth.roles import Role
from auth.tokens import digest_of
from billing import impersonations
from db import ids
from db.session import Database
from tests.api.client import ORIGIN, Answered, Client
from tests.cast import CUSTOMERS, PEOPLE, STAFF, Cast
from tests.tenancy.stage import MALFORMED, Stage, key_with

SCOPES = sorted(action.value for action in KEY_SCOPES)
GROUPS = {
    "staff": ("anonymous", "ada", "clem", "rita", "mallory"),
    "customers": ("carl", "petra", "vera", "gus", "ines", "acme_token", "ada_as_carl"),
    "keys": ("northwind_key", "contoso_key", *SCOPES),
}
EVERYBODY = tuple(name for names in GROUPS.values() for name in names)
_SHAPE = re.compile(rb"\b[a-z]{2,4}_[0-9a-f]{32}\b")


@dataclass(frozen=True)
class Record:
    """A record of the API: its global id, and whose it is. `draft`: no customer sees it; `member`: who alone
    of the staff does.
    """

    noun: str
    text: str
    partner: UUID
    customer: UUID | None
    draft: bool
    member: UUID | None = None

    def is_seen_by(self, actor: Actor) -> bool:
        """Is it the actor's to read, by the rules of the product (not of the code)?"""
        if self.partner != actor.partner_id:
            return False
        if self.noun == "CustomerView":
            return actor.customer_id is None and self.member in (None, actor.id)
        if self.noun in (
            "Tag",
            "CustomerNote",
            "AccessRequest",
            "RecurringInvoice",
            "PayLink",
            "TaxRate",
            "CatalogueItem",
        ):
            return self.customer == actor.customer_id
        if self.noun in ("CustomerImport", "CustomerImportRow", "InvoiceImport", "InvoiceImportRow"):
            return actor.customer_id is None
        if self.noun == "Partner" or actor.customer_id is None:
            return True
        return self.customer == actor.customer_id and not self.draft


def records_of(owner: Connection) -> list[Record]:
    """Every record there is, of every noun and everybody."""
    found = []
    for noun in NOUNS.values():
        for row in owner.execute(select(noun.table).order_by(noun.table.c.id)).mappings():
            partner = row["id"] if noun.name == "Partner" else row["partner_id"]
            columns = {"Customer": "id", "Tag": "owner_id", "CustomerNote": "owner_id"}
            columns |= {"AccessRequest": "owner_id", "RecurringInvoice": "owner_id", "PayLink": "owner_id"}
            columns |= {"TaxRate": "owner_id", "CatalogueItem": "owner_id"}
            columns |= {"Partner": None, "ApiKey": None, "CustomerView": None}
            columns |= {"CustomerImport": None, "CustomerImportRow": None}
            columns |= {"InvoiceImport": None, "InvoiceImportRow": None}
            whose = columns.get(noun.name, "customer_id")
            draft = row.get("status") == "DRAFT" or not row.get("issued", True)
            text = ids.shown(noun.prefix, row["id"])
            member = row["created_by"] if row.get("is_shared") is False else None
            found.append(Record(noun.name, text, partner, row[whose] if whose else None, draft, member))
    return found


@dataclass(frozen=True)
class Who:
    """Somebody, how they ask, and whose records stand for their own. `actor` is None for the anonymous."""

    name: str
    actor: Actor | None
    asks: dict[str, Any]
    home: str


@dataclass
class Table:
    """The stage, everybody before it, and a count of the cells that were tried."""

    client: Client
    stage: Stage
    records: list[Record]
    who: dict[str, Who] = field(default_factory=dict)
    cells: int = 0

    @cached_property
    def nobody(self) -> dict[str, str]:
        """An id of each noun that no record has."""
        return {noun.name: f"{noun.prefix}_{uuid4().hex}" for noun in NOUNS.values()}

    async def ask(
        self, name: str, query: str, variables: dict[str, Any] | None = None, *, client: Client | None = None
    ) -> Answered:
        """One document of somebody's; with a `client`, at another endpoint."""
        who, client = self.who[name], client or self.client
        if who.actor is None:
            return await client.post("/graphql", orjson.dumps({"query": query, "variables": variables or {}}))
        return await client.ask(query, variables, **who.asks)

    def own(self, name: str, noun: str) -> list[str]:
        """The ids of a noun that are somebody's to read."""
        actor = self.who[name].actor
        return [
            record.text
            for record in self.records
            if record.noun == noun and actor is not None and record.is_seen_by(actor)
        ]

    def strange(self, name: str, noun: str) -> list[str]:
        """Ids of a noun that are not: one of each side and kind there is."""
        actor, found = self.who[name].actor, {}
        for record in self.records:
            if record.noun == noun and not (actor is not None and record.is_seen_by(actor)):
                key = (record.partner, record.customer, record.draft, record.member)
                found.setdefault(key, record.text)
        return list(found.values())

    def broken(self, noun: str) -> list[str]:
        """What is no id of this noun: nonsense, nothing, cut short, another kind's."""
        whole = self.nobody[noun]
        other = self.nobody["Tag" if noun != "Tag" else "Customer"]
        return [MALFORMED, "", whole[:-1], whole.upper(), f"xyz_{whole.partition('_')[2]}", other]

    def leaks(self, name: str, body: bytes, asked: Iterable[str] = ()) -> set[str]:
        """What somebody must not read in an answer: words and ids that are strange to them."""
        found = {match.decode() for match in _SHAPE.findall(body)} - set(asked)
        mine = {record.text for record in self.records if self._is_told(record, self.who[name].actor)}
        return self.stage.foreign(name, body.decode()) | ((found & self.known) - mine)

    @staticmethod
    def _is_told(record: Record, actor: Actor | None) -> bool:
        """The partner's log is whole: it tells that a customer tags, and by which id, but never the words."""
        if actor is None:
            return False
        logged = record.noun == "Tag" and actor.customer_id is None and record.partner == actor.partner_id
        return logged or record.is_seen_by(actor)

    @cached_property
    def known(self) -> set[str]:
        """Every id there is."""
        return {record.text for record in self.records}


def table_of(
    client: Client,
    database: Database,
    owner: Connection,
    cast: Cast,
    now: datetime,
    stage: Stage,
) -> Table:
    """Everybody signed in before the stage."""
    table = Table(client, stage, [])
    for partner, names in STAFF.items():
        home = CUSTOMERS[partner][0]
        for name in names:
            asks = {"session": client.sign_in(name), "at": f"/partner/{partner}/graphql"}
            table.who[name] = Who(name, cast.actors[name], asks, home)
        key = f"{partner}_key"
        table.who[key] = Who(key, cast.actors[key], {"key": cast.keys[partner]}, home)
    for customer, people in PEOPLE.items():
        for name in people:
            asks = {"session": client.sign_in(name), "at": f"/portal/{cast.slugs[customer]}/graphql"}
            table.who[name] = Who(name, cast.actors[name], asks, customer)
    for scope in SCOPES:
        actor = replace(cast.northwind_key, scopes=frozenset({scope}))
        table.who[scope] = Who(scope, actor, {"key": key_with(database, cast, [scope], now)}, "acme")
    table.who["ada_as_carl"] = _looking(table, database, owner, cast, now)
    token = {"key": client.portal_token("acme", [ORIGIN]), "headers": {"origin": ORIGIN}}
    payer = Actor(
        kind=ActorKind.PORTAL_TOKEN, partner_id=cast.partners["northwind"],
        customer_id=cast.customers["acme"], role=Role.PAYER,
    )  # fmt: skip
    table.who["acme_token"] = Who("acme_token", payer, token, "acme")
    table.who["anonymous"] = Who("anonymous", None, {}, "acme")
    table.records = records_of(owner)
    return table


def _looking(table: Table, database: Database, owner: Connection, cast: Cast, now: datetime) -> Who:
    """Ada, who looks at Acme's portal as Carl sees it."""
    asks = table.who["ada"].asks
    found = text("select id from session where token_hash = :hash")
    session_id = owner.execute(found, {"hash": digest_of(asks["session"])}).scalar_one()
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        grant = impersonations.start(
            db, replace(cast.ada, session_id=session_id, proved_at=now),
            customer_id=cast.customers["acme"], viewed_id=cast.carl.id, now=now,
        )  # fmt: skip
    actor = replace(cast.carl, kind=ActorKind.IMPERSONATION, id=grant.id, viewed_id=cast.carl.id)
    at = f"/partner/northwind/as/{ids.shown('as', grant.id)}/graphql"
    return Who("ada_as_carl", actor, {**asks, "at": at}, "acme")


def said(answer: Answered, asked: str) -> tuple[int, bytes]:
    """Status and body, with the id that was asked for taken out."""
    return answer.status, answer.body.replace(asked.encode(), b"<id>") if asked else answer.body
