"""Changing a customer from its page: editing, archiving and restoring, its tags.

Surprise: an edit that comes too late is not lost. It comes back with what the other one changed and with what
was typed still in it, and saves over the other's work only when sent once more.
"""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from auth.companies import CustomerClosed
from billing import customers, tags
from billing.customers import Customer, Saved
from db import ids
from errors import Conflict, Invalid, Problem
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, record_id
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.partner.customer_chosen import undo_of
from portal.partner.customer_form import (
    CHOICES,
    SEEN,
    fields_of,
    form_of,
    in_page_order,
    kept,
    merged,
    shown,
    unseen,
)
from portal.partner.customers import address_of, found
from portal.partner.trail import trail


class LookAgain(Exception):
    """Saved, it would look like another customer: what was done is rolled back, and said before."""

    def __init__(self, warnings: tuple[Problem, ...]) -> None:
        super().__init__("a possible duplicate")
        self.warnings = warnings


async def show_edit(request: Request) -> Response:
    """The company as it is stored."""
    page = await _stored(request)
    return _edit_page(request, page, form_of(found(page)))


async def edit(request: Request) -> Response:
    """Save the company. A possible duplicate is pointed out before; what else is odd is said afterwards."""
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor) -> Saved:
        saved = customers.update(
            db, actor, customer_id=customer_id, fields=fields_of(form), version=version_of(form), now=now
        )
        others = tuple(one for one in saved.warnings if one.about)
        if unseen(form, others):
            raise LookAgain(others)
        return saved

    try:
        saved = await act(request, work, form=form)
    except Invalid as wrong:
        told = form.with_problems(in_page_order(wrong))
        return _edit_page(request, await _stored(request), told, status=422)
    except LookAgain as alike:
        page = await _stored(request)
        return _edit_page(request, page, form, warnings=alike.warnings, sent=True)
    except CustomerClosed:
        raise
    except Conflict:
        page = await _stored(request)
        again, changes = merged(form, found(page))
        return _edit_page(request, page, again, changes=changes, status=409)
    odd = [say(warning.message) for warning in saved.warnings if not warning.about]
    said = " ".join([say("{company} is saved.", company=saved.customer.company), *odd])
    return go(request, address_of(request), said, tone="warning" if odd else "success")


async def ask_archive(request: Request) -> Response:
    """Asks before archiving."""
    page = await ask(request, "partner/customers/archive", id=request.path_params["customer_id"])
    address = address_of(request)
    crumbs = trail(request, (found(page)["company"], address), (mark("Archive"), None))
    return show(request, "partner/customers/archive.html", page, address=address, crumbs=crumbs)


async def archive(request: Request) -> Response:
    """Archive; the message that says so offers to undo it."""
    customer = await _move(request, customers.archive)
    act = customer.archiving_id
    undo = undo_of(request, act) if act else None
    return go(
        request, address_of(request), say("{company} is archived.", company=customer.company), undo=undo
    )


async def restore(request: Request) -> Response:
    """Open an archived customer again."""
    customer = await _move(request, customers.restore)
    return go(
        request,
        address_of(request),
        say("{company} is restored. Open invites have to be sent again.", company=customer.company),
    )


async def add_tag(request: Request) -> Response:
    """Put one of the partner's tags on the customer."""
    return await _retag(request, tags.tag_customers)


async def remove_tag(request: Request) -> Response:
    """Take a tag off the customer."""
    return await _retag(request, tags.untag_customers)


async def _move(request: Request, rule: Any) -> Customer:
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor) -> Customer:
        moved: Customer = rule(db, actor, customer_id=customer_id, now=now)
        return moved

    return await act(request, work, form=form)


async def _retag(request: Request, rule: Any) -> Response:
    form = await read_form(request)
    customer_id, now = record_id(request, "customer_id", "cus"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        tag_id = ids.parsed(form.value("tag"), "tag")
        rule(db, actor, tag_ids=[tag_id], customer_ids=[customer_id], now=now)

    await act(request, work, form=form)
    return go(request, address_of(request))


async def _stored(request: Request) -> Page:
    return await ask(request, "partner/customers/edit", id=request.path_params["customer_id"])


def _edit_page(
    request: Request,
    page: Page,
    form: Form,
    *,
    changes: list[Change] | None = None,
    warnings: tuple[Problem, ...] = (),
    sent: bool = False,
    status: int = 200,
) -> Response:
    """`changes` None: the form as it was sent; else as it was put together with what somebody else saved."""
    customer, address = found(page), address_of(request)
    crumbs = trail(request, (customer["company"], address), (mark("Edit"), None))
    # After a wrong field the page still stands on the version it was made from, not on today's.
    hidden = kept(form) if status == 422 or sent else shown(customer)
    return show(
        request, "partner/customers/edit.html", page, form=form, status=status, choices=CHOICES,
        shown=hidden, changes=changes, warnings=warnings, seen=SEEN, address=address, crumbs=crumbs,
    )  # fmt: skip


_ONE = "/partner/{slug}/customers/{customer_id}"
ROUTES = [
    Route(_ONE + "/edit", partner(show_edit, needs=Action.EDIT_CUSTOMERS)),
    Route(_ONE + "/edit", partner(edit), methods=["POST"]),
    Route(_ONE + "/archive", partner(ask_archive, needs=Action.EDIT_CUSTOMERS)),
    Route(_ONE + "/archive", partner(archive), methods=["POST"]),
    Route(_ONE + "/restore", partner(restore), methods=["POST"]),
    Route(_ONE + "/tags", partner(add_tag), methods=["POST"]),
    Route(_ONE + "/tags/remove", partner(remove_tag), methods=["POST"]),
]
