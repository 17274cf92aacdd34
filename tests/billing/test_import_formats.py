"""How a file writes dates and numbers: read in the way that was told, and guessed only without a doubt."""

from datetime import date
from typing import Any

import pytest
from sqlalchemy import Connection, text

from billing import invoice_imports
from billing.import_formats import (
    DateFormat,
    Formats,
    NumberFormat,
    amount_in,
    day_in,
    formats_in,
    number_in,
    percent_in,
)
from billing.import_tables import RowOutcome
from billing.invoice_fields import AmountInput
from errors import Invalid
from tests.billing.importing import InvoiceImports
from tests.world import nothing_changes

ISO, MONTH, DAY = DateFormat
POINT, COMMA = NumberFormat


@pytest.mark.parametrize(
    ("cell", "iso", "month", "day"),
    [
        ("2026-03-04", *[date(2026, 3, 4)] * 3),
        ("2026/3/4", *[date(2026, 3, 4)] * 3),
        (" 2026-03-04T00:00:00 ", *[date(2026, 3, 4)] * 3),
        ("03/04/2026", None, date(2026, 3, 4), date(2026, 4, 3)),
        ("3.4.26", None, date(2026, 3, 4), date(2026, 4, 3)),
        ("3/14/2026 0:00", None, date(2026, 3, 14), None),
        ("14-03-2026", None, None, date(2026, 3, 14)),
        ("30/02/2026", None, None, None),
        ("3/14-2026", None, None, None),
        ("March 4", None, None, None),
    ],
)
def test_a_day_is_read_as_its_file_writes_it(cell: str, iso: Any, month: Any, day: Any) -> None:
    assert [day_in(cell, each) for each in DateFormat] == [iso, month, day]


@pytest.mark.parametrize(
    ("cell", "point", "comma"),
    [
        ("1250", "1250", "1250"),
        ("1,250.50", "1250.50", None),
        ("1.250,50", None, "1250.50"),
        ("1,250", "1250", "1.250"),
        ("1.250", "1.250", "1250"),
        ("1 250,50", None, "1250.50"),
        ("1\u202f250\u202f000", "1250000", "1250000"),
        ("1’250.5", "1250.5", None),
        ("12,50", None, "12.50"),
        ("1,25,000", None, None),
        ("one", None, None),
    ],
)
def test_a_number_is_read_as_its_file_writes_it(cell: str, point: str | None, comma: str | None) -> None:
    assert [number_in(cell, each) for each in NumberFormat] == [point, comma]


def test_an_amount_may_say_its_currency_and_a_percentage_has_no_thousands() -> None:
    assert amount_in("$1,250.50", POINT) == "1250.50"
    assert amount_in("1 250,50 $", COMMA) == "1250.50"
    assert amount_in("1 250,50 $ CA", COMMA) == AmountInput(amount="1250.50", currency="CAD")
    assert amount_in("US$ 5.00", POINT) == AmountInput(amount="5.00", currency="USD")
    assert amount_in("CAD 5.00 USD", POINT) is None
    assert (percent_in("TVQ 9,975 %"), percent_in("12,5"), percent_in("GST 5%")) == (
        "TVQ 9.975 %", "12.5", "GST 5%",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("dates", "numbers", "found"),
    [
        ([], [], Formats(ISO, POINT)),
        (["2026-03-04"], ["12", "1.5"], Formats(ISO, POINT)),
        (["03/04/2026", "03/14/2026"], ["1,250", "0.5"], Formats(MONTH, POINT)),
        (["03/04/2026", "14/03/2026"], ["1,250", "0,5"], Formats(DAY, COMMA)),
        (["03/04/2026"], ["1,250"], Formats(None, None)),
        (["04/04/2026"], ["1.250"], Formats(None, None)),
        (["13/04/2026", "04/13/2026"], ["1.5", "1,5"], Formats(None, None)),
        (["soon"], ["many", "10%"], Formats(ISO, POINT)),
    ],
)
def test_only_what_a_file_leaves_no_doubt_of_is_guessed(
    dates: list[str], numbers: list[str], found: Formats
) -> None:
    rows = [{"issue_on": each} for each in dates] + [{"unit_price": each} for each in numbers]
    assert formats_in(rows) == found


