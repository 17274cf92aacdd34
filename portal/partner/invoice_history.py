"""An invoice's history in the dashboard: what happened to it, who did it and who opened it, the latest first.

Surprise: whoever may read the log gets the log's lines, and beside them the payments, which are no acts on
the invoice. For anybody else it is made of what the invoice itself tells.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from starlette.requests import Request

from auth.actors import Action
from languages import say
from portal.invoice_history import Happened, latest_first, name_of, payments_of, told_by
from portal.page import Page, ask
from portal.paging import link
from portal.partner.activity import activity_of, people_of
from portal.partner.named import named

SIZE = 50
OLDER = "history"


class History(NamedTuple):
    """A part of it, and the address of the part before, if there is one."""

    lines: list[Happened]
    older: str | None = None


async def history_of(request: Request, page: Page) -> History:
    """For the partner: by the log for those who may read it."""
    invoice = page.content["invoice"]
    if Action.VIEW_AUDIT.value not in page.shell.rights:
        return History(told_by(invoice))
    after = request.query_params.get(OLDER)
    read = await ask(request, "partner/invoices/history", id=invoice["id"], after=after)
    edges = read.content["invoice"]["auditEvents"]["edges"] if read.content["invoice"] else []
    shown, beyond = edges[:SIZE], edges[SIZE:]
    known = await named(request, [one for edge in shown for one in people_of(edge["node"])])
    known.append({"id": invoice["id"], "currency": invoice["total"]["currency"]})
    lines = [_line(edge["node"], invoice, known) for edge in shown]
    # Those of payments stand between: each in the one part whose time it is of.
    first = shown[0]["node"]["at"] if after and shown else None
    until = beyond[0]["node"]["at"] if beyond else None
    lines += [
        one
        for one in payments_of(invoice)
        if (first is None or one.at <= first) and (until is None or one.at > until)
    ]
    older = link(request, **{OLDER: shown[-1]["cursor"]}) + "#history" if beyond else None
    return History(latest_first(lines), older)


def _line(row: Mapping[str, Any], invoice: Mapping[str, Any], known: Sequence[Mapping[str, Any]]) -> Happened:
    (event,) = activity_of([row], known)
    what = event.what[:1].upper() + event.what[1:]
    if row["action"] == "invoice.sent":
        told = [name_of(mail) for mail in invoice["mails"]["nodes"] if mail["createdAt"] == row["at"]]
        if told:
            what = say("{what} to {names}", what=what, names=", ".join(told))
    return Happened(event.at, what, str(event.who))
