"""Tags on many invoices at once, in the dashboard and in the portal: choose in the list, then say which tags.

Surprise: choosing is a GET. The list's boxes only make the address of the page that asks which tags, so
nothing is lost by going back; an id that is not one's own is as good as none there, too.
"""

from collections.abc import Iterable
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Action, Actor
from billing import tags
from db import ids
from errors import Forbidden, Invalid, NotFound
from languages import say_count
from portal.door import act, go, read_form
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place
from portal.page import ask, show
from portal.paging import counted

# As many as the portal's page of the list has.
MOST = 50
# As the rule names it, so that its refusals find the field.
FIELD = "tag_ids"


async def show_tagging(request: Request) -> Response:
    """Which invoices were chosen, and the tags to put on them or take off."""
    query = request.query_params
    # The portal's boxes for what can be paid are called so, for the button beside this one.
    chosen = _chosen([*query.getlist("invoice"), *query.getlist("pay")])
    if not chosen:
        await ask(request, _document(request), ids=[])  # whoever is nobody here signs in first
        return go(request, _list(request), "Choose the invoices to tag.", tone="info")
    return await _page(request, chosen, Form())


async def tag(request: Request) -> Response:
    """Put the ticked tags on the chosen invoices, or take them off: all of them, or nothing is done."""
    form = await read_form(request)
    chosen, now = _chosen(form.values("invoice")), house(request).clock()
    removing = form.pressed == "remove"
    change = tags.untag_invoices if removing else tags.tag_invoices

    def work(db: Session, actor: Actor) -> int:
        return change(
            db, actor, tag_ids=[ids.parsed(text, "tag") for text in form.values(FIELD)],
            invoice_ids=[ids.parsed(text, "inv") for text in chosen], now=now,
        )  # fmt: skip

    try:
        count = await act(request, work, form=form)
    except Invalid as wrong:
        return await _page(request, chosen, form.with_problems(wrong), status=422)
    said = (
        say_count("{count} invoice lost a tag.", "{count} invoices lost a tag.", count)
        if removing
        else say_count("{count} invoice gained a tag.", "{count} invoices gained a tag.", count)
    )
    return go(request, _list(request), said)


async def _page(request: Request, chosen: list[str], form: Form, *, status: int = 200) -> Response:
    document = _document(request)
    page = await ask(request, document, ids=chosen)
    found: list[dict[str, Any]] = page.content["invoices"]["nodes"]
    if len(found) != len(chosen):
        raise NotFound
    if Action.EDIT_TAGS.value not in page.shell.rights:
        raise Forbidden
    page = await with_every_tag(request, page)
    return show(
        request, f"{document}.html", page, form=form, status=status,
        action=request.url.path, back=_list(request), count=counted(len(found), "invoice", "invoices"),
    )  # fmt: skip


def _document(request: Request) -> str:
    """The page's document, and its template, of the door the request came through."""
    return f"{'partner' if place(request).kind == 'partner' else 'customer'}/invoices/tagging"


def _chosen(given: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(given))[:MOST]


def _list(request: Request) -> str:
    return f"{place(request).home}/invoices"
