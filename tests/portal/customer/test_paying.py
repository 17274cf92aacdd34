"""Paying in the portal: what is reviewed is what is charged, once, whatever people click (M-3, M-8)."""

from urllib.parse import urlsplit

import pytest
from sqlalchemy import Connection, text

from auth import memberships
from auth.memberships import Role
from db.session import Database
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.portal.conftest import Clock, Person, text_of
from tests.portal.customer.conftest import (
    AUTHENTICATES,
    DECLINED,
    NOBODYS,
    AddCard,
    Bill,
    Gone,
    hidden,
    order,
    pay,
    to_review,
    type_card,
)
from tests.world import nothing_changes


def statuses(owner: Connection) -> list[str]:
    """How every payment stands."""
    return list(owner.scalars(text("select status from payment order by created_at, id")))


def test_petra_adds_a_card_on_the_way_and_pays_two_invoices_at_once(
    petra: Person, bill: Bill, sandbox: RunningSandbox, owner: Connection
):
    late, other = bill("50.25", due_in=-5), bill("100.00")
    choice = petra.get("/pay?all=1")
    assert "There is no card on file yet" in text_of(choice)
    assert 'value="50.25"' in choice.text
    begun = petra.post(
        "/pay", {**order("", (late, "50.25"), (other, "40.00")), "_pressed": "add-card"}
    ).headers["location"]
    # Back with the amounts as they were typed, the new card chosen.
    choice = petra.get(type_card(petra, sandbox, begun, "4242 4242 4242 4242"))
    assert choice.url.path == f"{petra.home}/pay"
    assert "Visa ending in 4242 is saved." in text_of(choice)
    assert 'value="40.00"' in choice.text
    method = dict(choice.url.params)["method"]
    assert f'value="{method}" checked' in choice.text
    review = petra.get(to_review(petra, method, (late, "50.25"), (other, "40.00")))
    shown = text_of(review)
    assert "NO-00001 Mar 5, 2026 $50.25" in shown
    assert "NO-00002 a part of $100.00 Apr 9, 2026 $40.00" in shown
    assert "Total $90.25 Paid to Northwind With Visa ending in 4242" in shown
    assert sandbox.charges() == []
    result = petra.get(petra.post("/pay/review", hidden(review)).headers["location"])
    assert "$90.25 is paid. Thank you. A receipt is on its way to petra@acme.example." in text_of(result)
    assert [charge["amount_minor"] for charge in sandbox.charges()] == [9025]
    paid = owner.execute(text("select number, status, paid_minor from invoice order by number")).all()
    assert paid == [("NO-00001", "PAID", 5025), ("NO-00002", "OPEN", 4000)]
    assert owner.scalar(text("select count(*) from mail where kind = 'RECEIPT'")) == 1


def test_the_same_review_is_one_payment_however_often_it_is_confirmed(
    petra: Person, bill: Bill, add_card: AddCard, sandbox: RunningSandbox, owner: Connection
):
    method, invoice = add_card(petra), bill("100.00")
    address = to_review(petra, method, (invoice, "30.00"))
    one_tab, other_tab = petra.get(address), petra.get(address)
    assert hidden(one_tab) == hidden(other_tab)
    first = petra.post("/pay/review", hidden(one_tab)).headers["location"]
    with nothing_changes(owner):
        assert petra.post("/pay/review", hidden(one_tab)).headers["location"] == first
        assert petra.post("/pay/review", hidden(other_tab)).headers["location"] == first
        back = petra.get(address)
    assert back.url.path == first
    assert "You have confirmed this payment before." in text_of(back)
    assert len(sandbox.charges()) == 1
    # A new review of the rest is a new payment.
    assert pay(petra, method, (invoice, "70.00")).headers["location"] != first
    assert len(sandbox.charges()) == 2


