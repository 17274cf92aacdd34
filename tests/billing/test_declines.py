"""Why a payment failed: each reader is told in their own words and language, and never in the gateway's."""

import pytest

from billing.declines import _REASONS, why_failed
from integrations import paying, reconciling
from integrations.gateways.sandbox.cards import DECLINES
from languages import speaking

WORDS = "The bank declined the card. Use another card, or ask the bank why."


def test_a_lost_card_is_called_so_to_staff_and_not_to_the_payer() -> None:
    assert why_failed("lost_card", "Raw.") == WORDS
    assert why_failed("lost_card", "Raw.", staff=True) == "The bank declined the card: it is reported lost."
    with speaking("fr"):
        assert why_failed("lost_card", "Raw.") == (
            "La banque a refusé la carte. Utilisez une autre carte, ou demandez à la banque pourquoi."
        )
        assert why_failed("lost_card", "Raw.", staff=True) == (
            "La banque a refusé la carte : elle est déclarée perdue."
        )


@pytest.mark.parametrize("code", [*DECLINES, paying.NOT_REACHED, paying.NOT_TAKEN, reconciling.NEVER_TAKEN])
def test_every_code_that_comes_of_ours_has_its_sentences_in_french(code: str) -> None:
    for staff in (False, True):
        english = why_failed(code, "Raw.", staff=staff)
        with speaking("fr"):
            assert "Raw." not in (english, why_failed(code, "Raw.", staff=staff))
            assert why_failed(code, "Raw.", staff=staff) != english
    # Nobody at a desk is told to use another card.
    assert not any(word in why_failed(code, None, staff=True) for word in ("Use another", "Try again", "you"))


def test_a_guest_is_told_what_a_guest_can_do() -> None:
    for code in DECLINES:
        said = why_failed(code, None, guest=True)
        assert not any(words in said for words in ("pay less", "Add the card", "portal")), said
    assert why_failed("insufficient_funds", None, guest=True) == (
        "The card does not have enough funds. Use another card."
    )
    assert why_failed("lost_card", None, guest=True) == WORDS


def test_words_of_the_gateway_are_left_for_a_code_nobody_knows() -> None:
    assert why_failed("frozen_account", "The account is frozen.") == "The account is frozen."
    assert why_failed(None, None) == ""
    assert DECLINES.keys() <= _REASONS.keys()
