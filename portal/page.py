"""A page is a document plus a template: `ask` runs the one, `show` fills the other.

Surprise: pages read through the API's own planner, in process. Every document gets the layout's fragment,
so that the shell around a page comes with its content, in one statement.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from auth.impersonations import View
from errors import Forbidden
from portal import csrf, flash
from portal.cookies import forget
from portal.form import Form
from portal.house import credential, house, place
from portal.looking import looking_of
from portal.navigation import shell_for
from portal.shell import Flash, Shell


@dataclass(frozen=True)
class Page:
    """What a document answered: `content` by field, and the shell around it."""

    content: Mapping[str, Any]
    shell: Shell

    @property
    def csrf_token(self) -> str:
        """What the page's forms carry."""
        return self.shell.csrf_token


async def ask(request: Request, document: str, /, **variables: Any) -> Page:
    """Run a document for whoever knocks at the address.

    Refuses as the API does: `Unauthenticated`, `NotFound` for a place the person has no part in,
    `Forbidden` for a field the role may not see, and for a page that needs a right the person lacks.
    """
    where, parts = place(request), house(request)
    # The cookie is every tab's: what was done elsewhere is not told beside a portal that is only looked at.
    kept = None if where.grant else request.cookies.get(parts.cookie("flash"))
    page = await _asked(request, document, variables, flash.unpack(kept, secret=parts.secret))
    needs = request.state.needs
    if needs is not None and needs.value not in page.shell.rights:
        raise Forbidden
    return page


async def surroundings(request: Request) -> Shell:
    """The shell alone, around a page that says no: what was done before is told on the next one that opens.

    Refuses as `ask` does, for whoever is not signed in or has no part in the place.
    """
    document = "customer/plain" if place(request).kind == "portal" else "partner/plain"
    return (await _asked(request, document, {}, None)).shell


async def _asked(request: Request, document: str, variables: Mapping[str, Any], said: Flash | None) -> Page:
    parts, where, now = house(request), place(request), house(request).clock()
    answer = await parts.documents.reader.read(
        parts.documents[document], variables, credential=credential(request), now=now
    )
    session = answer.visit.session
    assert session is not None
    token = csrf.token(str(answer.actor.session_id), secret=parts.secret)
    content = dict(answer.content)
    shell = shell_for(
        content.pop("viewer"),
        where,
        request.url.path,
        csrf_token=token,
        said=said,
        ends_in=session.ends_in(now),
        looking=looking_of(session, where) if isinstance(session, View) else None,
    )
    return Page(content, shell)


def show(
    request: Request,
    template: str,
    page: Page,
    /,
    *,
    form: Form | None = None,
    status: int = 200,
    **more: Any,
) -> Response:
    """The page's text: the template gets the document's fields by name, and what is named here."""
    text = house(request).renderer.render(
        template, **page.content, shell=page.shell, csrf_token=page.csrf_token,
        home=place(request).home, form=form or Form(), may=page.shell.rights.__contains__,
        time_zone=page.shell.time_zone, **more,
    )  # fmt: skip
    answer = HTMLResponse(text, status)
    # A part of a page that asks again by itself shows no message: that waits for the next whole page.
    if page.shell.flashes and "hx-request" not in request.headers:
        forget(request, answer, house(request).cookie("flash"))
    return answer
