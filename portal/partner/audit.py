"""The audit log in the dashboard: who did what, when, narrowed down, and as a file.

Surprise: the file runs the very filter of the page, a part after the other, so it holds what the page shows;
that it was taken out is itself written down, before its first byte.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auth import audit
from auth.actors import Actor
from billing.csv_out import BOM, line
from errors import Invalid, Problem
from languages import mark
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.page import ask, show
from portal.paging import neighbours, window
from portal.partner.activity import Event, activity_of
from portal.shell import Link
from portal.whole import pages

# What the log can be narrowed to, by the first word of what was done.
ABOUT: Mapping[str, str] = {
    "": mark("Everything"),
    "customer": mark("Customers"),
    "customer_import": mark("Imports of customers"),
    "user": mark("Users and staff"),
    "invoice": mark("Invoices"),
    "payment": mark("Payments"),
    "payment_method": mark("Payment methods"),
    "tag": mark("Tags"),
    "api_key": mark("API keys"),
    "partner": mark("Settings"),
    "portal_session": mark("Portal sessions"),
    "impersonation": mark("Views of portals"),
    "audit": mark("This log"),
}
COLUMNS = ("at", "actor kind", "actor", "action", "subject kind", "subject id", "customer", "details")
_PAGE = 100


@dataclass(frozen=True)
class Asked:
    """What the log is narrowed to: a subject, and days of the partner's calendar, both included."""

    about: str
    since: date | None
    until: date | None
    problems: tuple[Problem, ...] = ()

    @classmethod
    def of(cls, typed: Mapping[str, str]) -> "Asked":
        """Read from an address or a form; what can't be read is told at its field, and narrows nothing."""
        about = typed.get("about", "")
        problems: list[Problem] = []
        since, until = (_day(typed.get(name, ""), name, problems) for name in ("since", "until"))
        if since and until and since > until:
            problems.append(
                Problem("BAD_RANGE", ("until",), "Choose a last day that is not before the first.")
            )
            since = until = None
        return cls(about if about in ABOUT else "", since, until, tuple(problems))

    def where(self, time_zone: str) -> dict[str, Any]:
        """The document's filter."""
        asked: dict[str, Any] = {"action": {"startsWith": f"{self.about}."}} if self.about else {}
        at: dict[str, str] = {}
        if self.since:
            at["gte"] = _midnight(self.since, time_zone)
        if self.until:
            at["lt"] = _midnight(self.until + timedelta(days=1), time_zone)
        return {**asked, "at": at} if at else asked

    @property
    def texts(self) -> dict[str, str]:
        """What is asked, as it stands in the address."""
        every = {"about": self.about, "since": self.since, "until": self.until}
        return {name: str(value) for name, value in every.items() if value}


async def show_log(request: Request) -> Response:
    """The log, newest first."""
    asked = Asked.of(request.query_params)
    zone = (await ask(request, "partner/plain")).shell.time_zone
    page = await ask(request, "partner/audit/list", **window(request), where=asked.where(zone))
    found = page.content["auditEvents"]
    before, after = neighbours(request, found["pageInfo"])
    form = Form(typed={name: (text,) for name, text in request.query_params.items()})
    if asked.problems:
        form = form.with_problems(Invalid(list(asked.problems)))
    return show(
        request, "partner/audit/list.html", page, form=form, events=await told(request, found["nodes"]),
        about=list(ABOUT.items()), asked=asked.texts, before=before, after=after,
        crumbs=[Link(mark("Settings"))], status=422 if asked.problems else 200,
    )  # fmt: skip


async def export(request: Request) -> Response:
    """What the page shows, all of it, as a CSV file."""
    form = await read_form(request)
    asked = Asked.of({name: form.value(name) for name in ("about", "since", "until")})
    zone = (await ask(request, "partner/plain")).shell.time_zone
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        audit.begin_export(db, actor, asked=asked.texts, now=now)

    await act(request, work, form=form)
    return StreamingResponse(
        _file(request, asked.where(zone)),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="audit-{now:%Y-%m-%d}.csv"',
            "cache-control": "no-store",
        },
    )


async def back(request: Request) -> Response:
    """Whoever comes to the file's address without the form."""
    return go(request, f"{place(request).home}/audit")


async def told(request: Request, rows: Sequence[Mapping[str, Any]]) -> list[Event]:
    """Rows of the log as sentences, with the names of the people they are about."""
    people = sorted({row["subjectId"] for row in rows if row["subjectKind"] == "user" and row["subjectId"]})
    named = await ask(request, "partner/named", ids=people) if people else None
    return activity_of(rows, [user for user in named.content["nodes"] if user] if named else [])


async def _file(request: Request, where: Mapping[str, Any]) -> AsyncIterator[str]:
    yield BOM + line(COLUMNS)
    async for rows in pages(request, "partner/audit/list", "auditEvents", {"where": where}, size=_PAGE):
        yield "".join(_lines(rows))


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    for row in rows:
        customer = row["customer"]["company"] if row["customer"] else None
        details = json.dumps(row["details"], ensure_ascii=False) if row["details"] else None
        names = ("at", "actorKind", "actorName", "action", "subjectKind", "subjectId")
        yield line([*(row[name] for name in names), customer, details])


def _day(typed: str, name: str, problems: list[Problem]) -> date | None:
    written = typed.strip()
    if not written:
        return None
    try:
        return date.fromisoformat(written)
    except ValueError:
        problems.append(Problem("BAD_DATE", (name,), "Enter the day as YYYY-MM-DD."))
        return None


def _midnight(day: date, time_zone: str) -> str:
    return datetime.combine(day, time(), ZoneInfo(time_zone)).isoformat()


ROUTES = [
    Route("/partner/{slug}/audit", partner(show_log)),
    Route("/partner/{slug}/audit/export", partner(back)),
    Route("/partner/{slug}/audit/export", partner(export), methods=["POST"]),
]
