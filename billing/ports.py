"""Ports: what the business asks of the outside, as types and protocols. No network and no vendor in here.

Surprise: a gateway that did not answer is not a gateway that said no. `GatewayUnreachable.sent` tells
whether money may have moved; only the reconciler, with the same key, may find out.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from errors import Unauthenticated


class MethodKind(StrEnum):
    """How the money is reached. BANK has its place here; the debits themselves come later."""

    CARD = "CARD"
    BANK = "BANK"


class Funding(StrEnum):
    """What stands behind a card."""

    CREDIT = "CREDIT"
    DEBIT = "DEBIT"
    PREPAID = "PREPAID"
    UNKNOWN = "UNKNOWN"


class SetupStatus(StrEnum):
    """A begun entry of a method: still open, done (the method is known), or past its hour."""

    OPEN = "OPEN"
    DONE = "DONE"
    EXPIRED = "EXPIRED"


class ChargeStatus(StrEnum):
    """What a gateway says of a charge. PROCESSING is for bank debits: a card never stays in it."""

    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    REQUIRES_ACTION = "REQUIRES_ACTION"
    PROCESSING = "PROCESSING"


class EventKind(StrEnum):
    """What a gateway tells us unasked. OTHER is genuine but not ours to act on: store it, answer 202."""

    CHARGE_SUCCEEDED = "CHARGE_SUCCEEDED"
    CHARGE_FAILED = "CHARGE_FAILED"
    CHARGE_REQUIRES_ACTION = "CHARGE_REQUIRES_ACTION"
    CHARGE_PROCESSING = "CHARGE_PROCESSING"
    CHARGE_RETURNED = "CHARGE_RETURNED"
    SETUP_COMPLETED = "SETUP_COMPLETED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class SetupSession:
    """Where a payer types a card: `page_url` for a redirect, `fields_url` to embed in a frame.

    `fields_origin` is what the embedding page's `frame-src` must allow, and the only origin whose
    messages it may believe. `fields_url` is None for a gateway that brings its fields as a script.
    """

    id: str
    client_token: str
    page_url: str
    fields_origin: str
    fields_url: str | None


@dataclass(frozen=True, slots=True)
class MethodDetails:
    """What the gateway keeps for us. The fingerprint is equal for the same card in the same account."""

    gateway_ref: str
    kind: MethodKind
    funding: Funding
    brand: str
    last4: str
    exp_month: int | None
    exp_year: int | None
    fingerprint: str


@dataclass(frozen=True, slots=True)
class SetupResult:
    """How far an entry came. `method` is there when, and only when, the status is DONE."""

    status: SetupStatus
    method: MethodDetails | None


@dataclass(frozen=True, slots=True)
class ChargeAnswer:
    """What the gateway says of one charge. Amounts are minor units: compare them before believing it."""

    status: ChargeStatus
    gateway_id: str
    failure_code: str | None
    failure_message: str | None
    action_url: str | None
    amount_minor: int
    currency: str


@dataclass(frozen=True, slots=True)
class GatewayEvent:
    """A genuine event. Genuine is not enough: compare account, live, key, amount and currency.

    `gateway_id` is the charge or the setup it speaks of; the charge's fields are None for a setup.
    """

    id: str
    kind: EventKind
    account: str
    live: bool
    gateway_id: str | None
    key: str | None
    status: ChargeStatus | None
    amount_minor: int | None
    currency: str | None
    failure_code: str | None
    failure_message: str | None
    created_at: datetime


class GatewayUnreachable(Exception):
    """No answer that can be believed.

    `sent` False: it certainly never reached the gateway, nothing moved. `sent` True (time-out, cut
    connection, 5xx, an answer nobody understands): the outcome is unknown. Keep the attempt UNKNOWN
    and ask again with the same key; never with a new one.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class GatewayRefused(Exception):
    """The gateway understood the request and turned it down before doing anything; this call moved nothing.

    Code `idempotency_conflict` means that the key already stands for another charge: look that one up.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message


class BadSignature(Unauthenticated):
    """Not a genuine, fresh event of this gateway. The sender learns no more than that."""

    code = "BAD_SIGNATURE"
    message = "The event's signature does not hold."


class Gateway(Protocol):
    """Moves the money. Synchronous: call it between two transactions, never inside one.

    `account` is the partner's account at the gateway; `key` (1-255 printable ASCII characters) is chosen
    once per attempt and committed before the call. Every call may raise GatewayUnreachable or
    GatewayRefused.
    """

    @property
    def name(self) -> str:
        """What accounts, methods, payments and events of this gateway are filed under."""
        ...

    @property
    def live(self) -> bool:
        """Whether it moves real money. An event of the other mode is never acted on."""
        ...

    @property
    def signature_header(self) -> str:
        """Name of the HTTP header that carries an event's signature."""
        ...

    def create_setup(
        self, *, key: str, account: str, customer_ref: str, return_url: str, kinds: Collection[MethodKind]
    ) -> SetupSession:
        """Begin the entry of a method. The payer comes back to `return_url` with `?setup=<id>` added."""
        ...

    def read_setup(self, *, account: str, setup_id: str) -> SetupResult:
        """How far the entry came. Ask here: what the return page carries proves nothing."""
        ...

    def charge(
        self,
        *,
        key: str,
        account: str,
        amount_minor: int,
        currency: str,
        method_ref: str,
        reference: str,
        return_url: str | None,
    ) -> ChargeAnswer:
        """Charge `amount_minor` once per key: the same key and request get the first answer again.

        So a repeated answer may be older than the charge: `find_charge` tells how it stands now.
        `return_url` None means that nobody is there to authenticate: such a card then fails.
        """
        ...

    def find_charge(
        self, *, account: str, key: str | None = None, gateway_id: str | None = None
    ) -> ChargeAnswer | None:
        """The charge as it stands now, by exactly one of its key and its id. None: never seen.

        None right after an unknown outcome proves nothing, the request may still be on its way:
        repeat the charge with its own key instead of giving the attempt up.
        """
        ...

    def cancel_charge(self, *, account: str, key: str) -> ChargeAnswer | None:
        """End a charge that waits for its cardholder; the charge as it stands then. None: never seen.

        Too late is no error: a charge that is over, paid or not, comes back as it is.
        """
        ...

    def verify_event(self, *, body: bytes, header: str, now: datetime) -> GatewayEvent:
        """Read an event, if `header` signs exactly these bytes within 300 s of `now`; else BadSignature."""
        ...
