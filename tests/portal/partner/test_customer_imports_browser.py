"""An import in a real Chromium, with scripts and without, from the list of customers to its report."""

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
    "Company,ZIP,Address,City,State,Country,Color,User 1 name,User 1 e-mail",
    "Bluebird,61602,1 A St,Peoria,IL,US,blue,Bea Blue,bea@blue.example",
    '"=cmd|x<script>",9,1 A St,Peoria,IL,US,red,Nobody,nobody at all',
)

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("scripts", [True, False])
def test_a_file_goes_from_the_list_to_its_report(
    browse: Browse, database: Database, cast: Cast, owner: Connection, now: datetime, tmp_path: Path,
    scripts: bool,
) -> None:  # fmt: skip
    def work() -> None:
        owner.rollback()
        for id_ in list(owner.scalars(text("select id from customer_import"))):
            importing.import_customers(
                database, partner_id=cast.ada.partner_id, import_id=UUID(str(id_)), clock=lambda: now
            )

    file = tmp_path / "customers.csv"
    file.write_text("\n".join(ROWS))
    page = browse(java_script_enabled=scripts, viewport={"width": 390, "height": 800}).new_page()
    page.goto("customers")
    page.get_by_role("link", name="Import", exact=True).click()
    _accessible(page, scripts)
    page.get_by_role("button", name="Upload").click()
    expect(page.locator("#error-file")).to_have_text("Choose a CSV file.")
    page.set_input_files("#field-file", file)
    page.get_by_role("button", name="Upload").click()
    expect(page.get_by_label("Color")).to_have_value("")
    expect(page.get_by_label("Color")).to_be_visible()
    known = page.get_by_label("User 1 e-mail")
    expect(known).to_be_hidden()
    page.get_by_text("Change these").click()
    expect(known).to_be_visible()
    expect(known).to_have_value("user_1_email")
    expect(page.get_by_label("Invite the users in the file when the import runs")).to_be_checked()
    _accessible(page, scripts)
    page.get_by_role("button", name="Check the file").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Checking customers.csv")
    work()
    # The page reloads itself: nobody presses anything here.
    expect(page.get_by_role("heading", level=1)).to_have_text("Import customers.csv?", timeout=15_000)
    expect(page.get_by_text("Enter the ZIP code as 12345 or 12345-6789.")).to_be_visible()
    expect(page.get_by_text("Enter the e-mail address like name@company.com.")).to_be_visible()
    expect(page.get_by_text("Users to be added")).to_be_visible()
    _accessible(page, scripts)
    page.get_by_role("button", name="Import one customer").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Importing customers.csv")
    work()
    expect(page.get_by_role("heading", level=1)).to_have_text("Import of customers.csv", timeout=15_000)
    with page.expect_download() as started:
        page.get_by_role("link", name="Download report").click()
    assert "'=cmd|x<script>" in Path(started.value.path()).read_text()
    page.goto("customers/imports")
    _accessible(page, scripts)
    page.goto("customers?search=bluebird")
    page.get_by_role("link", name="Bluebird", exact=True).click()
    page.get_by_role("link", name="Users").last.click()
    expect(page.get_by_text("bea@blue.example")).to_be_visible()


def _accessible(page: Page, scripts: bool) -> None:
    if scripts:
        check_accessible(page)
