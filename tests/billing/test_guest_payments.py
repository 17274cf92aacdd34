"""What a guest may pay: all of the link's one invoice, with the card typed for that, and nothing else."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from auth.actors import Actor, MissingRight, system
from auth.throttle import TooMany
from billing import guest_payments, pay_links, payment_methods, payments
from billing.invoices import Invoice
from billing.payment_methods import MethodRemoved, PaymentMethodSetup
from billing.payment_orders import LessIsLeft, TotalChanged
from billing.payments import PaymentStatus
from billing.ports import Funding, MethodDetails, MethodKind, SetupResult, SetupStatus
from errors import NotFound
from tests.billing.acting import Acts
from tests.billing.paying import Till, answer_to
from tests.cast import Cast
from tests.figures import rounds
from tests.money.desk import back, usd


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    """Acme's payments."""
    return Till(acts, cast)


@pytest.fixture
def invoice(till: Till) -> Invoice:
    """An open invoice of Acme's over $100.00."""
    return till.invoice(10_000)


@pytest.fixture
def guest(till: Till, invoice: Invoice) -> Actor:
    """Whoever holds a link to it."""
    return guest_of(till, invoice)


def guest_of(till: Till, invoice: Invoice) -> Actor:
    acts = till.acts
    made = acts(till.cast.ada, pay_links.create, invoice_id=invoice.id)
    with acts.database.transaction() as db:
        return pay_links.let_in_to_pay(db, token=made.token, link_id=made.link.id, now=acts.now).actor


def entry_of(
    till: Till, guest: Actor, kind: MethodKind = MethodKind.CARD, *, told: Actor | None = None
) -> PaymentMethodSetup:
    """A card typed by the guest, as the gateway tells of it, to `told` if not to the guest's page."""
    acts, ref = till.acts, uuid4().hex
    begun = acts(
        guest, payment_methods.begin_setup, customer_id=till.acme, gateway="sandbox",
    )  # fmt: skip
    acts(guest, payment_methods.attach_setup, setup_id=begun.id, gateway_setup=ref)
    details = MethodDetails(ref, kind, Funding.CREDIT, "visa", "4242", 12, 2034, "print")
    acts(
        told or guest, payment_methods.finish_setup, setup_id=begun.id,
        result=SetupResult(SetupStatus.DONE, details),
    )  # fmt: skip
    return acts(guest, payment_methods.find_setup, gateway="sandbox", gateway_setup=ref)


def begin(
    till: Till, guest: Actor, setup: PaymentMethodSetup, minor: int = 10_000, **where: Any
) -> payments.Payment:
    what = {"setup": setup, "expected_minor": minor, "return_url": back, "address": "192.0.2.1", **where}
    return till.acts(guest, guest_payments.begin, **what)


def test_a_guest_pays_it_all_and_the_same_entry_is_the_same_payment(till: Till, guest: Actor) -> None:
    setup = entry_of(till, guest)
    due = till.acts(guest, guest_payments.review, setup=setup)
    assert (due.total, due.method.last4) == (usd(10_000), "4242")
    payment = begin(till, guest, setup)
    with till.acts.nothing_changes():
        assert begin(till, guest, setup).id == payment.id
    till.settle(payment, answer_to(payment), who=guest)
    assert till.again(payment).status is PaymentStatus.SUCCEEDED
    assert till.again(payment).asked_by == guest.id


@pytest.mark.parametrize("minor", [1, 9_999, 10_001])
def test_a_guest_pays_no_part_and_no_more(till: Till, guest: Actor, minor: int) -> None:
    setup = entry_of(till, guest)
    with till.acts.nothing_changes(), pytest.raises(TotalChanged):
        begin(till, guest, setup, minor)


def test_whoever_was_shown_another_amount_pays_the_right_one_with_the_same_entry(
    till: Till, guest: Actor
) -> None:
    setup = entry_of(till, guest)
    with till.acts.nothing_changes(), pytest.raises(TotalChanged):
        begin(till, guest, setup, 9_999)
    payment = begin(till, guest, setup)
    assert payment.amount_minor == 10_000
    # Once it is begun, nothing else comes of the entry, whatever is asked then.
    with till.acts.nothing_changes():
        assert begin(till, guest, setup, 9_999).id == payment.id


