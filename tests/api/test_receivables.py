"""Receivables by age: equal to the ledger for any mix of invoices, payments, drafts and voids."""

from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from random import Random
from typing import Any

import pytest
from sqlalchemy import Connection, text

from auth import api_keys
from billing import invoice_life, invoices
from billing.money import Currency
from db.session import Database
from tests.api.conftest import Client
from tests.billing.acting import Acts
from tests.billing.paying import Till, answer_to, books_of
from tests.cast import Cast
from tests.figures import rounds
from tests.money.desk import one_line

pytestmark = pytest.mark.anyio

ASKED = "{ receivablesByAge { currency age balance { amount currency } invoiceCount } }"
# Days past the due date: both sides of every day at which a debt grows older.
EDGES = (-30, -1, 0, 1, 29, 30, 31, 59, 60, 61, 89, 90, 91, 400)
NAMES = ("total", "balance", "overdue")
Sums = dict[tuple[str, str], tuple[int, int]]


def age(late: int) -> str:
    """Said once more, by hand."""
    for most, name in ((0, "CURRENT"), (30, "DAYS_1_TO_30"), (60, "DAYS_31_TO_60"), (90, "DAYS_61_TO_90")):
        if late <= most:
            return name
    return "OVER_90_DAYS"


def in_the_ledger(owner: Connection, today: date, customers: set[Any]) -> Sums:
    """What each invoice's postings say is still owed on it, by currency and age."""
    posted = owner.execute(
        text(
            "select i.currency, i.due_on, sum(p.amount_minor) from ledger_posting p"
            " join invoice i on (i.partner_id, i.id) = (p.partner_id, p.invoice_id)"
            " where p.account = 'RECEIVABLE' and i.customer_id = any(:customers)"
            " group by i.partner_id, i.id, i.currency, i.due_on having sum(p.amount_minor) <> 0"
        ),
        {"customers": list(customers)},
    )
    sums: Sums = defaultdict(lambda: (0, 0))
    for currency, due_on, owed in posted:
        cents, count = sums[currency, age((today - due_on).days)]
        sums[currency, age((today - due_on).days)] = (cents + int(owed), count + 1)
    return dict(sums)


def answered(rows: list[dict[str, Any]]) -> Sums:
    """The API's answer in cents."""
    for row in rows:
        assert row["balance"]["currency"] == row["currency"]
    return {
        (row["currency"], row["age"]): (int(row["balance"]["amount"].replace(".", "")), row["invoiceCount"])
        for row in rows
    }


