"""What lines are filled from, in the dashboard's settings: the steps that products and tax rates share.

Surprise: archiving asks nothing, because it can be taken back where it was done; no invoice changes by it.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing.catalogue import CatalogueItem
from billing.tax_rates import TaxRate
from errors import Invalid
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place, record_id
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
            Route(every + "/new", partner(doors["new"])),
            Route(every + "/new", partner(doors["create"]), methods=["POST"]),
            Route(one + "/edit", partner(doors["edit"])),
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
        crumbs=kind.trail(request)[:-1],
    )  # fmt: skip


async def written(
    request: Request,
    kind: Kind,
    work: Callable[[Session, Actor, Form], str],
    *,
    said: str,
    again: Callable[[Form], Awaitable[Response]],
) -> Response:
    """Make or change one by `work`, which answers its name; the form `again` if something in it is wrong."""
    form = await read_form(request)
    try:
        name = await act(request, lambda db, actor: work(db, actor, form), form=form)
    except Invalid as wrong:
        return await again(form.with_problems(wrong))
    return go(request, kind.address(request), say(said, name=name))


async def moved(request: Request, kind: Kind, rule: Rule, said: str) -> Response:
    """Archive or restore one by `rule`, told which one, and when."""
    form = await read_form(request)
    preset_id, now = kind.id_of(request), house(request).clock()

    name = await act(request, lambda db, actor: rule(db, actor, preset_id, now).name, form=form)
    return go(request, kind.address(request), say(said, name=name))
