"""Numbers in a file of invoices: read as programs write them, whatever language its uploader reads."""

import pytest
from sqlalchemy import Connection, text

from billing import invoice_imports
from billing.import_files import message_of
from languages import Locale, speaking
from tests.billing.importing import InvoiceImports


@pytest.mark.parametrize("locale", ["en", "fr"])
def test_a_comma_is_refused_at_its_row_and_never_taken_for_thousands_or_decimals(
    bills: InvoiceImports, owner: Connection, locale: Locale
) -> None:
    with speaking(locale):
        found = bills.run(
            '1,A-1,,,Work,"1,5",10.00,,', '2,A-1,,,Work,1,"12,50",,', '3,A-1,,,Work,1,"1,234.50",,',
            "4,A-1,,,Work,1,1 234.50,,", '5,A-1,,,Work,1,10.00,"GST 9,975%",', '6,A-1,,,Work,1,10.00,,"2,5%"',
            "7,A-1,,,Work,1.5,1234.50,,",
        )  # fmt: skip
        told = message_of(bills.act(invoice_imports.report, import_id=found)[0].problems[0])
    assert bills.problems(found) == [
        (2, ["BAD_NUMBER"]), (3, ["BAD_NUMBER"]), (4, ["BAD_NUMBER"]), (5, ["BAD_NUMBER"]),
        (6, ["UNKNOWN_TAX"]), (7, ["BAD_NUMBER"]),
    ]  # fmt: skip
    # How a file has it, also in a language that writes it otherwise.
    assert "1.5" in told
    assert owner.scalar(text("select total_minor from invoice")) == 185_175
