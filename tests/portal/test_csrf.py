"""D-5: only our own pages' forms count. Every combination of token and origin is tried."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from portal import csrf

SECRET = b"s" * 32
OURS = "https://pay.northwind.example"
SESSION = "0197f0a4-session-of-ada"
GOOD = csrf.token(SESSION, secret=SECRET)

TOKENS = {
    "right": GOOD,
    "none": None,
    "empty": "",
    "other session's": csrf.token("session-of-mallory", secret=SECRET),
    "other secret's": csrf.token(SESSION, secret=b"t" * 32),
    "cut": GOOD[:-1],
    "longer": GOOD + "A",
    "not ascii": "é" * 43,
    "surrogate": "\udcff",
    "the cookie's signature": csrf.pre_session(None, secret=SECRET).cookie.partition(".")[2],
}
ORIGINS: dict[str, list[tuple[str, str]]] = {
    "same-origin": [("sec-fetch-site", "same-origin"), ("origin", OURS)],
    "same-origin without Origin": [("sec-fetch-site", "same-origin")],
    "old browser": [("origin", OURS)],
    "nothing": [],
    "same-site": [("sec-fetch-site", "same-site"), ("origin", "https://evil.northwind.example")],
    "cross-site": [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example")],
    "typed address": [("sec-fetch-site", "none")],
    "null origin": [("origin", "null")],
    "null origin, same-origin": [("sec-fetch-site", "same-origin"), ("origin", "null")],
    "wrong origin only": [("origin", "https://evil.example")],
    "plain http": [("origin", "http://pay.northwind.example")],
    "other port": [("origin", OURS + ":8443")],
    "ours as a prefix": [("origin", OURS + ".evil.example")],
    "ours as a path": [("origin", OURS + "/")],
    "two origins": [("origin", OURS), ("origin", "https://evil.example")],
    "two sites": [("sec-fetch-site", "same-origin"), ("sec-fetch-site", "cross-site")],
    "disagreeing": [("sec-fetch-site", "cross-site"), ("origin", OURS)],
    "empty": [("sec-fetch-site", ""), ("origin", "")],
}
LET_IN = {"same-origin", "same-origin without Origin", "old browser"}


def headers(pairs: list[tuple[str, str]]) -> Headers:
    return Headers(raw=[(name.encode(), value.encode("latin-1")) for name, value in pairs])


def check(pairs: list[tuple[str, str]], form_token: str | None) -> None:
    csrf.check(headers(pairs), session_id=SESSION, form_token=form_token, secret=SECRET, public_origin=OURS)


@pytest.mark.parametrize(("token", "origin"), list(itertools.product(TOKENS, ORIGINS)))
def test_only_the_right_token_from_our_own_page_is_let_in(token: str, origin: str) -> None:
    if token == "right" and origin in LET_IN:
        check(ORIGINS[origin], TOKENS[token])
        return
    with pytest.raises(csrf.CrossSite):
        check(ORIGINS[origin], TOKENS[token])


def test_the_header_serves_where_there_is_no_form() -> None:
    check([*ORIGINS["same-origin"], ("x-csrf-token", GOOD)], None)
    with pytest.raises(csrf.CrossSite):
        check([*ORIGINS["same-origin"], ("x-csrf-token", "x")], None)
    # Two answers must both be right: a proxy may not pick one and we the other.
    with pytest.raises(csrf.CrossSite):
        check([*ORIGINS["same-origin"], ("x-csrf-token", "x")], GOOD)


def test_the_refusal_is_forbidden_and_says_how_to_go_on() -> None:
    with pytest.raises(csrf.Forbidden, match="reload the page") as refused:
        check([], GOOD)
    assert refused.value.code == "CROSS_SITE"


def test_a_token_is_the_sessions_own_and_stays() -> None:
    assert csrf.token(SESSION, secret=SECRET) == GOOD
    assert len(GOOD) == 43
    assert SESSION not in GOOD


def test_a_visitor_keeps_the_pre_session_we_signed() -> None:
    first = csrf.pre_session(None, secret=SECRET)
    assert csrf.pre_session(first.cookie, secret=SECRET) == first
    token = csrf.token(first.id, secret=SECRET)
    csrf.check(
        headers(ORIGINS["same-origin"]),
        session_id=first.id,
        form_token=token,
        secret=SECRET,
        public_origin=OURS,
    )


@pytest.mark.parametrize("cookie", ["", ".", "chosen.", "chosen", ".signature", "é.é"])
def test_a_planted_pre_session_is_replaced(cookie: str) -> None:
    assert csrf.pre_session(cookie, secret=SECRET).id not in {"", "chosen", "é"}


def test_a_form_token_is_no_pre_session_signature() -> None:
    forged = f"{SESSION}.{GOOD}"
    assert csrf.pre_session(forged, secret=SECRET).id != SESSION


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_is_accepted_that_we_did_not_make(cookie: str, form_token: str) -> None:
    assert csrf.pre_session(cookie, secret=SECRET).cookie != cookie
    with pytest.raises(csrf.CrossSite):
        check(ORIGINS["same-origin"], form_token)


def test_pre_sessions_differ() -> None:
    assert len({csrf.pre_session(None, secret=SECRET).id for _ in range(100)}) == 100


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Pay.Example.com/x?y", "https://pay.example.com"),
        ("https://pay.example.com:443", "https://pay.example.com"),
        ("http://localhost:8000/", "http://localhost:8000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("http://[::1]:8000", "http://[::1]:8000"),
        ("https://pay.example.com:80", "https://pay.example.com:80"),
    ],
)
def test_an_origin_is_written_as_browsers_write_it(url: str, origin: str) -> None:
    assert csrf.origin_of(url) == origin


@pytest.mark.parametrize("url", ["ftp://x", "pay.example.com", "https://", "javascript:alert(1)"])
def test_what_is_no_web_address_has_no_origin(url: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        csrf.origin_of(url)


def test_the_visitors_cookie_is_bound_to_the_host_under_tls() -> None:
    assert csrf.cookie_name(secure=True) == "__Host-remit_visitor"
    assert csrf.cookie_name(secure=False) == "remit_visitor"
