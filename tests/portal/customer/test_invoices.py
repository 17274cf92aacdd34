"""The portal's invoices: what Acme sees of them, and the tags it puts on them."""

import re

import pytest
from sqlalchemy import Connection, text

from billing.invoice_fields import LineInput, TaxInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.customer.conftest import NOBODYS, AddCard, Bill, pay
from tests.world import nothing_changes


def numbers(page: str) -> list[str]:
    """The numbers of the invoices that a page lists, in its order."""
    return re.findall(r'/invoices/inv_[0-9a-f]{32}">(NO-\d+)</a>', page)


def test_the_portal_begins_with_what_is_outstanding_due_first_under_the_total(petra: Person, bill: Bill):
    bill("100.00", due_in=30)
    bill("50.25", due_in=-5)
    bill("9.00", sent=False)
    bill("70.00", "globex")
    page = petra.get()
    assert page.url.path == "/portal/acme-1a2b3c/invoices"
    assert numbers(page.text) == ["NO-00002", "NO-00001"]
    assert "Total due $150.25 Of that, overdue $50.25" in text_of(page)
    assert "2 invoices" in text_of(page)


def test_the_tabs_hold_overdue_paid_and_all(petra: Person, bill: Bill, add_card: AddCard):
    paid, _open, _late = bill("10.00"), bill("20.00"), bill("30.00", due_in=-1)
    pay(petra, add_card(petra), (paid, "10.00"))
    assert numbers(petra.get("/invoices?status=overdue").text) == ["NO-00003"]
    assert numbers(petra.get("/invoices?status=paid").text) == ["NO-00001"]
    assert numbers(petra.get("/invoices?status=all&sort=number").text) == ["NO-00001", "NO-00002", "NO-00003"]
    assert numbers(petra.get("/invoices?status=nonsense").text) == ["NO-00003", "NO-00002"]


def test_invoices_are_searched_sorted_and_filtered_by_tag(petra: Person, bill: Bill):
    cheap, dear = bill("10.00", po_number="PO-7781"), bill("990.00", memo="November")
    petra.post(f"/invoices/{dear}/tags", {"name": "Head office", "colour": "#0b7285"})
    tag = re.search(r"tag_[0-9a-f]{32}", petra.get(f"/invoices/{dear}").text)[0]
    assert numbers(petra.get("/invoices?search=po-77").text) == ["NO-00001"]
    assert numbers(petra.get("/invoices?search=novem").text) == ["NO-00002"]
    assert numbers(petra.get(f"/invoices?tag={tag}").text) == ["NO-00002"]
    assert numbers(petra.get("/invoices?sort=lowest").text) == ["NO-00001", "NO-00002"]
    assert numbers(petra.get("/invoices?sort=highest").text) == ["NO-00002", "NO-00001"]
    assert "No invoice fits" in text_of(petra.get("/invoices?search=nothinglikeit"))
    assert f"/pay?pay={cheap}" in petra.get(f"/invoices/{cheap}").text


def test_a_long_list_is_walked_page_by_page_and_back(petra: Person, bill: Bill):
    bill("1.00", times=52)
    first = petra.get("/invoices")
    assert len(numbers(first.text)) == 50
    following = petra.get(re.search(r'rel="next" href="([^"]+)"', first.text)[1].replace("&amp;", "&"))
    assert numbers(following.text) == ["NO-00051", "NO-00052"]
    back = petra.get(re.search(r'rel="prev" href="([^"]+)"', following.text)[1].replace("&amp;", "&"))
    assert numbers(back.text) == numbers(first.text)


def test_an_invoice_shows_lines_totals_and_payments(petra: Person, bill: Bill, add_card: AddCard):
    lines = [
        LineInput(
            description="Workstations",
            quantity="12",
            unit_price="85.00",
            taxes=[TaxInput(name="IL", rate="6.25")],
        ),
        LineInput(description="Visit", quantity="1.5", unit_price="143.00", discount="14.50"),
        LineInput(description="Licences", quantity="37.1250", unit_price="9.99"),
    ]
    invoice = bill("0", lines=lines, memo="Thank you.", internal_note="Between us", po_number="PO-7781")
    pay(petra, add_card(petra), (invoice, "100.00"))
    page = petra.get(f"/invoices/{invoice}")
    shown = text_of(page)
    for line in (
        "Workstations 12 $85.00 IL 6.25% $1,020.00",
        "Visit 1.5 $143.00 $14.50 $200.00",
        "Licences 37.125 $9.99 $370.88",
        "Subtotal $1,590.88 IL 6.25% $63.75 Total $1,654.63 Payments $100.00 Left to pay $1,554.63",
        "Visa ending in 4242 Succeeded $100.00",
        "Thank you.",
        "PO-7781",
        "Partially paid",
        "Pay now",
    ):
        assert line in shown
    assert "Between us" not in page.text


