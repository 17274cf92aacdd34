"""The pages of products, services and tax rates, and picking them in the invoice editor."""

import re
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import Connection, text

from billing import catalogue, tax_rates
from billing.catalogue import CatalogueInput
from billing.tax_rates import TaxRateInput
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
ITEMS, RATES = "/settings/catalogue", "/settings/tax-rates"


@pytest.fixture
def acts(database: Database, owner: Connection, now: datetime) -> Acts:
    return Acts(database, owner, now)


def only_id(owner: Connection, table: str, prefix: str) -> str:
    found: UUID | None = owner.scalar(text(f"select id from {table}"))
    assert found is not None
    return ids.shown(prefix, found)


def value_of(page: str, name: str) -> str:
    """What stands in a field."""
    found = re.search(rf'<input[^>]* name="{name}"[^>]* value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def test_clem_adds_changes_archives_and_restores_a_tax_and_a_product(
    signed_in: Arrive, owner: Connection
) -> None:
    clem = signed_in("clem")
    assert "No tax rates yet" in text_of(clem.get(RATES))
    assert "Taxes to choose from are made under" in text_of(clem.get(f"{ITEMS}/new"))
    wrong = clem.post(f"{RATES}/new", {"name": "", "rate": "x"})
    assert (wrong.status_code, "2 things need your attention" in text_of(wrong)) == (422, True)
    assert clem.post(f"{RATES}/new", {"name": "GST", "rate": "5"}).status_code == 303
    rate = only_id(owner, "tax_rate", "txr")
    typed = {"name": "Hour", "description": "Consulting", "usd_price": "150", "cad_price": ""}
    assert clem.post(f"{ITEMS}/new", {**typed, "tax_rate_ids": [rate]}).status_code == 303
    listed = text_of(clem.get(ITEMS))
    assert "Hour Consulting $150.00 – GST 5%" in listed
    assert "Nothing found" in text_of(clem.get(f"{ITEMS}?search=day"))
    assert "Hour Consulting" in text_of(clem.get(f"{ITEMS}?search=HOU"))
    item = only_id(owner, "catalogue_item", "cit")
    shown = clem.get(f"{ITEMS}/{item}/edit").text
    assert (value_of(shown, "usd_price"), value_of(shown, "version")) == ("150.00", "1")
    assert re.search(rf'value="{rate}" checked', shown)
    change = {**typed, "version": "1", "cad_price": "x"}
    assert clem.post(f"{ITEMS}/{item}/edit", change).status_code == 422
    assert clem.post(f"{ITEMS}/{item}/edit", {**change, "cad_price": "200"}).status_code == 303
    assert "$150.00 CA$200.00 –" in text_of(clem.get(ITEMS))
    with nothing_changes(owner):
        assert clem.post(f"{ITEMS}/{item}/edit", {**change, "cad_price": "1"}).status_code == 409
    for path in (f"{ITEMS}/{item}", f"{RATES}/{rate}"):
        assert clem.post(f"{path}/archive").status_code == 303
    assert "No products or services yet" in text_of(clem.get(ITEMS))
    assert "Hour" in text_of(clem.get(f"{ITEMS}?archived=1"))
    assert "GST 5%" in text_of(clem.get(f"{RATES}?archived=1"))
    for path in (f"{ITEMS}/{item}", f"{RATES}/{rate}"):
        assert clem.post(f"{path}/restore").status_code == 303
    assert clem.post(f"{RATES}/{rate}/edit", {"name": "GST", "rate": "6", "version": "3"}).status_code == 303
    assert "GST 6%" in text_of(clem.get(RATES))
    log = text_of(signed_in("ada").get("/audit?about=tax_rate"))
    assert "archived the tax rate “GST”" in log
    assert "restored the tax rate “GST”" in log


def test_an_edit_that_comes_too_late_keeps_what_was_typed_and_says_what_changed(
    signed_in: Arrive, owner: Connection
) -> None:
    clem, ada = signed_in("clem"), signed_in("ada")
    clem.post(f"{RATES}/new", {"name": "GST", "rate": "5"})
    rate = only_id(owner, "tax_rate", "txr")
    clem.post(
        f"{ITEMS}/new", {"name": "Hour", "description": "Consulting", "usd_price": "150", "cad_price": ""}
    )
    item = f"{ITEMS}/{only_id(owner, 'catalogue_item', 'cit')}/edit"
    early = typed_in(clem.get(item).text)
    assert ada.post(item, {**early, "usd_price": "160", "tax_rate_ids": [rate]}).status_code == 303
    with nothing_changes(owner):
        late = clem.post(item, {**early, "name": "Hour of work", "usd_price": "170"})
    said = text_of(late)
    assert (late.status_code, "Somebody else saved first" in said) == (409, True)
    assert "was “150.00” and is now “160.00”. You typed “170”; saving replaces theirs." in said
    assert "Taxes was “nothing” and is now “GST”." in said
    again = typed_in(late.text)
    assert (again["name"], again["usd_price"], again["version"]) == ("Hour of work", "170", "2")
    assert re.search(rf'value="{rate}" checked', late.text)
    assert clem.post(item, {**again, "tax_rate_ids": [rate]}).status_code == 303
    assert "Hour of work Consulting $170.00 – GST 5%" in text_of(clem.get(ITEMS))
    path = f"{RATES}/{rate}/edit"
    early = typed_in(clem.get(path).text)
    ada.post(path, {**early, "rate": "6"})
    clem.client.cookies.set("remit_language", "fr")
    late = clem.post(path, {**early, "name": "TPS"})
    assert (late.status_code, typed_in(late.text)["rate"]) == (409, "6")
    assert "Quelqu’un d’autre a enregistré avant vous" in text_of(late)
    assert clem.post(path, typed_in(late.text)).status_code == 303