def test_a_guest_pays_no_other_invoice_and_none_beside_it(till: Till, guest: Actor, invoice: Invoice) -> None:
    other = till.invoice(10_000)
    setup = entry_of(till, guest)
    card = setup.payment_method_id
    assert card is not None
    for shares in ([(other.id, 10_000)], [(invoice.id, 10_000), (other.id, 10_000)]):
        method = card_of(till, card)
        with till.acts.nothing_changes(), pytest.raises(NotFound):
            till.acts(guest, payments.begin, **till.order(method, *shares))
        order = till.order(method, *shares)
        review = {name: order[name] for name in ("customer_id", "shares", "payment_method_id")}
        with till.acts.nothing_changes(), pytest.raises(NotFound):
            till.acts(guest, payments.review, **review)


def card_of(till: Till, card: object) -> payment_methods.PaymentMethod:
    with till.acts.database.transaction(partner_id=till.cast.ada.partner_id) as db:
        return db.get_one(payment_methods.PaymentMethod, (till.cast.ada.partner_id, card))


def test_a_guest_uses_no_card_on_file_and_nobody_elses_entry(
    till: Till, guest: Actor, invoice: Invoice
) -> None:
    on_file = till.card()
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        till.acts(guest, payments.begin, **till.order(on_file, (invoice.id, 10_000)))
    other = guest_of(till, invoice)
    setup = entry_of(till, other)
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        begin(till, guest, setup)
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        till.acts(guest, payment_methods.find_setup, gateway="sandbox", gateway_setup=setup.gateway_setup)
    bank = entry_of(till, guest, MethodKind.BANK)
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        begin(till, guest, bank)


def test_what_a_guest_typed_is_charged_by_nobody_else(till: Till, guest: Actor, invoice: Invoice) -> None:
    setup = entry_of(till, guest)
    method = card_of(till, setup.payment_method_id)
    assert (method.removed_at, method.is_default, method.added_by) == (till.acts.now, False, None)
    for who in (till.cast.petra, till.cast.ada):
        with till.acts.nothing_changes(), pytest.raises(MethodRemoved):
            till.acts(who, payments.begin, **till.order(method, (invoice.id, 10_000)))
        with till.acts.nothing_changes(), pytest.raises(MethodRemoved):
            till.acts(who, payment_methods.set_default, method_id=method.id)
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        what = {"gateway": "sandbox", "gateway_setup": setup.gateway_setup}
        till.acts(till.cast.carl, payment_methods.find_setup, **what)


def test_the_gateways_event_keeps_it_no_more_than_the_page(till: Till, guest: Actor) -> None:
    setup = entry_of(till, guest, told=system(guest.partner_id))
    method = card_of(till, setup.payment_method_id)
    assert (method.removed_at, method.is_default) == (till.acts.now, False)
    assert begin(till, guest, setup).payment_method_id == method.id


def test_while_somebody_pays_a_part_a_guest_waits(till: Till, guest: Actor, invoice: Invoice) -> None:
    setup = entry_of(till, guest)
    payment = till.begin(till.card(), (invoice.id, 4_000))
    for minor in (6_000, 10_000):
        with till.acts.nothing_changes(), pytest.raises(LessIsLeft):
            begin(till, guest, setup, minor)
    till.settle(payment, answer_to(payment))
    assert begin(till, guest, setup, 6_000).amount_minor == 6_000


def test_a_guest_meets_no_payment_but_its_own(till: Till, guest: Actor, invoice: Invoice) -> None:
    other = till.begin(till.card(), (till.invoice(500).id, 500))
    for rule in (payments.find, payments.locked, payments.cancel):
        with till.acts.nothing_changes(), pytest.raises(NotFound):
            till.acts(guest, rule, payment_id=other.id)
    mine = begin(till, guest, entry_of(till, guest))
    second = guest_of(till, invoice)
    with till.acts.nothing_changes(), pytest.raises(NotFound):
        till.acts(second, payments.find, payment_id=mine.id)
    # Their company sees it, as every payment of theirs.
    assert till.acts(till.cast.petra, payments.find, payment_id=mine.id).id == mine.id


