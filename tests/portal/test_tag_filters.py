"""Every list at both doors is narrowed by tags, any or all of them: the customer's, and the invoice's."""

import csv
import io
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID, uuid4

import pytest
from httpx2 import Response
from sqlalchemy import Connection

from auth.actors import Actor
from billing import crediting, invoice_threads, tags
from billing.crediting import CreditNoteInput
from billing.csv_out import BOM
from billing.invoice_threads import Opening, ThreadKind
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.billing.acting import Acts
from tests.billing.paying import Till, answer_to
from tests.billing.test_recurring_invoices import EVERY_WEEK, ordered
from tests.cast import Cast
from tests.portal.conftest import Person, text_of

Arrive = Callable[[str], Person]
LISTS = {
    "invoices": "inv", "payments": "pay", "outside-payments": "inv", "credit-notes": "crn",
    "conversations": "thr", "recurring": "rin",
}  # fmt: skip
FILES = {"payments": "Payment id", "outside-payments": "Payment id", "credit-notes": "Credit note"}


class Shelf:
    """Invoices one and two of Acme's and three of Globex', each with one of everything that is listed."""

    def __init__(self, acts: Acts, cast: Cast) -> None:
        self.acts, self.cast, self.till = acts, cast, Till(acts, cast)
        self.invoices: dict[str, UUID] = {}
        self.found: dict[str, dict[str, str]] = {where: {} for where in LISTS}
        for name, customer in (("one", "acme"), ("two", "acme"), ("three", "globex")):
            self._fill(name, customer)

    def _fill(self, name: str, customer: str) -> None:
        invoice = self.till.invoice(customer=customer)
        self.invoices[name] = invoice.id
        begun = self.till.begin(
            self.till.card(f"pm_{name}", customer=customer), (invoice.id, 1_000), who=self.cast.ada,
            customer_id=self.cast.customers[customer],
        )  # fmt: skip
        paid = self.till.settle(begun, answer_to(begun), who=self.cast.ada)
        noted = self.acts(
            self.cast.ada, crediting.issue, invoice_id=invoice.id,
            fields=CreditNoteInput(reason=f"Of {name}"), request_key=uuid4().hex,
        )  # fmt: skip
        received = self.till.received(self.till.invoice(customer=customer))
        self.invoices[f"{name} outside"] = received.invoice_id
        opening = Opening(ThreadKind.QUESTION, "Why?")
        thread = self.acts(self.cast.ada, invoice_threads.open_thread, invoice_id=invoice.id, fields=opening)
        order = ordered(self.acts, self.cast, invoice, EVERY_WEEK)
        # The list of payments from outside leads to their invoices.
        made = (invoice.id, paid.id, received.invoice_id, noted.id, thread.id, order.id)
        for (where, prefix), id_ in zip(LISTS.items(), made, strict=True):
            self.found[where][name] = ids.shown(prefix, id_)

    def tag(self, who: Actor, label: str, *, customers: str = "", invoices: str = "") -> str:
        """A tag of `who`'s side on these."""
        tag = self.acts(who, tags.create, fields=TagInput(name=label, colour="#0b7285"))
        if customers:
            chosen = [self.cast.customers[name] for name in customers.split()]
            self.acts(who, tags.tag_customers, tag_ids=[tag.id], customer_ids=chosen)
        # What was paid from outside belongs to an invoice beside each, which wears the same.
        wearers = [self.invoices[one] for name in invoices.split() for one in (name, f"{name} outside")]
        if wearers:
            self.acts(who, tags.tag_invoices, tag_ids=[tag.id], invoice_ids=wearers)
        return ids.shown("tag", tag.id)

    def names(self, where: str, page: Response) -> set[str]:
        """Whose records the list shows."""
        return {name for name, id_ in self.found[where].items() if f'{id_}"' in page.text}


@pytest.fixture
def shelf(database: Database, owner: Connection, cast: Cast, now: datetime) -> Shelf:
    return Shelf(Acts(database, owner, now), cast)


def file_of(person: Person, where: str, query: str) -> int:
    """How many rows the list's file has."""
    answer = person.post(f"/{where}/export", {"narrowing": query})
    assert answer.status_code == 200, answer.text
    return len(list(csv.DictReader(io.StringIO(answer.text.removeprefix(BOM), newline=""))))


def checked(page: Response, name: str) -> int:
    return page.text.count(f'name="{name}" value="tag_')


def holds(shelf: Shelf, person: Person, cases: Mapping[str, set[str]], *, but: tuple[str, ...] = ()) -> None:
    """Every list shows these, and so does its file."""
    for where in LISTS:
        if where in but:
            continue
        for query, names in cases.items():
            page = person.get(f"/{where}?{query}")
            assert shelf.names(where, page) == names, (where, query)
            if where in FILES:
                assert file_of(person, where, query) == len(names), (where, query)


