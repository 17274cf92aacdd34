"""Cards the sandbox gateway takes: the published test numbers, and how each of them behaves.

Surprise: every listed card can be added; the ones that decline do so when they are charged (the vendor
who published them declines most already on adding), so that each decline can be seen where it matters.
A number leaves this module only as brand, last four and fingerprint.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from billing.ports import Funding
from errors import Invalid, Problem

SUCCEEDS = "succeeds"
AUTHENTICATES = "authenticates"

# What the payer reads. A lost or stolen card is not called so to the one who holds it.
DECLINES: Mapping[str, str] = {
    "card_declined": "The bank declined the card. Use another card, or ask the bank why.",
    "insufficient_funds": "The card does not have enough funds. Use another card or pay less.",
    "lost_card": "The bank declined the card. Use another card, or ask the bank why.",
    "stolen_card": "The bank declined the card. Use another card, or ask the bank why.",
    "expired_card": "The card has expired. Use another card.",
    "incorrect_cvc": "The security code was wrong. Add the card again with the code printed on it.",
    "processing_error": "The bank could not process the card. Try again in a few minutes.",
    "authentication_required": "The bank wants the cardholder to confirm. Pay in the portal instead.",
    "authentication_failed": "The bank could not confirm that it was you. Try again or use another card.",
    "canceled": "The payment was canceled before it was confirmed.",
    "authentication_expired": "The payment was not confirmed in time. Pay again to confirm it.",
}


@dataclass(frozen=True, slots=True)
class PublishedCard:
    """One published test number. `behaviour` is SUCCEEDS, AUTHENTICATES or a code of DECLINES."""

    number: str
    brand: str
    funding: Funding
    behaviour: str
    note: str

    @property
    def grouped(self) -> str:
        """The number as printed on a card."""
        if len(self.number) == 15:
            return f"{self.number[:4]} {self.number[4:10]} {self.number[10:]}"
        return " ".join(self.number[at : at + 4] for at in range(0, len(self.number), 4))


def _visa(number: str, behaviour: str, note: str) -> PublishedCard:
    return PublishedCard(number, "visa", Funding.CREDIT, behaviour, note)


PUBLISHED: tuple[PublishedCard, ...] = (
    _visa("4242424242424242", SUCCEEDS, "Visa credit, succeeds"),
    PublishedCard("4000056655665556", "visa", Funding.DEBIT, SUCCEEDS, "Visa debit, succeeds"),
    PublishedCard("5555555555554444", "mastercard", Funding.CREDIT, SUCCEEDS, "Mastercard credit, succeeds"),
    PublishedCard("5200828282828210", "mastercard", Funding.DEBIT, SUCCEEDS, "Mastercard debit, succeeds"),
    PublishedCard(
        "5105105105105100", "mastercard", Funding.PREPAID, SUCCEEDS, "Mastercard prepaid, succeeds"
    ),
    PublishedCard("378282246310005", "amex", Funding.CREDIT, SUCCEEDS, "American Express, succeeds"),
    PublishedCard("6011111111111117", "discover", Funding.CREDIT, SUCCEEDS, "Discover, succeeds"),
    _visa("4000002500003155", AUTHENTICATES, "asks the cardholder to confirm"),
    _visa("4000002760003184", AUTHENTICATES, "asks the cardholder to confirm, every time"),
    _visa("4000000000000002", "card_declined", "declined by the bank"),
    _visa("4000000000000341", "card_declined", "can be added, declined when charged"),
    _visa("4000000000009995", "insufficient_funds", "declined, not enough funds"),
    _visa("4000000000009987", "lost_card", "declined, reported lost"),
    _visa("4000000000009979", "stolen_card", "declined, reported stolen"),
    _visa("4000000000000069", "expired_card", "declined, expired at the bank"),
    _visa("4000000000000127", "incorrect_cvc", "declined, wrong security code"),
    _visa("4000000000000119", "processing_error", "declined, error at the bank"),
)
_BY_NUMBER = {card.number: card for card in PUBLISHED}

_SEPARATORS = re.compile("[ \u00a0-]")
_EXPIRY = re.compile(r"(0[1-9]|1[0-2])\s*/?\s*(?:20)?([0-9]{2})")
_POSTAL = re.compile(r"[A-Za-z0-9][A-Za-z0-9 -]{2,9}")
_FIELDS = ("number", "expiry", "cvc", "name", "postal_code")
# Longer runs of digits are not shown again either: somebody may have typed the number in a wrong box.
_LONGEST_SHOWN = 11


@dataclass(frozen=True, slots=True)
class CardEntry:
    """A card as typed and found good. Never stored, never logged: its repr leaves the card out."""

    card: PublishedCard = field(repr=False)
    exp_month: int
    exp_year: int


def read_entry(form: Mapping[str, str], *, today: date) -> CardEntry:
    """The card typed into a form. Refuses any number that is not published, all wrong fields at once."""
    typed = {name: form.get(name, "").strip() for name in _FIELDS}
    card = _BY_NUMBER.get(_SEPARATORS.sub("", typed["number"]))
    expiry = _EXPIRY.fullmatch(typed["expiry"])
    problems = [] if card else [_unknown_number(typed["number"])]
    problems += _expiry_problems(expiry, today) + _other_problems(typed, card)
    if problems or card is None or expiry is None:
        raise Invalid(problems)
    return CardEntry(card, int(expiry[1]), 2000 + int(expiry[2]))


def showable(form: Mapping[str, str]) -> dict[str, str]:
    """What of a refused form may be shown again: never the number, never the security code."""
    kept = {name: form.get(name, "") for name in ("expiry", "name", "postal_code")}
    return {
        name: value if sum(c.isdigit() for c in value) <= _LONGEST_SHOWN else ""
        for name, value in kept.items()
    }


def fingerprint(card: PublishedCard, *, account: str, key: bytes) -> str:
    """Equal for the same card in the same account, and nothing the number can be read from."""
    return hmac.new(key, f"{account}:{card.number}".encode(), hashlib.sha256).hexdigest()[:32]


def _unknown_number(number: str) -> Problem:
    if not number:
        return Problem("REQUIRED", ("number",), "Enter one of the test numbers listed on this page.")
    return Problem(
        "NOT_A_TEST_NUMBER",
        ("number",),
        "Only the published test numbers work here, such as 4242 4242 4242 4242. "
        "Never enter a real card number: it was not kept.",
    )


def _expiry_problems(expiry: re.Match[str] | None, today: date) -> list[Problem]:
    if expiry is None:
        return [Problem("BAD_EXPIRY", ("expiry",), "Enter the expiry date as MM/YY, for example 12/34.")]
    ends = (2000 + int(expiry[2]), int(expiry[1]))
    if ends < (today.year, today.month):
        return [Problem("EXPIRED", ("expiry",), "This date is past. Enter a month that is still to come.")]
    if ends[0] > today.year + 30:
        return [Problem("BAD_EXPIRY", ("expiry",), "This date is too far ahead. Enter it as MM/YY.")]
    return []


def _other_problems(typed: Mapping[str, str], card: PublishedCard | None) -> list[Problem]:
    problems = []
    digits = 4 if card and card.brand == "amex" else 3
    if not re.fullmatch(rf"[0-9]{{{digits}}}" if card else r"[0-9]{3,4}", typed["cvc"]):
        where = "front" if digits == 4 else "back"
        message = f"Enter the security code: {digits} digits, on the {where} of the card."
        problems.append(Problem("BAD_CVC", ("cvc",), message))
    if not 0 < len(typed["name"]) <= 100 or re.search(r"\d|[\x00-\x1f]", typed["name"]):
        problems.append(Problem("BAD_NAME", ("name",), "Enter the name on the card, in letters."))
    if not _POSTAL.fullmatch(typed["postal_code"]):
        message = "Enter the ZIP or postal code of the card's address, for example 12345 or K1A 0B1."
        problems.append(Problem("BAD_POSTAL_CODE", ("postal_code",), message))
    return problems
