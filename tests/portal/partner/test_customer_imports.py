"""The pages of an import: upload, columns, check, confirm, progress, report, cancel."""

import csv
import io
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text

from billing import csv_in, customer_imports
from db import ids
from db.session import Database
from integrations import importing
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Person, text_of
from tests.world import nothing_changes

HEAD = "Company,EIN,Address,City,State,ZIP,Country,Favorite color"
BLUE = "Bluebird,12-3456789,1 Main St,Peoria,IL,61602,US,blue"
MINE = ("customer_import", "customer_import_row")


def send(person: Person, content: bytes, *, name: str = "c.csv", forged: bool = False) -> Response:
    """The upload as a browser sends it."""
    person.client.cookies.update(person._session)
    return person.client.post(
        f"{person.home}/customers/import",
        data={"csrf_token": "0" * 43 if forged else person._form_token},
        files={"file": (name, content, "text/csv")},
        headers={"origin": ORIGIN},
        follow_redirects=False,
    )


def rows(*lines: str) -> bytes:
    return "\r\n".join([HEAD, *lines]).encode()


@pytest.fixture
def work(database: Database, cast: Cast, owner: Connection, now: datetime) -> Callable[[], None]:
    """What the worker does with every import there is."""

    def run() -> None:
        owner.rollback()
        for id_ in list(owner.scalars(text("select id from customer_import"))):
            importing.import_customers(
                database, partner_id=cast.ada.partner_id, import_id=UUID(str(id_)), clock=lambda: now
            )

    return run


def uploaded(person: Person, *lines: str) -> str:
    """The address of a file's import."""
    answer = send(person, rows(*lines))
    assert answer.status_code == 303, text_of(answer)
    return str(answer.headers["location"])


def columns(person: Person, here: str) -> Response:
    fields = ("company", "tax_id", "address", "city", "state", "postal_code", "country", "")
    return person.post(f"{here}/columns", {f"fields-{at}": field for at, field in enumerate(fields)})


def test_a_file_goes_all_the_way(ada: Person, work: Callable[[], None], owner: Connection) -> None:
    assert "Import" in text_of(ada.get("/customers"))
    here = uploaded(ada, BLUE, "Harbor,,1 A St,Peoria,IL,9,US,")
    chosen = ada.get(here)
    assert '<option value="company" selected>' in chosen.text
    assert "Favorite color" in chosen.text
    assert columns(ada, here).status_code == 303
    waiting = ada.get(here)
    assert 'http-equiv="refresh"' in waiting.text
    assert "0 of 2 rows" in text_of(waiting)
    work()
    checked = text_of(ada.get(here))
    assert "Import one customer" in checked
    assert "Ignored columns: Favorite color" in checked
    assert "Enter the ZIP code as 12345 or 12345-6789." in checked
    assert owner.scalar(text("select count(*) from customer where company = 'Bluebird'")) == 0
    owner.rollback()
    assert ada.post(f"{here}/confirm").status_code == 303
    assert "Importing c.csv" in text_of(ada.get(here))
    work()
    done = ada.get(here)
    assert "Done" in text_of(done)
    assert "Import one customer" not in text_of(done)
    made = owner.scalar(text("select id from customer where company = 'Bluebird'"))
    assert f"/customers/{ids.shown('cus', UUID(str(made)))}" in done.text
    assert "c.csv" in text_of(ada.get("/customers/imports"))
    told = text_of(ada.get("/audit?about=customer_import"))
    assert "imported customers from c.csv: 1 created, 0 updated, 0 unchanged, 1 refused" in told
    assert ada.post(f"{here}/confirm").status_code == 409


def test_without_imports_the_list_leads_to_the_upload(ada: Person) -> None:
    page = ada.get("/customers/imports")
    assert "No imports yet" in text_of(page)
    assert 'href="/partner/northwind/customers/import"' in page.text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "This file is empty."),
        (b"Company\r\n", "no rows below them"),
        (b"Company\r\nA\0", "not text"),
        (b'Company\r\n"x', "a quote is not closed"),
        (b"Company\r\n" + b"x" * (10 << 20), "a cell is too long"),
        (b"x" * (csv_in.MOST_BYTES + (1 << 20)), "larger than 32 MB"),
    ],
    ids=("empty", "no rows", "NUL", "open quote", "one huge cell", "too large"),
)
def test_what_is_no_table_comes_back_with_the_reason(
    ada: Person, owner: Connection, content: bytes, said: str
) -> None:
    with nothing_changes(owner):
        answer = send(ada, content)
    assert answer.status_code == 422
    assert said in text_of(answer)
    assert 'id="error-file"' in answer.text


