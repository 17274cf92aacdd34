"""An invoice in the dashboard: its page, sending, voiding, deleting a draft, its tags.

Surprise: sending or issuing gives it a number, and from then on it can be voided but never edited.
"""

import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from auth.actors import Action, Actor
from billing import invoice_duplicates, invoice_life, invoice_sending, invoices, mailed_links, tags
from billing.invoice_sending import Seen, SentAlready
from db import ids
from errors import Invalid, NotFound
from languages import say
from portal import named_taxes, papers
from portal.door import act, go, partner, read_form
from portal.every_line import every_line
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.house import house, place, record_id
from portal.navigation import ROLES
from portal.page import Page, ask, show
from portal.partner.invoice_history import history_of
from portal.partner.named import named
from portal.partner.refused_sending import WHAT_TO_DO

# The newest mail with the invoice when the page was made that asks whether to send it.
SEEN, NONE = "seen", "none"
# What is asked about before it is done, and the right it takes.
CONFIRMED = {
    "send": Action.EDIT_INVOICES, "void": Action.VOID_INVOICES, "delete": Action.EDIT_INVOICES,
    "reopen": Action.VOID_INVOICES, "issue": Action.EDIT_INVOICES,
}  # fmt: skip
# What Canadian taxes are called, and the registration that is printed for each.
REGISTERED = {
    "GST/HST": ({"GST", "HST", "TPS", "TVH"}, "gstHstNumber"),
    "QST": ({"QST", "TVQ"}, "qstNumber"),
}
# A mail with the invoice that somebody has, or may have in a moment.
_REACHING = ("SENT", "QUEUED")


async def show_invoice(request: Request) -> Response:
    """The invoice as the customer will see it, with what can be done about it."""
    return await _details(request)


async def confirm(request: Request) -> Response:
    """Asks before sending, issuing, voiding or deleting."""
    what = request.path_params["what"]
    if what not in CONFIRMED:
        raise NotFound
    request.state.needs = CONFIRMED[what]
    if what == "send":
        return await confirm_send(request)
    if what == "void":
        return await _confirm_void(request, Form.of({"tellCustomer": True}))
    page = await ask(request, "partner/invoices/details", id=request.path_params["invoice_id"])
    found(page)
    return show(request, "partner/invoices/confirm.html", page, what=what, back=address(request))


async def _confirm_void(request: Request, form: Form, *, status: int = 200) -> Response:
    """Asks why it is voided, and whether those it was sent to are told."""
    page = await ask(request, "partner/invoices/details", id=request.path_params["invoice_id"])
    mails = found(page)["mails"]["nodes"]
    told = dict.fromkeys(
        mail["recipient"]["name"] for mail in mails if mail["status"] in _REACHING and mail["recipient"]
    )
    return show(
        request, "partner/invoices/confirm.html", page, what="void", back=address(request), form=form,
        told=list(told), status=status,
    )  # fmt: skip


async def confirm_send(
    request: Request,
    *,
    form: Form | None = None,
    planned: Form | None = None,
    status: int = 200,
    late: bool = False,
) -> Response:
    """Asks to whom the invoice is sent, or on which day; with what was typed in either form.

    `late`: it was sent since somebody was asked, which is told before it is sent once more.
    """
    page = await ask(request, "partner/invoices/send", id=request.path_params["invoice_id"])
    invoice = found(page)
    users = invoice["customer"]["users"]["nodes"]
    chosen = [user["id"] for user in users if user["role"] in mailed_links.TOLD]
    mails = invoice["mails"]["nodes"]
    sent = [mail for mail in mails if mail["createdAt"] == mails[0]["createdAt"]]
    # What comes back with a wrong field still stands on what was seen then.
    seen = form.value(SEEN) if form and not late else mails[0]["id"] if mails else NONE
    return show(
        request, "partner/invoices/send.html", page, back=address(request), roles=ROLES, status=status,
        seen={SEEN: seen}, sent=sent if late else [], unregistered=_unregistered(page),
        form=form or Form.of({"recipientIds": chosen}),
        planned=planned or Form.of({
            "sendOn": invoice["sendOn"], "plannedIds": invoice["sendToIds"] or chosen, "offeredIds": chosen,
        }),
    )  # fmt: skip


def _unregistered(page: Page) -> list[str]:
    """The Canadian taxes of the invoice without the number that its buyer needs to claim them back."""
    partner, invoice = page.content["me"]["partner"], page.content["invoice"]
    if invoice["customer"]["country"] != "CA":
        return []
    named = {
        word for line in invoice["lines"]["nodes"] for tax in line["taxes"] for word in _words(tax["name"])
    }
    return [
        kind
        for kind, (words, number) in REGISTERED.items()
        if named & words and not partner[number] and invoice["status"] == "DRAFT"
    ]


def _words(name: str) -> list[str]:
    return re.findall(r"[A-Z]+", name.upper())


async def send(request: Request) -> Response:
    """Issue the invoice if it is a draft, and mail it to those who were chosen."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        # Without the list of people: a page that was open before it was there.
        told = [ids.parsed(one, "usr") for one in form.values("recipient_ids")]
        recipients = told if form.checked("chosen") else None
        sent = invoice_sending.send(
            db, actor, invoice_id=invoice_id, recipients=recipients, seen=_seen(form), now=now
        )
        return sent.number

    try:
        number = await act(request, work, form=form)
    except SentAlready:
        return await confirm_send(request, form=form, late=True, status=409)
    except Invalid as wrong:
        return await confirm_send(request, form=form.with_problems(wrong), status=422)
    return go(request, address(request), say("Invoice {number} is on its way.", number=number))


async def issue(request: Request) -> Response:
    """Give the draft its number without mailing it to anybody."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return invoice_life.finalize(db, actor, invoice_id=invoice_id, now=now).number

    number = await act(request, work, form=form)
    return go(request, address(request), say("Invoice {number} is issued. Nobody was mailed.", number=number))


