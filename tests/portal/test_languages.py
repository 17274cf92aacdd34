"""Two languages on every page: nothing is said that no catalogue knows, and French is French everywhere."""

import gettext
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser

import pytest
from babel.messages import Message
from sqlalchemy import Connection, text
from starlette.routing import Route
from starlette.testclient import TestClient

import languages
from portal import badges, routes
from tests import texts
from tests.cast import PASSWORD, Cast
from tests.portal.conftest import ORIGIN, Person
from tests.tenancy.stage import Stage
from tests.tenancy.staged import stage, staged, template
from tests.tenancy.test_pages import PERSONAL, filled, ids_of

OPEN, CLOSE = "⟦", "⟧"
# Said the same everywhere: names of things, codes, and the units of the law's own forms.
# fmt: off
__all__ = ["stage", "staged", "template"]
NAMES = frozenset({
    "remit", "csv", "png", "jpeg", "webp", "mb", "kib", "api", "graphql", "authorization", "bearer", "visa",
    "mastercard", "usd", "cad", "us", "ca", "utc", "est", "edt", "en", "fr", "english", "français", "pay",
    "janv", "févr", "mars", "avr", "mai", "juin", "juill", "août", "sept", "oct", "nov", "déc", "er",
})
# fmt: on
HOLES = re.compile(r"%\((\w+)\)s|\{(\w+)\}")
# Ids, scopes of keys, time zones, and the canaries of the stage.
CODES = re.compile(r"\b[a-z]+_[0-9a-f]{32}\b|\b[a-z_]+:[a-z]+\b|\bAmerica/\w+|\bzz-[\w-]+")
SHOWN = ("aria-label", "placeholder", "title", "alt", "label")
# What people typed, and what things are called: a status or a kind that is stored is none of these.
TYPED = {
    "person": ("name", "email"),
    "membership": ("name", "email"),
    "partner": (
        "name",
        "legal_name",
        "support_email",
        "support_phone",
        "support_url",
        "address",
        "city",
        "state",
    ),
    "customer": ("company", "legal_name", "address", "city", "state"),
    "tag": ("name",),
    "api_key": ("name",),
    "invoice": ("number", "memo", "internal_note", "po_number", "void_reason"),
    "invoice_line": ("description",),
    "invoice_line_tax": ("name",),
    "invoice_thread": ("resolved_by",),
    "recurring_invoice": ("created_by_name",),
    "pay_link": ("created_by_name",),
    "credit_note": ("number", "reason"),
    "tax_rate": ("name",),
    "catalogue_item": ("name", "description"),
    "invoice_thread_message": ("text", "author_name"),
    "payment_method": ("brand",),
    "payment": ("gateway",),
    "access_request": ("name", "email", "company", "message"),
    "customer_note": ("text", "author_name"),
    "customer_view": ("name", "search"),
    "customer_import": ("file_name", "asked_by_name", "columns"),
    "invoice_import": ("file_name", "asked_by_name", "columns"),
    "long_act": ("asked_by_name",),
    "audit_event": ("actor_name",),
}


class Strange(gettext.NullTranslations):
    """A language in which every text stands in brackets."""

    def gettext(self, message: str) -> str:
        return f"{OPEN}{str.__str__(message)}{CLOSE}" if message else message

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        return self.gettext(message)


