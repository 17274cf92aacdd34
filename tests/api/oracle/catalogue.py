"""Products, services and tax rates of a random world."""

from typing import TYPE_CHECKING
from uuid import UUID

from billing.catalogue import CatalogueItem, CatalogueItemTax
from billing.customer_fields import key_of
from billing.tax_rates import TaxRate
from db.columns import new_id

if TYPE_CHECKING:
    from tests.api.oracle.maker import Maker


def catalogue(maker: "Maker", partner: UUID) -> None:
    """Some of each, a few of them archived; items with none to several taxes."""
    rates = [_rate(maker, partner, place) for place in range(6)]
    for place in range(8):
        item = _item(maker, partner, place)
        for rate in maker.chance.sample(rates, maker.chance.randrange(4)):
            maker.write(CatalogueItemTax, partner_id=partner, item_id=item, tax_rate_id=rate)


def _rate(maker: "Maker", partner: UUID, place: int) -> UUID:
    id_, name = new_id(), maker.text()
    maker.write(
        TaxRate, partner_id=partner, id=id_, name=name, name_key=key_of(name), rate_e4=place * 12_345,
        version=place + 1, created_at=maker.moment(), updated_at=maker.moment(),
        archived_at=maker.maybe(maker.moment()),
    )  # fmt: skip
    return id_


def _item(maker: "Maker", partner: UUID, place: int) -> UUID:
    id_, name = new_id(), f"{maker.text()} {place}"
    maker.write(
        CatalogueItem, partner_id=partner, id=id_, name=name, name_key=key_of(name),
        description=maker.maybe(maker.text()), usd_minor=maker.maybe(maker.cents()),
        cad_minor=maker.maybe(maker.cents()), version=place + 1, created_at=maker.moment(),
        updated_at=maker.moment(), archived_at=maker.maybe(maker.moment()),
    )  # fmt: skip
    return id_
