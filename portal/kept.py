"""What was typed, taken along while somebody proves who they are, and then offered to be sent.

Surprise: it is never sent for the person: a page shows what was kept, and the person sends it. And what
another site sent is never kept: it would come back as a form of ours (GUARANTEES D-5).
"""

from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from portal import csrf
from portal.form import Form
from portal.headers import admit_gateway
from portal.house import house

KEPT = "kept-"


def local(target: str) -> str | None:
    """`target` if it is a path of this installation, else None (F-4)."""
    try:
        parts = urlsplit(target)
    except ValueError:  # a bracket that is no address of the sixth version
        return None
    plain = target.isascii() and target.isprintable() and "\\" not in target
    if not plain or parts.scheme or parts.netloc or not target.startswith("/") or target.startswith("//"):
        return None
    return target


def kept_of(request: Request) -> list[tuple[str, str]]:
    """The request's own form, to be taken along; nothing of one that none of our pages sent."""
    form = getattr(request.state, "form", None) or Form()
    ours = csrf.is_ours(request.headers, public_origin=house(request).public_origin)
    return form.carried() if ours else []


def kept_in(form: Form) -> list[tuple[str, str]]:
    """The fields that the form carries for another one."""
    return [(name.removeprefix(KEPT), text) for name, text in form.pairs() if name.startswith(KEPT)]


def resume(request: Request, session_id: str, target: str, kept: list[tuple[str, str]]) -> Response:
    """The page that offers to send what was kept, from this session."""
    parts = house(request)
    # The form may be one whose answer leads to the gateway: a card that its bank wants to ask about.
    admit_gateway(request)
    token = csrf.token(session_id, secret=parts.secret)
    return HTMLResponse(
        parts.renderer.render("login/resume.html", action=target, kept=kept, csrf_token=token, form=Form())
    )
