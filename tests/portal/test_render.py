"""Templates and static files: everything escaped, nothing inline, every address exact."""

import gzip
import hashlib
import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from jinja2 import Environment, UndefinedError
from markupsafe import Markup, escape
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.testclient import TestClient

from errors import Problem
from languages import mark, speaking
from portal.assets import FOREVER, ROUTE, Assets
from portal.badges import TONES, badge
from portal.render import REFUSALS, Renderer, escaped
from portal.shell import Entry, at
from tests.portal import look

HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"
ESCAPED = "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&gt;&lt;img src=x onerror=alert(2)&gt;{{7*7}}"
TEMPLATES = sorted(look.TEMPLATES.rglob("*.html"))


@pytest.fixture(scope="module")
def renderer() -> Renderer:
    return look.renderer()


@pytest.fixture(scope="module")
def browser() -> TestClient:
    routes = [Route(ROUTE, Assets(look.STATIC).serve)]
    return TestClient(Starlette(routes=routes), base_url="http://testserver")


def written(renderer: Renderer, source: str, **context: object) -> str:
    return renderer.environment.from_string(source).render(time_zone="America/New_York", **context)


def test_what_a_person_typed_never_becomes_markup(renderer: Renderer) -> None:
    assert written(renderer, "{{ name }}", name=HOSTILE) == ESCAPED
    page = renderer.render(
        "list.html", shell=look.PARTNER, crumbs=look.CRUMBS, rows=[{**look.ROWS[0], "company": HOSTILE}]
    )
    assert ESCAPED in page
    assert HOSTILE not in page


class Drawn:
    """What writes its own markup."""

    def __html__(self) -> str:
        return "<b>&amp;</b>"


@pytest.mark.parametrize(
    "value",
    [HOSTILE, "", "&amp;", Markup("<i>&amp;</i>"), Drawn(), mark("Paid & <done>"), 7, None, 1.5, [HOSTILE]],
)
def test_values_are_printed_as_jinja_prints_them(renderer: Renderer, value: object) -> None:
    everywhere = (
        "{{ v }}|{% set kept %}<p>{{ v }}</p>{% endset %}{{ kept }}|{{ '<' ~ v }}|"
        "{% macro said(x) %}<q>{{ x }}</q>{% endmacro %}{{ said(v) }}|{% for x in [v] %}{{ x }}{% endfor %}"
    )
    assert written(renderer, everywhere, v=value) == Environment(autoescape=True).from_string(
        everywhere
    ).render(v=value)
    assert escaped(value) == escape(value)


def test_what_fills_a_text_is_escaped_in_every_language(renderer: Renderer) -> None:
    source = (
        '{{ _("Made by %(name)s", name=v) }}|{{ _("100%%") }}|{{ ngettext("One <b>", "%(num)s <b>", n) }}'
    )
    for locale, made in (("en", "Made by "), ("fr", "Créé par ")):
        with speaking(locale):
            assert written(renderer, source, v=HOSTILE, n=2) == f"{made}{ESCAPED}|100%|2 <b>"
            assert written(renderer, source, v=Markup("<b>"), n=1) == f"{made}<b>|100%|One <b>"


def test_a_name_the_page_did_not_hand_in_is_an_error(renderer: Renderer) -> None:
    with pytest.raises(UndefinedError, match="'shell' is undefined"):
        renderer.render("layout/dashboard.html")


def test_no_template_has_anything_inline_or_trusts_a_text() -> None:
    assert len(TEMPLATES) >= 18
    for path in TEMPLATES:
        text = re.sub(r"\{#.*?#\}", "", path.read_text(), flags=re.DOTALL)
        assert not re.search(r"\|\s*safe\b|Markup|autoescape", text), path
        assert not re.search(r"\son[a-z]+\s*=|javascript:", text), path
        # A mail has no style sheet to link to, and no policy that stops styles.
        assert "email" in path.parts or not re.search(r"<style|\sstyle\s*=", text), path
        for script in re.findall(r"<script[^>]*>", text):
            assert "src=" in script, path


def test_icons_come_from_vendored_files_only(renderer: Renderer) -> None:
    drawn = written(renderer, '{{ icon("plus") }}')
    assert drawn.startswith('<svg class="icon" viewBox="0 0 24 24"')
    assert 'aria-hidden="true"' in drawn
    assert '<path d="M5 12h14" />' in drawn
    with pytest.raises(KeyError):
        written(renderer, "{{ icon(name) }}", name="../../app/settings")