def typed_in(page: str) -> dict[str, str]:
    """The texts and hidden fields of the page's form."""
    form = page[page.index('class="card form-card"') :]
    pairs = re.findall(r'<input[^>]* name="([\w-]+)"[^>]* type="text"[^>]* value="([^"]*)"', form)
    pairs += re.findall(r'<input[^>]* type="hidden" name="([\w-]+)" value="([^"]*)"', form)
    return {name: value for name, value in pairs if name != "csrf_token"}


def test_what_is_picked_is_copied_to_a_line_and_later_changes_change_no_invoice(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    gst = acts(cast.ada, tax_rates.create, fields=TaxRateInput(name="GST", rate="5"))
    old = acts(cast.ada, tax_rates.create, fields=TaxRateInput(name="Old", rate="1"))
    fields = CatalogueInput(name="Hour", description="Consulting, per hour", usd_price="150.00")
    item = acts(cast.ada, catalogue.create, fields=fields, tax_rate_ids=[gst.id, old.id])
    acts(cast.ada, tax_rates.archive, tax_rate_id=old.id)
    clem = signed_in("clem")
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    assert "Hour · $150.00" in text_of(clem.get(new))
    with nothing_changes(owner):
        nothing = clem.post(new, {"_pressed": "pick-item", "pick_item": ""})
        assert (nothing.status_code, "Choose a product or service first." in nothing.text) == (422, True)
        typed = {"lines-0-description": "By hand", "lines-0-quantity": "2", "lines-0-unit_price": "10"}
        typed |= {f"lines-0-taxes-0-{name}": "" for name in ("name", "rate")}
        typed |= {f"lines-1-{name}": "" for name in ("description", "quantity", "unit_price")}
        picked = clem.post(new, {**typed, "_pressed": "pick-item", "pick_item": ids.shown("cit", item.id)})
        assert picked.status_code == 200
        filled = {
            "lines-1-description": "Consulting, per hour", "lines-1-quantity": "1",
            "lines-1-unit_price": "150.00", "lines-1-taxes-0-name": "GST", "lines-1-taxes-0-rate": "5",
        }  # fmt: skip
        assert {name: value_of(picked.text, name) for name in filled} == filled
        assert "lines-1-taxes-1-name" not in picked.text
        assert value_of(picked.text, "lines-0-description") == "By hand"
        typed |= filled | {"pick_tax": ids.shown("txr", gst.id)}
        taxed = clem.post(new, {**typed, "_pressed": "pick-tax"})
        assert value_of(taxed.text, "lines-0-taxes-0-name") == "GST"
        assert "lines-1-taxes-1-name" not in taxed.text
        typed |= {"lines-0-taxes-0-name": "GST", "lines-0-taxes-0-rate": "5"}
        again = clem.post(new, {**typed, "_pressed": "pick-tax"})
        assert (again.status_code, "No line can take this tax" in again.text) == (422, True)
    assert clem.post(new, typed).status_code == 303
    stored = text("select sum(total_minor) from invoice_line")
    assert owner.scalar(stored) == Decimal(2_100 + 15_750)
    with nothing_changes(owner, without=("catalogue_item", "tax_rate", "audit_event")):
        acts(cast.ada, catalogue.update, item_id=item.id, fields=CatalogueInput(usd_price="1"))
        acts(cast.ada, tax_rates.update, tax_rate_id=gst.id, fields=TaxRateInput(rate="9"))
        acts(cast.ada, tax_rates.archive, tax_rate_id=gst.id)


def test_rita_looks_and_changes_nothing_and_mallory_finds_nothing(
    signed_in: Arrive, acts: Acts, cast: Cast, owner: Connection
) -> None:
    item = acts(cast.ada, catalogue.create, fields=CatalogueInput(name="Hour"))
    path = f"{ITEMS}/{ids.shown('cit', item.id)}"
    rita = signed_in("rita")
    page = rita.get(ITEMS).text
    assert "Hour" in page
    assert "Archive" not in re.sub(r"Archived", "", page)
    with nothing_changes(owner):
        assert rita.post(f"{path}/archive").status_code == 403
        assert rita.post(f"{RATES}/new", {"name": "GST", "rate": "5"}).status_code == 403
    mallory = signed_in("mallory")
    with nothing_changes(owner):
        assert mallory.get(f"{path}/edit").status_code == 404
        assert mallory.post(f"{path}/archive").status_code == 404
        assert mallory.post(f"{path}/edit", {"name": "X", "version": "1"}).status_code == 404
    assert "Hour" not in text_of(mallory.get(ITEMS))
