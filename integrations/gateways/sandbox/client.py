"""Remit's side of the sandbox gateway: the Gateway port over HTTP.

Surprise: no connection is kept for the next call. A connection the gateway closed in the meantime looks
like a lost answer, and a lost answer makes a payment UNKNOWN for no reason.
"""

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Annotated, TypeVar
from urllib.parse import quote

import httpx2
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from billing.ports import (
    BadSignature,
    ChargeAnswer,
    ChargeStatus,
    EventKind,
    Funding,
    GatewayEvent,
    GatewayRefused,
    GatewayUnreachable,
    MethodDetails,
    MethodKind,
    SetupResult,
    SetupSession,
    SetupStatus,
)
from integrations.gateways.sandbox.accounts import Accounts
from integrations.gateways.sandbox.wire import ACCOUNT_HEADER, KEY, KEY_HEADER, SIGNATURE_HEADER
from integrations.gateways.signatures import signers
from languages import ENGLISH, spoken

CONNECT_WITHIN_S = 5.0

_KINDS = {
    "charge.succeeded": EventKind.CHARGE_SUCCEEDED,
    "charge.failed": EventKind.CHARGE_FAILED,
    "charge.requires_action": EventKind.CHARGE_REQUIRES_ACTION,
    "charge.processing": EventKind.CHARGE_PROCESSING,
    "charge.returned": EventKind.CHARGE_RETURNED,
    "setup.completed": EventKind.SETUP_COMPLETED,
}
# These fail before a byte of the request is on the wire. Everything else may have reached the gateway.
_NEVER_SENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
)


class _ChargeUnknown(GatewayRefused):
    """The gateway's own word for it: any other 404 is a wrong address, not a missing charge."""


