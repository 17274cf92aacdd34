"""Products, services and tax rates: kept, offered, archived; and what no invoice notices of them."""

from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from auth.actors import MissingRight
from billing import catalogue, tax_rates
from billing.catalogue import CatalogueInput, CatalogueItem, ItemInUse
from billing.tax_rates import RateInUse, TaxRate, TaxRateInput
from db.columns import new_id
from db.session import Database
from errors import Conflict, NotFound
from tests.billing.acting import Acts, at_once, codes, problems_of
from tests.cast import Cast

HOUR = CatalogueInput(name="Hour", description="Consulting, per hour", usd_price="150.00", cad_price="200")
GST = TaxRateInput(name="GST", rate="5")


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


@pytest.fixture
def gst(acts: Acts, cast: Cast) -> TaxRate:
    """Northwind's GST."""
    return acts(cast.clem, tax_rates.create, fields=GST)


@pytest.fixture
def hour(acts: Acts, cast: Cast, gst: TaxRate) -> CatalogueItem:
    """An hour of Northwind's, with GST."""
    return acts(cast.clem, catalogue.create, fields=HOUR, tax_rate_ids=[gst.id])


def test_an_item_has_a_price_for_each_currency_and_its_taxes(
    hour: CatalogueItem, gst: TaxRate, owner: Connection
) -> None:
    assert (hour.usd_minor, hour.cad_minor, gst.rate_e4) == (15_000, 20_000, 50_000)
    assert owner.execute(text("select item_id, tax_rate_id from catalogue_item_tax")).one() == (
        hour.id, gst.id,
    )  # fmt: skip


