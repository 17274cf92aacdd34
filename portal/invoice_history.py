"""An invoice's history as the invoice itself tells it, the latest first: what the customer reads of it.

Surprise: the partner reads its own log instead, where it may (`portal/partner/invoice_history.py`).
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from languages import mark, say
from portal.render import money_text

STARTED = mark("A payment of {amount} was started")
SETTLED = {
    "SUCCEEDED": mark("{amount} was paid"),
    "FAILED": mark("A payment of {amount} failed"),
    "CANCELED": mark("A payment of {amount} was canceled"),
}


class Happened(NamedTuple):
    """One line: when, what, and who did it if that is told."""

    at: str
    what: str
    who: str = ""


def told_by(invoice: Mapping[str, Any]) -> list[Happened]:
    """What the invoice itself tells."""
    # Of one moment, what is told later here happened later: first issued, then sent.
    told = [*_life(invoice), *_mails(invoice), *payments_of(invoice), *_credits(invoice)]
    return latest_first(told[::-1])


def _life(invoice: Mapping[str, Any]) -> Iterator[Happened]:
    if invoice["finalizedAt"]:
        yield Happened(invoice["finalizedAt"], say("Issued: {amount}", amount=money_text(invoice["total"])))
    if invoice["voidedAt"]:
        why = invoice["voidReason"]
        yield Happened(invoice["voidedAt"], say("Voided: {reason}", reason=why) if why else say("Voided"))


def _mails(invoice: Mapping[str, Any]) -> Iterator[Happened]:
    if "mails" not in invoice:
        if invoice["sentAt"]:
            yield Happened(invoice["sentAt"], say("Sent"))
        return
    for mail in invoice["mails"]["nodes"]:
        yield Happened(mail["createdAt"], say("Sent to {name}", name=name_of(mail)))
        if mail["bouncedAt"]:
            yield Happened(mail["bouncedAt"], say("The mail to {name} came back", name=name_of(mail)))


def payments_of(invoice: Mapping[str, Any]) -> Iterator[Happened]:
    """What became of its payments."""
    for part in invoice["allocations"]["nodes"]:
        payment, amount = part["payment"], money_text(part["amount"])
        who = (payment.get("askedBy") or {}).get("name", "")
        yield Happened(payment["createdAt"], say(STARTED, amount=amount), who)
        if payment["settledAt"] and payment["status"] in SETTLED:
            yield Happened(payment["settledAt"], say(SETTLED[payment["status"]], amount=amount), who)


def _credits(invoice: Mapping[str, Any]) -> Iterator[Happened]:
    for part in invoice["outsideAllocations"]["nodes"]:
        row, amount = part["outsidePayment"], money_text(part["amount"])
        yield Happened(row["createdAt"], say("{amount} came in from outside", amount=amount))
        if row["reversedAt"]:
            yield Happened(row["reversedAt"], say("{amount} from outside was taken back", amount=amount))
    for note in invoice["creditNotes"]["nodes"]:
        amount = money_text(note["total"])
        yield Happened(
            note["createdAt"], say("Credited by {number}: {amount}", number=note["number"], amount=amount)
        )
    for one in invoice["creditApplications"]["nodes"]:
        yield Happened(
            one["createdAt"], say("{amount} of credit was applied", amount=money_text(one["amount"]))
        )


def latest_first(lines: Sequence[Happened]) -> list[Happened]:
    """By when they happened; of one moment as they stand."""
    return sorted(lines, key=lambda one: one.at, reverse=True)


def name_of(mail: Mapping[str, Any]) -> str:
    """Whom a mail is to."""
    return str(mail["recipient"]["name"]) if mail["recipient"] else say("a former user")
