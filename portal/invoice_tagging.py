"""Tags on many invoices at once, in the dashboard and in the portal: choose in the list, then say which tags.

Surprise: choosing is a GET. The list's boxes only make the address of the page that asks which tags, so
nothing is lost by going back; an id that is not one's own is as good as none there, too. All that the list
shows travels as the list's own address, and is looked up again when it is confirmed.
"""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Action
from billing.many import Many, Noun, What
from db import ids
from errors import Forbidden, Invalid, NotFound
from languages import grouped, say, say_count
from portal.act_words import done
from portal.door import act, go, read_form
from portal.every_tag import with_every_tag
from portal.form import Form
from portal.in_parts import MOST_MATCHING, begin_long, in_parts, is_long
from portal.invoice_choice import Chosen, Narrow, folder, parts_of
from portal.page import ask, show

# As the rule names it, so that its refusals find the field.
FIELD = "tag_ids"
# How many there were when it was asked, of all that a list finds.
COUNT = "count"
# As many as the portal's page of the list has, and as the page here names.
SHOWN = 50


async def show_tagging(request: Request, narrow: Narrow) -> Response:
    """Which invoices were chosen, and the tags to put on them or take off."""
    return await _page(request, Chosen.asked(request), narrow, Form())


async def tag(request: Request, narrow: Narrow) -> Response:
    """Put the ticked tags on the chosen invoices, or take them off."""
    form = await read_form(request)
    chosen = Chosen.posted(form)
    await act(request, lambda _, actor: actor.require(Action.EDIT_TAGS), form=form)
    tag_ids = tuple(ids.parsed(text, "tag") for text in form.values(FIELD))
    asked = Many(Noun.INVOICES, What.UNTAG if form.pressed == "remove" else What.TAG, tag_ids)
    invoice_ids: Sequence[str] | None = chosen.ids
    if invoice_ids is None:
        listed = await _listed(request, chosen, narrow)
        if form.value(COUNT) != str(len(listed)):
            return await _page(request, chosen, narrow, form, changed=bool(form.value(COUNT)))
        invoice_ids = listed
    try:
        if is_long(request, len(invoice_ids)):
            return await begin_long(request, form, invoice_ids, asked)
        finished = await in_parts(request, form, invoice_ids, asked)
    except Invalid as wrong:
        return await _page(request, chosen, narrow, form.with_problems(wrong), status=422)
    others = len(invoice_ids) - finished.changed
    return go(request, chosen.back(request), done(asked, finished.changed, others))


async def _page(
    request: Request, chosen: Chosen, narrow: Narrow, form: Form, *, status: int = 200, changed: bool = False
) -> Response:
    document, listed = _document(request), await _listed(request, chosen, narrow)
    if len(listed) > MOST_MATCHING:
        most = grouped(MOST_MATCHING)
        said = say("At most {most} invoices can be tagged at once. Narrow the list.", most=most)
        return go(request, chosen.back(request), said, tone="warning")
    page = await ask(request, document, ids=listed[:SHOWN])
    if len(page.content["invoices"]["nodes"]) != len(listed[:SHOWN]):
        raise NotFound
    if Action.EDIT_TAGS.value not in page.shell.rights:
        raise Forbidden
    if not listed:
        return go(request, chosen.back(request), "Choose the invoices to tag.", tone="info")
    page = await with_every_tag(request, page)
    fields = {"narrowing": chosen.query} | ({COUNT: str(len(listed))} if chosen.ids is None else {})
    return show(
        request, f"{document}.html", page, form=form, status=status, action=request.url.path,
        back=chosen.back(request), total=len(listed), fields=fields, boxes=chosen.ids or (), changed=changed,
        by_itself=is_long(request, len(listed)),
        count=say_count("{count} invoice", "{count} invoices", len(listed)),
    )  # fmt: skip


async def _listed(request: Request, chosen: Chosen, narrow: Narrow) -> Sequence[str]:
    """The ids of what was chosen, or of all that the list shows: one more than can be done means too many."""
    if chosen.ids is not None:
        return chosen.ids
    listed: list[str] = []
    async for part in parts_of(request, chosen, narrow):
        listed += [one["id"] for one in part]
        if len(listed) > MOST_MATCHING:
            break
    return listed


def _document(request: Request) -> str:
    """The page's document, and its template, of the door the request came through."""
    return f"{folder(request)}/invoices/tagging"
