"""The pages of an import of invoices; what all imports share is tried in test_customer_imports.py too."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import invoice_imports
from db import ids
from db.session import Database
from integrations import importing
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Person, text_of
from tests.world import nothing_changes

HEAD = "Invoice number,Company,ZIP,Invoice date,Description,Quantity,Unit price,Tax,Salesperson"
ONE = "QB-1,Acme,62701,2026-03-01,Work,1.5,100.00,GST 5%,Kim"
TWO = "QB-1,,,,Travel,1,20.00,,Kim"
WRONG = "QB-2,Acme,62701,03/01/2026,Work,1,1.00,,Kim"


def send(person: Person, content: bytes, *, name: str = "bills.csv") -> Response:
    """The upload as a browser sends it."""
    person.client.cookies.update(person._session)
    return person.client.post(
        f"{person.home}/invoices/import",
        data={"csrf_token": person._form_token},
        files={"file": (name, content, "text/csv")},
        headers={"origin": ORIGIN},
        follow_redirects=False,
    )


def uploaded(person: Person, *lines: str) -> str:
    """The address of a file's import."""
    answer = send(person, "\r\n".join([HEAD, *lines]).encode())
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["location"])


def columns(person: Person, here: str) -> Response:
    fields = ("external_id", "company", "postal_code", "issue_on", "description", "quantity", "unit_price")
    chosen = enumerate((*fields, "tax", ""))
    formats = {"date_format": "ISO", "number_format": "POINT"}
    return person.post(f"{here}/columns", {f"fields-{at}": field for at, field in chosen} | formats)


@pytest.fixture
def work(database: Database, cast: Cast, owner: Connection, now: datetime) -> Callable[[], None]:
    """What the worker does with every import there is."""

    def run() -> None:
        owner.rollback()
        for id_ in list(owner.scalars(text("select id from invoice_import"))):
            importing.import_invoices(
                database, partner_id=cast.ada.partner_id, import_id=UUID(str(id_)), clock=lambda: now
            )

    return run


def test_a_file_goes_all_the_way(ada: Person, work: Callable[[], None], owner: Connection) -> None:
    assert "/invoices/import" in ada.get("/invoices").text
    assert "No imports yet" in text_of(ada.get("/invoices/imports"))
    here = uploaded(ada, ONE, TWO, WRONG)
    chosen = ada.get(here)
    assert '<option value="external_id" selected>' in chosen.text
    assert columns(ada, here).status_code == 303
    waiting = ada.get(here)
    assert 'http-equiv="refresh"' in waiting.text
    assert "0 of 3 rows" in text_of(waiting)
    work()
    checked = text_of(ada.get(here))
    assert "Import one invoice" in checked
    assert "Ignored columns: Salesperson" in checked
    assert "Counted are invoices; the file has 3 rows." in checked
    assert "Write the issue date as YYYY-MM-DD, like 2026-03-31." in checked
    assert owner.scalar(text("select count(*) from invoice")) == 0
    owner.rollback()
    assert ada.post(f"{here}/confirm").status_code == 303
    assert "Importing bills.csv" in text_of(ada.get(here))
    work()
    done = ada.get(here)
    assert "Done" in text_of(done)
    made = ids.shown("inv", UUID(str(owner.scalar(text("select id from invoice")))))
    assert done.text.count(f"/invoices/{made}") == 2
    assert "QB-1" in text_of(ada.get(f"/invoices/{made}"))
    assert "bills.csv" in text_of(ada.get("/invoices/imports"))
    told = ada.get("/audit?about=invoice_import")
    assert "imported invoices from bills.csv: 1 created, 0 updated, 0 unchanged, 1 refused" in text_of(told)
    assert here.partition("/partner/northwind")[2] in told.text
    assert ada.post(f"{here}/confirm").status_code == 409
    # By its number elsewhere it is found in the list, too.
    assert made in ada.get("/invoices?search=qb-1").text


def test_what_is_guessed_is_folded_up_until_it_is_wrong(
    ada: Person, mallory: Person, owner: Connection
) -> None:
    here = uploaded(ada, ONE)
    page = ada.get(here)
    known, ignored, _ = page.text.split("<h2>")[1:]
    assert "8 columns have their fields" in known
    assert "Invoice number → <strong>Invoice number</strong>" in known
    assert '<details class="folded">' in known
    assert ("One column is ignored" in ignored, 'name="fields-8"' in ignored) == (True, True)
    assert known.count("<select") == 8
    with nothing_changes(owner):
        twice = ada.post(f"{here}/columns", {"fields-0": "external_id", "fields-1": "external_id"})
        assert '<details class="folded" open>' in twice.text
        assert ada.post(f"{here}/columns", {"fields-0": "made up"}).status_code == 422
        assert mallory.get(here.removeprefix(ada.home)).status_code == 404
    ada.client.cookies.set("remit_language", "fr")
    assert "8 colonnes ont leur champ" in text_of(ada.get(here))


