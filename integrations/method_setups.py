"""Adding a payment method: noted here, entered at the gateway, kept when the gateway says it is done.

Surprise: what the browser brings back proves nothing. It names an entry, and the gateway is asked about it.
"""

from datetime import datetime
from uuid import UUID

import structlog

from auth.actors import Actor
from billing import payment_methods
from billing.payment_methods import PaymentMethod, PaymentMethodSetup
from billing.ports import (
    Gateway,
    GatewayRefused,
    GatewayUnreachable,
    MethodKind,
    SetupSession,
    SetupStatus,
)
from db.session import Database
from errors import Limited

_log = structlog.get_logger(__name__)


class GatewayDown(Limited):
    """The gateway can't be asked now. Nothing has happened."""

    code = "GATEWAY_DOWN"
    message = "Payment methods can't be added just now. Try again in a few minutes."


def begin(
    database: Database,
    gateway: Gateway,
    actor: Actor,
    *,
    customer_id: UUID,
    return_url: str,
    browser: str | None = None,
    now: datetime,
) -> SetupSession:
    """Open the gateway's form for a card of this customer; the payer comes back to `return_url?setup=…`.

    A guest's form that is still open in this `browser` is opened again. Refuses as
    `payment_methods.begin_setup` does, and GatewayDown. Call it outside of any transaction.
    """

    def begun(over: UUID | None) -> PaymentMethodSetup:
        with database.transaction(**actor.reach) as db:
            return payment_methods.begin_setup(
                db, actor, customer_id=customer_id, gateway=gateway.name, browser=browser, over=over, now=now
            )

    setup = begun(None)
    if setup.gateway_setup is not None and not _is_open(gateway, setup, setup.gateway_setup):
        setup = begun(setup.id)
    session = _open(gateway, setup, return_url)
    with database.transaction(**actor.reach) as db:
        payment_methods.attach_setup(db, actor, setup_id=setup.id, gateway_setup=session.id)
    return session


def _is_open(gateway: Gateway, setup: PaymentMethodSetup, gateway_setup: str) -> bool:
    try:
        result = gateway.read_setup(account=setup.gateway_account, setup_id=gateway_setup)
    except (GatewayUnreachable, GatewayRefused) as trouble:
        _log.warning("entry of a method not found out", setup=str(setup.id), reason=str(trouble))
        raise GatewayDown from trouble
    return result.status is SetupStatus.OPEN


def reopen(
    database: Database, gateway: Gateway, actor: Actor, *, gateway_setup: str, return_url: str
) -> SetupSession | None:
    """The gateway's form of an entry that was begun, for a page that is loaded again; None once it is done.

    `return_url` as it was. Refuses NotFound, and GatewayDown. Call it outside of any transaction.
    """
    with database.transaction(**actor.reach) as db:
        setup = payment_methods.find_setup(db, actor, gateway=gateway.name, gateway_setup=gateway_setup)
    return None if setup.finished_at is not None else _open(gateway, setup, return_url)


def finish(
    database: Database, gateway: Gateway, actor: Actor, *, gateway_setup: str, now: datetime
) -> PaymentMethod | None:
    """Keep what was entered, if the gateway says it is done; None while it isn't.

    Page and webhook both call this, any number of times. Refuses NotFound and GatewayDown.
    """
    with database.transaction(**actor.reach) as db:
        setup = payment_methods.find_setup(db, actor, gateway=gateway.name, gateway_setup=gateway_setup)
    try:
        result = gateway.read_setup(account=setup.gateway_account, setup_id=gateway_setup)
    except (GatewayUnreachable, GatewayRefused) as trouble:
        _log.warning("entry of a method not found out", setup=str(setup.id), reason=str(trouble))
        raise GatewayDown from trouble
    with database.transaction(**actor.reach) as db:
        return payment_methods.finish_setup(db, actor, setup_id=setup.id, result=result, now=now)


def _open(gateway: Gateway, setup: PaymentMethodSetup, return_url: str) -> SetupSession:
    """The same key and request give the same form again, so it doesn't matter how often this is called."""
    try:
        return gateway.create_setup(
            key=f"setup_{setup.id.hex}", account=setup.gateway_account,
            customer_ref=f"cus_{setup.customer_id.hex}", return_url=return_url, kinds=[MethodKind.CARD],
        )  # fmt: skip
    except (GatewayUnreachable, GatewayRefused) as trouble:
        _log.warning("no entry of a method", setup=str(setup.id), reason=str(trouble))
        raise GatewayDown from trouble
