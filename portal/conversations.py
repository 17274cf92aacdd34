"""The list of conversations on invoices, at both doors: narrowed, searched, and marked as read.

Surprise: the form that marks all as read says when its page was made: what came in since stays unread.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from auth.actors import Actor
from billing import thread_reading
from languages import mark, say, say_count
from portal.chips import of_customer
from portal.door import act, go, read_form
from portal.every_tag import with_every_tag
from portal.house import house, place
from portal.invoice_choice import folder
from portal.invoice_filters import LONGEST
from portal.page import ask, show
from portal.paging import counted, link, neighbours, window
from portal.tag_filters import CUSTOMER_TAG, TAG, TagFilters, sets_of

UNREAD, SETTLED = "unread", "settled"
OPEN = {"state": {"eq": "OPEN"}}
TABS: Mapping[str, Mapping[str, Any]] = {
    "": OPEN,
    UNREAD: {"isUnread": {"eq": True}},
    SETTLED: {"state": {"eq": "RESOLVED"}},
    "all": {},
}
LABELS = {
    "": mark("Open", context="conversations"),
    UNREAD: mark("Unread", context="conversations"),
    SETTLED: mark("Settled", context="conversations"),
    "all": mark("All", context="conversations"),
}
KINDS = {"question": (mark("Questions"), "QUESTION"), "dispute": (mark("Disputes"), "DISPUTE")}
US, THEM = "us", "them"
TURNS = {US: mark("Waiting for you"), THEM: mark("Waiting for an answer")}


class Narrowing(NamedTuple):
    """What the list is asked for: its tab, and the texts by their names in the address."""

    tab: str
    kind: str
    turn: str
    customer: str
    search: str
    tagged: TagFilters

    @classmethod
    def of(cls, pairs: Iterable[tuple[str, str]], *, by_partner: bool) -> "Narrowing":
        """From pairs of an address: what can't be meant is left out. A settled one waits for nobody."""
        given = [(name, text.strip()[:LONGEST]) for name, text in pairs]
        plain = dict(given)
        tab, kind, turn = (plain.get(name, "") for name in ("show", "kind", "turn"))
        tab = tab if tab in TABS else ""
        turn = turn if turn in (US, THEM) and tab != SETTLED else ""
        search = plain.get("search", "")
        tagged = TagFilters.of(given, names=sets_of(staffs=by_partner))
        return cls(tab, kind if kind in KINDS else "", turn, plain.get("customer", ""), search, tagged)

    @property
    def is_narrowed(self) -> bool:
        """Is anything of the tab left out?"""
        return self.tagged.is_on or bool(self.kind or self.turn or self.customer or self.search)

    def variables(self, *, by_partner: bool) -> dict[str, Any]:
        """The document's arguments, for whoever of the two sides asks."""
        where: dict[str, Any] = dict(TABS[self.tab])
        if self.kind:
            where["kind"] = {"eq": KINDS[self.kind][1]}
        if self.turn:
            where |= OPEN | {"lastMessageIsFromPartner": {"eq": (self.turn == THEM) is by_partner}}
        if self.customer:
            where["customer"] = {"id": {"eq": self.customer}}
        self.tagged.narrow(where, {TAG: ("invoice",), CUSTOMER_TAG: ("customer",)})
        return {"search": self.search or None, "where": where}


async def list_threads(request: Request) -> Response:
    """The open ones, what moved last first; or those that were asked for."""
    by_partner = place(request).kind == "partner"
    asked = Narrowing.of(request.query_params.multi_items(), by_partner=by_partner)
    more = {"customer": asked.customer, "ofOne": bool(asked.customer)} if by_partner else {}
    page = await ask(
        request, f"{folder(request)}/conversations/list", **window(request),
        **asked.variables(by_partner=by_partner), **more,
    )  # fmt: skip
    page = await with_every_tag(request, page)
    found = page.content["threads"]
    # Whoever only looks has read nothing, and has nothing unread.
    labels = {tab: text for tab, text in LABELS.items() if tab != UNREAD or page.shell.unread is not None}
    return show(
        request, f"{folder(request)}/conversations/list.html", page, asked=asked, kinds=KINDS,
        turns=TURNS, beside=neighbours(request, found["pageInfo"]),
        tabs=[(text, link(request, show=tab), tab == asked.tab, None) for tab, text in labels.items()],
        chips=of_customer(request, page), cleared=_home(request), here=_home(request),
        until=house(request).clock().astimezone(UTC).isoformat(),
        count=counted(found["totalCount"], "conversation", "conversations"),
    )  # fmt: skip


async def read_all(request: Request) -> Response:
    """Mark everything as read that was there when the list was shown."""
    form = await read_form(request)
    until = _moment(form.value("until"))

    def work(db: Session, actor: Actor) -> int:
        return thread_reading.mark_all_read(db, actor, until=until)

    count = await act(request, work, form=form)
    said = say_count(
        "{count} conversation is marked as read.", "{count} conversations are marked as read.", count
    )
    return go(request, _home(request), said if count else say("Nothing was unread."))


async def back(request: Request) -> Response:
    """Whoever comes to the form's address without the form, say after signing in again."""
    return go(request, _home(request))


def _moment(written: str) -> datetime | None:
    """When the form's page was made, as the form says; None for what is no moment of ours: all there is."""
    try:
        return datetime.fromisoformat(written).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _home(request: Request) -> str:
    return f"{place(request).home}/conversations"