def test_columns_can_be_changed_after_the_check_and_a_wrong_choice_is_told(
    ada: Person, work: Callable[[], None], owner: Connection
) -> None:
    here = uploaded(ada, ONE)
    columns(ada, here)
    work()
    assert "Which column is which?" in text_of(ada.get(f"{here}?columns"))
    with nothing_changes(owner):
        answer = ada.post(f"{here}/columns", {"fields-0": "memo"})
    assert answer.status_code == 422
    assert "Choose which column is the invoice number" in text_of(answer)
    chosen = ada.get(f"{here}?columns")
    assert 'value="ISO" checked' in chosen.text
    assert ada.post(f"{here}/columns", {"fields-0": "external_id"}).status_code == 303
    work()
    assert "Say whose invoice this is" in text_of(ada.get(here))
    assert ada.post(f"{here}/cancel").status_code == 303
    assert "Canceled" in text_of(ada.get(here))
    assert owner.scalar(text("select count(*) from invoice_import_row")) == 0


def test_the_report_is_a_file_in_which_no_formula_runs(ada: Person, work: Callable[[], None]) -> None:
    here = uploaded(ada, ONE.replace("Work", '"=HYPERLINK(""http://x"")"'), WRONG)
    columns(ada, here)
    work()
    table = list(csv.reader(io.StringIO(ada.get(f"{here}/report").text.removeprefix("\ufeff"))))
    assert table[0][:4] == ["Row", "Outcome", "Why", "Invoice id"]
    assert table[1][:4] == ["2", "CREATED", "", ""]
    assert table[1][8] == '\'=HYPERLINK("http://x")'
    assert table[2][1:3] == [
        "REFUSED", "Issue date: Write the issue date as YYYY-MM-DD, like 2026-03-31.",
    ]  # fmt: skip


def test_how_dates_and_numbers_are_written_is_shown_and_asked_where_it_is_in_doubt(
    ada: Person, work: Callable[[], None], owner: Connection
) -> None:
    here = uploaded(ada, 'QB-1,Acme,,03/04/2026,Work,1,"1,250",,', "QB-2,Acme,,03/05/2026,Work,1,7.00,,")
    page = ada.get(here)
    # "7.00" decides the numbers, nothing the dates.
    assert 'value="POINT" checked' in page.text
    assert not any(f'value="{way}" checked' in page.text for way in ("ISO", "MONTH_FIRST", "DAY_FIRST"))
    shown = text_of(page)
    assert "03/04/2026 → Mar 4, 2026 · 03/05/2026 → Mar 5, 2026" in shown
    assert "03/04/2026 → Apr 3, 2026 · 03/05/2026 → May 3, 2026" in shown
    assert "03/04/2026 → not read" in shown
    assert "1 → 1 · 1,250 → 1,250 · 7.00 → 7.00" in shown
    fields = {f"fields-{at}": field for at, field in enumerate(
        ("external_id", "company", "postal_code", "issue_on", "description", "quantity", "unit_price")
    )}  # fmt: skip
    with nothing_changes(owner):
        asked = ada.post(f"{here}/columns", fields)
    assert asked.status_code == 422
    assert "Choose how dates are written: this file leaves it in doubt." in text_of(asked)
    assert ada.post(f"{here}/columns", {**fields, "date_format": "DAY_FIRST"}).status_code == 303
    work()
    assert "Import 2 invoices" in text_of(ada.get(here))
    assert 'value="DAY_FIRST" checked' in ada.get(f"{here}?columns").text
    ada.post(f"{here}/confirm")
    work()
    made = owner.execute(text("select issue_on::text, total_minor from invoice order by external_id")).all()
    assert [tuple(one) for one in made] == [("2026-04-03", 125_000), ("2026-05-03", 700)]


def test_only_editors_import(signed_in: Callable[[str], Person], ada: Person, owner: Connection) -> None:
    here = uploaded(ada, ONE)
    rita, mallory, clem = signed_in("rita"), signed_in("mallory"), signed_in("clem")
    theirs = here.replace("/northwind/", "/contoso/")
    with nothing_changes(owner, without=("session",)):
        assert send(rita, HEAD.encode()).status_code == 403
        for path in ("/invoices/import", "/invoices/imports", here, f"{here}/report"):
            assert rita.get(path).status_code == 403, path
        for move in ("columns", "confirm", "cancel"):
            assert rita.post(f"{here}/{move}").status_code == 403
            assert mallory.post(f"{theirs}/{move}").status_code == 404
        assert mallory.get(theirs).status_code == 404
        assert mallory.get(f"{theirs}/report").status_code == 404
    assert "/invoices/import" not in rita.get("/invoices").text
    assert clem.get(here).status_code == 200


def test_the_sample_file_is_taken_in_as_it_is(
    ada: Person, work: Callable[[], None], owner: Connection
) -> None:
    owner.execute(text("update customer set external_id = 'C-1' where company = 'Acme'"))
    owner.commit()
    sample = ada.get("/invoices/import/sample")
    assert sample.headers["content-type"].startswith("text/csv")
    here = str(send(ada, sample.content).headers["location"])
    assert ada.get(here).text.count(" selected>") == len(invoice_imports.FIELDS)
    fields = {f"fields-{at}": field for at, field in enumerate(invoice_imports.FIELDS)}
    assert ada.post(f"{here}/columns", fields).status_code == 303
    work()
    assert "Import one invoice" in text_of(ada.get(here))
    ada.post(f"{here}/confirm")
    work()
    made = owner.execute(text("select external_id, total_minor from invoice")).one()
    # 12 x 45.00 less 10 % is 486.00, 6.25 % of it 30.38; and 1.5 x 120.00.
    assert tuple(made) == ("1001", 69_638)
