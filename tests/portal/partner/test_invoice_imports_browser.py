"""An import of invoices in a real Chromium, with scripts and without, from the list to its report."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Connection, text

from db.session import Database
from integrations import importing
from tests.accessible import check_accessible
from tests.cast import Cast
from tests.portal.partner.conftest import Browse

ROWS = (
    "Invoice number,Company,ZIP,Description,Quantity,Unit price,Color",
    "QB-1,Acme,62701,Work,1.5,100.00,blue",
    "QB-1,,,Travel,1,20.00,",
    'QB-2,Nobody,62701,"=cmd|x<script>",1,1.00,red',
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_goes_from_the_list_to_its_report(
    browse: Browse, database: Database, cast: Cast, owner: Connection, now: datetime, tmp_path: Path,
    scripts: bool,
) -> None:  # fmt: skip
    def work() -> None:
        owner.rollback()
        for id_ in list(owner.scalars(text("select id from invoice_import"))):
            importing.import_invoices(
                database, partner_id=cast.ada.partner_id, import_id=UUID(str(id_)), clock=lambda: now
            )

    file = tmp_path / "invoices.csv"
    file.write_text("\n".join(ROWS))
    page = browse(java_script_enabled=scripts, viewport={"width": 390, "height": 800}).new_page()
    page.goto("invoices")
    page.get_by_role("link", name="Import", exact=True).click()
    _accessible(page, scripts)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#error-file")).to_have_text("Choose a CSV file.")
    page.set_input_files("#field-file", file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Color")).to_have_value("")
    expect(page.get_by_label("Invoice number")).to_have_value("external_id")
    _accessible(page, scripts)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Checking invoices.csv")
    work()
    # The page reloads itself: nobody presses anything here.
    expect(page.get_by_role("heading", level=1)).to_have_text("Import invoices.csv?", timeout=15_000)
    expect(page.get_by_text("No customer fits this row.")).to_be_visible()
    _accessible(page, scripts)
    page.get_by_role("button", name="Import one invoice").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Importing invoices.csv")
    work()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of invoices.csv", timeout=15_000)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download report").click()
    assert "'=cmd|x<script>" in Path(started.value.path()).read_text()
    page.goto("invoices/imports")
    _accessible(page, scripts)
    page.goto("invoices?search=qb-1")
    page.get_by_role("link", name="Draft", exact=True).last.click()
    expect(page.get_by_text("QB-1")).to_be_visible()
    expect(page.get_by_text("Travel")).to_be_visible()


def _accessible(page: Page, scripts: bool) -> None:
    if scripts:
        check_accessible(page)
