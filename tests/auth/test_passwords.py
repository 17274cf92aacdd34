"""B-1, B-2: which passwords are taken, how they are stored, and how many are hashed at once."""

import threading
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import argon2.low_level
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from passlib.hash import argon2 as stranger

from auth.passwords import (
    LONGEST,
    HashingBusy,
    HashingPool,
    check_new,
    choose,
    hash_password,
    verify,
    verify_nothing,
)
from errors import Invalid
from tests.figures import rounds

GOOD = "gravel-otter-mislaid-42"
WORDS = ("Petra Lund", "petra@acme.example", "Acme", "Northwind")


def refused(password: str, *words: str) -> str:
    with pytest.raises(Invalid) as refusal:
        check_new(password, words=words or WORDS)
    (problem,) = refusal.value.problems
    assert problem.path == ("password",)
    assert problem.message
    return problem.code


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "correct horse battery",
        "ünïcödé-wörds-élan",
        "q7!vX2#pLm9@",
        "雪が降る夜に歩いた猫と犬",
        "violet-stool",
    ],
)
def test_a_good_password_is_taken_as_it_is(password: str) -> None:
    assert check_new(password, words=WORDS) == password


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "TOO_SHORT"),
        ("q7!vX2#pLm9", "TOO_SHORT"),
        ("x" * 257, "TOO_LONG"),
        (GOOD * 200, "TOO_LONG"),
        ("qwertyuiop12", "COMMON_PASSWORD"),
        ("MailCreated5240", "COMMON_PASSWORD"),
        ("passwordpassword", "WEAK_PASSWORD"),
        ("a" * 100, "WEAK_PASSWORD"),
        ("abcabcabcabcabc", "WEAK_PASSWORD"),
        ("gravel-otter\ud800-42", "BAD_CHARACTERS"),
        ("gravel-otter-" * 19 + "42-ok-yes\udfff", "TOO_LONG"),
        ("gravel-otter-" * 19 + "42-ok-ye\udfff", "BAD_CHARACTERS"),
    ],
)  # fmt: skip
def test_a_bad_password_is_refused_with_the_reason(password: str, code: str) -> None:
    assert refused(password) == code


def test_the_limits_are_twelve_and_256_characters() -> None:
    long = "".join(chr(0x4E00 + n * 37) for n in range(LONGEST))
    assert check_new("q7!vX2#pLm9@", words=()) == "q7!vX2#pLm9@"
    assert check_new(long, words=()) == long
    assert refused(long + "x") == "TOO_LONG"


def test_the_length_is_that_of_the_normal_form() -> None:
    # Twelve letters typed as 24: the composed form counts, at both ends.
    assert refused(unicodedata.normalize("NFD", "éàüöñçéàüöñ")) == "TOO_SHORT"
    long = "".join(chr(0x1EA0 + n * 37 % 80) for n in range(LONGEST))
    assert len(unicodedata.normalize("NFD", long)) > LONGEST
    assert check_new(unicodedata.normalize("NFD", long), words=()) == long


def test_four_typed_characters_may_be_one_and_more_than_so_many_are_not_even_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Greek small letters whose breathing, accent and iota are typed after them.
    long = "".join(chr(0x1F82 + n * 11 % 4) for n in range(LONGEST))
    typed = unicodedata.normalize("NFD", long)
    assert len(typed) == 4 * LONGEST
    stored = hash_password(long)
    assert verify(typed, stored).ok
    looked_at: list[int] = []
    monkeypatch.setattr(unicodedata, "normalize", lambda form, typed: looked_at.append(len(typed)) or typed)
    assert verify(typed + "x", stored) == (False, None)
    assert looked_at in ([], [0])  # the empty one is hashed, for equal work


@pytest.mark.parametrize(
    "password",
    [
        "petralund2026",
        "acmenorthwind1",
        "petra@acme.example",
        "NorthwindAcme99",
        "acme-petra-lund",
        "remit-invoice-payment",
    ],
)
def test_own_and_company_words_make_a_password_weak(password: str) -> None:
    assert refused(password) == "WEAK_PASSWORD"


def test_own_words_may_stand_in_a_password_that_is_long_enough_without_them() -> None:
    assert check_new("acme-q7!vX2#p", words=WORDS) == "acme-q7!vX2#p"
    assert refused("acme-q7!vX2") == "TOO_SHORT"
    assert check_new("acmeq7!vX2#p", words=WORDS) == "acmeq7!vX2#p"
    assert refused("acme-acme-q7!") == "WEAK_PASSWORD"
    assert refused("acme-petra-lund-q7!v") == "WEAK_PASSWORD"
    assert check_new("kimq7!vX2#pK", words=("Kim Li",)) == "kimq7!vX2#pK"
    assert refused("kim-q7!-kim-x", "Kim Li") == "WEAK_PASSWORD"
    assert check_new("li-q7!-li-vx2", words=("Kim Li",)) == "li-q7!-li-vx2"


def test_a_weak_password_is_refused_with_advice() -> None:
    for password, advice in (
        ("a" * 100, 'Repeats like "aaa" are easy to guess. Add another word'),
        ("pennywhistle", "This password is easy to guess. Add another word"),
        ("acme-petra-lund", "Use fewer words from your name"),
    ):
        with pytest.raises(Invalid, match=f"^{advice}"):
            check_new(password, words=WORDS)


