"""Looking at a payment before it is made, and finding what a key has begun: nothing moves by looking."""

import pytest

from auth.actors import MissingRight
from billing import payments
from billing.invoice_life import NotOpen
from billing.payment_methods import MethodRemoved
from billing.payment_orders import LessIsLeft
from db.session import Database
from errors import NotFound
from tests.billing.acting import Acts, problems_of
from tests.billing.paying import Till, answer_to
from tests.cast import Cast
from tests.money.desk import usd


@pytest.fixture
def till(acts: Acts, cast: Cast) -> Till:
    return Till(acts, cast)


def shown(till: Till, card, *shares, who: str = "petra"):
    order = till.order(card, *shares)
    what = {name: order[name] for name in ("customer_id", "shares", "payment_method_id")}
    return till.acts(till.cast.actors[who], payments.review, **what)


def test_the_total_is_shown_and_nothing_is_reserved(till: Till) -> None:
    first, second, card = till.invoice(10_000), till.invoice(5_000), till.card()
    with till.acts.nothing_changes():
        assert shown(till, card, (first.id, 10_000), (second.id, 1)) == usd(10_001)


def test_what_could_not_be_begun_is_not_shown(till: Till, cast: Cast) -> None:
    first, second, card, gone = till.invoice(), till.invoice(), till.card(), till.card("pm_2")
    till.acts(cast.petra, payments.payment_methods.remove, method_id=gone.id)
    till.begin(card, (first.id, 9_000))
    paid = till.begin(card, (second.id, 10_000))
    till.settle(paid, answer_to(paid))
    with till.acts.nothing_changes():
        with pytest.raises(LessIsLeft):
            shown(till, card, (first.id, 1_001))
        with pytest.raises(NotOpen):
            shown(till, card, (second.id, 1))
        with pytest.raises(MethodRemoved):
            shown(till, gone, (first.id, 1))
        with pytest.raises(MissingRight):
            shown(till, card, (first.id, 1), who="vera")
        assert problems_of(lambda: shown(till, card)) == [("REQUIRED", ("allocations",))]


@pytest.mark.parametrize("who", ["gus", "ines", "mallory"])
def test_another_company_is_shown_nothing(till: Till, layers: Database, who: str) -> None:
    invoice, card = till.invoice(), till.card()
    till.acts.database = layers
    with pytest.raises(NotFound):
        shown(till, card, (invoice.id, 1), who=who)


def test_what_a_key_began_is_found_by_who_began_it(till: Till, cast: Cast) -> None:
    invoice, card = till.invoice(), till.card()
    payment = till.begin(card, (invoice.id, 1), idempotency_key="k")

    def begun(name: str, key: str = "k"):
        return till.acts(cast.actors[name], payments.begun_with, idempotency_key=key)

    assert begun("petra").id == payment.id
    assert [begun("carl"), begun("ada"), begun("mallory"), begun("petra", "other")] == [None] * 4
