"""Filters above the list of customers: each alone, together, as chips, and in the address."""

from collections.abc import Mapping
from datetime import date, datetime
from html import unescape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing import tags
from billing.tags import TagInput
from db import ids
from db.session import Database
from portal.partner.customer_filters import CHOICES, Narrowing
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_customers import Does, add, bill, does, listed

__all__ = ["does"]


@pytest.fixture
def marked(does: Does, cast: Cast) -> Mapping[str, str]:
    """Two tags: VIP on Acme and Zenith, Late on Zenith; Zenith is Canadian, Globex owes, Acme is overdue."""
    zenith = add(does, "Zenith", users=())
    vip = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    late = does(tags.create, fields=TagInput(name="Late", colour="#c92a2a")).id  # type: ignore[attr-defined]
    does(tags.tag_customers, tag_ids=[vip], customer_ids=[cast.customers["acme"], zenith])
    does(tags.tag_customers, tag_ids=[late], customer_ids=[zenith])
    bill(does, cast.customers["globex"], due=date(2026, 4, 1))
    bill(does, cast.customers["acme"], due=date(2026, 3, 9))
    bill(does, cast.customers["acme"], due=date(2026, 3, 9))
    return {"vip": ids.shown("tag", vip), "late": ids.shown("tag", late)}


def test_each_filter_alone_and_together(ada: Person, marked: Mapping[str, str]) -> None:
    both = f"tag={marked['vip']}&tag={marked['late']}"
    expected = {
        both: ["Acme", "Zenith"],
        f"{both}&match=all": ["Zenith"],
        "overdue=yes": ["Acme"],
        "country=us": ["Acme", "Globex", "Zenith"],
        "country=ca": [],
        "balance=some": ["Acme", "Globex"],
        "balance=none": ["Zenith"],
        "from=120.01": ["Acme"],
        "from=120&to=120.00": ["Globex"],
        "to=120": ["Globex", "Zenith"],
        "balance=some&to=120": ["Globex"],
        f"tag={marked['vip']}&balance=some&overdue=yes&country=us&status=active": ["Acme"],
        f"tag={marked['vip']}&balance=none&search=zen": ["Zenith"],
        "balance=some&sort=company-desc": ["Globex", "Acme"],
        "country=xx&balance=lots&overdue=no&match=none": ["Acme", "Globex", "Zenith"],
    }
    assert {asked: listed(ada.get(f"/customers?{asked}").text) for asked in expected} == expected


def test_a_wrong_amount_is_told_at_its_field_and_kept(ada: Person, marked: Mapping[str, str]) -> None:
    page = ada.get("/customers?from=lots&balance=some")
    assert page.status_code == 422
    assert listed(page.text) == ["Acme", "Globex"]
    assert 'value="lots"' in page.text
    assert 'id="error-from"' in page.text
    page = ada.get("/customers?from=200&to=100")
    assert "The second amount is below the first" in text_of(page)
    assert listed(page.text) == ["Acme"]


def chips(page: str) -> dict[str, str]:
    """The chips of a page: what they say, and where they lead."""
    found = {}
    for part in page.split('<a class="chip" href="')[1:]:
        href, _, rest = part.partition('">')
        found[unescape(rest.split("</span>")[1].split("<svg")[0])] = unescape(href)
    return found


def test_each_chip_takes_its_own_filter_away(ada: Person, marked: Mapping[str, str]) -> None:
    asked = (
        f"/customers?search=e&status=all&country=us&balance=some&from=1&overdue=yes&sort=balance"
        f"&match=all&tag={marked['vip']}&tag={marked['late']}"
    )
    page = ada.get(asked)
    found = chips(page.text)
    assert list(found) == [
        "Status: Any status", "Country: United States", "Has a balance", "Overdue", "Balance from 1",
        "Search: e", "Tag: VIP", "and tag: Late",
    ]  # fmt: skip
    assert marked["vip"] not in found["Tag: VIP"]
    assert marked["late"] in found["Tag: VIP"]
    assert "country" not in found["Country: United States"]
    assert "sort=balance" in found["Overdue"]
    cleared = page.text.partition("Clear all</a>")[0].rpartition('href="')[2].rstrip('">')
    assert cleared == f"{ada.home}/customers?sort=balance"
    assert chips(ada.get("/customers?sort=balance").text) == {}


def test_filters_stay_on_every_page_of_the_list(ada: Person, does: Does) -> None:
    for number in range(30):
        add(does, f"Client {number:02d}", users=())
    tag = does(tags.create, fields=TagInput(name="VIP", colour="#0b7285")).id  # type: ignore[attr-defined]
    page = ada.get("/customers?status=setup&balance=none&sort=company-desc")
    following = unescape(page.text.partition('rel="next" href="')[2].partition('"')[0])
    assert "status=setup" in following
    assert "balance=none" in following
    assert listed(ada.get(following).text) == [f"Client {number:02d}" for number in range(4, -1, -1)]
    both = f"tag={ids.shown('tag', tag)}&tag=tag_0"
    assert listed(ada.get(f"/customers?{both}").text) == []


def test_a_foreign_tag_and_one_that_is_gone_look_alike(
    ada: Person, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.mallory.partner_id) as db:
        theirs = tags.create(db, cast.mallory, fields=TagInput(name="Theirs", colour="#0b7285"), now=now)
    shown = []
    for tag in (ids.shown("tag", theirs.id), f"tag_{'f' * 32}"):
        page = ada.get(f"/customers?tag={tag}")
        shown.append(page.text.replace(tag, "<tag>"))
    assert shown[0] == shown[1]


PAIRS = st.lists(
    st.one_of(
        st.sampled_from([(name, value) for name, choices in CHOICES.items() for value in choices]),
        st.tuples(st.sampled_from(["search", "from", "to", "tag", "other"]), st.text(max_size=20)),
    ),
    max_size=12,
)


@given(PAIRS)
def test_what_is_asked_survives_being_written_down(pairs: list[tuple[str, str]]) -> None:
    asked = Narrowing.of(pairs)
    assert Narrowing.written(asked.query()) == asked
    assert len(asked.chips("/x", {})) >= len(asked.tags)