def test_there_are_no_composition_rules() -> None:
    assert check_new("mislaidgravelotterlamp", words=WORDS) == "mislaidgravelotterlamp"


def test_the_problem_is_reported_where_the_door_says() -> None:
    with pytest.raises(Invalid) as refusal:
        choose("short", words=(), path=("input", "newPassword"))
    assert [problem.path for problem in refusal.value.problems] == [("input", "newPassword")]


def test_what_is_stored_is_argon2id_with_the_promised_parameters() -> None:
    chosen = choose(GOOD, words=WORDS)
    assert chosen.hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert GOOD not in repr(chosen)
    assert chosen.hash not in repr(chosen)


def test_a_password_fits_its_own_hash_only() -> None:
    stored = hash_password(GOOD)
    assert verify(GOOD, stored) == (True, None)
    assert verify(GOOD + " ", stored) == (False, None)
    assert verify(GOOD.upper(), stored) == (False, None)
    assert hash_password(GOOD) != stored


@given(text=st.text(min_size=99, max_size=99, alphabet=st.characters(exclude_categories=["Cs", "Mn"])))
@settings(max_examples=rounds(5, 50), deadline=None)
def test_hundred_characters_that_differ_at_the_end_are_two_passwords(text: str) -> None:
    first, second = text + "x", text + "y"
    stored = hash_password(first)
    assert verify(first, stored).ok
    assert not verify(second, stored).ok
    assert not verify(text, stored).ok


@given(text=st.text(min_size=1, max_size=60, alphabet="éàüöñçåﬁabc가각힣Å"))
@settings(max_examples=rounds(5, 50), deadline=None)
def test_however_unicode_is_composed_it_is_one_password(text: str) -> None:
    stored = hash_password(unicodedata.normalize("NFC", text))
    assert verify(unicodedata.normalize("NFD", text), stored).ok
    assert verify(text, hash_password(unicodedata.normalize("NFD", text))).ok


@given(password=st.text(max_size=300, alphabet=st.characters()))
@settings(max_examples=rounds(100, 2000), deadline=None)
def test_whatever_is_typed_is_taken_or_refused_and_never_breaks(password: str) -> None:
    try:
        assert 12 <= len(check_new(password, words=WORDS)) <= 256
    except Invalid as refusal:
        assert len(refusal.problems) == 1  # noqa: PT017 - either of the two is right


def test_an_old_hash_is_replaced_when_the_policy_has_grown() -> None:
    old = stranger.using(type="ID", memory_cost=8192, time_cost=1, parallelism=1).hash(GOOD)
    ok, new_hash = verify(GOOD, old)
    assert ok
    assert new_hash is not None
    assert new_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert verify(GOOD, new_hash) == (True, None)
    assert verify("wrong" + GOOD, old) == (False, None)


@pytest.mark.parametrize("password", ["", "x" * 1025, "x" * 2_000_000, "é" * 257, "\ud800", "\x00" * 20])
def test_what_no_password_can_be_is_wrong_and_costs_one_hash(
    password: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored = hash_password(GOOD)
    costs = count_hashes(monkeypatch)
    assert verify(password, stored) == (False, None)
    assert costs == ["m=19456,t=2,p=1"]


def test_nothing_is_verified_at_the_cost_of_one_hash(monkeypatch: pytest.MonkeyPatch) -> None:
    costs = count_hashes(monkeypatch)
    assert verify_nothing() == (False, None)
    assert costs == ["m=19456,t=2,p=1"]


def count_hashes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every call of the argon2 library from now on, by its cost: it is watched, not replaced."""
    costs: list[str] = []
    hashing, verifying = argon2.low_level.hash_secret, argon2.low_level.verify_secret

    def watched_hashing(*args: object, **given: object) -> bytes:
        made = hashing(*args, **given)  # type: ignore[arg-type]
        costs.append(made.decode().split("$")[3])
        return made

    def watched_verifying(stored: bytes, *args: object, **given: object) -> bool:
        costs.append(stored.decode().split("$")[3])
        return verifying(stored, *args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(argon2.low_level, "hash_secret", watched_hashing)
    monkeypatch.setattr(argon2.low_level, "verify_secret", watched_verifying)
    return costs


def test_a_full_hashing_pool_refuses_at_once_and_recovers() -> None:
    pool = HashingPool(at_once=2, waiting=3)
    inside, leave = threading.Semaphore(0), threading.Event()
    running: list[int] = []

    def work() -> str:
        running.append(threading.get_ident())
        inside.release()
        leave.wait(30)
        return "hashed"

    with ThreadPoolExecutor(5) as threads:
        tasks = [threads.submit(pool.run, work) for _ in range(5)]
        assert inside.acquire(timeout=30)
        assert inside.acquire(timeout=30)
        # The three others take their places to wait before anybody is refused.
        while pool._places._value:
            assert not any(task.done() for task in tasks)
        assert len(running) == 2
        for _ in range(10):
            with pytest.raises(HashingBusy):
                pool.run(lambda: "never")
        leave.set()
        assert [task.result(30) for task in tasks] == ["hashed"] * 5
    assert pool.run(lambda: "free again") == "free again"


def test_a_hash_that_fails_gives_its_place_back() -> None:
    pool = HashingPool(at_once=1, waiting=0)

    def fail() -> None:
        raise ZeroDivisionError

    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            pool.run(fail)
    assert pool.run(lambda: 1) == 1
