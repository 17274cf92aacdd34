"""The dashboard's home: what waits for somebody, what is owed, and what happened lately.

Surprise: it shows the first few of each kind and how many there are; each list's own page has the rest. Only
for who may read the audit log a second document is asked: what happened lately.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action
from portal.door import partner
from portal.house import house
from portal.page import Page, ask, show
from portal.partner.activity import Event
from portal.partner.aging import aged
from portal.partner.audit import told
from portal.partner.invites import staff_waiting
from portal.partner.named import named
from portal.partner.refused_sending import NOT_MADE, WHAT_TO_DO

# A payment that failed longer ago than this is old news.
RECENT = timedelta(days=14)
# How many lines of people who wait there are.
MOST = 5
# What each card of things to do asks for, by the field of the document.
WAITING = (
    "failed",
    "questions",
    "unsent",
    "leftOut",
    "undelivered",
    "bouncing",
    "unmade",
    "asked",
    "overdue",
    "unfinished",
    "invited",
)


async def show_home(request: Request) -> Response:
    """What needs attention, receivables by age, recent activity."""
    since = (house(request).clock() - RECENT).isoformat()
    page = await ask(request, "partner/home", since=since)
    staff = await staff_waiting(request, page)
    # The latest of both first, as each list has them.
    invited = [*page.content["invited"]["nodes"], *staff.people]
    invited = sorted(invited, key=lambda user: user["createdAt"], reverse=True)[:MOST]
    left_out = [one for invoice in page.content["leftOut"]["nodes"] for one in invoice["leftOutIds"]]
    names = {one["id"]: one["name"] for one in await named(request, left_out)}
    receivables = aged(page.content["receivablesByAge"], today=today_of(request, page))
    return show(
        request, "partner/home/home.html", page, receivables=receivables, events=await _recent(request, page),
        waits=bool(invited) or any(page.content[name]["nodes"] for name in WAITING), refusals=WHAT_TO_DO,
        not_made=NOT_MADE, names=names, waiting=invited,
        waiting_count=page.content["invited"]["totalCount"] + staff.total,
    )  # fmt: skip


def today_of(request: Request, page: Page) -> date:
    """The partner's calendar day."""
    return house(request).clock().astimezone(ZoneInfo(page.shell.time_zone)).date()


async def _recent(request: Request, page: Page) -> Sequence[Event]:
    """The last few things that happened, for who may read the audit log."""
    if Action.VIEW_AUDIT.value not in page.shell.rights:
        return ()
    recent = await ask(request, "partner/recent")
    rows = recent.content["log"]["partner"]["auditEvents"]["nodes"]
    return await told(request, rows)


ROUTES = [Route("/partner/{slug}", partner(show_home))]
