"""Connections: a synchronous engine for rules, an asynchronous pool for documents.

Surprise: both connect as the app role, which owns nothing. A URL with a more powerful login still works:
the connection then steps down to the app role before anything else.
"""

from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

from psycopg import AsyncRawCursor
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import Engine, create_engine

from db.policies import APP
from db.trips import TripConnection


def as_app(url: str) -> str:
    """`url` with the app role in force, whoever logs in."""
    parts = urlsplit(url)
    if parts.username == APP:
        return url
    query = dict(parse_qsl(parts.query))
    query["options"] = " ".join(filter(None, [query.get("options"), f"-c role={APP}"]))
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def make_engine(url: str, *, pool_size: int = 10, as_role: bool = True) -> Engine:
    """The engine rules run on. `as_role=False` is for migrations, which need the owner's rights."""
    return create_engine(
        _with_driver(as_app(url) if as_role else url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=5,
        pool_pre_ping=True,
        # A failing statement's text goes to the log; what was asked with it must not.
        hide_parameters=True,
        connect_args={"prepare_threshold": 5},
    )


def make_pool(url: str, *, size: int = 8, as_role: bool = True) -> AsyncConnectionPool[TripConnection]:
    """The pool documents are read through; closed until opened. `as_role` as for `make_engine`.

    No reset on return and autocommit: each read opens and ends its own transaction in one pipeline,
    and a reset would cost a round trip.
    """
    return AsyncConnectionPool(
        as_app(url) if as_role else url,
        connection_class=TripConnection,
        min_size=1,
        max_size=size,
        open=False,
        reset=None,
        timeout=5,
        kwargs={"autocommit": True, "cursor_factory": AsyncRawCursor},
    )


def _with_driver(url: str) -> str:
    return "postgresql+psycopg" + url[url.index("://") :]