def test_staff_narrow_every_list_by_the_customers_tags(signed_in: Arrive, shelf: Shelf, cast: Cast) -> None:
    gold = shelf.tag(cast.ada, "Gold", customers="acme globex")
    north, none = shelf.tag(cast.ada, "North", customers="acme"), shelf.tag(cast.ada, "None")
    g, n, x = (f"customer_tag={tag}" for tag in (gold, north, none))
    ada = signed_in("ada")
    holds(
        shelf, ada,
        {
            n: {"one", "two"}, g: {"one", "two", "three"}, f"{g}&{n}": {"one", "two", "three"},
            f"{g}&{n}&customer_match=all": {"one", "two"}, x: set(), f"{n}&{x}": {"one", "two"},
            f"{n}&{x}&customer_match=all": set(), "customer_tag=nonsense": set(),
        },
    )  # fmt: skip
    for where in LISTS:
        page = ada.get(f"/{where}?{g}&{n}&customer_match=all")
        assert page.text.count('name="customer_tag"') == 3, where
        assert page.text.count(" checked> <span class") == 2, where
        assert 'name="customer_match" value="all" checked' in page.text, where
        assert "Tags" in text_of(page), where
    assert "No recurring invoice matches" in text_of(ada.get(f"/recurring?{x}"))


def test_staff_narrow_by_the_invoices_tags_and_by_both(signed_in: Arrive, shelf: Shelf, cast: Cast) -> None:
    late, lost = (
        shelf.tag(cast.ada, "Late", invoices="one three"),
        shelf.tag(cast.ada, "Lost", invoices="one two"),
    )
    north = shelf.tag(cast.ada, "North", customers="acme")
    a, b, n = f"tag={late}", f"tag={lost}", f"customer_tag={north}"
    holds(
        shelf, signed_in("ada"),
        {
            a: {"one", "three"}, f"{a}&{b}": {"one", "two", "three"}, f"{a}&{b}&match=all": {"one"},
            f"{a}&{n}": {"one"}, f"{b}&{n}&match=all&customer_match=all": {"one", "two"},
        },
    )  # fmt: skip


def test_a_payment_of_several_invoices_is_found_by_each_and_by_all_of_one(
    signed_in: Arrive, shelf: Shelf, cast: Cast
) -> None:
    till = shelf.till
    three, four = till.invoice(), till.invoice()
    paid = till.paid(till.card("pm_more"), (three.id, 100), (four.id, 100))
    shelf.found["payments"]["more"] = ids.shown("pay", paid.id)
    shelf.invoices |= {"x": three.id, "y": four.id}
    shelf.invoices |= {"x outside": three.id, "y outside": four.id}
    a, b = shelf.tag(cast.ada, "A", invoices="x"), shelf.tag(cast.ada, "B", invoices="y")
    ada = signed_in("ada")
    assert shelf.names("payments", ada.get(f"/payments?tag={a}")) == {"more"}
    assert shelf.names("payments", ada.get(f"/payments?tag={a}&tag={b}")) == {"more"}
    # No single invoice of it has both.
    assert shelf.names("payments", ada.get(f"/payments?tag={a}&tag={b}&match=all")) == set()


def test_a_company_narrows_by_its_own_tags_of_the_invoice_only(
    signed_in: Arrive, shelf: Shelf, cast: Cast
) -> None:
    mine = shelf.tag(cast.petra, "Mine", invoices="one")
    both = shelf.tag(cast.petra, "Both", invoices="one two")
    theirs = shelf.tag(cast.ada, "Theirs", customers="acme", invoices="one")
    globex = shelf.tag(cast.gus, "Gus", invoices="three")
    petra = signed_in("petra")
    holds(
        shelf, petra,
        {
            "status=all&show=all": {"one", "two"}, f"tag={mine}": {"one"}, f"tag={both}": {"one", "two"},
            f"tag={mine}&tag={both}&match=all": {"one"}, f"tag={theirs}": set(), f"tag={globex}": set(),
            # The partner's tags on customers are nothing a customer can ask for.
            f"tag={both}&customer_tag={theirs}": {"one", "two"},
        },
        but=("recurring", "invoices"),
    )  # fmt: skip
    for where in ("payments", "outside-payments", "credit-notes", "conversations"):
        page = petra.get(f"/{where}")
        assert (checked(page, "tag"), "Theirs" in page.text, "customer_tag" in page.text) == (2, False, False)


def test_another_partner_finds_nothing_by_tags_of_this_one(
    signed_in: Arrive, shelf: Shelf, cast: Cast
) -> None:
    gold = shelf.tag(cast.ada, "Gold", customers="acme globex", invoices="one two three")
    mallory = signed_in("mallory")
    holds(shelf, mallory, {f"tag={gold}": set(), f"customer_tag={gold}": set()})