def test_what_is_confirmed_is_what_was_shown(
    petra: Person, bill: Bill, add_card: AddCard, sandbox: RunningSandbox, owner: Connection
):
    method, invoice = add_card(petra), bill("100.00")
    fields = hidden(petra.get(to_review(petra, method, (invoice, "30.00"))))
    with nothing_changes(owner):
        answer = petra.post("/pay/review", {**fields, "allocations-0-amount": "90.00"})
    assert answer.status_code == 409
    assert "The total is $90.00, not what was shown." in text_of(answer)
    assert petra.post("/pay/review", fields).status_code == 303
    with nothing_changes(owner):
        # A key stands for one order only.
        answer = petra.post("/pay/review", {**fields, "allocations-0-amount": "5.00", "total": "5.00"})
    assert answer.status_code == 409
    assert [charge["amount_minor"] for charge in sandbox.charges()] == [3000]


def test_wrong_amounts_are_refused_at_their_fields_and_stay(
    petra: Person, bill: Bill, add_card: AddCard, owner: Connection
):
    method, first, second = add_card(petra), bill("100.00"), bill("50.00")
    with nothing_changes(owner):
        for typed, row in (("12,50", 1), ("0", 1), ("50.01", 1)):
            answer = petra.post("/pay", order(method, (first, "20.00"), (second, typed)))
            assert answer.status_code == 422
            assert f'value="{typed}"' in answer.text
            assert f'id="error-allocations-{row}-amount"' in answer.text
        none = petra.post("/pay", order(method, (first, ""), (second, " ")))
        assert (none.status_code, "Choose at least one invoice to pay." in text_of(none)) == (422, True)
        unchosen = petra.post("/pay", order("", (first, "20.00")))
        assert "Choose a payment method, or add a card first." in text_of(unchosen)


def test_an_invoice_without_an_amount_is_left_out(petra: Person, bill: Bill, add_card: AddCard):
    method, first, second = add_card(petra), bill("100.00"), bill("50.00")
    review = petra.get(to_review(petra, method, (first, ""), (second, "50.00")))
    assert "Total $50.00" in text_of(review)
    assert "NO-00001" not in review.text


def test_what_a_colleague_pays_meanwhile_is_not_paid_again(
    petra: Person, carl: Person, bill: Bill, add_card: AddCard, sandbox: RunningSandbox, owner: Connection
):
    method, invoice = add_card(petra), bill("100.00")
    address = to_review(petra, method, (invoice, "100.00"))
    review = petra.get(address)
    assert pay(carl, method, (invoice, "60.00")).status_code == 303
    with nothing_changes(owner):
        late = petra.post("/pay/review", hidden(review))
        again = petra.get(address)
    assert late.status_code == 409
    assert "Only $40.00 of invoice NO-00001 is left to pay" in text_of(late)
    assert again.url.path == f"{petra.home}/pay"
    assert "Only $40.00 of invoice NO-00001 is left to pay" in text_of(again)
    assert len(sandbox.charges()) == 1


def test_a_declined_card_says_why_and_leaves_the_invoice_payable(
    petra: Person, bill: Bill, add_card: AddCard, sandbox: RunningSandbox, owner: Connection
):
    bad, good, invoice = add_card(petra, DECLINED), add_card(petra), bill("100.00")
    answer = pay(petra, bad, (invoice, "100.00"))
    page = petra.get(answer.headers["location"])
    shown = text_of(page)
    assert "The payment did not go through" in shown
    assert "The bank declined the card." in shown
    assert "Nothing was charged" in shown
    assert f"/pay?pay={invoice}~100.00" in page.text
    assert f"/pay?pay={invoice}" in petra.get(f"/invoices/{invoice}").text
    assert owner.scalar(text("select count(*) from mail where kind = 'RECEIPT'")) == 0
    assert pay(petra, good, (invoice, "100.00")).status_code == 303
    assert statuses(owner) == ["FAILED", "SUCCEEDED"]
    assert [charge["status"] for charge in sandbox.charges()] == ["FAILED", "SUCCEEDED"]


