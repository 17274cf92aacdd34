"""One check for several invoices in the dashboard: chosen, shared out, recorded, kept, at both doors."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from db import ids
from db.session import Database
from tests.cast import Cast
from tests.papers import words
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_invoice_list import bill
from tests.portal.partner.test_outside_payments import key_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


@pytest.fixture
def late(database: Database, cast: Cast, now: datetime) -> dict[str, str]:
    """Acme's: 100.00 due first, then 50.00, then 20.00; and one of Globex."""
    made = {
        price: bill(database, cast, now, late=days, price=price)
        for days, price in ((9, "100"), (6, "50"), (3, "20"))
    }
    return made | {"globex": bill(database, cast, now, late=1, price="5", customer="globex")}


def amounts(page: str) -> list[str]:
    """What stands at each invoice, from the top."""
    return re.findall(r'name="allocations-\d+-amount" type="text"[^>]*value="([^"]*)"', page)


def form_of(page: str) -> dict[str, str]:
    """The hidden fields: the key, and which invoice each row is."""
    return dict(
        re.findall(r'<input type="hidden" name="(key|allocations-\d+-invoice_id)" value="([^"]+)"', page)
    )


def test_boxes_lead_to_the_form_of_their_customer(
    signed_in: Arrive, late: dict[str, str], owner: Connection
) -> None:
    clem, ask = signed_in("clem"), "/invoices/record-payment?which=chosen"
    assert "Record a check, wire or cash" in clem.get("/invoices").text
    page = clem.get(f"{ask}&invoice={late['50']}&invoice={late['100']}")
    assert page.url.path.endswith("/record-payment")
    assert amounts(page.text) == ["100.00", "50.00"]
    with nothing_changes(owner, without=("session",)):
        assert "Choose the invoices that the payment is for." in clem.get(ask).text
        mixed = clem.get(f"{ask}&invoice={late['50']}&invoice={late['globex']}")
        assert "Choose invoices of one customer" in mixed.text
        assert clem.get(f"{ask}&invoice=inv_{'f' * 32}").status_code == 404
    assert signed_in("rita").get(f"{ask}&invoice={late['50']}").status_code == 403