def test_every_status_has_a_badge_with_a_word() -> None:
    for status, (tone, word) in TONES.items():
        assert badge(status) == f'<span class="badge" data-tone="{tone}">{word}</span>'
    with pytest.raises(KeyError):
        badge("MADE_UP")


@pytest.mark.parametrize(
    ("amount", "currency", "english", "french"),
    [
        ("1234.50", "USD", "$1,234.50", "1\u00a0234,50\u00a0$\u00a0US"),
        ("1234567.05", "CAD", "CA$1,234,567.05", "1\u00a0234\u00a0567,05\u00a0$"),
        ("-0.10", "USD", "-$0.10", "-0,10\u00a0$\u00a0US"),
        # more than a float holds
        (
            "9007199254740.93",
            "CAD",
            "CA$9,007,199,254,740.93",
            "9 007 199 254 740,93 $".replace(" ", "\u00a0"),
        ),
    ],
)
def test_money_is_written_for_its_reader(
    renderer: Renderer, amount: str, currency: str, english: str, french: str
) -> None:
    template = renderer.environment.from_string("{{ value|money }}")
    value = {"amount": amount, "currency": currency}
    assert template.render(value=value) == english
    with speaking("fr"):
        assert template.render(value=value) == french


def test_whole_numbers_are_grouped_as_the_reader_groups_them(renderer: Renderer) -> None:
    said = '{{ ngettext("Import one invoice", "Import %(num)s invoices", 12345, num=12345|grouped) }}'
    assert written(renderer, said) == "Import 12,345 invoices"
    with speaking("fr"):
        assert "12\N{NARROW NO-BREAK SPACE}345" in written(renderer, said)
    for path in TEMPLATES:
        assert "{:,}" not in path.read_text(), path


def test_days_and_instants_are_written_in_the_readers_language_and_zone(renderer: Renderer) -> None:
    template = renderer.environment.from_string("{{ day|day }} / {{ moment|instant }}")
    late = {"day": "2026-03-01", "moment": "2026-11-01T04:30:00Z"}
    new_york = template.render(late, time_zone="America/New_York")
    assert new_york == "Mar 1, 2026 / Nov 1, 2026, 12:30\u00a0AM EDT"
    same = {"day": date(2026, 3, 1), "moment": datetime(2026, 11, 1, 4, 30, tzinfo=UTC)}
    assert template.render(same, time_zone="America/New_York") == new_york
    # The clocks went back in between: the same wall time an hour later is another zone.
    with speaking("fr"):
        later = template.render(late | {"moment": "2026-11-01T17:05:00Z"}, time_zone="America/Toronto")
    assert later == "1er mars 2026 / 1er nov. 2026, 12\u00a0h\u00a005 EST"
    assert template.render(day=None, moment=None, time_zone="UTC") == "— / —"
    with pytest.raises(ValueError, match="time zone"):
        template.render(late | {"moment": "2026-11-01T04:30:00"}, time_zone="UTC")


def test_a_macro_that_does_not_know_the_reader_refuses_to_guess(renderer: Renderer) -> None:
    with pytest.raises(RuntimeError, match="with context"):
        renderer.environment.from_string("{{ at|instant }}").render(at="2026-03-01T00:00:00Z")


@pytest.mark.parametrize("status", sorted(REFUSALS))
def test_every_refusal_says_how_to_go_on(renderer: Renderer, status: int) -> None:
    page = renderer.refusal(status)
    assert page.count("<h1>") == 1
    assert '<a class="button" href="/">' in page
    told = renderer.refusal(status, message=HOSTILE, home="/partner/northwind", sign_in="/partner/northwind")
    assert ESCAPED in told
    assert '<a class="button" href="/partner/northwind">' in told


def test_a_bug_shows_its_number_and_nothing_else(renderer: Renderer) -> None:
    assert "<code>0197-4c1e</code>" in renderer.refusal(500, correlation_id="0197-4c1e")
    assert "<code>" not in renderer.refusal(500)


def test_refusals_name_the_wait_and_the_problems(renderer: Renderer) -> None:
    assert "Try again in one minute." in renderer.refusal(429, retry_after=60)
    assert "Try again in 2 minutes." in renderer.refusal(429, retry_after=61)
    assert "Try again in 5 seconds." in renderer.refusal(503, retry_after=5)
    assert "<li>Shorten it.</li>" in renderer.refusal(422, problems=[Problem("X", (), "Shorten it.")])


def test_a_status_without_a_page_is_said_as_the_nearest_one(renderer: Renderer) -> None:
    assert renderer.refusal(405) == renderer.refusal(400)
    assert renderer.refusal(502) == renderer.refusal(500)


