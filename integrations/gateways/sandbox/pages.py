"""The gateway's pages for payers: typing a card, in a frame or on a page of its own, and confirming a charge.

Surprise: the frame's page works without a script too. The script only tells the embedding page what
happened: `{source: "remit-sandbox-gateway", setup, status}` and `{…, height}`, to the return address's
origin and to no other.
"""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from urllib.parse import parse_qsl, urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from billing.ports import ChargeStatus, SetupStatus
from errors import Invalid
from integrations.gateways.sandbox import charges, setups
from integrations.gateways.sandbox.cards import PUBLISHED, read_entry, showable
from integrations.gateways.sandbox.desk import Desk
from integrations.gateways.sandbox.words import language, speaker
from languages import ENGLISH, Locale

_HERE = Path(__file__).parent
_STATIC = {"gateway.css": "text/css", "fields.js": "text/javascript"}
_PAGES = Environment(
    loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'"


@dataclass(frozen=True, slots=True)
class Visit:
    """A setup as a page needs it, read in one transaction."""

    setup: sqlite3.Row
    status: SetupStatus
    language: Locale

    @property
    def parent(self) -> str:
        """The origin of the account's pages: who may embed, and who may be told."""
        return origin(self.setup["return_url"])


class Pages:
    """The pages, over one desk."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def routes(self) -> list[Route]:
        """What a payer's browser can open."""
        return [
            Route("/setup/{token}", self.show_setup),
            Route("/setup/{token}", self.take_setup, methods=["POST"]),
            Route("/fields/{token}", self.show_fields),
            Route("/fields/{token}", self.take_fields, methods=["POST"]),
            Route("/authenticate/{token}", self.show_authentication),
            Route("/authenticate/{token}", self.take_authentication, methods=["POST"]),
            Route("/static/{name}", self.static),
        ]

    async def show_setup(self, request: Request) -> Response:
        """The card form as a page of its own."""
        return _setup_page(await self._visit(request))

    async def show_fields(self, request: Request) -> Response:
        """The card form for a frame."""
        return _fields_page(await self._visit(request))

    async def take_setup(self, request: Request) -> Response:
        """Keep the card and send the payer back; or the form again, with what is wrong."""
        visit = await self._visit(request)
        try:
            await self._complete(visit, request)
        except Invalid as wrong:
            return _setup_page(visit, wrong, showable(await _form(request)))
        return _away(setups.way_back(visit.setup))

    async def take_fields(self, request: Request) -> Response:
        """Keep the card and show in the frame that it is kept; or the form again."""
        visit = await self._visit(request)
        try:
            await self._complete(visit, request)
        except Invalid as wrong:
            return _fields_page(visit, wrong, showable(await _form(request)))
        return _away(f"{request.url.path}?{request.url.query}".rstrip("?"))

    async def show_authentication(self, request: Request) -> Response:
        """The page where the cardholder confirms a charge, or not."""
        charge = await self._charge(request)
        amount = f"{charge['amount_minor'] // 100:,}.{charge['amount_minor'] % 100:02d} {charge['currency']}"
        return _page(
            "authenticate.html",
            policy=_policy(form_to=origin(charge["return_url"])),
            language=language(request),
            waiting=charge["status"] == ChargeStatus.REQUIRES_ACTION,
            amount=amount,
            merchant=charges.merchant(charge),
            way_back=charge["return_url"],
        )

    async def take_authentication(self, request: Request) -> Response:
        """The cardholder's answer; then back to the account's page, which asks us how it went."""
        charge = await self._charge(request)
        outcome = (await _form(request)).get("outcome")
        if outcome not in ("complete", "fail"):
            raise HTTPException(400, "Choose one of the two buttons.")

        def confirm(db: sqlite3.Connection, now: datetime) -> None:
            passed = outcome == "complete"
            charges.confirm(db, charge, passed=passed, public_url=self._desk.public_url, now=now)

        await self._desk.transact(confirm)
        return _away(charge["return_url"])

    async def static(self, request: Request) -> Response:
        """One of the few files pages use."""
        name = request.path_params["name"]
        if name not in _STATIC:
            raise HTTPException(404)
        return FileResponse(_HERE / "static" / name, media_type=_STATIC[name])

    async def _visit(self, request: Request) -> Visit:
        def read(db: sqlite3.Connection, now: datetime) -> Visit:
            setup = setups.by_token(db, request.path_params["token"])
            if setup is None:
                raise HTTPException(404)
            return Visit(setup, setups.status(setup, now=now), language(request))

        return await self._desk.transact(read)

    async def _complete(self, visit: Visit, request: Request) -> None:
        """Nothing for a setup that is done or over: the page that follows says so."""
        if visit.status is not SetupStatus.OPEN:
            return
        entry = read_entry(await _form(request), today=self._desk.clock().date())

        def complete(db: sqlite3.Connection, now: datetime) -> None:
            setup = setups.by_id(db, visit.setup["account"], setup_id=visit.setup["id"])
            if setup is not None:
                setups.complete(db, setup, entry=entry, now=now)

        await self._desk.transact(complete)

    async def _charge(self, request: Request) -> sqlite3.Row:
        def read(db: sqlite3.Connection, now: datetime) -> sqlite3.Row:
            token = request.path_params["token"]
            charge = charges.by_action(db, token, public_url=self._desk.public_url, now=now)
            if charge is None:
                raise HTTPException(404)
            return charge

        return await self._desk.transact(read)


def origin(url: str) -> str:
    """Scheme, host and port: what a browser compares."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def problem_page(status: int, message: str, locale: Locale) -> Response:
    """A page for what can't be shown."""
    return _page("problem.html", status=status, language=locale, message=message)


async def _form(request: Request) -> Mapping[str, str]:
    """A plain form. Multipart is not read: it would put what was typed into temporary files."""
    if (
        request.headers.get("content-type", "").partition(";")[0].strip()
        != "application/x-www-form-urlencoded"
    ):
        raise HTTPException(415, "Send the form as the page does.")
    body = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(body, keep_blank_values=True, max_num_fields=20))
    except ValueError:
        raise HTTPException(400, "The form has too many fields.") from None