def test_a_french_export_is_read_by_what_its_cells_decide(bills: InvoiceImports, owner: Connection) -> None:
    row = '1001,A-1,03/04/2026,14/04/2026,Work,"1,5","1 250,50 $","TVQ 9,975 %","7,5 %"'
    done = bills.run(row)
    assert bills.counts(done) == (1, 0, 0, 0)
    begun = bills.find(done)
    assert (begun.date_format, begun.number_format) == (DAY, COMMA)
    made = owner.execute(text("select issue_on, due_on, net_minor, tax_minor from invoice")).one()
    # 1.5 x 1250.50 is 1875.75, less 7.5 % 1735.07; 9.975 % of it 173.07.
    assert tuple(made) == (date(2026, 4, 3), date(2026, 4, 14), 173_507, 17_307)
    assert bills.counts(bills.run(row)) == (0, 0, 1, 0)


def test_a_file_in_doubt_is_not_read_before_somebody_says_how(
    bills: InvoiceImports, owner: Connection
) -> None:
    import_id = bills.start('1001,A-1,03/04/2026,,Work,1,"1,250",,')
    fields = bills.find(import_id).fields
    chosen = {"import_id": import_id, "fields": fields, "now": bills.now}
    with nothing_changes(owner):
        with pytest.raises(Invalid) as wrong:
            bills.act(invoice_imports.choose_columns, **chosen)
        assert [(one.code, one.path) for one in wrong.value.problems] == [
            ("REQUIRED", ("date_format",)), ("REQUIRED", ("number_format",)),
        ]  # fmt: skip
        with pytest.raises(Invalid) as wrong:
            bills.act(invoice_imports.choose_columns, date_format="LATER", number_format="POINT", **chosen)
        assert [(one.code, one.path) for one in wrong.value.problems] == [
            ("REQUIRED", ("date_format",))
        ]  # fmt: skip
    bills.act(invoice_imports.choose_columns, date_format="MONTH_FIRST", number_format="POINT", **chosen)
    bills.work(import_id)
    bills.go(import_id)
    made = owner.execute(text("select issue_on, net_minor from invoice")).one()
    assert tuple(made) == (date(2026, 3, 4), 125_000)


def test_a_cell_in_another_way_is_told_at_its_field(bills: InvoiceImports, owner: Connection) -> None:
    import_id = bills.start(
        '1001,A-1,14/03/2026,,Work,1,"1 250,50",,', "1002,A-1,03/14/2026,,Work,1,1250.50,,",
        "1003,A-1,,,Work,1,CA$ 5,,",
    )  # fmt: skip
    bills.act(
        invoice_imports.choose_columns, import_id=import_id, fields=bills.find(import_id).fields,
        date_format="DAY_FIRST", number_format="COMMA", now=bills.now,
    )  # fmt: skip
    bills.work(import_id)
    assert bills.problems(import_id) == [(3, ["BAD_NUMBER", "BAD_DATE"]), (4, ["OTHER_CURRENCY"])]
    [first, *_] = bills.act(invoice_imports.report, import_id=import_id, outcome=RowOutcome.REFUSED)
    assert [one["message"]["fr"] for one in first.problems] == [
        "Écrivez ce nombre comme 1 250,50, comme dans le reste du fichier.",
        "Écrivez cette date comme 31/03/2026, comme dans le reste du fichier.",
    ]


def test_a_name_alone_is_enough_where_one_active_customer_has_it(
    bills: InvoiceImports, owner: Connection
) -> None:
    head = "Invoice number,Company,Description,Quantity,Unit price"
    done = bills.run("1,ACME,Work,1,10.00", "2,Nobody,Work,1,10.00", head=head)
    assert bills.counts(done) == (1, 0, 0, 1)
    assert bills.problems(done) == [(3, ["NO_CUSTOMER"])]
    [row] = bills.act(invoice_imports.report, import_id=done, outcome=RowOutcome.REFUSED)
    assert (row.problems[0]["field"], row.problems[0]["message"]["en"]) == (
        "company", "No active customer has the name “Nobody”. Correct it, or add the customer first.",
    )  # fmt: skip
    owner.execute(text("update customer set company = 'Acme', company_key = 'acme' where company = 'Globex'"))
    owner.commit()
    again = bills.run("1,Acme,Work,1,10.00", "3,Acme,Work,1,10.00", head=head)
    # The first is Acme's already, whoever else has that name by now.
    assert (bills.counts(again), bills.problems(again)) == ((0, 0, 1, 1), [(3, ["SEVERAL_MATCHES"])])
    [row] = bills.act(invoice_imports.report, import_id=again, outcome=RowOutcome.REFUSED)
    assert row.problems[0]["message"]["en"] == (
        "2 active customers have this name. Give the ZIP or postal code too, or the external id."
    )
    archived = "update customer set status = 'ARCHIVED', archived_at = now() where external_id = 'G-1'"
    owner.execute(text(archived))
    owner.commit()
    assert bills.counts(bills.run("3,Acme,Work,1,10.00", head=head)) == (1, 0, 0, 0)
