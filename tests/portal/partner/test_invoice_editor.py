"""The invoice editor: totals by the server's arithmetic, terms, and saving and sending in one go."""

import re
from collections.abc import Callable
from datetime import date
from html import unescape
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from db import ids
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
# 3 x 33.33 less 12.5 % is 87.49; 5 % of it is 4.37, 9.975 % is 8.73.
TYPED = {
    "lines-0-description": "Work", "lines-0-quantity": "3", "lines-0-unit_price": "33.33",
    "lines-0-discount_percent": "12.5", "lines-0-taxes-0-name": "GST", "lines-0-taxes-0-rate": "5",
    "lines-0-taxes-1-name": "QST", "lines-0-taxes-1-rate": "9.975",
}  # fmt: skip


@pytest.fixture
def new(cast: Cast) -> str:
    """Where an invoice for Acme is typed."""
    return f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"


def totals(page: str) -> str:
    """What the page says it comes to."""
    found = re.search(r'<div id="totals-shown".*?</div>', page, re.DOTALL)
    assert found is not None
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", found[0])).split())


def stored(owner: Connection) -> tuple[UUID, int, int, date]:
    row = owner.execute(text("select id, net_minor, total_minor, due_on from invoice")).one()
    return (row.id, row.net_minor, row.total_minor, row.due_on)


