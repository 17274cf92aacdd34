"""Pay links that are mailed: one with the invoice, and a fresh one at most hourly to those on file."""

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from auth.throttle import TooMany
from billing import invoice_sending, mailed_links, pay_links
from billing.pay_links import Made
from db.session import Database
from tests.billing.acting import Acts, at_once, invoice_of
from tests.cast import Cast
from tests.world import nothing_changes

Asks = Callable[..., None]


@pytest.fixture
def invoice_id(owner: Connection, cast: Cast) -> UUID:
    """An open invoice of Acme's."""
    return invoice_of(owner, cast, "acme")


@pytest.fixture
def made(acts: Acts, cast: Cast, invoice_id: UUID) -> Made:
    """A link to it."""
    return acts(cast.ada, pay_links.create, invoice_id=invoice_id)


@pytest.fixture
def asks(database: Database, now: datetime) -> Asks:
    """Asks for a fresh one as the page does."""

    def asking(token: str, *, address: str = "192.0.2.1", at: datetime = now) -> None:
        with database.transaction() as db:
            mailed_links.ask_fresh(db, token=token, address=address, now=at)

    return asking


def expire(owner: Connection, now: datetime) -> None:
    owner.execute(text("update pay_link set expires_at = :now"), {"now": now})


def mailed(owner: Connection) -> list[str]:
    """Who was written to."""
    asked = (
        "select m.name from mail join membership m on m.id = mail.membership_id where kind = 'PAY_LINK'"
        " order by m.name"
    )
    return list(owner.scalars(text(asked)))


def test_an_expired_link_mails_a_fresh_one_to_managers_and_payers_once_an_hour(
    made: Made, asks: Asks, owner: Connection, now: datetime, database: Database
) -> None:
    expire(owner, now)
    asks(made.token)
    assert mailed(owner) == ["Carl", "Petra"]
    asks(made.token, at=now + timedelta(minutes=59))
    assert len(mailed(owner)) == 2
    fresh = owner.execute(text("select id, created_by, origin from pay_link where origin = 'FRESH'")).one()
    assert fresh.created_by is None
    with database.transaction(partner_id=made.link.partner_id) as db:
        _, path = mailed_links.of_mail(db, partner_id=made.link.partner_id, link_id=fresh.id, now=now)
    assert path is not None
    with database.transaction() as db:
        guest = pay_links.open_link(db, token=path.removeprefix("/pay/"), is_counted=False, now=now)
    assert (guest.invoice_id, guest.actor.proved_at) == (made.link.invoice_id, now)
    # An hour later the same one goes out again: it is still good.
    asks(made.token, at=now + timedelta(minutes=61))
    assert len(mailed(owner)) == 4
    assert owner.scalar(text("select count(*) from pay_link where origin = 'FRESH'")) == 1
    log = owner.execute(text("select action, actor_kind from audit_event where action = 'pay_link.mailed'"))
    assert [tuple(row) for row in log] == [("pay_link.mailed", "GUEST")] * 2


@pytest.mark.parametrize(
    "ended",
    [
        "update pay_link set revoked_at = created_at",
        "update invoice set status = 'VOID', voided_at = now()",
        "update customer set status = 'ARCHIVED', archived_at = now() where company = 'Acme'",
    ],
)
def test_what_somebody_ended_mails_nothing(
    made: Made, asks: Asks, owner: Connection, now: datetime, ended: str
) -> None:
    expire(owner, now)
    owner.execute(text("alter table invoice disable trigger all"))
    owner.execute(text(ended))
    asks(made.token)
    assert mailed(owner) == []
    assert owner.scalar(text("select count(*) from pay_link")) == 1


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "\udfff"])
def test_what_was_never_a_link_mails_nothing(made: Made, asks: Asks, owner: Connection, token: str) -> None:
    asks(token)
    assert mailed(owner) == []


def test_asking_from_one_address_ends_after_twenty_in_an_hour(
    made: Made, asks: Asks, owner: Connection, now: datetime
) -> None:
    for _ in range(20):
        asks("A" * 43)
    with nothing_changes(owner), pytest.raises(TooMany):
        asks(made.token)
    asks(made.token, address="192.0.2.2")
    assert mailed(owner) == ["Carl", "Petra"]


def test_of_many_who_ask_at_once_one_is_answered(made: Made, asks: Asks, owner: Connection) -> None:
    at_once(6, lambda _: asks(made.token))
    assert mailed(owner) == ["Carl", "Petra"]
    assert owner.scalar(text("select count(*) from pay_link where origin = 'FRESH'")) == 1


def test_an_invoice_goes_out_with_one_link_however_often_it_is_sent(
    acts: Acts, cast: Cast, invoice_id: UUID, owner: Connection, now: datetime
) -> None:
    for _ in range(3):
        acts(cast.ada, invoice_sending.send, invoice_id=invoice_id)
    assert owner.scalars(text("select origin from pay_link")).all() == ["INVOICE"]
    what = {"partner_id": cast.ada.partner_id, "invoice_id": invoice_id, "now": now}

    def path() -> str | None:
        with acts.database.transaction(partner_id=cast.ada.partner_id) as db:
            return mailed_links.path_in_mail(db, **what)

    first = path()
    assert first is not None
    # Revoked, it is in no mail any more; sending again makes another.
    acts(cast.ada, pay_links.revoke, link_id=owner.scalar(text("select id from pay_link")))
    assert path() is None
    acts(cast.ada, invoice_sending.send, invoice_id=invoice_id)
    assert path() not in (None, first)
    owner.execute(text("alter table invoice disable trigger all"))
    owner.execute(text("update invoice set status = 'VOID', voided_at = now()"))
    assert path() is None


def test_a_paid_invoice_goes_out_without_a_new_link(acts: Acts, cast: Cast, owner: Connection) -> None:
    paid = invoice_of(owner, cast, "acme", status="PAID")
    acts(cast.ada, invoice_sending.send, invoice_id=paid)
    assert owner.scalar(text("select count(*) from pay_link")) == 0
