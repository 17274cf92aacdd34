"""Adding a card, the whole way: noted, entered at the gateway, asked about, kept."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Connection

from auth.actors import Actor
from billing.payment_methods import PaymentMethod
from billing.ports import SetupSession
from db.session import Database
from errors import NotFound
from integrations import method_setups
from integrations.gateways.sandbox.client import SandboxGateway
from integrations.method_setups import GatewayDown
from tests.cast import Cast
from tests.gateway import running_sandbox
from tests.money.desk import BACK, VISA, Clock, Desk
from tests.world import nothing_changes


@pytest.fixture
def desk(database: Database, cast: Cast, now: datetime, tmp_path: Path) -> Iterator[Desk]:
    clock = Clock(now)
    with running_sandbox(tmp_path / "gateway.sqlite3", deliver=False, clock=clock) as sandbox:
        yield Desk(database, sandbox, cast, clock)


def begun(desk: Desk, who: Actor) -> SetupSession:
    return method_setups.begin(
        desk.database, desk.sandbox.gateway, who,
        customer_id=desk.cast.customers["acme"], return_url=BACK, now=desk.clock(),
    )  # fmt: skip


def finished(desk: Desk, who: Actor, gateway_setup: str) -> PaymentMethod | None:
    return method_setups.finish(
        desk.database, desk.sandbox.gateway, who, gateway_setup=gateway_setup, now=desk.clock()
    )


def test_a_card_is_kept_once_it_was_entered(desk: Desk, owner: Connection) -> None:
    petra = desk.cast.petra
    session = begun(desk, petra)
    with nothing_changes(owner):
        assert finished(desk, petra, session.id) is None
    desk.sandbox.type_card(VISA, token=session.client_token)
    method = finished(desk, petra, session.id)
    assert (method.brand, method.last4, method.customer_id) == ("visa", "4242", petra.customer_id)
    with nothing_changes(owner):
        assert finished(desk, petra, session.id).id == method.id


def test_the_form_can_be_opened_again_until_it_is_done(desk: Desk) -> None:
    petra = desk.cast.petra
    session = begun(desk, petra)

    def again() -> SetupSession | None:
        return method_setups.reopen(
            desk.database, desk.sandbox.gateway, petra, gateway_setup=session.id, return_url=BACK
        )

    assert again() == session
    desk.sandbox.type_card(VISA, token=session.client_token)
    finished(desk, petra, session.id)
    assert again() is None


@pytest.mark.parametrize("who", ["gus", "ines", "mallory"])
def test_another_companys_entry_is_not_found(desk: Desk, owner: Connection, who: str) -> None:
    session = begun(desk, desk.cast.petra)
    desk.sandbox.type_card(VISA, token=session.client_token)
    with nothing_changes(owner):
        for name in (session.id, f"seti_{uuid4().hex}"):
            with pytest.raises(NotFound):
                finished(desk, desk.cast.actors[who], name)


def test_with_the_gateway_down_a_refusal_says_so(desk: Desk) -> None:
    petra = desk.cast.petra
    session = begun(desk, petra)
    up = desk.sandbox.gateway
    desk.sandbox.gateway = SandboxGateway("http://127.0.0.1:9", accounts=desk.sandbox.accounts)
    for act in (lambda: begun(desk, petra), lambda: finished(desk, petra, session.id)):
        with pytest.raises(GatewayDown):
            act()
    desk.sandbox.gateway.close()
    desk.sandbox.gateway = up
    desk.sandbox.type_card(VISA, token=session.client_token)
    assert finished(desk, petra, session.id) is not None
