"""The gateway's pages in French: every word of them, and the address in which their reader is sent there."""

import re
from datetime import date
from pathlib import Path

import pytest

from errors import Invalid
from integrations.gateways.sandbox import app, cards, pages
from integrations.gateways.sandbox.client import _for_reader
from integrations.gateways.sandbox.words import FRENCH, speaker
from languages import speaking

TEMPLATES = Path(pages.__file__).parent / "templates"


def test_whatever_a_page_says_is_there_in_french() -> None:
    said = {
        text for path in TEMPLATES.glob("*.html") for text in re.findall(r'_\("([^"]+)"', path.read_text())
    }
    assert len(said) > 30
    wrong = {*app._SAID.values(), "The gateway failed. Try again in a moment."}
    wrong |= set(re.findall(r'HTTPException\(\d+, "([^"]+)"', Path(pages.__file__).read_text()))
    for form in (
        {},
        {"number": "4242424242424242"},
        {"number": "4111", "expiry": "01/20", "cvc": "x", "name": "1", "postal_code": "!"},
        {"number": "378282246310005", "expiry": "01/99"},
    ):
        with pytest.raises(Invalid) as refusal:
            cards.read_entry(form, today=date(2026, 3, 10))
        wrong |= {problem.message for problem in refusal.value.problems}
    notes = {card.note for card in cards.PUBLISHED}
    assert (said | wrong | notes) - FRENCH.keys() == set()
    assert FRENCH.keys() - (said | wrong | notes) == set()


def test_templates_say_nothing_past_the_catalogue() -> None:
    for path in TEMPLATES.glob("*.html"):
        text = re.sub(r"\{% block (look|main) %\}.*?\{% endblock %\}", "", path.read_text())
        text = re.sub(r"\{#.*?#\}|\{\{.*?\}\}|\{%.*?%\}", "", text, flags=re.DOTALL)
        bare = re.sub(r"<[^>]*>", " ", text)
        assert re.findall(r"[A-Za-z]{3,}", bare) == [], path.name


def test_a_reader_is_sent_there_in_their_language() -> None:
    assert _for_reader("http://127.0.0.1/fields/x") == "http://127.0.0.1/fields/x"
    with speaking("fr"):
        assert _for_reader("http://127.0.0.1/fields/x") == "http://127.0.0.1/fields/x?language=fr"
    say = speaker("fr")
    assert say("Continue to {merchant}", merchant="Remit") == "Continuer vers Remit"
    assert speaker("en")("Card number") == "Card number"