@pytest.mark.parametrize(("passed", "ending"), [(True, "SUCCEEDED"), (False, "FAILED")])
def test_a_card_that_needs_authentication_goes_to_the_bank_and_comes_back(
    petra: Person,
    bill: Bill,
    add_card: AddCard,
    sandbox: RunningSandbox,
    owner: Connection,
    passed: bool,
    ending: str,
):
    method, invoice = add_card(petra, AUTHENTICATES), bill("100.00")
    review = petra.get(to_review(petra, method, (invoice, "100.00")))
    # The browser holds the redirect after the form against the form's page.
    assert sandbox.url in review.headers["content-security-policy"].partition("form-action")[2]
    confirmed = petra.post("/pay/review", hidden(review))
    assert (confirmed.status_code, statuses(owner)) == (303, ["REQUIRES_ACTION"])
    bank = confirmed.headers["location"]
    assert bank.startswith(f"{sandbox.url}/authenticate/")
    assert petra.post("/pay/review", hidden(review)).headers["location"] == bank
    waiting = petra.get("/payments")
    assert "Needs confirmation" in text_of(waiting)
    back = urlsplit(sandbox.authenticate(bank, passed=passed).headers["location"])
    page = petra.get(back.path)
    assert statuses(owner) == [ending]
    assert ("$100.00 is paid. Thank you." in text_of(page)) is passed
    assert ("Nothing was charged" in text_of(page)) is not passed
    with nothing_changes(owner):
        petra.get(back.path)
    assert len(sandbox.charges()) == 1


def test_a_bank_that_does_not_answer_leaves_the_payment_unknown_and_is_not_asked_twice(
    petra: Person, bill: Bill, add_card: AddCard, sandbox: RunningSandbox, owner: Connection
):
    method, invoice = add_card(petra), bill("100.00")
    address = to_review(petra, method, (invoice, "100.00"))
    review = petra.get(address)
    sandbox.fail("reset")  # carried out, and the answer cut
    first = petra.post("/pay/review", hidden(review)).headers["location"]
    page = petra.get(first)
    assert statuses(owner) == ["UNKNOWN"]
    assert "The bank has not answered yet. Please don't pay again." in text_of(page)
    assert f'href="{first}/return"' in page.text
    assert "payment on its way" in text_of(petra.get("/invoices"))
    assert "/pay?pay=" not in petra.get(f"/invoices/{invoice}").text
    with nothing_changes(owner):
        assert petra.post("/pay/review", hidden(review)).headers["location"] == first
        refused = petra.post("/pay", order(method, (invoice, "100.00")))
    assert refused.status_code == 409
    assert "$100.00 is paid" in text_of(petra.get(f"{first}/return"))
    assert statuses(owner) == ["SUCCEEDED"]
    assert len(sandbox.charges()) == 1


def test_a_gateway_that_was_never_reached_charged_nothing_and_the_invoice_stays_payable(
    petra: Person, bill: Bill, add_card: AddCard, sandbox: RunningSandbox, owner: Connection, gone: Gone
):
    method, invoice = add_card(petra), bill("100.00")
    review = petra.get(to_review(petra, method, (invoice, "100.00")))
    with gone():
        page = petra.get(petra.post("/pay/review", hidden(review)).headers["location"])
        for path in ("/invoices", "/payments", "/payment-methods", f"/pay?pay={invoice}"):
            assert petra.get(path).status_code == 200
    assert "The payment could not be sent." in text_of(page)
    assert (statuses(owner), sandbox.charges()) == (["FAILED"], [])
    assert pay(petra, method, (invoice, "100.00")).status_code == 303
    assert statuses(owner) == ["FAILED", "SUCCEEDED"]


def test_vera_may_not_pay(vera: Person, petra: Person, bill: Bill, add_card: AddCard, owner: Connection):
    method, invoice = add_card(petra), bill("100.00")
    address = to_review(petra, method, (invoice, "100.00"))
    fields = hidden(petra.get(address))
    with nothing_changes(owner):
        assert vera.get(f"/pay?pay={invoice}").status_code == 403
        assert vera.get(address).status_code == 403
        assert vera.post("/pay", order(method, (invoice, "100.00"))).status_code == 403
        assert vera.post("/pay/review", fields).status_code == 403


