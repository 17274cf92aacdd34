"""Steps of stories about access: what a visitor and the mails do around the rules."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Connection, text
from sqlmodel import select

from billing import access_requests
from billing.access_requests import AccessLink, AccessRequest
from db.session import Database
from tests.cast import Cast

ZOE = "zoe@acme.example"
HOME = "203.0.113.9"


def enter_address(
    database: Database, now: datetime, *, email: str = ZOE, slug: str = "northwind", address: str = HOME
) -> None:
    with database.transaction() as db:
        access_requests.begin(db, slug=slug, email=email, address=address, now=now)


def mailed_link(database: Database, cast: Cast, partner: str = "northwind") -> str:
    """The token of the newest link."""
    with database.transaction(partner_id=cast.partners[partner]) as db:
        link = db.exec(select(AccessLink).order_by(AccessLink.id.desc())).first()  # type: ignore[attr-defined]
        assert link is not None
        return access_requests.token_of(db, link)


def ask(database: Database, token: str, now: datetime, **typed: str) -> UUID:
    given = {"name": "Zoe", "company": "Acme", "message": "Invoice 7, please.", **typed}
    with database.transaction() as db:
        return access_requests.ask(db, token=token, now=now, **given).id


def asked(database: Database, cast: Cast, now: datetime, email: str = ZOE) -> UUID:
    """Zoe has asked Northwind for access."""
    enter_address(database, now, email=email)
    return ask(database, mailed_link(database, cast), now)


def request_row(owner: Connection, request_id: UUID) -> AccessRequest:
    row = owner.execute(text("select * from access_request where id = :id"), {"id": request_id}).one()
    return AccessRequest(**row._mapping)
