"""Methods on file: entered at the gateway, kept once, one default, removed but never edited."""

from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.actors import Actor, MissingRight
from auth.audit import AuditEvent
from auth.companies import CustomerClosed, CustomerNotReady
from billing import payment_methods
from billing.payment_methods import MethodRemoved, NoGatewayAccount, PaymentMethod, PaymentMethodSetup
from billing.ports import Funding, MethodDetails, MethodKind, SetupResult, SetupStatus
from db.session import Database
from errors import NotFound
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.figures import rounds
from tests.money.race import at_once

OPEN = SetupResult(SetupStatus.OPEN, None)


def entered(ref: str = "pm_1", fingerprint: str | None = None, exp_year: int = 2034) -> SetupResult:
    card = MethodDetails(
        ref, MethodKind.CARD, Funding.DEBIT, "visa", "5556", 12, exp_year, fingerprint or f"print of {ref}"
    )
    return SetupResult(SetupStatus.DONE, card)


def begun(acts: Acts, who: Actor, customer_id: UUID | None = None) -> PaymentMethodSetup:
    customer_id = customer_id or who.customer_id
    setup = acts(who, payment_methods.begin_setup, customer_id=customer_id, gateway="sandbox")
    acts(who, payment_methods.attach_setup, setup_id=setup.id, gateway_setup=f"seti_{setup.id.hex}")
    return setup


def added(acts: Acts, who: Actor, result: SetupResult) -> PaymentMethod:
    method = acts(who, payment_methods.finish_setup, setup_id=begun(acts, who).id, result=result)
    assert method is not None
    return method


def methods(acts: Acts, who: Actor) -> list[tuple[str, bool, bool]]:
    """Reference, default, removed: in the order they were added."""
    found = acts.read(who, select(PaymentMethod).order_by(PaymentMethod.created_at, PaymentMethod.id))
    return [(method.gateway_ref, method.is_default, method.removed_at is not None) for method in found]


def test_a_card_is_kept_when_the_gateway_says_it_is_done(acts: Acts, cast: Cast) -> None:
    setup = begun(acts, cast.petra)
    assert acts(cast.petra, payment_methods.finish_setup, setup_id=setup.id, result=OPEN) is None
    method = acts(cast.petra, payment_methods.finish_setup, setup_id=setup.id, result=entered())
    assert (method.kind, method.funding, method.brand, method.last4) == ("CARD", "DEBIT", "visa", "5556")
    assert (method.exp_month, method.exp_year, method.is_default) == (12, 2034, True)
    assert (method.gateway, method.gateway_account, method.added_by) == (
        "sandbox", "acct_northwind", cast.petra.id,
    )  # fmt: skip
    actions = acts.read(cast.ada, select(AuditEvent.action, AuditEvent.details))
    assert list(actions) == [("payment_method.added", {"brand": "visa", "last4": "5556"})]


def test_finishing_again_gives_the_same_method_and_changes_nothing(acts: Acts, cast: Cast) -> None:
    setup = begun(acts, cast.petra)
    what = {"setup_id": setup.id, "result": entered()}
    first = acts(cast.petra, payment_methods.finish_setup, **what)
    with acts.nothing_changes():
        assert acts(cast.ada, payment_methods.finish_setup, **what).id == first.id


def test_the_same_card_again_is_the_method_that_is_there(acts: Acts, cast: Cast) -> None:
    first = added(acts, cast.petra, entered("pm_1", "print"))
    assert added(acts, cast.carl, entered("pm_2", "print")).id == first.id
    assert added(acts, cast.carl, entered("pm_3", "print", exp_year=2035)).id != first.id
    assert methods(acts, cast.petra) == [("pm_1", True, False), ("pm_3", False, False)]


def test_a_removed_card_can_be_added_anew(acts: Acts, cast: Cast) -> None:
    first = added(acts, cast.petra, entered("pm_1", "print"))
    acts(cast.petra, payment_methods.remove, method_id=first.id)
    assert added(acts, cast.petra, entered("pm_2", "print")).id != first.id
    assert methods(acts, cast.petra) == [("pm_1", False, True), ("pm_2", True, False)]


def test_the_first_is_the_default_until_another_is_chosen(acts: Acts, cast: Cast) -> None:
    added(acts, cast.petra, entered("pm_1"))
    second = added(acts, cast.petra, entered("pm_2"))
    assert methods(acts, cast.petra) == [("pm_1", True, False), ("pm_2", False, False)]
    acts(cast.carl, payment_methods.set_default, method_id=second.id)
    assert methods(acts, cast.petra) == [("pm_1", False, False), ("pm_2", True, False)]
    with acts.nothing_changes():
        acts(cast.carl, payment_methods.set_default, method_id=second.id)


def test_removing_the_default_makes_the_newest_one_default(acts: Acts, cast: Cast) -> None:
    first, second, third = [added(acts, cast.petra, entered(f"pm_{n}")) for n in (1, 2, 3)]
    assert acts(cast.petra, payment_methods.remove, method_id=second.id).id == first.id
    assert acts(cast.petra, payment_methods.remove, method_id=first.id).id == third.id
    with acts.nothing_changes():
        assert acts(cast.petra, payment_methods.remove, method_id=first.id).id == third.id
        with pytest.raises(MethodRemoved):
            acts(cast.petra, payment_methods.set_default, method_id=first.id)
    assert acts(cast.petra, payment_methods.remove, method_id=third.id) is None
    assert methods(acts, cast.petra) == [("pm_1", False, True), ("pm_2", False, True), ("pm_3", False, True)]