class _Shape(BaseModel):
    """What the gateway sends: types exactly as agreed, fields we don't know yet left alone."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class _Session(_Shape):
    id: str
    client_token: str
    page_url: str
    fields_origin: str
    fields_url: str


class _Method(_Shape):
    gateway_ref: str
    kind: MethodKind
    funding: Funding
    brand: str
    last4: Annotated[str, Field(pattern=r"^[0-9]{4}$")]
    exp_month: Annotated[int, Field(strict=True)] | None
    exp_year: Annotated[int, Field(strict=True)] | None
    fingerprint: str


class _Setup(_Shape):
    status: SetupStatus
    method: _Method | None


class _Charge(_Shape):
    id: str
    key: str
    status: ChargeStatus
    amount_minor: Annotated[int, Field(strict=True)]
    currency: str
    failure_code: str | None
    failure_message: str | None
    action_url: str | None


class _Subject(_Shape):
    id: str


class _Reason(_Shape):
    code: str
    message: str


class _Refusal(_Shape):
    error: _Reason


class _Event(_Shape):
    id: str
    type: str
    account: str
    livemode: Annotated[bool, Field(strict=True)]
    created: Annotated[int, Field(strict=True)]
    object: Mapping[str, object]


Shape = TypeVar("Shape", bound=_Shape)


def _for_reader(url: str) -> str:
    """The address of a page, in the language of the work in hand."""
    return url if spoken() == ENGLISH else f"{url}?language={spoken()}"


class SandboxGateway:
    """The sandbox gateway as Remit uses it. `timeout_s` is how long an answer may take; thread-safe."""

    def __init__(self, url: str, *, accounts: Accounts, timeout_s: float = 30.0) -> None:
        if not accounts.webhook_secrets():
            raise ValueError(
                "The gateway needs a webhook secret: without one its events can't be told from forged ones."
            )
        self._accounts = accounts
        self._client = httpx2.Client(
            base_url=url,
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_WITHIN_S)),
            limits=httpx2.Limits(max_keepalive_connections=0),
            trust_env=False,
            # Plain http has no use for the certificate store, and loading it takes a tenth of a second.
            verify=url.startswith("https:"),
        )

    @property
    def name(self) -> str:
        """What its accounts, methods, payments and events are filed under."""
        return "sandbox"

    @property
    def live(self) -> bool:
        """It moves no real money."""
        return False

    @property
    def signature_header(self) -> str:
        """Where the gateway puts an event's signature."""
        return SIGNATURE_HEADER

    def close(self) -> None:
        """Let go of the client's resources."""
        self._client.close()

    def create_setup(
        self, *, key: str, account: str, customer_ref: str, return_url: str, kinds: Collection[MethodKind]
    ) -> SetupSession:
        """Begin the entry of a card; see the port."""
        order = {
            "customer_ref": customer_ref,
            "return_url": return_url,
            "kinds": sorted(kind.value for kind in kinds),
        }
        answer = self._read(self._call("POST", "/v1/setups", account, key=key, json=order), _Session)
        session = SetupSession(**answer.model_dump())
        return replace(
            session, page_url=_for_reader(session.page_url), fields_url=_for_reader(answer.fields_url)
        )

    def read_setup(self, *, account: str, setup_id: str) -> SetupResult:
        """How far the entry came; see the port."""
        answer = self._read(self._call("GET", f"/v1/setups/{quote(setup_id, safe='')}", account), _Setup)
        method = None if answer.method is None else MethodDetails(**answer.method.model_dump())
        return SetupResult(answer.status, method)

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
        """Charge once per key; see the port."""
        order = {
            "amount_minor": amount_minor,
            "currency": currency,
            "method_ref": method_ref,
            "reference": reference,
            "return_url": return_url,
        }
        return self._charge(self._call("POST", "/v1/charges", account, key=key, json=order))

    def find_charge(
        self, *, account: str, key: str | None = None, gateway_id: str | None = None
    ) -> ChargeAnswer | None:
        """The charge as it stands now; see the port."""
        if (key is None) == (gateway_id is None):
            raise ValueError("Ask by exactly one of key and gateway_id.")
        asked = {"key": key} if key is not None else {"id": str(gateway_id)}
        with suppress(_ChargeUnknown):
            return self._charge(self._call("GET", "/v1/charges", account, params=asked))
        return None

    def cancel_charge(self, *, account: str, key: str) -> ChargeAnswer | None:
        """End a charge that waits for its cardholder; see the port."""
        with suppress(_ChargeUnknown):
            return self._charge(self._call("POST", "/v1/charges/cancel", account, json={"key": key}))
        return None

    def verify_event(self, *, body: bytes, header: str, now: datetime) -> GatewayEvent:
        """Read a genuine event; see the port. The signature is checked before a byte of it is parsed."""
        signed_by = signers(body, header, secrets=self._accounts.webhook_secrets(), now=now)
        try:
            event = _Event.model_validate_json(body)
            kind = _KINDS.get(event.type, EventKind.OTHER)
            charge = _Charge.model_validate(event.object) if event.type.startswith("charge.") else None
            subject_id = _Subject.model_validate(event.object).id if kind is not EventKind.OTHER else None
        except ValidationError:
            raise BadSignature from None
        account = self._accounts.find(event.account)
        # One account's secret must not speak for another's.
        if account is None or not signed_by.intersection(account.webhook_secrets):
            raise BadSignature
        return GatewayEvent(
            id=event.id,
            kind=kind,
            account=event.account,
            live=event.livemode,
            gateway_id=subject_id,
            key=charge.key if charge else None,
            status=charge.status if charge else None,
            amount_minor=charge.amount_minor if charge else None,
            currency=charge.currency if charge else None,
            failure_code=charge.failure_code if charge else None,
            failure_message=charge.failure_message if charge else None,
            created_at=datetime.fromtimestamp(event.created, UTC),
        )

    def _call(
        self,
        method: str,
        path: str,
        account_id: str,
        *,
        key: str | None = None,
        json: Mapping[str, object] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        account = self._accounts.find(account_id)
        if account is None:
            raise GatewayRefused("account_unknown", "This account is not set up for the gateway.")
        headers = {"authorization": f"Bearer {account.api_secret}", ACCOUNT_HEADER: account.id}
        if key is not None:
            if not KEY.fullmatch(key):
                raise ValueError("A key is 1 to 255 printable ASCII characters.")
            headers[KEY_HEADER] = key
        try:
            answer = self._client.request(method, path, headers=headers, json=json, params=params)
        except _NEVER_SENT as error:
            raise GatewayUnreachable(f"not reached: {type(error).__name__}", sent=False) from error
        except httpx2.HTTPError as error:
            raise GatewayUnreachable(f"no answer: {type(error).__name__}", sent=True) from error
        if answer.status_code == 200:
            return answer
        raise _not_done(answer)

    def _charge(self, answer: httpx2.Response) -> ChargeAnswer:
        charge = self._read(answer, _Charge)
        return ChargeAnswer(
            status=charge.status,
            gateway_id=charge.id,
            failure_code=charge.failure_code,
            failure_message=charge.failure_message,
            action_url=_for_reader(charge.action_url) if charge.action_url else None,
            amount_minor=charge.amount_minor,
            currency=charge.currency,
        )

    def _read(self, answer: httpx2.Response, shape: type[Shape]) -> Shape:
        try:
            return shape.model_validate_json(answer.content)
        except ValidationError as error:
            raise GatewayUnreachable("an answer nobody understands", sent=True) from error


def _not_done(answer: httpx2.Response) -> GatewayRefused | GatewayUnreachable:
    """A 4xx in the gateway's own words is a refusal; all the rest leaves the outcome open."""
    if 400 <= answer.status_code < 500:
        try:
            said = _Refusal.model_validate_json(answer.content).error
        except ValidationError:
            return GatewayUnreachable(f"answered {answer.status_code}, not as agreed", sent=True)
        kind = _ChargeUnknown if said.code == "charge_unknown" else GatewayRefused
        return kind(said.code, said.message)
    return GatewayUnreachable(f"answered {answer.status_code}", sent=True)