def _setup_page(
    visit: Visit, wrong: Invalid | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    return _form_page("setup.html", visit, wrong, typed, _policy(form_to=visit.parent))


def _fields_page(
    visit: Visit, wrong: Invalid | None = None, typed: Mapping[str, str] | None = None
) -> Response:
    return _form_page("fields.html", visit, wrong, typed, _policy(framed_by=visit.parent))


def _form_page(
    template: str, visit: Visit, wrong: Invalid | None, typed: Mapping[str, str] | None, policy: str
) -> Response:
    return _page(
        template,
        status=422 if wrong else 410 if visit.status is SetupStatus.EXPIRED else 200,
        policy=policy,
        language=visit.language,
        setup_id=visit.setup["id"],
        state="INVALID" if wrong else visit.status.value,
        parent=visit.parent,
        merchant=urlsplit(visit.setup["return_url"]).netloc,
        way_back=setups.way_back(visit.setup),
        errors={str(problem.path[0]): problem.message for problem in wrong.problems} if wrong else {},
        typed={"expiry": "", "name": "", "postal_code": "", **(typed or {})},
        cards=PUBLISHED,
    )


def _page(
    template: str,
    *,
    status: int = 200,
    policy: str | None = None,
    language: Locale = ENGLISH,
    **values: object,
) -> Response:
    html = _PAGES.get_template(template).render(values, lang=language, _=speaker(language))
    return HTMLResponse(html, status, headers={"content-security-policy": policy or _policy()})


def _policy(*, form_to: str = "", framed_by: str = "'none'") -> str:
    # A browser also holds the redirect after a form against form-action, so the way back is in it.
    to = f"'self' {form_to}".strip()
    return f"{_POLICY}; form-action {to}; frame-ancestors {framed_by}"


def _away(url: str) -> Response:
    return RedirectResponse(url, 303)
