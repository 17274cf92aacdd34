"""The portal's payments: the list, and who may look at one."""

import re

import pytest
from sqlalchemy import Connection

from tests.gateway import RunningSandbox
from tests.portal.conftest import Person, text_of
from tests.portal.customer.conftest import AUTHENTICATES, DECLINED, NOBODYS, AddCard, Bill, pay
from tests.world import nothing_changes


def test_the_list_tells_what_became_of_each(
    petra: Person, carl: Person, vera: Person, bill: Bill, add_card: AddCard
):
    good, bad = add_card(petra), add_card(carl, DECLINED)
    first, second = bill("10.00"), bill("20.00")
    paid = pay(petra, good, (first, "10.00")).headers["location"]
    pay(carl, bad, (second, "20.00"))
    for person in (petra, vera):
        every = text_of(person.get("/payments"))
        assert "NO-00002 Visa ending in 0002 Failed $20.00" in every
        assert "NO-00001 Visa ending in 4242 Succeeded $10.00" in every
        assert "2 payments" in every
    assert "1 payment" in text_of(petra.get("/payments?status=failed"))
    assert "No payment matches" in text_of(petra.get("/payments?status=open"))
    assert "The receipt went to Petra." in text_of(carl.get(paid))
    assert "A receipt is on its way to petra@acme.example." in text_of(petra.get(paid))


def test_each_reader_is_told_in_their_words_and_language_why_a_payment_failed(
    petra: Person, ada: Person, bill: Bill, add_card: AddCard
):
    failed = pay(petra, add_card(petra, DECLINED), (bill("20.00"), "20.00")).headers["location"]
    petra.client.cookies.set("remit_language", "fr")
    shown = text_of(petra.get(failed))
    assert "La banque a refusé la carte. Utilisez une autre carte, ou demandez à la banque pourquoi." in shown
    assert ("Échoué le" in shown, "Réglé" in shown) == (True, False)
    assert "État actuel de la facture Non débité" in shown
    staffs = text_of(ada.get(f"/payments/{failed.rpartition('/')[2]}"))
    assert "The bank declined the card, and didn’t say why." in staffs
    assert ("Failed on" in staffs, "Use another card" in staffs) == (True, False)
    assert "The bank declined the card, and didn’t say why." in text_of(ada.get("/payments"))


def test_the_first_visit_says_where_payments_come_from(petra: Person):
    assert "No payments yet" in text_of(petra.get("/payments"))


@pytest.mark.parametrize("stranger", ["gus", "ines"])
def test_acmes_payment_looks_like_none_to_strangers(
    stranger: str,
    signed_in,
    petra: Person,
    bill: Bill,
    add_card: AddCard,
    owner: Connection,
    sandbox: RunningSandbox,
):
    location = pay(petra, add_card(petra), (bill("10.00"), "10.00")).headers["location"]
    payment, other = location.rpartition("/")[2], signed_in(stranger)
    calls = sandbox.calls()
    with nothing_changes(owner):
        for path in ("", "/return"):
            theirs = other.get(f"/payments/{payment}{path}")
            absent = other.get(f"/payments/pay_{NOBODYS}{path}")
            assert (theirs.status_code, theirs.text) == (404, absent.text)
            assert other.get(f"{location}{path}").status_code == 404
    assert sandbox.calls() == calls


def test_petra_gives_up_a_payment_that_waits_for_the_bank_and_pays_another_way(
    petra: Person, vera: Person, bill: Bill, add_card: AddCard, owner: Connection, sandbox: RunningSandbox
):
    careful, card, invoice = add_card(petra, AUTHENTICATES), add_card(petra), bill("10.00")
    bank = pay(petra, careful, (invoice, "10.00")).headers["location"]
    waiting = re.search(r"pay_[0-9a-f]{32}", petra.get("/payments").text)[0]
    with nothing_changes(owner):
        assert vera.post(f"/payments/{waiting}/cancel").status_code == 403
        assert petra.post(f"/payments/{waiting}/cancel", forged=True).status_code == 403
        assert petra.get(f"/payments/{waiting}/cancel").url.path.endswith(waiting)
        sandbox.fail("reset_before", on="cancel")
        down = petra.get(petra.post(f"/payments/{waiting}/cancel").headers["location"])
    assert "The payment can't be canceled just now." in text_of(down)
    page = petra.get(petra.post(f"/payments/{waiting}/cancel").headers["location"])
    assert "The payment is given up." in text_of(page)
    assert "Nothing was charged" in text_of(page)
    sandbox.authenticate(bank, passed=True)
    assert pay(petra, card, (invoice, "10.00")).status_code == 303
    late = petra.get(petra.post(f"/payments/{waiting}/cancel").headers["location"])
    assert "This payment can't be canceled any more." in text_of(late)
    assert [charge["status"] for charge in sandbox.charges()] == ["FAILED", "SUCCEEDED"]