def test_htmx_is_told_what_the_policy_and_signing_out_need(renderer: Renderer) -> None:
    page = renderer.refusal(404)
    for setting in ('"allowEval":false', '"includeIndicatorStyles":false', '"selfRequestsOnly":true',
                    '"historyCacheSize":0', '{"code":"422","swap":true}'):  # fmt: skip
        assert setting in page


def test_the_navigation_marks_the_place_the_page_lies_in() -> None:
    def marks(path: str) -> list[tuple[str, str]]:
        def walk(entries: tuple[Entry, ...]) -> list[tuple[str, str]]:
            return [
                mark
                for entry in entries
                for mark in [
                    *([(entry.label, entry.current)] if entry.current else []),
                    *walk(entry.children),
                ]
            ]

        return walk(at(look.PARTNER_NAV, path))

    assert marks("/partner/northwind") == [("Home", "page")]
    assert marks("/partner/northwind/customers") == [("All customers", "page")]
    assert marks("/partner/northwind/customers/0197/users") == [("All customers", "true")]
    assert marks("/partner/northwind/customers-of-old") == []
    assert marks("/partner/northwind/settings") == []
    assert marks("/partner/contoso/customers") == []


def test_static_files_are_kept_for_ever_under_their_hash(browser: TestClient) -> None:
    address = Assets(look.STATIC).url("css/remit.css")
    assert re.fullmatch(r"/static/[0-9a-f]{16}/css/remit\.css", address)
    answer = browser.get(address, headers={"accept-encoding": "identity"})
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == FOREVER
    assert answer.headers["content-type"] == "text/css; charset=utf-8"
    # One sheet: every import stands in its layer, and Pico's own text is among it.
    assert "@import" not in answer.text
    assert "@layer tokens {" in answer.text
    assert "Pico CSS" in answer.text
    packed = browser.get(address, headers={"accept-encoding": "br, gzip"})
    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["vary"] == "accept-encoding"
    assert packed.text == answer.text
    assert int(packed.headers["content-length"]) < 25_000
    refused = browser.get(address, headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers


@pytest.mark.parametrize(
    "path",
    [
        "/css/nothing.css",
        "/../render.py",
        "/%2e%2e/render.py",
        "/..%2frender.py",
        "/css/../../render.py",
        "//etc/passwd",
        "/vendor/README.md",
        "/",
        "",
    ],
)
def test_nothing_but_a_static_file_is_served(browser: TestClient, path: str) -> None:
    answer = browser.get(f"/static/{Assets(look.STATIC).version}{path}")
    assert answer.status_code == 404
    assert answer.text in {"Not found", "Not Found"}


def test_another_releases_address_is_not_found(browser: TestClient) -> None:
    assert browser.get("/static/0123456789abcdef/css/remit.css").status_code == 404
    assert browser.get(Assets(look.STATIC).url("js/remit.js")).status_code == 200


def test_any_change_gives_new_addresses(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a{}")
    before = Assets(tmp_path).url("a.css")
    (tmp_path / "b.js").write_text("1")
    assert Assets(tmp_path).url("a.css") != before
    with pytest.raises(KeyError, match=r"c\.css"):
        Assets(tmp_path).url("c.css")


def test_a_style_sheet_imports_nothing_from_outside(tmp_path: Path) -> None:
    inside = tmp_path / "static"
    inside.mkdir()
    (tmp_path / "secret.css").write_text("secret")
    (inside / "a.css").write_text('@import url("../secret.css") layer(a);\n')
    with pytest.raises(ValueError, match="outside"):
        Assets(inside)


def test_vendored_files_are_the_ones_the_list_names() -> None:
    listed = re.findall(
        r"^\| (\S+) \|.*\| ([0-9a-f]{64}) \|$", (look.STATIC / "vendor/README.md").read_text(), re.MULTILINE
    )
    assert len(listed) == 3
    for name, expected in listed:
        body = (look.STATIC / "vendor" / name).read_bytes()
        assert hashlib.sha256(body).hexdigest() == expected, name
        assert list((look.STATIC / "vendor" / name).parent.glob("LICENSE*"))


def test_two_processes_compress_to_the_same_bytes() -> None:
    one, other = Assets(look.STATIC), Assets(look.STATIC)
    assert one.version == other.version
    assert one._assets == other._assets
    sheet = one._assets["css/remit.css"]
    assert sheet.compressed is not None
    assert gzip.decompress(sheet.compressed) == sheet.body