def test_an_invoice_of_many_lines_shows_them_all(petra: Person, bill: Bill):
    lines = [LineInput(description=f"Line {place}.", quantity="1", unit_price="1") for place in range(200)]
    page = petra.get(f"/invoices/{bill('0', lines=lines)}")
    assert re.findall(r'<th scope="row">Line (\d+)\.</th>', page.text) == [str(place) for place in range(200)]


def test_vera_sees_the_invoice_but_no_way_to_pay_or_tag_it(vera: Person, bill: Bill, owner: Connection):
    invoice = bill("10.00")
    for path in ("/invoices", f"/invoices/{invoice}"):
        page = vera.get(path)
        assert page.status_code == 200
        assert "/pay?" not in page.text
        assert "New tag" not in page.text
    with nothing_changes(owner):
        refused = vera.post(f"/invoices/{invoice}/tags", {"name": "Mine", "colour": "#0b7285"})
    assert refused.status_code == 403


def test_petra_makes_a_tag_on_the_invoice_takes_it_off_and_puts_it_back(
    petra: Person, ada: Person, bill: Bill, owner: Connection
):
    invoice = bill("10.00")
    made = petra.post(f"/invoices/{invoice}/tags", {"name": "Head office", "colour": "#0b7285"})
    assert made.status_code == 303
    page = petra.get(f"/invoices/{invoice}")
    tag = re.search(r'name="tag" value="(tag_[0-9a-f]{32})"', page.text)[1]
    assert "Remove the tag Head office" in page.text
    assert petra.post(f"/invoices/{invoice}/untag", {"tag": tag}).status_code == 303
    assert owner.scalar(text("select count(*) from invoice_tag")) == 0
    assert petra.post(f"/invoices/{invoice}/tags", {"tag": tag}).status_code == 303
    assert owner.scalar(text("select count(*) from invoice_tag where owner_id = customer_id")) == 1
    # The partner never sees a company's own labels.
    assert "Head office" not in ada.get(f"/invoices/{invoice}").text


def test_a_tag_without_a_name_is_refused_at_its_field_and_nothing_changes(
    petra: Person, bill: Bill, owner: Connection
):
    invoice = bill("10.00")
    with nothing_changes(owner):
        wrong = petra.post(f"/invoices/{invoice}/tags", {"name": " ", "colour": "#c92a2a"})
    assert wrong.status_code == 422
    assert 'id="error-name"' in wrong.text
    assert re.search(r'value="#c92a2a" checked', wrong.text)


@pytest.mark.parametrize("stranger", ["gus", "ines"])
def test_acmes_invoice_looks_like_none_to_strangers(
    stranger: str, signed_in, bill: Bill, owner: Connection, cast: Cast, database: Database
):
    theirs, other = bill("10.00"), signed_in(stranger)
    absent = f"inv_{NOBODYS}"
    own_tag = {"name": "Mine", "colour": "#0b7285"}
    with nothing_changes(owner):
        for path, fields in (("", None), ("/tags", own_tag), ("/untag", {"tag": f"tag_{NOBODYS}"})):
            answers = [
                other.get(f"/invoices/{invoice}{path}")
                if fields is None
                else other.post(f"/invoices/{invoice}{path}", fields)
                for invoice in (theirs, absent)
            ]
            assert [answer.status_code for answer in answers] == [404, 404]
            assert answers[0].text == answers[1].text
    assert numbers(other.get("/invoices?status=all").text) == []
    # Nor does Acme's own portal open for them.
    assert other.get(f"/portal/acme-1a2b3c/invoices/{theirs}").status_code == 404


def test_a_draft_and_a_siblings_tag_look_like_none(petra: Person, gus: Person, bill: Bill, owner: Connection):
    own, draft, theirs = bill("10.00"), bill("9.00", sent=False), bill("5.00", "globex")
    gus.post(f"/invoices/{theirs}/tags", {"name": "Globex only", "colour": "#0b7285"})
    tag = ids.shown("tag", owner.scalar(text("select id from tag")))
    with nothing_changes(owner):
        assert petra.get(f"/invoices/{draft}").status_code == 404
        refused = petra.post(f"/invoices/{own}/tags", {"tag": tag})
        absent = petra.post(f"/invoices/{own}/tags", {"tag": f"tag_{NOBODYS}"})
    assert (refused.status_code, refused.text) == (404, absent.text)
    assert numbers(petra.get(f"/invoices?tag={tag}").text) == []


def test_a_forged_form_tags_nothing(petra: Person, bill: Bill, owner: Connection):
    invoice = bill("10.00")
    with nothing_changes(owner):
        forged = petra.post(f"/invoices/{invoice}/tags", {"name": "X", "colour": "#0b7285"}, forged=True)
    assert forged.status_code == 403


def test_a_forms_address_without_the_form_leads_to_the_invoice(petra: Person, bill: Bill):
    invoice = bill("10.00")
    for path in ("tags", "untag"):
        assert petra.get(f"/invoices/{invoice}/{path}").url.path.endswith(invoice)