def test_who_may_not_manage_methods_adds_chooses_and_removes_none(acts: Acts, cast: Cast) -> None:
    method, setup = added(acts, cast.petra, entered()), begun(acts, cast.petra)
    acme = cast.customers["acme"]
    with acts.nothing_changes():
        for who in ("vera", "rita", "clem"):
            for rule, what in (
                (payment_methods.begin_setup, {"customer_id": acme, "gateway": "sandbox"}),
                (payment_methods.attach_setup, {"setup_id": setup.id, "gateway_setup": "seti_x"}),
                (payment_methods.set_default, {"method_id": method.id}),
                (payment_methods.remove, {"method_id": method.id}),
            ):
                with pytest.raises(MissingRight):
                    acts(cast.actors[who], rule, **what)


@pytest.mark.parametrize("who", ["gus", "mallory", "ines"])
def test_another_companys_methods_are_not_found(acts: Acts, cast: Cast, layers: Database, who: str) -> None:
    method, setup = added(acts, cast.petra, entered()), begun(acts, cast.petra)
    acme, actor = cast.customers["acme"], cast.actors[who]
    acts.database = layers
    with acts.nothing_changes():
        for rule, what in (
            (payment_methods.begin_setup, {"customer_id": acme, "gateway": "sandbox"}),
            (payment_methods.attach_setup, {"setup_id": setup.id, "gateway_setup": "seti_x"}),
            (payment_methods.finish_setup, {"setup_id": setup.id, "result": entered("pm_9")}),
            (payment_methods.find_setup, {"gateway": "sandbox", "gateway_setup": f"seti_{setup.id.hex}"}),
            (payment_methods.set_default, {"method_id": method.id}),
            (payment_methods.remove, {"method_id": method.id}),
            (payment_methods.usable, {"customer_id": acme, "method_id": method.id}),
            (payment_methods.set_default, {"method_id": uuid4()}),
        ):
            with pytest.raises(NotFound):
                acts(actor, rule, **what)


def test_a_method_of_another_customer_of_the_same_partner_is_not_this_ones(acts: Acts, cast: Cast) -> None:
    method = added(acts, cast.petra, entered())
    what = {"customer_id": cast.customers["globex"], "method_id": method.id}
    with pytest.raises(NotFound):
        acts(cast.ada, payment_methods.usable, **what)


@pytest.mark.parametrize(("status", "refusal"), [("SETUP", CustomerNotReady), ("ARCHIVED", CustomerClosed)])
def test_a_customer_that_is_not_active_gets_no_method(
    acts: Acts, cast: Cast, owner: Connection, status: str, refusal: type
) -> None:
    archived = "now()" if status == "ARCHIVED" else "null"
    owner.execute(text(f"update customer set status = '{status}', archived_at = {archived}"))
    with acts.nothing_changes(), pytest.raises(refusal):
        begun(acts, cast.ada, cast.customers["acme"])


def test_what_was_entered_is_kept_even_if_the_customer_was_archived_meanwhile(
    acts: Acts, cast: Cast, owner: Connection
) -> None:
    setup = begun(acts, cast.petra)
    owner.execute(text("update customer set status = 'ARCHIVED', archived_at = now()"))
    assert acts(cast.petra, payment_methods.finish_setup, setup_id=setup.id, result=entered()) is not None


def test_without_a_gateway_account_no_method_can_be_added(acts: Acts, cast: Cast, owner: Connection) -> None:
    owner.execute(text("delete from gateway_account"))
    with acts.nothing_changes(), pytest.raises(NoGatewayAccount):
        begun(acts, cast.petra)


@pytest.mark.prove
def test_exactly_one_default_whoever_adds_chooses_and_removes_at_once(acts: Acts, cast: Cast) -> None:
    for turn in range(rounds(3, 20)):
        ready = [begun(acts, cast.petra) for _ in range(4)]
        present = [added(acts, cast.petra, entered(f"pm_{turn}_{n}")) for n in range(4)]

        def finish(setup: PaymentMethodSetup) -> None:
            result = entered(f"pm_new_{setup.id.hex}")
            acts(cast.petra, payment_methods.finish_setup, setup_id=setup.id, result=result)

        def choose(method: PaymentMethod) -> None:
            acts(cast.carl, payment_methods.set_default, method_id=method.id)

        def remove(method: PaymentMethod) -> None:
            acts(cast.petra, payment_methods.remove, method_id=method.id)

        acting = [lambda s=setup: finish(s) for setup in ready]
        acting += [lambda m=method: choose(m) for method in present]
        acting += [lambda m=method: remove(m) for method in present[:3]]
        outcomes = at_once(acting)
        assert {type(outcome) for outcome in outcomes} <= {type(None), MethodRemoved}
        usable = [is_default for _, is_default, removed in methods(acts, cast.petra) if not removed]
        assert usable.count(True) == 1
        assert len(usable) == 5 * (turn + 1)
