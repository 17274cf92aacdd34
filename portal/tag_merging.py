"""Merging one tag into another, the same in the dashboard and in the portal: choose, be told, confirm.

Surprise: choosing is a GET, and what was chosen stands in the address of the page that asks. What that page
says may be outdated when it is confirmed: the message afterwards says what really moved.
"""

from collections.abc import Mapping
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Action, Actor
from billing import tag_merging
from billing.tag_merging import Merged
from db import ids
from errors import Forbidden, Invalid, NotFound, Problem
from languages import mark, say
from portal.door import act, go, read_form
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place, record_id
from portal.page import Page, ask, show
from portal.paging import counted
from portal.shell import Link

NOT_CHOSEN = Problem("REQUIRED", ("into",), "Choose the tag that stays.")


async def show_merge(request: Request) -> Response:
    """Which tag stays; once that is chosen, what would happen."""
    if "into" not in request.query_params:
        return await _choose(request, Form())
    into = request.query_params["into"]
    tag_id = request.path_params["tag_id"]
    both = {"tags": {"all": [tag_id, into]}}
    more = {"both": both} if place(request).kind == "partner" else {}
    document = f"{_folder(request)}/tags/merge"
    page = await ask(request, document, id=tag_id, into=into, bothInvoices=both, **more)
    tag, stays = _found(page), page.content["into"]
    if stays is None or into == tag_id:
        form = Form(typed={"into": (into,)}).with_problems(Invalid([NOT_CHOSEN]))
        return await _choose(request, form, status=422)
    kept = _counts(page.content, "totalCount", "both_customers", "both_invoices")
    carried = (tag.get("customerCount", 0), tag["invoiceCount"])
    moved = tuple(all_ - both for all_, both in zip(carried, kept, strict=True))
    return _show(request, page, "merge_confirm", moved=said(*moved), kept=said(*kept), stays=stays)


async def merge(request: Request) -> Response:
    """Merge them."""
    form = await read_form(request)
    tag_id, now = record_id(request, "tag_id", "tag"), house(request).clock()

    def work(db: Session, actor: Actor) -> tuple[Merged, str]:
        into_id = ids.parsed(form.value("into"), "tag")
        merged = tag_merging.merge(db, actor, tag_id=tag_id, into_id=into_id, now=now)
        return merged, merged.tag.name

    try:
        merged, name = await act(request, work, form=form)
    except Invalid as wrong:
        problems = [Problem(one.code, ("into",), one.message) for one in wrong.problems]
        return await _choose(request, form.with_problems(Invalid(problems)), status=422)
    moved = said(merged.customers, merged.invoices)
    text = (
        say("The tag is merged into {name}, which {moved} gained.", name=name, moved=moved)
        if moved
        else say("The tag is merged into {name}.", name=name)
    )
    return go(request, _list(request), text)


def said(customers: int, invoices: int) -> str:
    """`2 customers and 1 invoice`; "" for nothing."""
    tagged = counted(customers, "customer", "customers"), counted(invoices, "invoice", "invoices")
    if customers and invoices:
        return say("{customers} and {invoices}", customers=tagged[0], invoices=tagged[1])
    return tagged[0] if customers else tagged[1] if invoices else ""


async def _choose(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, f"{_folder(request)}/tags/merge_choose", id=request.path_params["tag_id"])
    tag = _found(page)
    page = await with_every_tag(request, page)
    others = [(one["id"], one["name"]) for one in page.content["tags"]["nodes"] if one["id"] != tag["id"]]
    return _show(request, page, "merge", form=form, others=others, status=status)


def _show(request: Request, page: Page, template: str, /, **more: Any) -> Response:
    dashboard = place(request).kind == "partner"
    steps = (Link(mark("Accounts Receivable")), Link(mark("Customers"))) if dashboard else ()
    listed = Link(mark("Tag management") if dashboard else mark("Tags"), _list(request))
    return show(
        request, f"tags/{template}.html", page, crumbs=[*steps, listed, Link(page.content["tag"]["name"])],
        layout="layout/dashboard.html" if dashboard else "layout/portal.html", back=_list(request),
        action=f"{_list(request)}/{page.content['tag']['id']}/merge", **more,
    )  # fmt: skip


def _found(page: Page) -> Mapping[str, Any]:
    tag: Mapping[str, Any] | None = page.content["tag"]
    if tag is None:
        raise NotFound
    if Action.EDIT_TAGS.value not in page.shell.rights:
        raise Forbidden
    return tag


def _counts(content: Mapping[str, Any], name: str, *lists: str) -> tuple[int, ...]:
    return tuple(content[one][name] if one in content else 0 for one in lists)


def _folder(request: Request) -> str:
    return "partner" if place(request).kind == "partner" else "customer"


def _list(request: Request) -> str:
    return f"{place(request).home}/tags"
