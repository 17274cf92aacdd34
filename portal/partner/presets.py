"""What lines are filled from, in the dashboard's settings: the steps that products and tax rates share.

Surprise: archiving asks nothing, because it can be taken back where it was done; no invoice changes by it.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing.catalogue import CatalogueItem
from billing.tax_rates import TaxRate
from errors import Conflict, Invalid
from languages import mark, say
from portal import numbers
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
from portal.meanwhile import SHOWN, Change
from portal.page import ask, show
from portal.paging import neighbours, window
from portal.shell import Link

Endpoint = Callable[[Request], Awaitable[Response]]
Rule = Callable[[Session, Actor, UUID, datetime], CatalogueItem | TaxRate]


@dataclass(frozen=True)
class Kind:
    """One kind of them: where it is below the partner's home, and what its list is called.

    `parameter` names one in an address, by ids that begin with `prefix`; `folder` has its pages and
    documents, and `field` is the list in its document.
    """

    path: str
    title: str
    parameter: str
    prefix: str
    folder: str
    field: str

    def address(self, request: Request) -> str:
        """Its list."""
        return f"{place(request).home}{self.path}"

    def trail(self, request: Request, *steps: Link) -> list[Link]:
        """The way to a page below the list."""
        return [Link(mark("Settings")), Link(self.title, self.address(request)), *steps]

    def id_of(self, request: Request) -> UUID:
        """Which one the address names."""
        return record_id(request, self.parameter, self.prefix)

    def routes(self, **doors: Endpoint) -> list[Route]:
        """The addresses: `listed`, `new`, `create`, `edit`, `save`, `archive`, `restore`."""
        every = "/partner/{slug}" + self.path
        one = f"{every}/{{{self.parameter}}}"
        return [
            Route(every, partner(doors["listed"])),
            Route(every + "/new", partner(doors["new"], needs=Action.EDIT_INVOICES)),
            Route(every + "/new", partner(doors["create"]), methods=["POST"]),
            Route(one + "/edit", partner(doors["edit"], needs=Action.EDIT_INVOICES)),
            Route(one + "/edit", partner(doors["save"]), methods=["POST"]),
            Route(one + "/archive", partner(doors["archive"]), methods=["POST"]),
            Route(one + "/restore", partner(doors["restore"]), methods=["POST"]),
        ]


async def listed(request: Request, kind: Kind, *, search: str = "") -> Response:
    """Those that are offered, or those that are archived; with `search`, of whose names that is a part."""
    archived = "archived" in request.query_params
    where: dict[str, Any] = {"archivedAt": {"isNull": not archived}}
    if search:
        where["name"] = {"contains": search}
    page = await ask(request, f"partner/{kind.folder}/list", where=where, **window(request))
    return show(
        request, f"partner/{kind.folder}/list.html", page, archived=archived, search=search,
        address=kind.address(request), beside=neighbours(request, page.content[kind.field]["pageInfo"]),
    )  # fmt: skip


async def written(
    request: Request,
    kind: Kind,
    work: Callable[[Session, Actor, Form], str],
    *,
    said: str,
    again: Callable[[Form], Awaitable[Response]],
    late: Callable[[Form], Awaitable[Response]] | None = None,
) -> Response:
    """Make or change one by `work`, which answers its name; the form `again` if something in it is wrong, and
    `late` if somebody else saved first."""
    form = await read_form(request)
    try:
        name = await act(request, lambda db, actor: work(db, actor, form), form=form)
    except Invalid as wrong:
        return await again(form.with_problems(wrong))
    except Conflict as conflict:
        if late is None or type(conflict) is not Conflict:
            raise
        return await late(form)
    return go(request, kind.address(request), say(said, name=name))


def begun(stored: Form, labels: Mapping[str, str]) -> Form:
    """The form of a stored one, which carries what it was made from."""
    return Form(typed={**stored.typed, **{f"{SHOWN}-{name}": stored.values(name) for name in labels}})


def meanwhile(
    form: Form, stored: Form, labels: Mapping[str, str], names: Mapping[str, str]
) -> tuple[Form, list[Change]]:
    """The form once more after somebody else saved, and every field the other one changed.

    What was typed stays; what was not touched is as it is now. `names`: what values are called.
    """

    def said(name: str, texts: Sequence[str]) -> str:
        told = (names.get(text) or numbers.shown(name, text) for text in texts if text)
        return ", ".join(told) or say("nothing")

    typed, changes = {**begun(stored, labels).typed, **{name: form.values(name) for name in labels}}, []
    for name, label in labels.items():
        before, mine, now = form.values(f"{SHOWN}-{name}"), form.values(name), stored.values(name)
        if mine == before:
            typed[name] = now
        if before != now:
            other = said(name, mine) if mine not in (before, now) else None
            changes.append(Change(label, said(name, before), said(name, now), other))
    return Form(typed=typed), changes


async def moved(request: Request, kind: Kind, rule: Rule, said: str) -> Response:
    """Archive or restore one by `rule`, told which one, and when."""
    form = await read_form(request)
    preset_id, now = kind.id_of(request), house(request).clock()

    name = await act(request, lambda db, actor: rule(db, actor, preset_id, now).name, form=form)
    return go(request, kind.address(request), say(said, name=name))
