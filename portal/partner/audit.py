"""The audit log in the dashboard: who did what, when, narrowed down, and as a file.

Surprise: the file runs the very filter of the page, a part after the other, so it holds what the page shows;
that it was taken out is itself written down, before its first byte.
"""

import json
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from auth import audit
from auth.actors import Action, Actor
from billing.csv_out import BOM, line
from billing.dates import instant_text
from errors import Invalid
from languages import mark, say, spoken
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.page import ask, show
from portal.paging import neighbours, window
from portal.partner.activity import Event, activity_of, looked_up
from portal.partner.audit_filters import ABOUT, KINDS, NAMES, Asked, named
from portal.whole import pages

COLUMNS = ("at", "actor kind", "actor", "action", "subject kind", "subject id", "customer", "details")
_PAGE = 100
Choices = list[tuple[str, str]]


@dataclass(frozen=True)
class Scene:
    """What stands around the log: what is asked once it is looked up, and whom may be chosen."""

    asked: Asked
    time_zone: str
    customers: Sequence[Mapping[str, Any]]
    team: Choices
    keys: Choices


async def show_log(request: Request) -> Response:
    """The log, newest first."""
    scene = await _scene(request, request.query_params)
    asked, path = scene.asked, request.url.path
    page = await ask(request, "partner/audit/list", **window(request), where=asked.where(scene.time_zone))
    found = page.content["auditEvents"]
    before, after = neighbours(request, found["pageInfo"])
    who, groups = _who(scene, found["nodes"])
    customer = named(scene.customers, asked) if asked.customer else ""
    typed = {name: (text,) for name, text in request.query_params.items()}
    if len(scene.customers) == 1:
        typed["customer"] = (customer,)
    form = Form(typed=typed)
    if asked.problems:
        form = form.with_problems(Invalid(list(asked.problems)))
    return show(
        request, "partner/audit/list.html", page, form=form, events=await told(request, found["nodes"]),
        about=list(ABOUT.items()), kinds=[(kind, said) for kind, (said, _) in KINDS.items()], groups=groups,
        asked=asked.texts, chips=asked.chips(path, who=who, customer=customer),
        only={row["actorId"]: asked.address(path, who=row["actorId"]) for row in found["nodes"]
               if row["actorId"] and row["actorId"] != asked.who},
        before=before, after=after, status=422 if asked.problems else 200,
    )  # fmt: skip


async def export(request: Request) -> Response:
    """What the page shows, all of it, as a CSV file."""
    form = await read_form(request)
    scene = await _scene(request, {name: form.value(name) for name in NAMES})
    asked, now = scene.asked, house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        audit.begin_export(db, actor, asked=asked.texts, now=now)

    await act(request, work, form=form)
    return StreamingResponse(
        _file(request, asked.where(scene.time_zone)),
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
    """Rows of the log as sentences, with the names of what they are about."""
    wanted = looked_up(rows)
    known = await ask(request, "partner/named", ids=wanted) if wanted else None
    return activity_of(rows, [one for one in known.content["nodes"] if one] if known else [])


async def _scene(request: Request, typed: Mapping[str, str]) -> Scene:
    asked = Asked.of(typed)
    page = await ask(request, "partner/audit/choices", **asked.lookup)
    team, exact, found = (page.content[name] for name in ("me", "exact", "found"))
    asked = asked.meaning(exact["nodes"], found)
    keys: Choices = []
    if Action.VIEW_KEYS in page.shell.rights:
        kept = (await ask(request, "partner/audit/keys")).content["me"]["partner"]["apiKeys"]
        keys = told_apart(kept["nodes"], page.shell.time_zone)
    return Scene(
        asked, page.shell.time_zone, (exact["nodes"] or found["nodes"]) if asked.customer else (),
        [(user["id"], user["name"]) for user in team["partner"]["users"]["nodes"]], keys,
    )  # fmt: skip


def told_apart(keys: Sequence[Mapping[str, Any]], time_zone: str) -> Choices:
    """Keys by their names; those that share one also by when they were made, and then by their ids' ends."""
    names = [key["name"] for key in keys]
    for number, key in enumerate(keys):
        if [other["name"] for other in keys].count(key["name"]) > 1:
            made = instant_text(datetime.fromisoformat(key["createdAt"]), spoken(), time_zone)
            names[number] = say("{name}, made {when}", name=key["name"], when=made)
    return [
        (key["id"], name if names.count(name) == 1 else f"{name} ({key['id'][-4:]})")
        for key, name in zip(keys, names, strict=True)
    ]


def _who(scene: Scene, rows: Sequence[Mapping[str, Any]]) -> tuple[str, list[tuple[str, Choices]]]:
    """What the actor that is asked for is called, and the people and keys there are to choose from.

    A customer's user is in no list: one that was asked for by a link is put among them, under the name it
    had in the log.
    """
    groups = [(mark("Your team"), scene.team), (mark("API keys"), scene.keys)]
    known = {**{kind: said for kind, (said, _) in KINDS.items()}, **dict(scene.team), **dict(scene.keys)}
    who = scene.asked.who
    name = known.get(who) or next(
        (row["actorName"] for row in rows if row["actorId"] == who), mark("somebody")
    )
    if who and who not in known:
        groups.append((mark("Chosen"), [(who, name)]))
    return name, [(label, inside) for label, inside in groups if inside]


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


ROUTES = [
    Route("/partner/{slug}/audit", partner(show_log)),
    Route("/partner/{slug}/audit/export", partner(back)),
    Route("/partner/{slug}/audit/export", partner(export), methods=["POST"]),
]
