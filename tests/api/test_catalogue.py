"""Products, services and tax rates through the API."""

import pytest

from tests.api.writing import Things, Writer
from tests.world import nothing_changes

pytestmark = pytest.mark.anyio
ITEM = "catalogueItem { id name usdPrice cadPrice version archivedAt taxRates { name rate } }"


async def test_an_item_is_made_changed_archived_and_restored(writer: Writer, acme: Things) -> None:
    rate = (await writer.do("createTaxRate", {"name": "QST", "rate": "9.975"}, "taxRate { id rate }"))[
        "taxRate"
    ]
    assert rate["rate"] == "9.975"
    await writer.do("archiveTaxRate", {"id": rate["id"]})
    restored = await writer.do("restoreTaxRate", {"id": rate["id"]}, "taxRate { archivedAt version }")
    assert restored["taxRate"] == {"archivedAt": None, "version": 3}
    renamed = await writer.do("updateTaxRate", {"id": rate["id"], "name": "TVQ"}, "taxRate { name version }")
    assert renamed["taxRate"] == {"name": "TVQ", "version": 4}
    await writer.do("updateTaxRate", {"id": rate["id"], "name": "QST"})
    given = {"name": "Hour", "usdPrice": "150", "taxRateIds": [rate["id"]]}
    item = (await writer.do("createCatalogueItem", given, ITEM))["catalogueItem"]
    assert item == {
        "id": item["id"], "name": "Hour", "usdPrice": "150.00", "cadPrice": None, "version": 1,
        "archivedAt": None, "taxRates": [{"name": "QST", "rate": "9.975"}],
    }  # fmt: skip
    change = {"id": item["id"], "usdPrice": None, "cadPrice": "99.5", "taxRateIds": None, "version": 1}
    changed = (await writer.do("updateCatalogueItem", change, ITEM))["catalogueItem"]
    assert (changed["usdPrice"], changed["cadPrice"], changed["taxRates"]) == (None, "99.50", [])
    with nothing_changes(writer.client.owner):
        assert await writer.refused("updateCatalogueItem", change) == [("CONFLICT", "input")]
        assert await writer.refused("createCatalogueItem", {"name": "hour"}) == [("TAKEN", "input.name")]
        missing = {"name": "X", "taxRateIds": ["txr_" + "f" * 32]}
        assert await writer.refused("createCatalogueItem", missing) == [("NOT_FOUND", "input.taxRateIds")]
    kept = (await writer.do("archiveCatalogueItem", {"id": item["id"]}, ITEM))["catalogueItem"]
    assert kept["archivedAt"] is not None
    asked = '{ catalogueItems(where: {archivedAt: {isNull: true}, name: {eq: "HOUR"}}) { nodes { id } } }'
    assert (await writer.client.ask(asked)).data == {"catalogueItems": {"nodes": []}}
    back = (await writer.do("restoreCatalogueItem", {"id": item["id"]}, ITEM))["catalogueItem"]
    assert back["archivedAt"] is None
    assert (await writer.client.ask(asked)).data == {"catalogueItems": {"nodes": [{"id": item["id"]}]}}
