"""Adding a customer in two steps: the company, then its users.

Surprise: *Continue* already stores the company, in set-up. So leaving between the steps loses nothing, and
the second step has the customer's own address, to which "Finish setup" leads back.
"""

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import customers
from billing.customer_fields import UserInput
from billing.customers import AlreadySetUp, Saved
from db import ids
from errors import Invalid, NotFound, Problem
from languages import mark, say
from portal.door import act, go, partner, read_form
from portal.form import Form, Unreadable
from portal.house import house, place, record_id
from portal.page import ask, show
from portal.partner.customer_form import ASKED, CHOICES, SEEN, fields_of, in_page_order, unseen
from portal.partner.trail import trail

ROLES = (("MANAGER", mark("Manager")), ("PAYER", mark("Payer")), ("VIEWER", mark("Viewer")))


async def show_company(request: Request) -> Response:
    """Step 1, empty; or with what somebody who asks for access typed."""
    asked = request.query_params.get(ASKED)
    if not asked:
        return await _company_page(request, Form.of({"country": "US"}))
    page = await ask(request, "partner/access/request", id=asked)
    found = page.content["request"]
    if found is None:
        raise NotFound
    return await _company_page(
        request, Form.of({"country": "US", "company": found["company"], ASKED: found["id"]})
    )


async def add_company(request: Request) -> Response:
    """Continue: store the company in set-up. What is odd about it is pointed out once before."""
    form = await read_form(request)
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> Saved | tuple[Problem, ...]:
        fields = fields_of(form)
        warnings = customers.check(db, actor, fields=fields)
        if unseen(form, warnings):
            return warnings
        return customers.create(db, actor, fields=fields, now=now)

    try:
        done = await act(request, work, form=form)
    except Invalid as wrong:
        return await _company_page(request, form.with_problems(in_page_order(wrong)), status=422)
    if not isinstance(done, Saved):
        return await _company_page(request, form, warnings=done)
    customer = ids.shown("cus", done.customer.id)
    if form.value(ASKED):
        asked = ids.shown("acr", ids.parsed(form.value(ASKED), "acr"))
        message = say("{company} is saved. Invite its first user to finish.", company=done.customer.company)
        return go(request, f"{place(request).home}/access-requests/{asked}?customer={customer}", message)
    message = say("{company} is saved. Add at least one user to finish.", company=done.customer.company)
    return go(request, f"{place(request).home}/customers/{customer}/finish-setup", message)


async def show_users(request: Request) -> Response:
    """Step 2, with one empty row."""
    return await _users_page(request, Form())


async def add_users(request: Request) -> Response:
    """Create Customer; or a row more or less, for whoever has no scripts."""
    form = await read_form(request)
    customer_id = record_id(request, "customer_id", "cus")
    rearranged = form.rearranged("users")
    if rearranged is not None:
        return await _users_page(request, rearranged)
    form = form.without_blank_rows("users", ignoring=["role", "locale"])
    now = house(request).clock()

    def work(db: Session, actor: Actor) -> Saved:
        return customers.finish_setup(db, actor, customer_id=customer_id, users=users_of(form), now=now)

    address = f"{place(request).home}/customers/{request.path_params['customer_id']}"
    try:
        saved = await act(request, work, form=form)
    except Invalid as wrong:
        return await _users_page(request, form.with_problems(wrong), status=422)
    except AlreadySetUp as late:
        return go(request, f"{address}/users", late.message, tone="info")
    invited = " and ".join(
        filter(None, [", ".join(user.email for user in saved.users[:-1]), saved.users[-1].email])
    )
    return go(
        request,
        address,
        say(
            "{company} is active. An invite is on its way to {invited}.",
            company=saved.customer.company,
            invited=invited,
        ),
    )


def users_of(form: Form) -> list[UserInput]:
    """The rows as the rule takes them. Refuses what is no row, and fields no row has (GUARANTEES A-5)."""
    rows = form.document().get("users", [])
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise Unreadable("These rows can't be read. Reload the page and type them again.")
    return [UserInput.read(row, path=("users", number)) for number, row in enumerate(rows)]


async def _company_page(
    request: Request, form: Form, *, warnings: tuple[Problem, ...] = (), status: int = 200
) -> Response:
    page = await ask(request, "partner/customers/new")
    return show(
        request, "partner/customers/new.html", page, form=form, status=status, choices=CHOICES,
        warnings=warnings, seen=SEEN, asked=ASKED, crumbs=trail(request, (mark("Add customer"), None)),
    )  # fmt: skip


async def _users_page(request: Request, form: Form, *, status: int = 200) -> Response:
    page = await ask(request, "partner/customers/finish", id=request.path_params["customer_id"])
    customer = page.content["customer"]
    if customer is None:
        raise NotFound
    address = f"{place(request).home}/customers/{customer['id']}"
    if customer["status"] != "SETUP":
        return go(request, f"{address}/users")
    return show(
        request, "partner/customers/finish.html", page, form=form, status=status, roles=ROLES,
        address=address, crumbs=trail(request, (customer["company"], address), (mark("Finish setup"), None)),
    )  # fmt: skip


_NEW = "/partner/{slug}/customers/new"
_FINISH = "/partner/{slug}/customers/{customer_id}/finish-setup"
ROUTES = [
    Route(_NEW, partner(show_company, needs=Action.EDIT_CUSTOMERS)),
    Route(_NEW, partner(add_company), methods=["POST"]),
    Route(_FINISH, partner(show_users, needs=Action.EDIT_CUSTOMERS)),
    Route(_FINISH, partner(add_users), methods=["POST"]),
]
