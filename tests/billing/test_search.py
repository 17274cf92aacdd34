"""Search words: what a record is found by."""

import unicodedata
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

from billing import search
from billing.customer_fields import key_of
from billing.places import folded
from billing.search import LAST, LONGEST_WORD, SearchToken, words_asked, words_kept
from db.session import Database
from tests.cast import Cast


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("Acme Industries", ("acme", "industries")),
        ("  acme,   ACME ", ("acme",)),
        ("Ünïon-5", ("union", "5")),
        ("Straße", ("strasse",)),
        ("ＡＣＭＥ", ("acme",)),
        ("petra@acme.example", ("petra", "acme", "example")),
        ("12-3456789", ("12", "3456789")),
        ("% _ \\ ' \"", ()),
        ("a\x00b", ("a", "b")),
        ("東京 株式会社", ("東京", "株式会社")),
        ("İstanbul", ("istanbul",)),
        ("a b c d e f g h i", tuple("abcdefgh")),
    ],
)  # fmt: skip
def test_what_is_asked_for_is_cut_into_folded_words(typed: str, words: tuple[str, ...]) -> None:
    assert words_asked(typed) == words


@pytest.mark.parametrize(
    ("kept", "asked"),
    [
        ("12-3456789", "123456789"), ("12-3456789", "12-345"), ("O'Brien & Sons", "obrien"),
        ("O'Brien & Sons", "o'brien"), ("O’Brien", "o'brien"), ("Petra@Acme.example", "petra@acme.ex"),
        ("Café Noir", "cafe"), ("Cafe Noir", "CAFÉ"), ("AT&T", "att"), ("CUST-0042", "cust0042"),
    ],
)  # fmt: skip
def test_both_ways_of_writing_find_it(kept: str, asked: str) -> None:
    assert found(kept, asked)


@pytest.mark.parametrize(("kept", "asked"), [("Acme", "cme"), ("Acme", "acmes"), ("Acme Inc", "acme llc")])
def test_what_is_not_there_is_not_found(kept: str, asked: str) -> None:
    assert not found(kept, asked)


def found(kept: str, asked: str) -> bool:
    """The comparison the planner's SQL makes, in the same byte order."""
    words = [word.encode() for word in words_kept([kept])]
    return all(
        any(asked_word.encode() <= word < (asked_word + LAST).encode() for word in words)
        for asked_word in words_asked(asked)
    )


@given(st.text(max_size=80))
def test_every_text_finds_itself(text: str) -> None:
    assert found(text, text)


@given(st.text(max_size=80))
def test_folding_twice_changes_nothing(text: str) -> None:
    for word in words_asked(text):
        assert words_asked(word) == (word,)
        assert 0 < len(word) <= LONGEST_WORD


@given(st.lists(st.text(max_size=300), max_size=4))
def test_kept_words_are_short_and_without_spaces(texts: list[str]) -> None:
    for word in words_kept([*texts, None]):
        assert 0 < len(word) <= LONGEST_WORD
        assert word.split() == [word]


def keep(database: Database, cast: Cast, subject: UUID, texts: list[str | None]) -> None:
    partner = cast.partners["northwind"]
    with database.transaction(partner_id=partner) as db:
        search.keep(
            db, partner_id=partner, customer_id=None, kind="customer", subject_id=subject, texts=texts
        )


def kept(database: Database, cast: Cast, subject: UUID) -> list[str]:
    with database.transaction(partner_id=cast.partners["northwind"]) as db:
        mine = select(SearchToken.token).where(SearchToken.subject_id == subject)
        return list(db.exec(mine.order_by(col(SearchToken.token))))


def test_a_record_is_found_by_its_texts_and_by_nothing_older(database: Database, cast: Cast) -> None:
    subject, other = uuid4(), uuid4()
    keep(database, cast, other, ["Acme"])
    keep(database, cast, subject, ["Acme Rockets", None, "x-1"])
    assert kept(database, cast, subject) == ["1", "acme", "rockets", "x", "x1"]
    keep(database, cast, subject, ["Acme Anvils"])
    assert kept(database, cast, subject) == ["acme", "anvils"]
    keep(database, cast, subject, [])
    assert kept(database, cast, subject) == []
    assert kept(database, cast, other) == ["acme"]


def test_another_partner_reads_none_of_the_words(database: Database, cast: Cast) -> None:
    keep(database, cast, uuid4(), ["Acme Rockets"])
    with database.transaction(partner_id=cast.mallory.partner_id) as db:
        assert db.exec(select(SearchToken.token)).all() == []


def test_plain_texts_are_folded_as_all_others_are() -> None:
    """The short way for ASCII gives what the long one would."""
    plain = [chr(code) for code in range(128)]
    for text in (*plain, *(one + other for one in plain for other in plain), "".join(plain)):
        assert search._folded(text) == search._folded(text + "\u0301")
        assert key_of(text) == unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
        letters = "".join(char for char in text if unicodedata.category(char).startswith("L")).casefold()
        assert folded(text) == letters
