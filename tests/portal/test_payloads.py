"""F-2: whatever people type is text. Payloads in every field, every page opened in Chromium: nothing runs."""

from collections.abc import Iterator
from datetime import datetime

import pytest
from playwright.sync_api import BrowserContext, Page
from sqlmodel import Session

from auth.actors import Actor
from billing import customer_users, customers, invoice_sending, invoices, partner_profile, tags
from billing.customer_fields import CustomerInput
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput
from billing.partner_profile import PartnerInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.figures import rounds
from tests.portal.conftest import Browsing

pytestmark = [pytest.mark.browser, pytest.mark.prove, pytest.mark.timeout(1200)]

RUN = "window.ran=1"
EVENTS = (
    "onerror",
    "onload",
    "onclick",
    "onmouseover",
    "onfocus",
    "onanimationstart",
    "ontoggle",
    "onpointerover",
)
TAGS = (
    "img src=x",
    "svg",
    "body",
    "details open",
    "input autofocus",
    "iframe src=x",
    "video src=x",
    "a href=x",
)
PAYLOADS = [
    f"<script>{RUN}</script>",
    f"</title><script>{RUN}</script>",
    f"</textarea><script>{RUN}</script>",
    f"</script><script>{RUN}</script>",
    f"--><script>{RUN}</script>",
    f"]]><script>{RUN}</script>",
    f'"><script>{RUN}</script>',
    f"'><script>{RUN}</script>",
    f'"-{RUN}-"',
    f"';{RUN};//",
    f"`;{RUN};//",
    f"javascript:{RUN}",
    f"JaVaScRiPt:{RUN}",
    f"data:text/html,<script>{RUN}</script>",
    f"{{{{ '{RUN}' }}}}",
    "{{ 7*7 }}{% raw %}",
    "${7*7}",
    "<!--#exec cmd='id'-->",
    f"<svg><script>{RUN}</script></svg>",
    f"<math><mi//xlink:href='javascript:{RUN}'>",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    f"<object data='javascript:{RUN}'></object>",
    f"<form action='javascript:{RUN}'><button autofocus>x</button></form>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example/'>",
    "<link rel=stylesheet href='https://evil.example/x.css'>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<b>bold</b> & <i>co</i>",
    f"&lt;script&gt;{RUN}&lt;/script&gt;",
    f"%3Cscript%3E{RUN}%3C/script%3E",
    f"＜script＞{RUN}＜/script＞",
    f"<x hx-on:load='{RUN}' hx-get='/sign-out' hx-trigger='load'>x</x>",
    "<div hx-vals='js:{a:(window.ran=1)}' hx-get='/' hx-trigger='load'>x</div>",
    *(f'<{tag} {event}="{RUN}">' for tag, event in zip(TAGS, EVENTS, strict=True)),
    *(f"'\"><{tag} {event}={RUN}>" for tag, event in zip(TAGS, reversed(EVENTS), strict=True)),
    *(f'" {event}="{RUN}" x="' for event in EVENTS),
    *(f"' autofocus tabindex=0 {event}='{RUN}' x='" for event in EVENTS[:4]),
]
SCRIPTS = """() => window.ran === undefined && !document.querySelector("base, object, embed, [srcdoc]")
    && [...document.scripts].every((script) => script.src.startsWith(location.origin))"""


