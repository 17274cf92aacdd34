"""F-2 for what leaves the house: payloads wherever a text goes in mails and files. Nothing runs or loads."""

import csv
import io
from datetime import date, datetime
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jinja2 import Environment, FileSystemLoader, meta
from playwright.sync_api import Browser, Page

from billing.csv_out import harmless
from billing.money import Currency, Money
from db.session import Database
from integrations.mail.compose import Composer
from tests.billing.test_csv_out import FORMULAS
from tests.cast import Cast
from tests.figures import rounds
from tests.portal.conftest import Browsing, Person
from tests.portal.test_payloads import PAYLOADS, put

pytestmark = [pytest.mark.prove, pytest.mark.timeout(1200)]
TEMPLATES = Path(__file__).parents[2] / "templates"
KINDS = sorted(folder.name for folder in (TEMPLATES / "email").iterdir() if folder.name != "layout")
SITE = "https://pay.example.com"
FIVE = Money(500, Currency.USD)
# What a mail is given that nobody types. Every other name in a template is taken for what somebody typed.
MADE_HERE: dict[str, Any] = {
    "link": f"{SITE}/sign-in", "pay_link": f"{SITE}/l/x", "ask_again": f"{SITE}/forgot",
    "forgot": f"{SITE}/forgot", "minutes": 10, "total": FIVE, "balance": FIVE,
    "amount": FIVE, "expires_on": date(2026, 3, 13), "due_on": date(2026, 3, 13), "until": date(2026, 3, 13),
    "paid_on": date(2026, 3, 13), "received_on": date(2026, 3, 13), "left": FIVE,
    "applied": FIVE, "kept": FIVE,
    "accent": "#1d4ed8", "on_accent": "#ffffff", "lang": "en",
}  # fmt: skip
LOADS = "script, base, object, embed, iframe, img, svg, video, link, style, form, input, [http-equiv=refresh]"
LOOK = f"""() => ({{
    ran: window.ran !== undefined,
    loads: document.querySelectorAll("{LOADS}").length,
    handlers: [...document.querySelectorAll("*")].some(
        (one) => [...one.attributes].some((named) => named.name.startsWith("on"))),
    links: [...document.links].map((one) => one.href),
    shape: [...document.querySelectorAll("*")].map((one) => one.localName).join(" "),
    text: document.body.textContent.replace(/\\s+/g, " "),
}})"""


def names_in(kind: str) -> set[str]:
    """What the three templates of a mail, and those around them, are given."""
    environment = Environment(loader=FileSystemLoader(TEMPLATES), extensions=["jinja2.ext.i18n"])
    environment.filters.update(day=str, money=str)
    wanted: set[str] = set()
    files = [f"email/{kind}/{part}" for part in ("subject.txt", "body.txt", "body.html")]
    for name in (*files, *(f"email/layout/{part}" for part in ("body.html", "button.html", "foot.txt"))):
        source = environment.loader.get_source(environment, name)[0]  # type: ignore[union-attr]
        wanted |= meta.find_undeclared_variables(environment.parse(source))
    return wanted - {"_", "gettext", "ngettext"}


def written(composer: Composer, kind: str, typed: str, now: datetime) -> EmailMessage:
    """A mail with `typed` wherever a text goes, as a program that reads mail parses it."""
    values = {name: MADE_HERE.get(name, typed) for name in names_in(kind)}
    values |= {"support": (typed, typed), "invoices": [(typed, FIVE)], "still_open": [(typed, FIVE)]}
    message = composer.write(
        kind, mail_id=UUID(int=1), to_name=typed, to_address="ann@acme.example", sender_name=typed,
        reply_to="support@northwind.example", locale="en", now=now, values=values,
    )  # fmt: skip
    found = BytesParser(policy=policy.default).parsebytes(bytes(message))
    assert isinstance(found, EmailMessage)
    return found


def opened(page: Page, message: EmailMessage) -> dict[str, Any]:
    """The HTML of a mail in a browser that forbids it nothing."""
    body = message.get_body(("html",))
    assert body is not None
    page.set_content(body.get_content(), wait_until="load")
    found: dict[str, Any] = page.evaluate(LOOK)
    return found


@pytest.mark.browser
def test_sixty_payloads_are_only_text_in_every_mail(chromium: Browser, now: datetime) -> None:
    assert len(KINDS) >= 17
    composer = Composer(TEMPLATES, public_url=SITE, sender="no-reply@pay.example.com")
    context = chromium.new_context()
    page, troubles = context.new_page(), list[str]()
    page.on("request", lambda asked: troubles.append(asked.url))
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    shown = 0
    for kind in KINDS:
        plain = written(composer, kind, "Plain", now)
        usual = opened(page, plain)
        for payload in PAYLOADS[:: rounds(12, 1)]:
            message = written(composer, kind, payload, now)
            seen = opened(page, message)
            assert (seen["ran"], seen["loads"], seen["handlers"]) == (False, 0, False), (kind, payload)
            assert (seen["links"], seen["shape"]) == (usual["links"], usual["shape"]), (kind, payload)
            assert message.keys() == plain.keys(), (kind, payload)
            shown += " ".join(payload.split()) in seen["text"]
            assert troubles == [], (kind, payload)
    # The texts did arrive, as they were typed, in every mail that says one.
    assert shown == len(KINDS) * len(PAYLOADS[:: rounds(12, 1)])
    context.close()


def test_sixty_payloads_and_every_formula_are_only_text_in_a_file(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    tried = [*PAYLOADS[:: rounds(12, 1)], *(text for text in FORMULAS if text == " ".join(text.split()))]
    tried = [text for text in tried if text.isprintable()]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        for place, payload in enumerate(tried):
            put(db, cast.ada, payload, place, now)
    answer = ada.post("/customers/chosen/export", {"which": "matching"})
    log = ada.post("/audit/export", {})
    for file in (answer, log):
        assert file.headers["content-type"] == "text/csv; charset=utf-8"
        assert file.headers["content-disposition"].startswith("attachment; filename=")
        assert file.headers["x-content-type-options"] == "nosniff"
        cells = [cell for row in csv.reader(io.StringIO(file.text.removeprefix("\ufeff"))) for cell in row]
        assert [cell for cell in cells if cell != harmless(cell)] == []
    head, *rows = csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))
    companies = {row[head.index("Company")] for row in rows}
    assert {harmless(payload) for payload in tried} <= companies


@pytest.mark.browser
def test_a_browser_keeps_the_file_and_shows_none_of_it(
    browsing: Browsing, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        put(db, cast.ada, PAYLOADS[0], 0, now)
    context = browsing("ada")
    page = context.new_page()
    page.goto("audit")
    with page.expect_download() as started:
        page.get_by_role("button", name="CSV").click()
    assert Path(started.value.path()).read_text().count("\n") > 1
    assert page.evaluate("window.ran") is None
    context.close()
