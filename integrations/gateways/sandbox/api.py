"""The gateway's API for its accounts: setups and charges, as JSON under /v1.

Surprise: a declined charge is an answer (200, status FAILED); only a request that did nothing is an error.
"""

import re
import sqlite3
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from billing.ports import MethodKind
from integrations.gateways.sandbox import calls, charges, faults, setups
from integrations.gateways.sandbox.accounts import authenticated
from integrations.gateways.sandbox.answers import KeyTaken, encoded, once
from integrations.gateways.sandbox.desk import Desk
from integrations.gateways.sandbox.faults import Fault, Operation
from integrations.gateways.sandbox.wire import ACCOUNT_HEADER, KEY, KEY_HEADER

LARGEST_MINOR = 10**12

Act = Callable[[sqlite3.Connection, datetime], bytes]
Shape = TypeVar("Shape", bound=BaseModel)

_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\]")


class ApiRefusal(Exception):
    """A request that was turned down before it did anything."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.message = message


def _web_address(url: str) -> str:
    """Goes into redirects and into a security policy: only what is certainly one plain origin and path."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition(":")[0] if parts.port is not None else parts.netloc
    plain = re.fullmatch(r"[\x21-\x7e]{1,2000}", url) and parts.scheme in ("http", "https")
    if not plain or not _HOST.fullmatch(host):
        raise ValueError("must be an absolute http or https address")
    return url


WebAddress = Annotated[str, AfterValidator(_web_address)]
Reference = Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f]*$")]


class SetupOrder(BaseModel):
    """What creates a setup."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    customer_ref: Reference
    return_url: WebAddress
    kinds: Annotated[list[Literal["CARD", "BANK"]], Field(min_length=1, max_length=2)]


class ChargeOrder(BaseModel):
    """What creates a charge, in minor units."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    amount_minor: Annotated[int, Field(gt=0, le=LARGEST_MINOR)]
    currency: Literal["USD", "CAD"]
    method_ref: Reference
    reference: Reference
    return_url: WebAddress | None


class CancelOrder(BaseModel):
    """What ends a waiting charge."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    key: Reference


class Api:
    """The endpoints, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """What an account can call."""
        return [
            Route("/v1/setups", self.create_setup, methods=["POST"]),
            Route("/v1/setups/{setup_id}", self.read_setup),
            Route("/v1/charges", self.charge, methods=["POST"]),
            Route("/v1/charges", self.find_charge, methods=["GET"]),
            Route("/v1/charges/cancel", self.cancel_charge, methods=["POST"]),
        ]

    async def create_setup(self, request: Request) -> Response:
        """Begin a setup; same key and body, same answer."""
        account, key = caller(self._desk, request), _key(request)
        order = await read_json(request, SetupOrder)
        if MethodKind.CARD not in order.kinds:
            raise ApiRefusal(400, "kind_unavailable", "Only cards can be added at this gateway yet.")

        def begin(db: sqlite3.Connection, now: datetime) -> Mapping[str, object]:
            setup = setups.create(
                db, account, customer_ref=order.customer_ref, return_url=order.return_url, now=now
            )
            return self._session(setup)

        return await self._call(account, Operation.SETUP, key, _once(account, key, order, begin))

    async def read_setup(self, request: Request) -> Response:
        """How far a setup came."""
        account, setup_id = caller(self._desk, request), request.path_params["setup_id"]

        def read(db: sqlite3.Connection, now: datetime) -> bytes:
            setup = setups.by_id(db, account, setup_id=setup_id)
            if setup is None:
                raise ApiRefusal(404, "setup_unknown", "This account has no such setup.")
            return encoded(setups.shown(db, setup, now=now))

        return await self._call(account, Operation.READ_SETUP, setup_id, read)

    async def charge(self, request: Request) -> Response:
        """Charge; same key and body, same answer, one charge."""
        account, key = caller(self._desk, request), _key(request)
        order = await read_json(request, ChargeOrder)

        def create(db: sqlite3.Connection, now: datetime) -> Mapping[str, object]:
            return charges.create(
                db,
                account,
                order=charges.Order(key=key, **order.model_dump()),
                public_url=self._desk.public_url,
                now=now,
            )

        return await self._call(account, Operation.CHARGE, key, _once(account, key, order, create))

    async def find_charge(self, request: Request) -> Response:
        """The charge as it stands now, by `key` or by `id`."""
        account = caller(self._desk, request)
        asked = list(request.query_params.multi_items())
        if len(asked) != 1 or asked[0][0] not in ("key", "id"):
            raise ApiRefusal(400, "invalid_request", "Ask by exactly one of key and id.")
        by, value = asked[0]

        def find(db: sqlite3.Connection, now: datetime) -> bytes:
            return _known(
                charges.find(db, account, by=by, value=value, public_url=self._desk.public_url, now=now)
            )

        return await self._call(account, Operation.FIND, value, find)

    async def cancel_charge(self, request: Request) -> Response:
        """Stop waiting for the cardholder; the charge as it stands then."""
        account, order = caller(self._desk, request), await read_json(request, CancelOrder)

        def cancel(db: sqlite3.Connection, now: datetime) -> bytes:
            return _known(
                charges.cancel(db, account, key=order.key, public_url=self._desk.public_url, now=now)
            )

        return await self._call(account, Operation.CANCEL, order.key, cancel)

    async def _call(self, account: str, operation: Operation, subject: str, act: Act) -> Response:
        """Log the call, then carry it out the way the next fault on order lets it."""

        def begin(db: sqlite3.Connection, now: datetime) -> Fault | None:
            calls.record(db, account, operation=operation, subject=subject, now=now)
            return faults.take(db, account, operation=operation)

        async def carry_out() -> Response:
            return Response(await self._desk.transact(act), media_type="application/json")

        return await faults.suffer(await self._desk.transact(begin), carry_out)

    def _session(self, setup: sqlite3.Row) -> Mapping[str, object]:
        origin, token = self._desk.public_url, setup["client_token"]
        return {
            "id": setup["id"],
            "client_token": token,
            "page_url": f"{origin}/setup/{token}",
            "fields_url": f"{origin}/fields/{token}",
            "fields_origin": origin,
        }