def test_rights_are_looked_at_when_it_counts(
    petra: Person,
    bill: Bill,
    add_card: AddCard,
    sandbox: RunningSandbox,
    owner: Connection,
    database: Database,
    cast: Cast,
    clock: Clock,
):
    fields = hidden(petra.get(to_review(petra, add_card(petra), (bill("100.00"), "100.00"))))
    with database.transaction(partner_id=cast.carl.partner_id, customer_id=cast.carl.customer_id) as db:
        memberships.change_role(db, cast.carl, membership_id=cast.petra.id, role=Role.VIEWER, now=clock())
    with nothing_changes(owner):
        assert petra.post("/pay/review", fields).status_code == 403
    assert sandbox.charges() == []


@pytest.mark.parametrize("stranger", ["gus", "ines"])
def test_strangers_can_pay_neither_acmes_invoice_nor_with_acmes_card(
    stranger: str,
    signed_in,
    petra: Person,
    bill: Bill,
    add_card: AddCard,
    owner: Connection,
    sandbox: RunningSandbox,
):
    acmes_card, acmes = add_card(petra), bill("100.00")
    other, own = signed_in(stranger), bill("10.00", "globex" if stranger == "gus" else "initech")
    own_card = add_card(other)
    nobodys = f"inv_{NOBODYS}"
    with nothing_changes(owner):
        for theirs, absent in (
            ((own_card, (acmes, "1.00")), (own_card, (nobodys, "1.00"))),
            ((acmes_card, (own, "1.00")), (f"pm_{NOBODYS}", (own, "1.00"))),
        ):
            confirmation = {"total": "1.00", "key": "k"}
            for path, more in (("/pay", {}), ("/pay/review", confirmation)):
                answers = [other.post(path, order(*row) | more) for row in (theirs, absent)]
                assert [answer.status_code for answer in answers] == [404, 404]
                assert answers[0].text == answers[1].text
        for path in ("/pay?pay={}", "/pay/review?pay={}~1.00&currency=USD&method=" + own_card + "&key=k"):
            answers = [other.get(path.format(invoice)) for invoice in (acmes, nobodys)]
            assert [answer.status_code for answer in answers] == [404, 404]
    assert sandbox.charges("acct_northwind") == sandbox.charges("acct_contoso") == []


def test_a_forged_confirmation_pays_nothing(
    petra: Person, bill: Bill, add_card: AddCard, owner: Connection, sandbox: RunningSandbox
):
    fields = hidden(petra.get(to_review(petra, add_card(petra), (bill("100.00"), "100.00"))))
    with nothing_changes(owner):
        assert petra.post("/pay/review", fields, forged=True).status_code == 403
    assert sandbox.charges() == []


@pytest.mark.parametrize(
    "address",
    ["/pay/review?key=k", "/pay/review?pay=inv_x~1&currency=USD&key=k", "/pay/review?pay=inv_" + NOBODYS],
)
def test_a_review_that_we_did_not_make_is_not_found(petra: Person, address: str):
    assert petra.get(address).status_code == 404


def test_paying_without_a_choice_leads_back_to_the_invoices(petra: Person, bill: Bill, add_card: AddCard):
    for path in ("/pay", "/pay/review"):
        assert petra.get(path).url.path == f"{petra.home}/invoices"
    paid = bill("10.00")
    pay(petra, add_card(petra), (paid, "10.00"))
    assert "Nothing to pay here" in text_of(petra.get(f"/pay?pay={paid}"))


def test_all_open_invoices_are_paid_oldest_first_up_to_a_hundred(petra: Person, bill: Bill):
    bill("1.00", times=102)
    page = petra.get("/pay?all=1")
    assert page.text.count('value="1.00"') == 100
    assert "2 more are open" in text_of(page)