def test_totals_are_said_before_and_are_what_is_stored(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    assert "Total $0.00" in totals(clem.get(new).text)
    with nothing_changes(owner):
        shown = clem.post(new, {**TYPED, "issue_on": "2026-03-10", "terms_days": "45", "_pressed": "totals"})
    assert shown.status_code == 200
    said = "Subtotal $87.49 GST 5% $4.37 QST 9.975% $8.73 Total $100.59 Due date Apr 24, 2026"
    assert totals(shown.text) == said
    saved = clem.post(new, {**TYPED, "issue_on": "2026-03-10", "due_on": "2026-03-11", "terms_days": "45"})
    assert saved.status_code == 303
    id_, net, total, due_on = stored(owner)
    assert (net, total, due_on) == (8_749, 10_059, date(2026, 4, 24))
    # A due date of one's own stays as it is, and the page of a draft says what it comes to at once.
    edit = f"/invoices/{ids.shown('inv', id_)}/edit"
    assert totals(clem.get(edit).text) == said
    kept = {**TYPED, "issue_on": "2026-03-10", "due_on": "2026-03-11", "terms_days": "", "version": "1"}
    assert clem.post(edit, kept).status_code == 303
    assert stored(owner)[3] == date(2026, 3, 11)


def test_what_is_not_finished_is_left_out_and_said(signed_in: Arrive, new: str, owner: Connection) -> None:
    clem = signed_in("clem")
    typed = {
        **TYPED, "lines-0-description": "", "lines-1-description": "Half", "lines-1-quantity": "1,5",
        "lines-1-unit_price": "10", "terms_days": "900", "_pressed": "totals",
    }  # fmt: skip
    with nothing_changes(owner):
        shown = totals(clem.post(new, typed).text)
    assert "Total $100.59" in shown
    assert "Line 2 is not counted yet" in shown
    assert "Due date" not in shown
    with nothing_changes(owner):
        refused = clem.post(new, {**TYPED, "terms_days": "900"})
    assert (refused.status_code, "from 0 to 365" in text_of(refused)) == (422, True)


LIVE = {"hx-request": "true"}


def told(page: str) -> dict[str, tuple[str, bool]]:
    """What the script puts at which field: the message, and whether it is only not filled in yet."""
    found = re.findall(r'<template data-field="([^"]+)"( data-early)?><p [^>]*>(.*?)</p></template>', page)
    words = [(name, unescape(re.sub(r"<[^>]+>", "", said)).strip(), early) for name, early, said in found]
    return {name: (said, bool(early)) for name, said, early in words}


def live(person: Person, path: str, typed: dict[str, str]) -> str:
    """What the page's script gets while somebody types."""
    before = dict(person.client.headers)
    person.client.headers.update(LIVE)
    answer = person.post(path, {**typed, "_pressed": "totals"})
    person.client.headers = before
    assert answer.status_code == 200
    return answer.text


def test_while_typing_what_cannot_be_read_is_named_with_its_line_and_field(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    typed = {
        **TYPED, "lines-1-quantity": "abc", "lines-1-unit_price": "", "lines-1-description": "",
        "lines-2-description": "Third", "lines-2-quantity": "1", "lines-2-unit_price": "5.00",
        "lines-2-discount": "6", "lines-2-taxes-0-name": "", "lines-2-taxes-0-rate": "",
        "lines-2-taxes-3-name": "GST", "lines-2-taxes-3-rate": "5%",
        "issue_on": "2026-03-10", "due_on": "2026-03-09",
    }  # fmt: skip
    with nothing_changes(owner):
        page = live(clem, new, typed)
    assert told(page) == {
        "due_on": ("Choose a due date on or after the issue date, 2026-03-10.", False),
        "lines-1-description": ("Enter the description.", True),
        "lines-1-quantity": ("Write the quantity in digits only, like 1.5.", False),
        "lines-1-unit_price": ("Enter the amount, like 1234.50.", True),
        "lines-2-taxes-3-rate": ("Write the tax rate in digits only, like 9.975.", False),
    }
    said = totals(page)
    assert "Line 2 is not counted yet: Write the quantity in digits only, like 1.5." in said
    assert "Line 3 is not counted yet: Write the tax rate in digits only" in said
    assert 'href="#field-lines-1-quantity"' in page
    read_out = re.search(r'id="totals-said" role="status">(.*?)</p>', page)
    assert read_out is not None
    assert read_out[1].startswith("Total $100.59. Choose a due date")
    mended = {**typed, "lines-1-quantity": "1", "lines-2-taxes-3-rate": "5", "due_on": "2026-03-12"}
    assert told(live(clem, new, mended)) == {
        "lines-1-description": ("Enter the description.", True),
        "lines-1-unit_price": ("Enter the amount, like 1234.50.", True),
        "lines-2-discount": ("The discount can't be more than the line, $5.00.", False),
    }


def test_without_scripts_asking_for_totals_tells_wrong_fields_where_they_are(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    with nothing_changes(owner):
        shown = clem.post(new, {**TYPED, "lines-0-quantity": "abc", "_pressed": "totals"})
    assert shown.status_code == 422
    assert 'id="error-lines-0-quantity"' in shown.text
    assert 'aria-describedby="error-lines-0-quantity" aria-invalid="true"' in shown.text
    # What is not filled in yet is no mistake.
    begun = clem.post(new, {"lines-0-quantity": "3", "_pressed": "totals"})
    assert (begun.status_code, 'class="error-summary"' in begun.text) == (200, False)


def test_a_tax_more_and_a_tax_less_of_a_line_save_nothing_and_lose_nothing(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem, rows = signed_in("clem"), "lines-0-taxes"
    with nothing_changes(owner):
        more = clem.post(new, {**TYPED, "_pressed": f"add-{rows}"}).text
        assert re.search(rf'name="{rows}-2-name"[^>]* autofocus', more)
        assert f'name="{rows}-3-name"' not in more
        typed = {**TYPED, **{f"{rows}-{place}-name": f"T{place}" for place in range(5)}}
        full = clem.post(new, {**typed, "_pressed": f"add-{rows}"}).text
        assert f'name="{rows}-5-name"' not in full
        assert re.search(rf'value="add-{rows}"[^>]* hidden', full)
        less = clem.post(new, {**TYPED, "_pressed": f"remove-{rows}-0"}).text
        assert f'id="field-{rows}-0-name" name="{rows}-0-name" type="text" value="QST"' in less
        assert f'name="{rows}-1-name"' not in less
        assert re.search(rf'value="add-{rows}"[^>]* autofocus', less)
        none = clem.post(new, {**TYPED, "_pressed": f"remove-{rows}-7"}).text
        assert f'name="{rows}-1-name"' in none
    assert "Total $96.22" in totals(less)


def test_a_stored_line_shows_the_taxes_it_has(signed_in: Arrive, new: str, owner: Connection) -> None:
    clem = signed_in("clem")
    plain = {name: text for name, text in TYPED.items() if "taxes" not in name}
    second = {name.replace("lines-0", "lines-1"): text for name, text in TYPED.items()}
    clem.post(new, {**plain, **second})
    page = clem.get(f"/invoices/{ids.shown('inv', stored(owner)[0])}/edit").text
    assert re.findall(r'name="(lines-\d-taxes-\d-name)"', page) == [
        "lines-1-taxes-0-name", "lines-1-taxes-1-name",
    ]  # fmt: skip


def test_what_is_refused_comes_back_at_the_taxes_own_fields(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    # As a script leaves it: the first tax was taken away.
    typed = {name: text for name, text in TYPED.items() if "taxes-0" not in name}
    with nothing_changes(owner):
        refused = clem.post(new, {**typed, "lines-0-taxes-1-rate": "101"})
    assert refused.status_code == 422
    assert 'id="error-lines-0-taxes-1-rate"' in refused.text


def test_saving_and_sending_asks_to_whom_and_then_sends(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    saved = clem.post(new, {**TYPED, "_pressed": "send"})
    id_ = stored(owner)[0]
    asked = f"/invoices/{ids.shown('inv', id_)}/confirm-send"
    assert saved.headers["location"].endswith(asked)
    page = text_of(clem.get(asked))
    assert "Carl" in page
    assert "$100.59" in page
    assert owner.scalar(text("select status from invoice")) == "DRAFT"


def test_who_may_not_edit_and_a_stranger_get_no_totals(
    signed_in: Arrive, new: str, owner: Connection
) -> None:
    for name, status in (("rita", 403), ("mallory", 404)):
        person = signed_in(name)
        with nothing_changes(owner):
            assert person.post(new, {**TYPED, "_pressed": "totals"}).status_code == status


@pytest.mark.parametrize(
    ("language", "typed", "line", "discount"),
    [
        (
            "en", "-5.00",
            "A line can't be below zero. To charge less, give a discount on a line. To take back what was"
            " invoiced before, credit that invoice: its credit can be applied to this one.",
            "Write the discount without a minus: it is taken off the line.",
        ),
        (
            "fr", "-5,00",
            "Une ligne ne peut pas être négative. Pour facturer moins, accordez un rabais sur une ligne. Pour"
            " reprendre ce qui a déjà été facturé, créditez cette facture-là : son crédit peut être appliqué"
            " à celle-ci.",
            "Écrivez le rabais sans signe moins : il est retranché de la ligne.",
        ),
    ],
)  # fmt: skip
@pytest.mark.parametrize("field", ["quantity", "unit_price", "discount", "discount_percent"])
def test_a_line_below_zero_says_at_its_field_what_to_do_instead(
    signed_in: Arrive, new: str, owner: Connection, language: str, typed: str, line: str, discount: str,
    field: str,
) -> None:  # fmt: skip
    clem = signed_in("clem")
    clem.client.cookies.set("remit_language", language)
    fields = {"lines-0-description": "Work", "lines-0-quantity": "1", "lines-0-unit_price": "9"}
    with nothing_changes(owner):
        answer = clem.post(new, {**fields, f"lines-0-{field}": typed})
    assert answer.status_code == 422
    found = re.search(rf'id="error-lines-0-{field}"[^>]*>(.*?)</p>', answer.text, re.DOTALL)
    assert found is not None
    said = " ".join(unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", found[1], flags=re.DOTALL)).split())
    assert said == (discount if field.startswith("discount") else line)
    assert f'value="{typed}"' in answer.text
