"""The pages of payments from outside and of giving up an invoice, in the dashboard and in the portal."""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from tests.papers import words
from tests.portal.conftest import Person, text_of
from tests.tenancy.stage import Stage
from tests.tenancy.staged import stage, staged, template
from tests.world import world

__all__ = ["stage", "staged", "template"]
Arrive = Callable[[str], Person]


@pytest.fixture
def invoice(stage: Stage) -> str:
    """Acme's issued invoice over $100.00, of which a check over $1.00 has come in."""
    return stage.ids["acme"]["inv"]


def key_of(page: str) -> str:
    return re.search(r'name="key" value="([^"]+)"', page)[1]


def test_clem_records_a_check_once_however_often_the_form_is_sent(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    clem, here = signed_in("clem"), f"/invoices/{invoice}"
    page = clem.get(f"{here}/record-payment").text
    assert 'value="99.00"' in page
    typed = {"key": key_of(page), "kind": "WIRE", "amount": "40", "reference": "W-77", "send_receipt": "on"}
    for _ in range(2):
        assert clem.post(f"{here}/record-payment", typed).status_code == 303
    page = clem.get(here).text
    assert "The payment of $40.00 is recorded." in page
    assert "W-77" in page
    assert owner.scalar(text("select count(*) from outside_payment where reference = 'W-77'")) == 1
    assert owner.scalar(text("select count(*) from mail where kind = 'OUTSIDE_RECEIPT'")) == 1
    listed = clem.get("/outside-payments").text
    assert "W-77" in listed
    payment = re.search(r"outside-payments/(opm_[0-9a-f]+)/receipt.pdf", page)[1]
    receipt = words(clem.get(f"/outside-payments/{payment}/receipt.pdf").content)
    assert "W-77" in receipt
    assert "$40.00" in receipt
    assert "Take back" not in page  # Clem may not


def test_what_was_typed_stays_and_every_wrong_field_is_told(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    clem, here = signed_in("clem"), f"/invoices/{invoice}/record-payment"
    before = world(owner)
    wrong = {"key": "k", "kind": "CHECK", "amount": "4,00", "received_on": "2999-01-01", "reference": "R-1"}
    answer = clem.post(here, wrong)
    assert answer.status_code == 422
    assert 'value="4,00"' in answer.text
    assert 'value="R-1"' in answer.text
    for name in ("amount", "received_on"):
        assert f'id="error-{name}"' in answer.text
    assert "checked" not in re.search(r'<input id="field-send_receipt"[^>]*>', answer.text)[0]
    assert world(owner) == before


def test_the_customers_payments_tell_its_checks_and_nobody_elses(
    signed_in: Arrive, stage: Stage, invoice: str
) -> None:
    clem, here = signed_in("clem"), f"/invoices/{invoice}/record-payment"
    typed = {"key": "k", "kind": "WIRE", "amount": "40", "reference": "W-77"}
    assert clem.post(here, typed).status_code == 303
    told = text_of(clem.get(f"/customers/{stage.ids['acme']['cus']}/payments"))
    assert "Checks, wires and cash" in told
    assert "W-77" in told
    other = text_of(clem.get(f"/customers/{stage.ids['globex']['cus']}/payments"))
    assert "W-77" not in other


def test_more_than_is_left_is_told_at_the_amount_and_nothing_typed_is_lost(
    signed_in: Arrive, invoice: str, owner: Connection
) -> None:
    clem, here = signed_in("clem"), f"/invoices/{invoice}/record-payment"
    before = world(owner)
    answer = clem.post(here, {"key": "k", "kind": "WIRE", "amount": "99.01", "reference": "R-1"})
    assert answer.status_code == 422
    assert "Only $99.00 of invoice NO-00001 is left to pay" in text_of(answer)
    assert 'id="error-amount"' in answer.text
    assert 'value="99.01"' in answer.text
    assert 'value="R-1"' in answer.text
    assert world(owner) == before


def test_what_was_written_off_makes_the_sums_add_up(signed_in: Arrive, invoice: str) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}"
    assert "$99.00 left to pay" in text_of(ada.get(here))
    assert ada.post(f"{here}/write-off", {"reason": ""}).status_code == 303
    assert re.search(r"Payments \$1\.00 Written off \$99\.00 Balance \$0\.00", text_of(ada.get(here)))


def test_ada_takes_a_bounced_check_back(signed_in: Arrive, invoice: str) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}"
    payment = re.search(r"outside-payments/(opm_[0-9a-f]+)/reverse", ada.get(here).text)[1]
    ask = f"/outside-payments/{payment}/reverse"
    assert "owed again by $1.00" in ada.get(ask).text
    refused = ada.post(ask, {"reason": ""})
    assert (refused.status_code, 'id="error-reason"' in refused.text) == (422, True)
    assert ada.post(ask, {"reason": "Returned by the bank"}).status_code == 303
    page = ada.get(here).text
    assert "The payment is taken back." in page
    assert "Returned by the bank" in page
    assert "was taken back already" in ada.get(ask).text
    carl = signed_in("carl")
    shown = carl.get(here).text
    assert "Returned by the bank" in shown
    assert "Returned by the bank" in carl.get("/outside-payments").text


def test_ada_gives_an_invoice_up_and_takes_it_up_again(signed_in: Arrive, invoice: str) -> None:
    ada, here = signed_in("ada"), f"/invoices/{invoice}"
    assert "$99.00 that" in ada.get(f"{here}/write-off").text
    assert ada.post(f"{here}/write-off", {"reason": "Gone"}).status_code == 303
    page = ada.get(here).text
    assert "Uncollectible" in page
    assert "is written off" in page
    assert "Record payment" not in page
    for closed in ("record-payment", "write-off"):
        assert ada.get(f"{here}/{closed}").status_code in (404, 409)
    assert "open and owed again" in ada.get(f"{here}/confirm-reopen").text
    assert ada.post(f"{here}/reopen").status_code == 303
    assert "is open again" in ada.get(here).text


def test_who_only_edits_is_offered_neither(signed_in: Arrive, invoice: str, owner: Connection) -> None:
    clem, rita, here = signed_in("clem"), signed_in("rita"), f"/invoices/{invoice}"
    page = clem.get(here).text
    assert "Record payment" in page
    assert "Write off" not in page
    before = world(owner)
    assert clem.post(f"{here}/write-off", {"reason": "x"}).status_code == 403
    assert rita.post(f"{here}/record-payment", {"key": "k", "kind": "CASH"}).status_code == 403
    assert world(owner) == before


def test_the_portal_shows_what_came_in_with_its_receipt(signed_in: Arrive, invoice: str) -> None:
    petra = signed_in("petra")
    page = petra.get("/outside-payments").text
    assert "zz-acme-check" in page
    assert "zz-acmenote-received" not in page
    payment = re.search(r"zz-acme-check.*?outside-payments/(opm_[0-9a-f]+)/receipt.pdf", page, re.DOTALL)[1]
    assert "$1.00" in words(petra.get(f"/outside-payments/{payment}/receipt.pdf").content)
    assert "zz-acme-check" not in signed_in("gus").get("/outside-payments").text
