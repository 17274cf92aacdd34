"""Archiving invoices in the dashboard: asked first, out of the lists and sums, taken back."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_invoice_list import Things, billed, figures, listed
from tests.portal.test_invoice_export import hidden
from tests.world import nothing_changes

__all__ = ["billed"]
Arrive = Callable[[str], Person]


def archived(owner: Connection) -> int:
    found: int = owner.scalar(text("select count(*) from invoice where archived_at is not null"))
    return found


def undo(page: str) -> dict[str, str]:
    """The button beside the message."""
    value = page.partition('class="undo">')[2].partition('name="archiving" value="')[2].partition('"')[0]
    return {"archiving": value}


@pytest.fixture
def voided(ada: Person, billed: Things) -> Things:
    """What was billed, of which "ten" and "two" are void."""
    for name in ("ten", "two"):
        ada.post(f"/invoices/{billed[name]}/void")
    ada.get("/invoices")  # where the message is said
    return billed


def told(person: Person) -> str:
    """What the list says is not in its sums."""
    found = re.search(r"Not in these sums: [^<]+", person.get("/invoices").text)
    return found[0] if found else ""


def test_ada_archives_what_she_chose_and_undoes_it(ada: Person, voided: Things, owner: Connection) -> None:
    before = figures(ada.get("/invoices").text), told(ada)
    assert "2 void invoices" in before[1]
    chosen = "&".join(f"invoice={voided[name]}" for name in ("ten", "two", "three", "draft"))
    with nothing_changes(owner):
        page = ada.get(f"/invoices/archive?which=chosen&narrowing=sort%3DTOTAL_DESC&{chosen}")
    assert "Archive 2 invoices?" in text_of(page)
    assert "2 invoices stay as they are" in text_of(page)
    answer = ada.post("/invoices/archive", hidden(page))
    assert answer.headers["location"] == "/partner/northwind/invoices?sort=TOTAL_DESC"
    page = ada.get("/invoices")
    assert "2 invoices are archived." in text_of(page)
    everything = {"three", "draft", "cad"}
    assert listed(ada, "", voided) == everything
    assert listed(ada, "status=void", voided) == set()
    assert listed(ada, "status=archived", voided) == {"ten", "two"}
    # What is archived is not told of with the sums either.
    assert "void" not in told(ada)
    missed = ada.get("/invoices?number=NO-00001")
    assert "status=archived" in missed.text.partition("Look for it among archived invoices")[0][-200:]
    assert "Archived" in text_of(ada.get("/search?q=NO-00001"))
    ada.post("/invoices/undo-archive", undo(page.text))
    assert "2 invoices are in the lists again." in text_of(ada.get("/invoices"))
    assert (figures(ada.get("/invoices").text), told(ada)) == before
    ada.post("/invoices/undo-archive", undo(page.text))
    assert "There is nothing left to undo" in text_of(ada.get("/invoices"))
    assert ada.post("/invoices/undo-archive", {"archiving": f"arc_{'f' * 32}"}).status_code == 303
    assert "All" in text_of(ada.get("/invoices/undo-archive"))


def test_all_that_is_shown_goes_and_comes_back(
    ada: Person, voided: Things, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "/invoices/archive?status=void" in ada.get("/invoices?status=void").text
    assert "/invoices/archive?" not in ada.get("/invoices?status=open").text
    ada.post("/invoices/archive", hidden(ada.get("/invoices/archive?status=void")))
    assert archived(owner) == 2
    assert "Restore the chosen invoices" in text_of(ada.get("/invoices?status=archived"))
    monkeypatch.setattr("portal.partner.invoice_archiving.MOST_MATCHING", 1)
    assert "At most 1 invoices" in text_of(ada.get("/invoices/restore?status=archived"))
    monkeypatch.undo()
    page = ada.get("/invoices/restore?status=archived")
    assert "Restore 2 invoices?" in text_of(page)
    ada.post("/invoices/restore", hidden(page))
    assert archived(owner) == 0
    assert "Nothing is archived" in text_of(ada.get("/invoices?status=archived"))


def test_what_can_not_go_is_told(ada: Person, voided: Things, owner: Connection) -> None:
    with nothing_changes(owner):
        for what in ("archive", "restore"):
            assert "Choose the invoices to" in text_of(ada.get(f"/invoices/{what}?which=chosen"))
            ada.post(f"/invoices/{what}", {"which": "chosen"})
            assert f"Choose the invoices to {what}." in text_of(ada.get("/invoices"))
        said = text_of(ada.get(f"/invoices/archive?which=chosen&invoice={voided['three']}"))
        assert "only paid, void and uncollectible invoices can" in said
        assert "None of these is archived" in text_of(ada.get("/invoices/restore?status=void"))
        forced = ada.post("/invoices/archive", {"which": "chosen", "chosen": voided["three"]})
        assert forced.status_code == 409


def test_one_is_archived_on_its_page(ada: Person, voided: Things, owner: Connection, cast: Cast) -> None:
    one = f"/invoices/{voided['ten']}"
    assert f'{one}/archive"' in ada.get(one).text
    assert f'/{voided["three"]}/archive"' not in ada.get(f"/invoices/{voided['three']}").text
    ada.post(f"{one}/archive")
    page = ada.get(one)
    assert "The invoice is archived: it is out of the lists." in text_of(page)
    assert 'class="undo"' in page.text
    customer = ada.get(f"/customers/cus_{cast.customers['acme'].hex}/invoices").text
    assert voided["ten"] not in customer
    assert "/invoices?status=archived&amp;customer=" in customer
    ada.post(f"{one}/restore")
    assert "The invoice is in the lists again." in text_of(ada.get(one))
    assert archived(owner) == 0
    log = text_of(ada.get("/audit?about=invoice"))
    assert "archived invoice NO-00001" in log
    assert "put invoice NO-00001 into the lists again" in log


def test_the_customer_never_notices(signed_in: Arrive, ada: Person, voided: Things) -> None:
    carl = signed_in("carl")
    before = carl.get("/invoices?status=all").text.count(voided["ten"])
    ada.post(f"/invoices/{voided['ten']}/archive")
    page = carl.get("/invoices?status=all")
    assert page.text.count(voided["ten"]) == before > 0
    assert "Archived" not in text_of(page)


@pytest.mark.parametrize("name", ["rita", "mallory"])
def test_who_may_not_archives_nothing(
    name: str, signed_in: Arrive, voided: Things, owner: Connection
) -> None:
    person, chosen = signed_in(name), {"which": "chosen", "chosen": voided["ten"]}
    with nothing_changes(owner):
        codes = [
            person.get(f"/invoices/archive?which=chosen&invoice={voided['ten']}").status_code,
            person.post("/invoices/archive", chosen).status_code,
            person.post("/invoices/restore", chosen).status_code,
            person.post(f"/invoices/{voided['ten']}/archive").status_code,
        ]
    assert codes == [403 if name == "rita" else 404] * 4