def _known(charge: Mapping[str, object] | None) -> bytes:
    if charge is None:
        raise ApiRefusal(404, "charge_unknown", "This account has no such charge.")
    return encoded(charge)


def caller(desk: Desk, request: Request) -> str:
    """The account that calls, by its id and its secret."""
    scheme, _, secret = request.headers.get("authorization", "").partition(" ")
    claimed = request.headers.get(ACCOUNT_HEADER, "")
    account = authenticated(desk.accounts, claimed, secret)
    if account is None or scheme.lower() != "bearer":
        raise ApiRefusal(401, "unauthenticated", "Send the account's id and its own API secret.")
    return account.id


async def read_json(request: Request, shape: type[Shape]) -> Shape:
    """The body as `shape`. The refusal names fields, it never repeats what they held."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise ApiRefusal(415, "invalid_request", "Send application/json.")
    try:
        return shape.model_validate_json(await request.body())
    except ValidationError as error:
        wrong = error.errors(include_input=False, include_url=False, include_context=False)
        message = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in wrong)
        raise ApiRefusal(400, "invalid_request", message) from None


async def refused(_request: Request, refusal: Exception) -> Response:
    """A refusal as JSON."""
    if not isinstance(refusal, ApiRefusal):
        raise refusal
    return JSONResponse({"error": {"code": refusal.code, "message": refusal.message}}, refusal.status)


def _once(
    account: str,
    key: str,
    order: BaseModel,
    act: Callable[[sqlite3.Connection, datetime], Mapping[str, object]],
) -> Act:
    """`act` behind its key: done at most once, answered with the same bytes ever after."""
    request = {"order": type(order).__name__, **order.model_dump()}

    def guarded(db: sqlite3.Connection, now: datetime) -> bytes:
        try:
            return once(db, account, key=key, request=request, act=lambda: act(db, now))
        except KeyTaken:
            message = "This key already stands for another request. Look the charge up by its key."
            raise ApiRefusal(409, "idempotency_conflict", message) from None
        except charges.UnknownMethod:
            raise ApiRefusal(404, "method_unknown", "This account has no such method.") from None

    return guarded


def _key(request: Request) -> str:
    key = request.headers.get(KEY_HEADER, "")
    if not KEY.fullmatch(key):
        message = f"Send {KEY_HEADER}: 1 to 255 printable ASCII characters."
        raise ApiRefusal(400, "key_required", message)
    return key
