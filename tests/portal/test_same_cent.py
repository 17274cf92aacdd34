"""M-15 across the doors: lines with several taxes and discounts are the same cent wherever they are said."""

import random
import re
from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from html import unescape

import pytest
from sqlalchemy import Connection, text

from billing import invoice_sending, invoices
from billing.invoice_fields import InvoiceInput, LineInput, TaxInput, Terms, count_lines, read_invoice
from billing.money import Currency, Money
from billing.texts import Checks
from db import ids
from tests.api.client import Client
from tests.api.conftest import client, reader
from tests.billing.paying import Till
from tests.billing.test_money import exactly
from tests.cast import Cast
from tests.figures import rounds
from tests.integrations.conftest import till
from tests.integrations.test_letters import Desk, desk
from tests.papers import words
from tests.portal.conftest import Person, text_of
from tests.portal.test_invoice_export import hidden, rows

__all__ = ["client", "desk", "reader", "till"]
pytestmark = [pytest.mark.anyio, pytest.mark.prove]
Arrive = Callable[[str], Person]
Typed = list[dict[str, str]]
AMOUNT = "net { amount } tax { amount } total { amount } balance { amount }"


def drawn(draw: random.Random) -> tuple[Typed, tuple[int, int]]:
    """Lines as they are typed, and what they come to by plain fractions: net and tax."""
    lines, net, tax = [], 0, 0
    for number in range(draw.randrange(1, 5)):
        quantity, price = draw.randrange(1, 500_000), draw.randrange(1, 100_000)
        gross = exactly(Fraction(quantity * price, 10**4))
        line = {
            "description": f"Work {number}", "quantity": f"{quantity // 10**4}.{quantity % 10**4:04d}",
            "unit_price": f"{price // 100}.{price % 100:02d}", "discount": "", "discount_percent": "",
        }  # fmt: skip
        off, how = 0, draw.randrange(3)
        if how == 1:
            off = draw.randrange(gross + 1)
            line["discount"] = f"{off // 100}.{off % 100:02d}"
        elif how == 2:
            percent = draw.randrange(1_000_001)
            off = exactly(Fraction(gross * percent, 10**6))
            line["discount_percent"] = f"{percent // 10**4}.{percent % 10**4:04d}"
        rates = [draw.randrange(250_001) for _ in range(draw.randrange(4))]
        for place, rate in enumerate(rates):
            line[f"taxes-{place}-name"] = f"T{place}"
            line[f"taxes-{place}-rate"] = f"{rate // 10**4}.{rate % 10**4:04d}"
        net += gross - off
        tax += sum(exactly(Fraction((gross - off) * rate, 10**6)) for rate in rates)
        lines.append(line)
    return lines, (net, tax)


def read(lines: Typed) -> list[LineInput]:
    """The same lines as a rule takes them."""
    plain = ("description", "quantity", "unit_price", "discount", "discount_percent")
    return [
        LineInput(
            **{name: line[name] for name in plain},
            taxes=[
                TaxInput(name=line[f"taxes-{place}-name"], rate=line[f"taxes-{place}-rate"])
                for place in range(3)
                if f"taxes-{place}-name" in line
            ],
        )
        for line in lines
    ]


def test_what_is_said_while_typing_is_what_is_stored(now: datetime) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(rounds(200, 50_000)):
        lines, (net, tax) = drawn(draw)
        counted, checks = count_lines(read(lines), Currency.CAD), Checks()
        assert counted[:3] == (net, tax, net + tax)
        assert sum(counted.taxes.values()) == tax
        terms = Terms(Currency.CAD, 30, now.date())
        kept = read_invoice(checks, InvoiceInput(lines=read(lines)), terms=terms).values
        if net + tax:
            checks.done()
            assert (kept["net_minor"], kept["tax_minor"], kept["total_minor"]) == counted[:3]


async def test_every_door_says_the_same_cent(
    signed_in: Arrive, client: Client, till: Till, owner: Connection, cast: Cast
) -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    draw = random.Random(seed)
    ada, card, done = signed_in("ada"), till.card(), 0
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    while done < rounds(1, 40):
        lines, (net, tax) = drawn(draw)
        if not net:
            continue
        done += 1
        typed = {f"lines-{n}-{name}": said for n, line in enumerate(lines) for name, said in line.items()}
        said = {name: Money(minor, Currency.USD).display() for name, minor in (("net", net), ("tax", tax))}
        total = Money(net + tax, Currency.USD)
        while_typing = shown(ada.post(new, {**typed, "_pressed": "totals"}).text)
        assert f"Subtotal {said['net']}" in while_typing
        assert f"Total {total.display()}" in while_typing
        draft = ada.post(new, typed).headers["location"]
        invoice_id = ids.parsed(draft.rpartition("/")[2], "inv")
        till.acts(cast.ada, invoice_sending.send, invoice_id=invoice_id)
        number = owner.scalar(text("select number from invoice where id = :id"), {"id": invoice_id})
        wanted = {"net": net, "tax": tax, "total": net + tax, "balance": net + tax}
        asked = await client.ask(
            f"query($i: ID!) {{ invoice(id: $i) {{ {AMOUNT} }} }}", {"i": ids.shown("inv", invoice_id)}
        )
        assert asked.data["invoice"] == {
            name: {"amount": Money(minor, Currency.USD).decimal_text()} for name, minor in wanted.items()
        }
        for page in (
            text_of(ada.get(draft)), text_of(ada.get(f"{draft}/preview")),
            words(ada.get(f"{draft}/invoice.pdf").content),
            text_of(signed_in("petra").get(f"/invoices/{ids.shown('inv', invoice_id)}")),
        ):  # fmt: skip
            assert said["net"] in page
            assert f"Total {total.display()}" in page
        export = ada.post("/invoices/export", hidden(ada.get("/invoices/export")))
        cents = [Money(minor, Currency.USD).decimal_text() for minor in (net, tax, net + tax)]
        row = next(row for row in rows(export) if row["Number"] == number)
        assert [row[name] for name in ("Net", "Tax", "Total")] == cents
        payment = till.paid(card, (invoice_id, net + tax))
        assert (payment.amount_minor, payment.currency) == (net + tax, Currency.USD)


def shown(page: str) -> str:
    """What the editor says it comes to."""
    found = re.search(r'<div id="totals-shown".*?</div>', page, re.DOTALL)
    assert found is not None
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


async def test_mail_and_the_paper_with_it_say_the_same_cent(desk: Desk, till: Till, cast: Cast) -> None:
    draw = random.Random(random.randrange(2**32))
    lines, (net, tax) = drawn(draw)
    while not net:
        lines, (net, tax) = drawn(draw)
    fields = InvoiceInput(lines=read(lines))
    made = till.acts(cast.ada, invoices.create_draft, customer_id=cast.customers["globex"], fields=fields)
    till.acts(cast.ada, invoice_sending.send, invoice_id=made.id)
    await desk.send(desk.mail(cast.ada.partner_id))
    (message,) = desk.server.taken
    total = Money(net + tax, Currency.USD).display()
    (attached,) = message.iter_attachments()
    assert f"Total {total}" in words(attached.get_content())
    assert Money(net, Currency.USD).display() in words(attached.get_content())
    for kind in ("plain", "html"):
        assert total in message.get_body((kind,)).get_content()