def test_no_file_and_no_form_are_refused(ada: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        assert send(ada, rows(BLUE), forged=True).status_code == 403
        assert ada.post("/customers/import", {"file": "x"}).status_code == 422
        assert "Choose a CSV file." in text_of(send(ada, b"", name=""))


def test_a_wrong_choice_of_columns_keeps_the_upload_and_what_was_chosen(
    ada: Person, owner: Connection
) -> None:
    here = uploaded(ada, BLUE)
    with nothing_changes(owner):
        answer = ada.post(f"{here}/columns", {"fields-0": "city", "fields-1": "city"})
    assert answer.status_code == 422
    assert "Two columns are City. Ignore one of them." in text_of(answer)
    assert answer.text.count('<option value="city" selected>') == 2
    assert columns(ada, here).status_code == 303


def test_canceled_before_the_confirm_nothing_stays(
    ada: Person, work: Callable[[], None], owner: Connection
) -> None:
    here = uploaded(ada, BLUE)
    columns(ada, here)
    work()
    assert ada.post(f"{here}/cancel").status_code == 303
    assert "Canceled" in text_of(ada.get(here))
    assert owner.scalar(text("select count(*) from customer_import_row")) == 0


def test_columns_can_be_changed_after_the_check(ada: Person, work: Callable[[], None]) -> None:
    here = uploaded(ada, BLUE)
    columns(ada, here)
    work()
    assert "Which column is which?" in text_of(ada.get(f"{here}?columns"))
    assert ada.post(f"{here}/columns", {"fields-0": "company"}).status_code == 303
    work()
    assert "Enter the address." in text_of(ada.get(here))


def test_the_report_is_a_file_in_which_no_formula_runs(ada: Person, work: Callable[[], None]) -> None:
    here = uploaded(ada, '"=HYPERLINK(""http://x"")",,1 A St,Peoria,IL,9,US,+1', BLUE)
    columns(ada, here)
    work()
    answer = ada.get(f"{here}/report")
    assert answer.headers["content-type"].startswith("text/csv")
    table = list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert table[0][:4] == ["Row", "Outcome", "Why", "Customer id"]
    assert table[1][1] == "REFUSED"
    assert table[1][4] == '\'=HYPERLINK("http://x")'
    assert table[2][:3] == ["3", "CREATED", ""]


def test_hostile_texts_are_only_texts(ada: Person, work: Callable[[], None]) -> None:
    evil = "<script>alert(1)</script>"
    answer = send(ada, rows(BLUE).replace(b"Favorite color", evil.encode()), name=f"{evil}.csv")
    here = str(answer.headers["location"])
    assert evil not in ada.get(here).text
    columns(ada, here)
    work()
    assert evil not in ada.get(here).text
    assert evil not in ada.get("/customers/imports").text


def test_the_report_is_paged_and_narrowed(ada: Person, work: Callable[[], None]) -> None:
    here = uploaded(ada, *[f"Co {n},,1 A St,Peoria,IL,{'61602' if n else '9'},US," for n in range(60)])
    columns(ada, here)
    work()
    first = ada.get(here)
    assert "?only=&amp;after=51" in first.text
    assert "Co 59" in text_of(ada.get(f"{here}?only=&after=51"))
    refused = text_of(ada.get(f"{here}?only=REFUSED"))
    assert "Co 0" in refused
    assert "Co 1," not in refused


def test_only_editors_import(signed_in: Callable[[str], Person], ada: Person, owner: Connection) -> None:
    here = uploaded(ada, BLUE)
    rita, mallory = signed_in("rita"), signed_in("mallory")
    theirs = here.replace("/northwind/", "/contoso/")
    with nothing_changes(owner, without=("session",)):
        assert send(rita, rows(BLUE)).status_code == 403
        for path in ("/customers/import", "/customers/imports", here, f"{here}/report"):
            assert rita.get(path).status_code == 403, path
        for move in ("columns", "confirm", "cancel"):
            assert rita.post(f"{here}/{move}").status_code == 403
            assert mallory.post(f"{theirs}/{move}").status_code == 404
        assert mallory.get(theirs).status_code == 404
        assert mallory.get(f"{theirs}/report").status_code == 404
    assert "/customers/import" not in rita.get("/customers").text


def test_the_sample_file_names_every_column_and_is_taken_in_as_it_is(
    ada: Person, work: Callable[[], None], owner: Connection
) -> None:
    assert "/customers/import/sample" in ada.get("/customers/import").text
    sample = ada.get("/customers/import/sample")
    assert sample.headers["content-type"].startswith("text/csv")
    here = str(send(ada, sample.content).headers["location"])
    assert '<option value="">Ignore</option>' in ada.get(here).text
    assert ada.get(here).text.count(" selected>") == len(customer_imports.FIELDS)
    fields = {f"fields-{at}": field for at, field in enumerate(customer_imports.FIELDS)}
    assert ada.post(f"{here}/columns", fields).status_code == 303
    work()
    checked = text_of(ada.get(here))
    assert "Users to be added" in checked
    assert "Users are added and not invited yet." in checked
    assert ada.post(f"{here}/columns", {**fields, "send_invites": "yes"}).status_code == 303
    work()
    assert "Users are invited when the import runs." in text_of(ada.get(here))
    ada.post(f"{here}/confirm")
    work()
    assert "Users added" in text_of(ada.get(here))
    assert owner.scalar(text("select status from customer where external_id = 'C-1'")) == "ACTIVE"


def test_a_report_is_read_in_the_readers_language_whoever_checked_it(
    ada: Person, work: Callable[[], None]
) -> None:
    """On the page and in the file, though the worker speaks no French."""
    here = uploaded(ada, "X" * 201 + ",,1 A St,Peoria,IL,61602,US,")
    columns(ada, here)
    work()
    for language, why in (
        ("en", "Company: Shorten the company name to 200 characters; it has 201."),
        ("fr", "Entreprise: Raccourcissez ce texte (nom de l’entreprise) à 200 caractères; il en a 201."),
    ):
        ada.client.cookies.set("remit_language", language)
        assert why in text_of(ada.get(here))
        table = list(csv.reader(io.StringIO(ada.get(f"{here}/report").text.removeprefix("\ufeff"))))
        assert table[1][:3] == ["2", "REFUSED", why]


def test_the_french_sample_file_is_taken_in_by_whoever_reads_english(ada: Person) -> None:
    ada.client.cookies.set("remit_language", "fr")
    sample = ada.get("/customers/import/sample").content
    assert sample.decode("utf-8-sig").startswith('"Entreprise","Dénomination sociale",')
    ada.client.cookies.set("remit_language", "en")
    here = str(send(ada, sample).headers["location"])
    assert ada.get(here).text.count(" selected>") == len(customer_imports.FIELDS)
