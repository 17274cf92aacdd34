"""Test controls under /v1/test: lists of what happened, events sent again, deliveries held, faults on order.

Surprise: they need the account's API secret like everything else, and reach that account's things only.
"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from integrations.gateways.sandbox import calls, charges, events, faults
from integrations.gateways.sandbox.answers import encoded
from integrations.gateways.sandbox.api import ApiRefusal, caller, read_json
from integrations.gateways.sandbox.desk import Desk
from integrations.gateways.sandbox.faults import FaultMode, Operation


class FaultOrder(BaseModel):
    """`next` is what goes wrong, `on` which call suffers it, `times` how many in a row."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    next: FaultMode
    on: Operation = Operation.CHARGE
    ms: Annotated[int, Field(ge=0, le=600_000)] = 0
    times: Annotated[int, Field(ge=1, le=1000)] = 1


class HoldOrder(BaseModel):
    """Whether deliveries wait."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)
    held: bool


class Control:
    """The controls, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """What a test can call."""
        return [
            Route("/v1/test/charges", self.list_charges),
            Route("/v1/test/events", self.list_events),
            Route("/v1/test/calls", self.list_calls),
            Route("/v1/test/events/{event_id}/redeliver", self.redeliver, methods=["POST"]),
            Route("/v1/test/deliveries", self.hold, methods=["POST"]),
            Route("/v1/test/faults", self.order_fault, methods=["POST"]),
            Route("/v1/test/faults", self.clear_faults, methods=["DELETE"]),
        ]

    async def list_charges(self, request: Request) -> Response:
        """Every charge of the account."""
        account = caller(self._desk, request)
        return await self._answer(
            lambda db, _: charges.listing(db, account, public_url=self._desk.public_url)
        )

    async def list_events(self, request: Request) -> Response:
        """Every event, how often it was tried and its exact body."""
        account = caller(self._desk, request)
        return await self._answer(lambda db, _: events.listing(db, account))

    async def list_calls(self, request: Request) -> Response:
        """Every call, oldest first; the test controls themselves leave no trace."""
        account = caller(self._desk, request)
        return await self._answer(lambda db, _: calls.listing(db, account))

    async def redeliver(self, request: Request) -> Response:
        """Send an event again, with its id and body."""
        account, event_id = caller(self._desk, request), request.path_params["event_id"]

        def again(db: sqlite3.Connection, now: datetime) -> None:
            if not events.redeliver(db, account, event_id=event_id, now=now):
                raise ApiRefusal(404, "event_unknown", "This account has no such event.")

        return await self._answer(again)

    async def hold(self, request: Request) -> Response:
        """Stop deliveries, or let what waited go."""
        account, order = caller(self._desk, request), await read_json(request, HoldOrder)
        return await self._answer(lambda db, _: events.hold(db, account, held=order.held))

    async def order_fault(self, request: Request) -> Response:
        """Make coming calls go wrong."""
        account, order = caller(self._desk, request), await read_json(request, FaultOrder)
        return await self._answer(
            lambda db, _: faults.order(
                db, account, operation=order.on, mode=order.next, ms=order.ms, times=order.times
            )
        )

    async def clear_faults(self, request: Request) -> Response:
        """Forget faults that were not suffered yet."""
        account = caller(self._desk, request)
        return await self._answer(lambda db, _: faults.clear(db, account))

    async def _answer(self, act: Callable[[sqlite3.Connection, datetime], object]) -> Response:
        return Response(encoded(await self._desk.transact(act)), media_type="application/json")
