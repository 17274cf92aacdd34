"""How invoices are numbered and when they are due, in the dashboard's settings."""

from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Actor
from billing import partner_profile
from billing.partner_profile import PartnerInput
from errors import Conflict, Invalid
from portal import meanwhile
from portal.door import act, go, partner, read_form
from portal.form import Form
from portal.house import house, place
from portal.meanwhile import Change, version_of
from portal.page import Page, ask, show
from portal.partner.settings_form import SETTINGS

NAMES = (
    "invoice_prefix", "credit_note_prefix", "first_invoice_number", "default_terms_days",
    "payment_instructions",
)  # fmt: skip
LABELS = {name: SETTINGS[name] for name in NAMES}
# Somebody else may save again between looking and saving; more often than that is no accident.
_TRIES = 3


async def show_settings(request: Request) -> Response:
    """The settings as they are."""
    page = await _stored(request)
    return _page(request, page, form=Form.of(_texts(page)))


async def save_settings(request: Request) -> Response:
    """Save them; they hold for the invoices that are made from now on."""
    form = await read_form(request)
    version = version_of(form)
    for _ in range(_TRIES):
        try:
            await _save(request, form, version)
        except Invalid as wrong:
            page = await _stored(request)
            return _page(request, page, form=form.with_problems(wrong), status=422)
        except Conflict:
            page = await _stored(request)
            again, changes = meanwhile.merged(form, LABELS, _texts(page))
            if changes:
                return _page(request, page, form=again, changes=changes, status=409)
            version = page.content["me"]["partner"]["version"]
            continue
        return go(request, _address(request), "The invoice settings are saved.")
    raise Conflict


async def _save(request: Request, form: Form, version: int) -> None:
    now = house(request).clock()
    typed = {name: form.value(name) for name in LABELS if name in form.typed}

    def work(db: Session, actor: Actor) -> None:
        fields = PartnerInput.read(typed)
        partner_profile.update(db, actor, fields=fields, version=version, now=now)

    await act(request, work, form=form)


async def _stored(request: Request) -> Page:
    return await ask(request, "partner/settings/invoices")


def _texts(page: Page) -> dict[str, str]:
    stored: dict[str, Any] = page.content["me"]["partner"]
    return {
        "invoice_prefix": stored["invoicePrefix"],
        "credit_note_prefix": stored["creditNotePrefix"],
        "first_invoice_number": str(stored["firstInvoiceNumber"]),
        "default_terms_days": str(stored["defaultTermsDays"]),
        "payment_instructions": stored["paymentInstructions"] or "",
    }


def _page(
    request: Request, page: Page, *, form: Form, changes: list[Change] | None = None, status: int = 200
) -> Response:
    texts = _texts(page)
    version = page.content["me"]["partner"]["version"]
    hidden = meanwhile.kept(form, LABELS) if status == 422 else meanwhile.shown(version, texts)
    return show(
        request, "partner/settings/invoices.html", page, form=form, status=status, labels=LABELS, texts=texts,
        hidden=hidden, changes=changes or [], address=_address(request),
        taken=page.content["numbered"]["totalCount"] > 0,
    )  # fmt: skip


def _address(request: Request) -> str:
    return f"{place(request).home}/settings/invoices"


_ALL = "/partner/{slug}/settings/invoices"
ROUTES = [
    Route(_ALL, partner(show_settings)),
    Route(_ALL, partner(save_settings), methods=["POST"]),
]