def test_everything_wrong_is_said_at_once(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes():
        wrong = CatalogueInput(name=" ", description="x" * 501, usd_price="-1", cad_price="1.005")
        assert problems_of(lambda: acts(cast.ada, catalogue.create, fields=wrong)) == [
            ("REQUIRED", ("name",)), ("TOO_LONG", ("description",)), ("BAD_NUMBER", ("usd_price",)),
            ("TOO_MANY_DECIMALS", ("cad_price",)),
        ]  # fmt: skip
        many = [new_id() for _ in range(6)]
        assert problems_of(
            lambda: acts(cast.ada, catalogue.create, fields=HOUR, tax_rate_ids=many)
        ) == [("TOO_MANY", ("tax_rate_ids",))]  # fmt: skip
        rate = TaxRateInput(name="", rate="101")
        assert problems_of(lambda: acts(cast.ada, tax_rates.create, fields=rate)) == [
            ("REQUIRED", ("name",)), ("OUT_OF_RANGE", ("rate",)),
        ]  # fmt: skip


def test_a_change_keeps_what_was_not_given_and_is_refused_when_late(
    acts: Acts, cast: Cast, hour: CatalogueItem, gst: TaxRate
) -> None:
    changed = acts(
        cast.ada, catalogue.update, item_id=hour.id, fields=CatalogueInput(usd_price=""), version=1
    )
    assert (changed.usd_minor, changed.cad_minor, changed.version) == (None, 20_000, 2)
    with acts.nothing_changes(), pytest.raises(Conflict):
        acts(cast.ada, catalogue.update, item_id=hour.id, fields=CatalogueInput(name="X"), version=1)
    with acts.nothing_changes():
        acts(cast.ada, catalogue.update, item_id=hour.id, fields=HOUR.model_copy(update={"usd_price": ""}))
    without = acts(cast.ada, catalogue.update, item_id=hour.id, fields=CatalogueInput(), tax_rate_ids=[])
    assert (without.version, acts.count("catalogue_item_tax")) == (3, 0)
    rate = acts(cast.ada, tax_rates.update, tax_rate_id=gst.id, fields=TaxRateInput(rate="6"), version=1)
    assert (rate.name, rate.rate_e4, rate.version) == ("GST", 60_000, 2)
    with acts.nothing_changes(), pytest.raises(Conflict):
        acts(cast.ada, tax_rates.update, tax_rate_id=gst.id, fields=GST, version=1)


def test_a_name_is_free_again_once_archived_and_restoring_asks_for_it(
    acts: Acts, cast: Cast, hour: CatalogueItem, gst: TaxRate
) -> None:
    with acts.nothing_changes():
        again = CatalogueInput(name="HOUR")
        assert problems_of(lambda: acts(cast.ada, catalogue.create, fields=again)) == [("TAKEN", ("name",))]
        same = TaxRateInput(name="gst", rate="5.0")
        assert problems_of(lambda: acts(cast.ada, tax_rates.create, fields=same)) == [("TAKEN", ("name",))]
    acts(cast.ada, catalogue.archive, item_id=hour.id)
    acts(cast.ada, tax_rates.archive, tax_rate_id=gst.id)
    with acts.nothing_changes():
        acts(cast.ada, catalogue.archive, item_id=hour.id)
        acts(cast.ada, tax_rates.archive, tax_rate_id=gst.id)
    other = acts(cast.ada, catalogue.create, fields=CatalogueInput(name="Hour"))
    rate = acts(cast.ada, tax_rates.create, fields=GST)
    with acts.nothing_changes(), pytest.raises(ItemInUse):
        acts(cast.ada, catalogue.restore, item_id=hour.id)
    with acts.nothing_changes(), pytest.raises(RateInUse):
        acts(cast.ada, tax_rates.restore, tax_rate_id=gst.id)
    acts(cast.ada, catalogue.update, item_id=other.id, fields=CatalogueInput(name="Hour, old"))
    acts(cast.ada, tax_rates.update, tax_rate_id=rate.id, fields=TaxRateInput(rate="7"))
    assert acts(cast.ada, catalogue.restore, item_id=hour.id).archived_at is None
    assert acts(cast.ada, tax_rates.restore, tax_rate_id=gst.id).archived_at is None


def test_of_many_who_add_one_name_at_once_one_wins(acts: Acts, cast: Cast) -> None:
    answers = at_once(6, lambda _: acts(cast.ada, catalogue.create, fields=HOUR))
    assert codes(answers) == {"CatalogueItem": 1, "TAKEN": 5}
    answers = at_once(6, lambda _: acts(cast.ada, tax_rates.create, fields=GST))
    assert codes(answers) == {"TaxRate": 1, "TAKEN": 5}


def test_who_may_not_edit_invoices_changes_none_and_no_stranger_finds_one(
    acts: Acts, cast: Cast, hour: CatalogueItem, gst: TaxRate
) -> None:
    for who in (cast.rita, cast.carl, cast.petra):
        with acts.nothing_changes():
            for rule, what in (
                (catalogue.create, {"fields": HOUR}), (catalogue.archive, {"item_id": hour.id}),
                (tax_rates.create, {"fields": GST}), (tax_rates.archive, {"tax_rate_id": gst.id}),
            ):  # fmt: skip
                with pytest.raises(MissingRight):
                    acts(who, rule, **what)
        assert bool(acts.read(who, catalogue.select(CatalogueItem))) == (who is cast.rita)
    assert acts.read(cast.mallory, catalogue.select(TaxRate)) == []
    with acts.nothing_changes():
        for rule in (catalogue.archive, catalogue.restore):
            with pytest.raises(NotFound):
                acts(cast.mallory, rule, item_id=hour.id)
        for rule in (tax_rates.archive, tax_rates.restore):
            with pytest.raises(NotFound):
                acts(cast.mallory, rule, tax_rate_id=gst.id)
        with pytest.raises(NotFound):
            acts(cast.mallory, catalogue.update, item_id=hour.id, fields=CatalogueInput(name="Mine"))
        with pytest.raises(NotFound):
            acts(cast.mallory, tax_rates.update, tax_rate_id=gst.id, fields=TaxRateInput(name="Mine"))
        with pytest.raises(NotFound):
            acts(cast.mallory, catalogue.create, fields=HOUR, tax_rate_ids=[gst.id])