def _seen(form: Form) -> Seen | None:
    """What whoever confirms knew of; None for a page that was open before it told that."""
    typed = form.value(SEEN)
    return None if not typed else Seen(None if typed == NONE else ids.parsed(typed, "mail"))


async def void(request: Request) -> Response:
    """Take the invoice back; its number stays used."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        return invoice_life.void(db, actor, invoice_id=invoice_id, **_voiding(form), now=now).number

    try:
        number = await act(request, work, form=form)
    except Invalid as wrong:
        return await _confirm_void(request, form.with_problems(wrong), status=422)
    return go(request, address(request), say("Invoice {number} is void.", number=number))


def _voiding(form: Form) -> dict[str, Any]:
    """Why, and whether the customer is told: it is, where nobody was asked."""
    return {
        "reason": form.value("reason"),
        "tell": form.checked("tell_customer") or not form.checked("asked"),
    }


async def reissue(request: Request) -> Response:
    """Take the invoice back and open a draft like it, to be corrected."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> str:
        made = invoice_duplicates.reissue(db, actor, invoice_id=invoice_id, **_voiding(form), now=now)
        return ids.shown("inv", made.invoice.id) + "/edit"

    try:
        made = await act(request, work, form=form)
    except Invalid as wrong:
        return await _confirm_void(request, form.with_problems(wrong), status=422)
    said = "The invoice is void, and this is a draft like it. Correct it, then send it."
    return go(request, f"{place(request).home}/invoices/{made}", said)


async def delete(request: Request) -> Response:
    """Delete a draft."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()

    def work(db: Session, actor: Actor) -> None:
        invoices.delete_draft(db, actor, invoice_id=invoice_id, now=now)

    await act(request, work, form=form)
    return go(request, f"{place(request).home}/invoices", "The draft is deleted.")


async def tag(request: Request) -> Response:
    """Put one of the partner's tags on the invoice, or take it off."""
    form = await read_form(request)
    invoice_id, now = record_id(request, "invoice_id", "inv"), house(request).clock()
    change = tags.untag_invoices if form.pressed == "remove" else tags.tag_invoices

    def work(db: Session, actor: Actor) -> None:
        tag_id = ids.parsed(form.value("tag"), "tag")
        change(db, actor, tag_ids=[tag_id], invoice_ids=[invoice_id], now=now)

    await act(request, work, form=form)
    return go(request, address(request))


def _given_up(invoice: dict[str, Any]) -> dict[str, str]:
    """What an uncollectible invoice still lacked: nobody owes it any more, and the sums must add up."""
    total, paid, credited = (Decimal(invoice[name]["amount"]) for name in ("total", "paid", "credited"))
    return {"amount": str(total - paid - credited), "currency": invoice["total"]["currency"]}


async def _details(request: Request) -> Response:
    page = await ask(request, "partner/invoices/details", id=request.path_params["invoice_id"])
    links, now = found(page)["payLinks"]["nodes"], house(request).clock()
    good = [link for link in links if datetime.fromisoformat(link["expiresAt"]) > now]
    lines = await every_line(request, page, "partner/invoices/lines")
    known = await named(request, [*found(page)["sendToIds"], *found(page)["leftOutIds"]])
    called = {one["id"]: one["name"] for one in known}
    # Whom a mail may still go to.
    send_to = [
        one["name"] for one in known
        if one["id"] in found(page)["sendToIds"] and one["status"] in ("INVITED", "ACTIVE")
    ]  # fmt: skip
    left_out = [called.get(one) or say("a former user") for one in found(page)["leftOutIds"]]
    return show(
        request, "partner/invoices/details.html", await with_every_tag(request, page), refusals=WHAT_TO_DO,
        lines=lines, taxes=named_taxes.of_lines(lines), given_up=_given_up(page.content["invoice"]),
        live_links=[link for link in good if not link["revokedAt"]], history=await history_of(request, page),
        send_to=send_to, left_out=left_out,
    )  # fmt: skip


def found(page: Page, name: str = "invoice") -> dict[str, Any]:
    """The record the page is about; an id of nobody's and of somebody else's are both not there."""
    record: dict[str, Any] | None = page.content[name]
    if record is None:
        raise NotFound
    return record


def address(request: Request) -> str:
    """Where the invoice of this request is in the dashboard."""
    return f"{place(request).home}/invoices/{request.path_params['invoice_id']}"


_ONE = "/partner/{slug}/invoices/{invoice_id}"
ROUTES = [
    Route(_ONE, partner(show_invoice)),
    Route(_ONE + "/invoice.pdf", partner(papers.invoice)),
    Route(_ONE + "/confirm-{what:str}", partner(confirm)),
    Route(_ONE + "/send", partner(send), methods=["POST"]),
    Route(_ONE + "/issue", partner(issue), methods=["POST"]),
    Route(_ONE + "/void", partner(void), methods=["POST"]),
    Route(_ONE + "/reissue", partner(reissue), methods=["POST"]),
    Route(_ONE + "/delete", partner(delete), methods=["POST"]),
    Route(_ONE + "/tags", partner(tag), methods=["POST"]),
]