def test_a_guest_keeps_and_removes_no_method(till: Till, guest: Actor) -> None:
    on_file = till.card()
    for rule in (payment_methods.set_default, payment_methods.remove):
        with till.acts.nothing_changes(), pytest.raises(MissingRight):
            till.acts(guest, rule, method_id=on_file.id)


def tried(till: Till, guests: list[Actor], addresses: list[str], tries: int) -> int:
    """How many charges get through of a run of stolen cards that are all declined."""
    through = 0
    for number in range(tries):
        guest = guests[number % len(guests)]
        setup = entry_of(till, guest)
        where = {"address": addresses[number % len(addresses)]}
        try:
            payment = begin(till, guest, setup, **where)
        except TooMany:
            continue
        till.settle(payment, answer_to(payment, "FAILED"), who=guest)
        through += 1
    return through


@pytest.mark.prove
def test_whoever_tries_cards_on_one_invoice_gets_five_from_however_many_addresses(
    till: Till, invoice: Invoice
) -> None:
    guests = [guest_of(till, invoice) for _ in range(3)]
    addresses = [f"198.51.100.{number}" for number in range(100)]
    assert tried(till, guests, addresses, rounds(8, 200)) == 5
    setup = entry_of(till, guests[0])
    with till.acts.nothing_changes(), pytest.raises(TooMany):
        begin(till, guests[0], setup)
    # An hour later it begins anew.
    assert begin(till, guests[0], setup, now=till.acts.now + timedelta(hours=1, seconds=1)).tries == 0


@pytest.mark.prove
def test_whoever_tries_cards_from_one_address_gets_five_on_however_many_invoices(till: Till) -> None:
    guests = [guest_of(till, till.invoice(10_000)) for _ in range(rounds(7, 20))]
    home = [f"2001:db8::{number:x}" for number in range(16)]
    assert tried(till, guests, home, rounds(8, 200)) == 5
    other = entry_of(till, guests[-1])
    assert begin(till, guests[-1], other, address="203.0.113.9").amount_minor == 10_000


def test_a_fresh_link_that_was_mailed_has_five_tries_of_its_own(till: Till, invoice: Invoice) -> None:
    guest = guest_of(till, invoice)
    assert tried(till, [guest], ["192.0.2.1"], 6) == 5
    proved = replace(guest_of(till, invoice), proved_at=till.acts.now)
    assert tried(till, [proved], ["192.0.2.1"], 7) == 5
    assert tried(till, [guest], ["192.0.2.1"], 1) == 0


def test_paying_is_no_decline_and_the_same_card_again_is_no_second_try(till: Till) -> None:
    for _ in range(7):
        guest = guest_of(till, till.invoice(500))
        setup = entry_of(till, guest)
        payment = begin(till, guest, setup, 500)
        assert begin(till, guest, setup, 500).id == payment.id
        paid = till.settle(payment, answer_to(payment), who=guest)
        for _ in range(3):
            what = {"payment": paid, "address": "192.0.2.1"}
            till.acts(guest, guest_payments.note_paid, **what)
    # Told thrice of each, it took back one each: five declines more, and no sixth.
    guests = [guest_of(till, till.invoice(500)) for _ in range(6)]
    cards = [entry_of(till, guest) for guest in guests]
    for guest, card in list(zip(guests, cards, strict=True))[:5]:
        begin(till, guest, card, 500)
    with till.acts.nothing_changes(), pytest.raises(TooMany):
        begin(till, guests[5], cards[5], 500)
    assert till.acts(guests[5], guest_payments.is_stopped, address="192.0.2.1")
    assert not till.acts(guests[5], guest_payments.is_stopped, address="192.0.2.2")


def test_twenty_cards_an_hour_may_be_typed_for_an_invoice(till: Till, guest: Actor) -> None:
    for number in range(20):
        till.acts(guest, guest_payments.admit_entry, address=f"192.0.2.{number}")
    with till.acts.nothing_changes(), pytest.raises(TooMany):
        till.acts(guest, guest_payments.admit_entry, address="192.0.2.99")


def test_who_is_no_guest_has_no_invoice_here(till: Till, guest: Actor) -> None:
    with pytest.raises(NotFound):
        till.acts(till.cast.petra, guest_payments.invoice_of)
    with pytest.raises(NotFound):
        till.acts(replace(guest, invoice_id=None), guest_payments.invoice_of)