class Shown(HTMLParser):
    """What a page shows or reads out: its text, and the attributes that are read."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self._hidden = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("script", "style")
        self.pieces += [text for name, text in attrs if name in SHOWN and text]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._hidden and data.strip():
            self.pieces.append(data.strip())


def unsaid(piece: str) -> str:
    """The piece without what stands in brackets; brackets lie in each other when a text is part of one."""
    while True:
        shorter = re.sub(f"{OPEN}[^{OPEN}{CLOSE}]*{CLOSE}", " ", piece)
        if shorter == piece:
            return piece
        piece = shorter


@pytest.fixture
def strange(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    real = languages.catalogue
    monkeypatch.setattr(languages, "catalogue", lambda locale: Strange() if locale == "fr" else real(locale))
    badges._badges.cache_clear()
    yield
    badges._badges.cache_clear()


@pytest.mark.usefixtures("sandbox", "strange")
@pytest.mark.parametrize("name", ["ada", "rita", "petra", "vera"])
def test_every_word_of_every_page_is_in_the_catalogue(
    name: str,
    signed_in: Callable[[str], Person],
    stage: Stage,
    owner: Connection,
) -> None:
    person = signed_in(name)
    person.client.cookies.set("remit_language", "fr")
    known = typed(owner) | NAMES
    place = "/portal/" if name in ("petra", "vera") else "/partner/"
    left: dict[str, set[str]] = {}
    pages = 0
    for route in routes.ROUTES:
        assert isinstance(route, Route)
        foreign = "{slug}" in route.path and not route.path.startswith(place)
        if foreign or "GET" not in (route.methods or ()) or "/language/" in route.path:
            continue
        values = {**ids_of(stage, name, "acme"), "token": "none", "name": "none", "partner_slug": "northwind"}
        values |= dict.fromkeys(PERSONAL, "0" * 32)
        answer = person.get(filled(route, person.home.rsplit("/", 1)[1], values))
        if "text/html" not in answer.headers["content-type"]:
            continue
        pages += 1
        assert '<html lang="fr">' in answer.text, route.path
        for piece in Shown(answer.text).pieces:
            if piece.startswith("http"):
                continue
            if plain := {word for word in words(CODES.sub("", unsaid(piece))) if word.lower() not in known}:
                left.setdefault(f"{route.path}: {piece}", set()).update(plain)
    assert left == {}
    assert pages > 20


def typed(owner: Connection) -> set[str]:
    """Every word that people typed into the database, in lower case."""
    return {
        word.lower()
        for table, columns in TYPED.items()
        for column in columns
        for value in owner.scalars(text(f"select {column}::text from {table} where {column} is not null"))
        for word in words(value)
    }


def test_every_sentence_that_python_says_is_in_the_catalogue() -> None:
    known = {one for message in texts.read("fr") for one in ids_in(message)}
    missing = [(where, said) for where, said in texts.sentences() if said not in known]
    assert missing == []


def ids_in(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def words(piece: str) -> list[str]:
    return re.findall(r"[^\W\d_]{2,}", piece)


def test_every_text_has_its_french_with_the_same_names_in_it() -> None:
    found, stored = texts.template(), texts.read("fr")
    assert {key(message) for message in stored} == {key(message) for message in found}, (
        "python -m tests.texts"
    )
    for message in stored:
        if not message.id:
            continue
        english, french = (
            [*part] if isinstance(part, tuple) else [part] for part in (message.id, message.string)
        )
        assert all(french), message.id
        assert not message.fuzzy, message.id
        used = [{name for text in side for name in HOLES.findall(text)} for side in (english, french)]
        assert used[0] == used[1], message.id
        assert len(english) == len(french), message.id


def key(message: Message) -> object:
    return message.context, message.id


def test_a_browser_reads_what_it_asks_for(pages: TestClient) -> None:
    for asked, heading in [
        ("fr-CA,fr;q=0.9,en;q=0.8", "Se connecter"), ("de,fr;q=0.5", "Se connecter"),
        ("en,fr;q=0.1", "Sign in"), ("de", "Sign in"),
        ("fr;q=0, en", "Sign in"), ("fr;q=x,;;,*", "Sign in"), ("", "Sign in"),
    ]:  # fmt: skip
        page = pages.get("/sign-in", headers={"accept-language": asked})
        assert f"<h1>{heading}</h1>" in page.text, asked


def test_a_browser_keeps_the_language_it_chose(pages: TestClient) -> None:
    there = {"referer": f"{ORIGIN}/forgot?x=1"}
    chosen = pages.get("/language/fr", headers=there, follow_redirects=False)
    assert chosen.headers["location"] == "/forgot?x=1"
    assert '<html lang="fr">' in pages.get("/forgot").text
    pages.get("/language/en")
    assert '<html lang="en">' in pages.get("/forgot", headers={"accept-language": "fr"}).text


@pytest.mark.parametrize(
    "came", ["", "https://evil.example/x", f"{ORIGIN}.evil.example/", "http://[", f"{ORIGIN}//evil"]
)
def test_choosing_a_language_leads_to_no_other_site(pages: TestClient, came: str) -> None:
    answer = pages.get("/language/fr", headers={"referer": came}, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    unknown = pages.get("/language/xx", follow_redirects=False)
    assert "set-cookie" not in unknown.headers


def test_the_profiles_language_is_spoken_at_once_and_in_the_next_browser(
    signed_in: Callable[[str], Person], pages: TestClient, cast: Cast, owner: Connection
) -> None:
    ada = signed_in("ada")
    home, ada.home = ada.home, ""
    ada.post("/account/profile", {"name": "Ada", "time_zone": "", "locale": "fr"})
    profile = ada.get("/account/profile")
    assert "Votre profil est enregistré." in profile.text
    assert '<option value="fr" selected>Français</option>' in profile.text
    assert "<title>Factures" in ada.get(f"{home}/invoices").text
    wrong = ada.post("/account/profile", {"name": " ", "locale": "fr"})
    assert "Remplissez ce champ\N{NO-BREAK SPACE}: nom." in wrong.text
    refused = ada.get(f"{home}/invoices/inv_{'f' * 32}")
    assert (refused.status_code, "Page introuvable" in refused.text) == (404, True)
    fresh = TestClient(pages.app, base_url=ORIGIN)
    fresh.portal = pages.portal
    form = re.search(r'name="csrf_token" value="([^"]+)"', fresh.get("/sign-in").text)
    assert form is not None
    typed = {"csrf_token": form[1], "email": cast.emails["ada"], "password": PASSWORD}
    entered = fresh.post("/sign-in", data=typed, headers={"origin": ORIGIN}, follow_redirects=False)
    assert entered.status_code == 303
    assert '<html lang="fr">' in fresh.get("/account/profile").text