def put(db: Session, ada: Actor, payload: str, place: int, now: datetime) -> tuple[str, str, str]:
    """A customer, an invoice and a tag with the payload wherever a text goes; their ids."""
    customer = customers.create(
        db, ada, now=now,
        fields=CustomerInput(
            company=payload, legal_name=payload, address=payload, address2=payload, city=payload, state="IL",
            postal_code="61602", country="US", external_id=f"{place}{payload}"[:90],
        ),
    ).customer  # fmt: skip
    customer_users.invite(
        db, ada, customer_id=customer.id, name=payload, email=f"p{place}@payload.example", now=now
    )
    line = LineInput(
        description=payload, quantity="1", unit_price="5.00", taxes=[TaxInput(name=payload[:50], rate="5")]
    )
    draft = invoices.create_draft(
        db, ada, customer_id=customer.id, now=now,
        fields=InvoiceInput(memo=payload, internal_note=payload, po_number=payload, lines=[line]),
    )  # fmt: skip
    tag = tags.create(
        db, ada, now=now,
        fields=TagInput(name=f"{place} {payload}"[:50], colour="#0b7285", description=payload),
    )  # fmt: skip
    tags.tag_customers(db, ada, tag_ids=[tag.id], customer_ids=[customer.id], now=now)
    partner_profile.update(
        db, ada, now=now,
        fields=PartnerInput(
            name=payload, legal_name=payload, address=payload, address2=payload, city=payload, state="IL",
            postal_code="61602", country="US",
        ),
    )  # fmt: skip
    return ids.shown("cus", customer.id), ids.shown("inv", draft.id), ids.shown("tag", tag.id)


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and what must not happen on it: dialogs, policy reports, requests elsewhere."""
    troubles: list[str] = []
    page = context.new_page()
    page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
    page.on("console", lambda said: troubles.append(said.text) if "Security Policy" in said.text else None)
    page.on("request", lambda asked: troubles.append(asked.url) if "127.0.0.1" not in asked.url else None)
    return page, troubles


def addresses(found: list[tuple[str, str, str]]) -> Iterator[str]:
    """The dashboard's pages that show what was typed."""
    yield from ("", "customers", "customers?search=script", "invoices", "invoices?status=draft", "tags")
    yield from ("payments", "invoices/new", "settings/profile", "settings/brand", "audit?about=partner")
    for customer, invoice, tag in found:
        yield from (f"customers/{customer}", f"customers/{customer}/edit", f"customers/{customer}/users")
        yield from (f"customers/{customer}/activity", f"customers/{customer}/invoices")
        yield from (
            f"invoices/{invoice}",
            f"invoices/{invoice}/edit",
            f"tags/{tag}/edit",
            f"tags/{tag}/delete",
        )


def test_sixty_payloads_are_only_text_in_the_dashboard(
    browsing: Browsing, database: Database, cast: Cast, now: datetime
):
    assert len(PAYLOADS) >= 60
    tried = PAYLOADS[:: rounds(12, 1)]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        found = [put(db, cast.ada, payload, place, now) for place, payload in enumerate(tried)]
    context = browsing("ada")
    page, troubles = watched(context)
    shown = 0
    for address in addresses(found):
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, (address, answer.status)
        assert page.evaluate(SCRIPTS), address
        shown += any(payload in page.locator("body").inner_text() for payload in tried)
    assert troubles == []
    # The texts did arrive on the pages, as they were typed.
    assert shown > len(tried) * 4
    context.close()


def test_sixty_payloads_are_only_text_in_the_portal(
    browsing: Browsing, database: Database, cast: Cast, now: datetime
):
    tried, acme = PAYLOADS[:: rounds(12, 1)], cast.customers["acme"]
    line = [LineInput(description=payload, quantity="1", unit_price="5.00") for payload in tried]
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        draft = invoices.create_draft(
            db, cast.ada, customer_id=acme, now=now,
            fields=InvoiceInput(memo="\n".join(tried)[:1_000], po_number=PAYLOADS[0], lines=line),
        )  # fmt: skip
        invoice = ids.shown("inv", invoice_sending.send(db, cast.ada, invoice_id=draft.id, now=now).id)
        partner_profile.update(db, cast.ada, fields=PartnerInput(name=PAYLOADS[0]), now=now)
    with database.transaction(partner_id=cast.carl.partner_id, customer_id=acme) as db:
        for place, payload in enumerate(tried):
            tags.create(
                db, cast.carl, now=now, fields=TagInput(name=f"{place} {payload}"[:50], colour="#0b7285")
            )
            customer_users.invite(
                db, cast.carl, customer_id=acme, name=payload, email=f"p{place}@payload.example", now=now
            )
    context = browsing("carl")
    page, troubles = watched(context)
    for address in ("invoices", f"invoices/{invoice}", "tags", "team", "pay?all=1", "payments", "team/invite",
                    "invoices?search=%3Cscript%3E"):  # fmt: skip
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, (address, answer.status)
        assert page.evaluate(SCRIPTS), address
    assert troubles == []
    page.goto(f"invoices/{invoice}")
    text = page.get_by_role("main").inner_text()
    assert all(payload in text for payload in tried if payload.isascii())
    context.close()