def test_a_check_is_shared_out_seen_and_recorded_once(
    signed_in: Arrive, late: dict[str, str], cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    here = f"/customers/{ids.shown('cus', cast.customers['acme'])}/record-payment"
    page = clem.get(here).text
    assert amounts(page) == ["", "", ""]
    typed = {**form_of(page), "kind": "CHECK", "amount": "130.00", "reference": "C-9", "send_receipt": "on"}
    # An amount that nobody has shared out is shared out, and not recorded before it was seen.
    for asked in ({}, {"_pressed": "share"}):
        shared = clem.post(here, {**typed, **asked})
        assert (shared.status_code, amounts(shared.text)) == (200, ["100.00", "30.00", ""])
    assert owner.scalar(text("select count(*) from outside_payment")) == 0
    rows = {"allocations-0-amount": "80", "allocations-1-amount": "50", "allocations-2-amount": ""}
    for _ in range(2):
        done = clem.post(here, {**typed, **rows})
        assert done.status_code == 303
    payments = text_of(clem.get(here.replace("record-payment", "payments")))
    assert payments.count("C-9") == 1
    assert "NO-00001 , NO-00002" in payments
    assert owner.scalar(text("select count(*) from outside_payment")) == 1
    assert owner.scalar(text("select count(*) from mail where kind = 'OUTSIDE_RECEIPT'")) == 1
    first = text_of(clem.get(f"/invoices/{late['100']}"))
    assert "$80.00 of $130.00" in first
    noted = text("select count(*) from audit_event where action = 'outside_payment.recorded'")
    assert owner.scalar(noted) == 2
    petra = signed_in("petra")
    assert "NO-00001 , NO-00002" in text_of(petra.get("/outside-payments"))
    assert "$50.00 of $130.00" in text_of(petra.get(f"/invoices/{late['50']}"))
    receipt = re.search(r"outside-payments/(opm_[0-9a-f]+)/receipt.pdf", petra.get("/outside-payments").text)[
        1
    ]
    said = words(petra.get(f"/outside-payments/{receipt}/receipt.pdf").content)
    assert all(part in said for part in ("NO-00001", "NO-00002", "$80.00", "$50.00", "$130.00"))


def test_what_is_above_the_invoices_is_kept_with_a_tick_and_taken_back_with_the_rest(
    signed_in: Arrive, late: dict[str, str], cast: Cast, owner: Connection
) -> None:
    ada, acme = signed_in("ada"), ids.shown("cus", cast.customers["acme"])
    here = f"/customers/{acme}/record-payment?invoice={late['20']}&invoice={late['50']}"
    page = ada.get(here).text
    here = here.partition("?")[0]
    typed = {**form_of(page), "kind": "WIRE", "amount": "110"}
    shared = ada.post(here, {**typed, "_pressed": "share"})
    assert amounts(shared.text) == ["50.00", "20.00"]
    assert "Keep $40.00 as credit" in shared.text
    rows = {"allocations-0-amount": "50.00", "allocations-1-amount": "20.00"}
    with nothing_changes(owner, without=("session",)):
        refused = ada.post(here, {**typed, **rows})
    assert refused.status_code == 422
    assert "$40.00 of it is for no invoice." in text_of(refused)
    assert ada.post(here, {**typed, **rows, "keep_rest": "on"}).status_code == 303
    shown = text_of(ada.get(f"/customers/{acme}/payments"))
    assert "Credit $40.00" in shown
    assert "$40.00 kept as credit" in shown
    log = text_of(ada.get("/audit"))
    assert "kept $40.00 of a payment from outside as credit" in log
    payment = re.search(r"outside-payments/(opm_[0-9a-f]+)/reverse", ada.get("/outside-payments").text)[1]
    ask = f"/outside-payments/{payment}/reverse"
    question = text_of(ada.get(ask))
    assert "The $40.00 that was kept as credit is taken back too." in question
    assert "$20.00" in question
    done = ada.post(ask, {"reason": "Returned by the bank"})
    assert done.status_code == 303
    after = text_of(ada.get(f"/customers/{acme}/payments"))
    assert "The payment is taken back. Its invoices are owed again." in after
    assert "Credit $40.00" not in after
    assert "took back $40.00 that was kept as credit" in text_of(ada.get("/audit"))


def test_what_can_not_be_recorded_is_told_at_its_field(
    signed_in: Arrive, late: dict[str, str], cast: Cast, owner: Connection
) -> None:
    clem = signed_in("clem")
    here = f"/customers/{ids.shown('cus', cast.customers['acme'])}/record-payment"
    page = clem.get(here).text
    typed = {**form_of(page), "kind": "CHECK", "amount": ""}
    with nothing_changes(owner, without=("session",)):
        wrong = clem.post(here, {**typed, "allocations-2-amount": "1.001", "allocations-0-amount": "7"})
        assert wrong.status_code == 422
        assert 'id="error-allocations-2-amount"' in wrong.text
        assert 'id="error-allocations-0-amount"' not in wrong.text
        none = clem.post(here, typed)
        assert (none.status_code, "Choose at least one invoice." in none.text) == (422, True)
        more = clem.post(here, {**typed, "allocations-1-amount": "50.01"})
        assert (more.status_code, "Only $50.00 of invoice NO-00002" in more.text) == (422, True)
        strange = {**typed, "allocations-0-invoice_id": late["globex"], "allocations-0-amount": "5"}
        assert clem.post(here, strange).status_code == 404
    assert key_of(page)


def test_a_customer_without_open_invoices_has_nothing_to_record(
    signed_in: Arrive, cast: Cast, late: dict[str, str]
) -> None:
    globex = f"/customers/{ids.shown('cus', cast.customers['globex'])}/record-payment"
    clem = signed_in("clem")
    typed = {**form_of(clem.get(globex).text), "kind": "CASH", "allocations-0-amount": "5"}
    assert clem.post(globex, typed).status_code == 303
    assert "Nothing to pay here" in clem.get(globex).text