def trade(till: Till, acts: Acts, cast: Cast, today: date, chance: Random) -> None:
    """One more invoice, and perhaps what becomes of it."""
    due = today - timedelta(days=chance.choice(EDGES))
    fields = one_line(chance.randrange(1, 90_000), issue_on=due - timedelta(days=10), due_on=due)
    customer = cast.customers[chance.choice(("acme", "acme", "globex"))]
    draft = acts(cast.ada, invoices.create_draft, customer_id=customer, fields=fields)
    fate = chance.choice(("draft", "open", "open", "void", "paid", "part", "part", "failed", "given up"))
    if fate == "draft":
        return
    invoice = acts(cast.ada, invoice_life.finalize, invoice_id=draft.id)
    if fate == "void":
        acts(cast.ada, invoice_life.void, invoice_id=invoice.id)
    elif fate == "given up":
        acts(cast.ada, invoice_life.write_off, invoice_id=invoice.id, reason=None)
    elif fate in ("paid", "part", "failed") and invoice.currency is Currency.USD:
        minor = invoice.total_minor if fate != "part" else max(1, invoice.total_minor // 3)
        payment = till.begin(till.card(ref=str(invoice.id)), (invoice.id, minor))
        till.settle(payment, answer_to(payment, "FAILED" if fate == "failed" else "SUCCEEDED"))


async def the_totals_add_up(client: Client) -> None:
    """What was invoiced is credited, paid, written off or still open, and every invoice is counted once."""
    parts, counted = ("credited", "paid", "writtenOff", "balance"), ("issuedCount", "draftCount", "voidCount")
    amounts = " ".join(f"{name} {{ amount }}" for name in ("total", "invoiced", "drafted", *parts))
    asked = f"{{ invoiceTotals {{ invoiceCount {' '.join(counted)} {amounts} }} }}"
    for row in (await client.ask(asked)).data["invoiceTotals"]:
        cents = {name: int(row[name]["amount"].replace(".", "")) for name in (*parts, "invoiced")}
        assert cents["invoiced"] == sum(cents[name] for name in parts)
        assert row["invoiceCount"] == sum(row[name] for name in counted)
        assert row["issuedCount"] > 0


@pytest.mark.prove
@pytest.mark.parametrize("seed", range(rounds(3, 60)))
async def test_the_sums_are_the_ledgers(
    client: Client, database: Database, owner: Connection, cast: Cast, now: datetime, seed: int
) -> None:
    owner.execute(
        text("update customer set currency = 'CAD' where id = :id"), {"id": cast.customers["globex"]}
    )
    chance, acts = Random(seed), Acts(database, owner, now)
    till = Till(acts, cast)
    for _ in range(40):
        trade(till, acts, cast, now.date(), chance)
    assert books_of(database, cast.ada.partner_id) == []
    northwind = {cast.customers["acme"], cast.customers["globex"]}
    wanted = in_the_ledger(owner, now.date(), northwind)
    assert len({currency for currency, _ in wanted}) == 2
    rows = (await client.ask(ASKED)).data["receivablesByAge"]
    assert answered(rows) == wanted
    assert [(row["currency"], row["age"]) for row in rows] == sorted(wanted)
    # Together they are what the customers owe.
    open_minor = owner.execute(
        text("select sum(open_minor) from customer where id = any(:ids)"), {"ids": list(northwind)}
    ).scalar_one()
    assert sum(cents for cents, _ in wanted.values()) == open_minor
    # Acme's people see Acme's part, Contoso nothing.
    petra = client.sign_in("petra")
    own = (await client.ask(ASKED, session=petra, at=f"/portal/{cast.slugs['acme']}/graphql")).data
    await the_totals_add_up(client)
    assert answered(own["receivablesByAge"]) == in_the_ledger(owner, now.date(), {cast.customers["acme"]})
    other = (await client.ask(ASKED, key=cast.keys["contoso"])).data
    assert other["receivablesByAge"] == []


async def test_a_day_ends_when_the_partners_does(
    client: Client, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    acts = Acts(database, owner, now)
    fields = one_line(100, issue_on=date(2026, 3, 1), due_on=date(2026, 3, 7))
    draft = acts(cast.ada, invoices.create_draft, customer_id=cast.customers["acme"], fields=fields)
    acts(cast.ada, invoice_life.finalize, invoice_id=draft.id)
    # The day on which clocks go forward in New York has 23 hours; the debt is a day older all the same.
    for moment, expected in (
        (datetime(2026, 3, 8, 4, 59, 59, tzinfo=UTC), "CURRENT"),
        (datetime(2026, 3, 8, 5, 0, 0, tzinfo=UTC), "DAYS_1_TO_30"),
        (datetime(2026, 4, 7, 3, 59, 59, tzinfo=UTC), "DAYS_1_TO_30"),
        (datetime(2026, 4, 7, 4, 0, 0, tzinfo=UTC), "DAYS_31_TO_60"),
    ):
        client.now = moment
        rows = (await client.ask("{ receivablesByAge { age } }")).data["receivablesByAge"]
        assert rows == [{"age": expected}], moment


@pytest.mark.parametrize("asked", [ASKED, "{ invoiceTotals { invoiceCount } }"])
async def test_without_the_right_to_invoices_there_are_no_sums(
    client: Client, database: Database, owner: Connection, cast: Cast, now: datetime, asked: str
) -> None:
    acts = Acts(database, owner, now)
    made = acts(cast.ada, api_keys.create, name="customers only", scopes=["customers:read"])
    assert (await client.ask(asked, key=made.token)).codes == ["FORBIDDEN"]


async def test_totals_are_of_what_the_filter_finds_and_never_add_two_currencies(
    client: Client, database: Database, owner: Connection, cast: Cast, now: datetime
) -> None:
    owner.execute(
        text("update customer set currency = 'CAD' where id = :id"), {"id": cast.customers["globex"]}
    )
    acts = Acts(database, owner, now)
    for customer, minor, late in (("acme", 1_000, 5), ("acme", 250, -5), ("globex", 700, 5)):
        due = now.date() - timedelta(days=late)
        fields = one_line(minor, issue_on=due - timedelta(days=10), due_on=due)
        draft = acts(cast.ada, invoices.create_draft, customer_id=cast.customers[customer], fields=fields)
        acts(cast.ada, invoice_life.finalize, invoice_id=draft.id)
    asked = (
        "query($where: InvoiceWhere, $search: String) { invoiceTotals(where: $where, search: $search) {"
        " currency invoiceCount total { amount currency } balance { amount } overdue { amount } } }"
    )

    async def told(**narrowing: Any) -> list[tuple[str, int, str, str, str]]:
        rows = (await client.ask(asked, narrowing)).data["invoiceTotals"]
        assert all(row["total"]["currency"] == row["currency"] for row in rows)
        return [
            (row["currency"], row["invoiceCount"], *(row[name]["amount"] for name in NAMES)) for row in rows
        ]

    assert await told() == [("CAD", 1, "7.00", "7.00", "7.00"), ("USD", 2, "12.50", "12.50", "10.00")]
    assert await told(where={"balance": {"gt": "5"}, "currency": {"eq": "USD"}}) == [
        ("USD", 1, "10.00", "10.00", "10.00")
    ]
    assert await told(where={"isOverdue": {"eq": False}}) == [("USD", 1, "2.50", "2.50", "0.00")]
    assert await told(search="globex") == [("CAD", 1, "7.00", "7.00", "7.00")]
    assert await told(where={"status": {"eq": "DRAFT"}}) == []
