"""The web process: pages, API, webhooks and static files behind one set of headers.

Surprise: nothing is served by accident. A path that no route names is a 404 page, and each route stands
behind a door that says who may come in.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from ipaddress import ip_network
from typing import Any
from urllib.parse import urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp

from api.budgets import Budgets
from api.changes import Means
from api.files import Files
from api.mutation import Mutations
from api.read import Reader
from api.view import Endpoint
from app.gateway import WEBHOOK_PATH
from app.settings import Settings
from app.wiring import BOUNCES_PATH, ROOT, TEMPLATES, Parts, clock
from auth.passwords import HashingPool
from db.engine import make_pool
from integrations import bounces
from integrations.webhooks import receiver
from portal import csrf, refusing, routes
from portal.assets import ROUTE as STATIC_ROUTE
from portal.assets import Assets
from portal.cookies import LANGUAGE
from portal.door import visitor
from portal.headers import GatewayOrigins, SecurityHeaders
from portal.house import House
from portal.language import Language
from portal.reading import Documents
from portal.render import Renderer


def create_app(parts: Parts) -> ASGIApp:
    """The whole application of one web process."""
    settings = parts.settings
    pool = make_pool(parts.url)
    assets = Assets(ROOT / "portal" / "static")
    secure = urlsplit(settings.public_url).scheme == "https"
    reader = Reader(pool)
    house = House(
        database=parts.database,
        documents=Documents(reader),
        hashing=HashingPool(at_once=2, waiting=30),
        renderer=Renderer(TEMPLATES, assets),
        gateway=parts.gateway,
        press=parts.press,
        clock=clock,
        secret=settings.secret_key.get_secret_value().encode(),
        public_url=settings.public_url,
        secure=secure,
        trusted_proxies=tuple(ip_network(network) for network in settings.trusted_proxies),
        demo_logins=settings.is_demo,
        reached=parts.reached,
    )
    budgets = Budgets(points=settings.api_points, per_second=settings.api_points_per_second)
    graphql = _graphql(parts, house, reader, budgets)
    files = Files(
        reader, parts.database, parts.press, clock=clock, budgets=budgets, public_url=settings.public_url
    )

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        await pool.open()
        yield
        await pool.close()
        parts.database.close()
        parts.press.close()

    application = Starlette(
        routes=_routes(parts, graphql, files, assets),
        lifespan=lifespan,
        exception_handlers={HTTPException: _plain_refusal, Exception: _broken},
    )
    application.state.house = house
    application.state.mail_folder = settings.mail_folder
    application.state.mails_as_files = None if settings.smtp_url else settings.mail_folder
    origin = settings.gateway_url
    return SecurityHeaders(
        Language(application, cookie=house.cookie(LANGUAGE)),
        public_url=settings.public_url,
        gateway=GatewayOrigins(frames=(origin,), forms=(origin,)),
    )


def server_options(settings: Settings) -> dict[str, Any]:
    """How uvicorn serves it: no banner, no access log of addresses with tokens, forwarded headers ignored."""
    return {
        "host": settings.host,
        "port": settings.port,
        "server_header": False,
        "access_log": False,
        "proxy_headers": False,
        "ws": "none",
        "log_config": None,
        "timeout_graceful_shutdown": 20,
    }


def _routes(parts: Parts, graphql: Endpoint, files: Files, assets: Assets) -> list[BaseRoute]:
    # Asked one after the other: what programs call comes before the hundred pages.
    listed: list[BaseRoute] = [
        *graphql.routes(),
        *files.routes(),
        Route(WEBHOOK_PATH, receiver(parts.database, parts.gateway, clock), methods=["POST"]),
        *_bounce_routes(parts),
        Route(STATIC_ROUTE, visitor(assets.serve)),
        Route("/health", visitor(_health)),
        *routes.ROUTES,
    ]
    if parts.settings.is_demo:
        listed += routes.DEMO_ROUTES
    return listed


def _bounce_routes(parts: Parts) -> list[BaseRoute]:
    """Without a secret there is no such address: nobody could sign what is posted there."""
    kept = [secret.get_secret_value() for secret in parts.settings.bounce_secrets]
    if not kept:
        return []
    return [Route(BOUNCES_PATH, bounces.receiver(parts.bounces, kept, clock), methods=["POST"])]


def _graphql(parts: Parts, house: House, reader: Reader, budgets: Budgets) -> Endpoint:
    means = Means(parts.database, parts.gateway, clock, house.public_origin, parts.reached)
    check, cookie = partial(_check, house), house.cookie("session")
    mutate = Mutations(means)
    return Endpoint(reader, clock=clock, session_cookie=cookie, check=check, mutate=mutate, budgets=budgets)


def _check(house: House, headers: Headers, session_id: str) -> None:
    """A session may only use the API from our own pages, like any form (D-5)."""
    csrf.check(
        headers,
        session_id=session_id,
        form_token=None,
        secret=house.secret,
        public_origin=house.public_origin,
    )


async def _health(request: Request) -> Response:
    """200 when this process can reach the database."""
    database = request.app.state.house.database

    def ask() -> None:
        with database.transaction():
            pass

    await run_in_threadpool(ask)
    return PlainTextResponse("ok")


async def _plain_refusal(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, HTTPException)
    return await refusing.at_no_page(request, refusal.status_code, refusal.headers)


async def _broken(request: Request, _trouble: Exception) -> Response:
    return HTMLResponse(request.app.state.house.renderer.refusal(500), 500)
