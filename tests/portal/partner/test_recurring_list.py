"""The list of recurring invoices: searched, narrowed, sorted, taken out; and where one begins."""

import csv
import io
import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from billing import invoice_life, recurring_invoices
from billing.recurring_fields import RecurringInput
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.test_recurring_invoices import EVERY_WEEK, MONTHLY, bill, ordered
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]


@pytest.fixture
def acts(database: Database, owner: Connection, clock: Clock) -> Acts:
    return Acts(database, owner, clock.now)


@pytest.fixture
def orders(acts: Acts, cast: Cast, owner: Connection) -> dict[str, str]:
    """Of Acme's one that goes on and one that has ended, of Globex' one that is paused and one refused."""
    made = {
        "going": ordered(acts, cast, bill(acts, cast), EVERY_WEEK),
        "ended": ordered(acts, cast, bill(acts, cast), MONTHLY),
        "paused": ordered(acts, cast, bill(acts, cast, "globex"), MONTHLY),
        "refused": ordered(acts, cast, bill(acts, cast, "globex"), RecurringInput(frequency="YEARLY")),
    }
    acts(cast.ada, recurring_invoices.end, recurring_id=made["ended"].id)
    acts(cast.ada, recurring_invoices.pause, recurring_id=made["paused"].id)
    owner.execute(
        text("update recurring_invoice set refusal = 'NOBODY_TO_TELL' where id = :id"),
        {"id": made["refused"].id},
    )
    for minutes, order in enumerate(made.values()):
        later = "update recurring_invoice set created_at = created_at + :n * interval '1 min' where id = :id"
        owner.execute(text(later), {"n": minutes, "id": order.id})
    owner.commit()
    return {name: f"rin_{order.id.hex}" for name, order in made.items()}


def test_it_is_searched_narrowed_sorted_and_taken_out(
    signed_in: Arrive, orders: dict[str, str], cast: Cast
) -> None:
    ada, names = signed_in("ada"), {shown: name for name, shown in orders.items()}

    def found(query: str, who: Person = ada) -> list[str]:
        page = who.get(f"/recurring?{query}").text
        return [names[shown] for shown in re.findall(r'/recurring/(rin_\w+)"', page)]

    assert found("") == ["refused", "paused", "going"]
    assert found("sort=CREATED_AT_ASC") == ["going", "paused", "refused"]
    assert found("search=acm") == ["going"]
    assert found("search=po-7&sort=nonsense") == ["refused", "paused", "going"]
    assert found("show=ended&search=acme") == ["ended"]
    assert found("search=theirs") == []
    assert (found("show=paused"), found("show=stopped")) == (["paused"], ["refused"])
    assert found(f"customer=cus_{cast.customers['acme'].hex}") == ["going"]
    assert found("next_from=2026-12-01") == ["refused"]
    assert found("currency=CAD") == found("")
    assert "No recurring invoice matches" in text_of(ada.get("/recurring?search=nothing-like-it"))
    assert "None has ended" not in text_of(ada.get("/recurring?show=ended&search=nothing-like-it"))
    wrong = text_of(ada.get("/recurring?next_from=2026-05-01&next_to=2026-01-01"))
    assert "The first day is after the last one" in wrong
    assert found("", signed_in("mallory")) == found("search=acme", signed_in("mallory")) == []
    taken = ada.post("/recurring/export", {"narrowing": "search=acme"})
    [row] = csv.DictReader(io.StringIO(taken.text.lstrip("\ufeff")))
    assert (row["Recurring invoice id"], row["Customer"]) == (orders["going"], "Acme")
    assert (row["Status"], row["Every days"], row["Sent by itself"]) == ("ACTIVE", "7", "yes")
    assert "exported recurring invoices" in text_of(ada.get("/audit?about=recurring_invoice"))
    assert str(ada.get("/recurring/export").url).endswith("/recurring")


def test_what_is_repeated_now_is_what_it_is_found_by(
    signed_in: Arrive, acts: Acts, cast: Cast, orders: dict[str, str]
) -> None:
    ada = signed_in("ada")
    other = acts(cast.ada, invoice_life.finalize, invoice_id=bill(acts, cast).id)
    assert orders["going"] not in ada.get(f"/recurring?search={other.number}").text
    page = ada.get(f"/recurring/{orders['going']}/edit").text
    version = re.search(r'name="version" value="(\d+)"', page)
    typed = {"invoice": f"inv_{other.id.hex}", "frequency": "MONTHLY", "next_on": "2026-04-10"}
    assert version is not None
    answer = ada.post(f"/recurring/{orders['going']}/edit", {**typed, "version": version[1]})
    assert answer.status_code == 303
    assert orders["going"] in ada.get(f"/recurring?search={other.number}").text


def test_one_begins_with_the_invoice_it_repeats(
    signed_in: Arrive, acts: Acts, cast: Cast, orders: dict[str, str], owner: Connection
) -> None:
    clem = signed_in("clem")
    assert 'href="/partner/northwind/recurring/new"' in clem.get("/recurring").text
    draft = bill(acts, cast)
    with nothing_changes(owner):
        page = clem.get("/recurring/new")
    assert "Which invoice do you want to repeat?" in text_of(page)
    assert f'/invoices/inv_{draft.id.hex}/repeat"' in page.text
    assert text_of(page).count("repeated already") == 3
    assert "Globex" not in text_of(clem.get("/recurring/new?search=acme"))
    assert "No invoice matches" in text_of(clem.get("/recurring/new?search=nothing-like-it"))
    rita = signed_in("rita")
    assert "/recurring/new" not in rita.get("/recurring").text
    assert rita.get("/recurring/new").status_code == 403
