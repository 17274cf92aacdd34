"""Why a card payment failed: a sentence for whoever pays and one for the partner's staff, by the code.

Surprise: the gateway's own words, which are English and speak to the cardholder, are only shown where the
code is none we know. A lost or stolen card is called so to staff, and never to the one who holds it. A guest
pays all of one invoice with a card that is kept nowhere, so some advice for users is none for them. That
nothing was charged is said by the pages and mails themselves.
"""

from collections.abc import Mapping
from typing import NamedTuple

from languages import mark, say


class _Reason(NamedTuple):
    payer: str
    staff: str
    guest: str | None = None


_DECLINED = mark("The bank declined the card. Use another card, or ask the bank why.")
_REASONS: Mapping[str, _Reason] = {
    "card_declined": _Reason(_DECLINED, mark("The bank declined the card, and didn’t say why.")),
    "insufficient_funds": _Reason(
        mark("The card does not have enough funds. Use another card or pay less."),
        mark("The card does not have enough funds."),
        mark("The card does not have enough funds. Use another card."),
    ),
    "lost_card": _Reason(_DECLINED, mark("The bank declined the card: it is reported lost.")),
    "stolen_card": _Reason(_DECLINED, mark("The bank declined the card: it is reported stolen.")),
    "expired_card": _Reason(
        mark("The card has expired. Use another card."), mark("The card has expired."),
    ),
    "incorrect_cvc": _Reason(
        mark("The security code was wrong. Add the card again with the code printed on it."),
        mark("The card’s security code was wrong."),
        mark("The security code was wrong. Enter the card again with the code printed on it."),
    ),
    "processing_error": _Reason(
        mark("The bank could not process the card. Try again in a few minutes."),
        mark("The bank could not process the card. It may work later."),
    ),
    "authentication_required": _Reason(
        mark("The bank wants the cardholder to confirm. Pay in the portal, where that is asked."),
        mark("The bank wants the cardholder to confirm. The customer can pay in the portal."),
        mark("The bank wants the cardholder to confirm. Pay again to confirm it."),
    ),
    "authentication_failed": _Reason(
        mark("The bank could not confirm that it was you. Try again or use another card."),
        mark("The bank could not confirm that it was the cardholder."),
    ),
    "authentication_expired": _Reason(
        mark("The payment was not confirmed in time. Pay again to confirm it."),
        mark("The cardholder did not confirm the payment in time."),
    ),
    "canceled": _Reason(
        mark("The payment was canceled before it was confirmed."),
        mark("The payment was canceled before it was confirmed."),
    ),
    "declined": _Reason(
        mark("The payment was declined. Use another payment method."), mark("The payment was declined."),
    ),
    "gateway_unreachable": _Reason(
        mark("The payment could not be sent. Try again in a few minutes."),
        mark("The gateway could not be reached, and nothing was charged."),
    ),
    "gateway_refused": _Reason(
        mark("The payment could not be made. Use another payment method."),
        mark("The gateway did not take the payment, and nothing was charged."),
    ),
    "never_taken": _Reason(
        mark("The payment could not be sent. Pay again."),
        mark("The payment never reached the gateway, and nothing was charged."),
    ),
}  # fmt: skip


def why_failed(code: str | None, words: str | None, *, staff: bool = False, guest: bool = False) -> str:
    """The sentence for this reader (neither: a customer's user) in the language of the work in hand; the
    gateway's `words` for a code that is none of ours, "" for a payment that did not fail.
    """
    reason = _REASONS.get(code or "")
    if reason is None:
        return say(words) if words else ""
    return say(reason.staff if staff else (guest and reason.guest) or reason.payer)
