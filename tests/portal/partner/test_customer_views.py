"""Saved views above the list of customers: tabs that are links, saved, changed, told of, deleted."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from html import unescape
from typing import Any

import pytest
from hypothesis import given
from sqlalchemy import Connection, text

from billing import customer_views, tags
from billing.customer_views import CustomerView, ViewInput
from db import ids
from db.session import Database
from portal.partner.customer_filters import KEPT, Narrowing
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.portal.partner.test_customer_filters import PAIRS, marked
from tests.portal.partner.test_customers import does, listed
from tests.world import nothing_changes

__all__ = ["does", "marked"]
Saves = Callable[..., str]


@pytest.fixture
def saves(database: Database, cast: Cast, now: datetime) -> Saves:
    """`saves("ada", "Late", shared=True, search="acme")`: the id of a view that somebody saved."""

    def save(who: str, name: str, *, shared: bool = False, **fields: Any) -> str:
        actor = cast.actors[who]
        asked = ViewInput.read({"name": name, "is_shared": shared, **fields})
        with database.transaction(partner_id=actor.partner_id, member_id=actor.id) as db:
            view: CustomerView = customer_views.create(db, actor, fields=asked, now=now)
            return ids.shown("cvw", view.id)

    return save


def tabs(page: str) -> dict[str, tuple[str, str]]:
    """Each tab: where it leads, and whether it is the one in hand."""
    nav = page.partition('<nav class="tabs views"')[2].partition("</nav>")[0]
    found = re.findall(r'<a href="([^"]+)"(?: aria-current="(\w+)")?>(.*?)</a>', nav)
    return {
        " ".join(unescape(re.sub("<[^>]+>", "", inner)).split()): (unescape(href), current)
        for href, current, inner in found
    }


def saved(answer: Any) -> str:
    """Where a view that was just saved is shown."""
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def test_a_list_is_saved_as_a_view_and_found_again(ada: Person, marked: Mapping[str, str]) -> None:
    plain = ada.get("/customers")
    assert "Save view" not in text_of(plain)
    assert tabs(plain.text) == {}
    asked = f"search=zen&balance=none&sort=balance&tag={marked['vip']}"
    page = ada.get(f"/customers?{asked}")
    link = unescape(re.findall(r'href="([^"]+/views/new\?[^"]+)"', page.text)[0])
    form = ada.get(link)
    for said in ("Nothing open", "Search: zen", "Tag: VIP", "Sorted by: Highest balance", "Only me"):
        assert said in text_of(form)
    narrowing = re.findall(r'name="narrowing" value="([^"]+)"', form.text)[0]
    there = saved(ada.post("/customers/views/new", {"name": "Big ones", "narrowing": unescape(narrowing)}))
    page = ada.get(there)
    assert "The view Big ones is saved." in page.text
    assert listed(page.text) == ["Zenith"]
    assert tabs(page.text)["Big ones"] == (there, "page")
    assert tabs(page.text)["All customers"] == (f"{ada.home}/customers", "")
    assert "Only you see this view." in text_of(page)
    assert "Changed" not in text_of(page)
    assert tabs(ada.get("/customers").text)["All customers"] == (f"{ada.home}/customers", "page")


def test_a_view_whose_filters_change_says_so_and_keeps_them_or_makes_another(
    ada: Person, saves: Saves, owner: Connection
) -> None:
    view = saves("ada", "Late", search="acme")
    page = ada.get(f"/customers?search=globex&view={view}")
    assert tabs(page.text)["Late"][1] == "true"
    for said in ("Changed", "Save changes", "Save as new view", "Edit", "Delete"):
        assert said in text_of(page)
    fields = {"narrowing": f"search=globex&view={view}", "version": "1"}
    there = saved(ada.post(f"/customers/views/{view}/filters", fields))
    assert there == f"{ada.home}/customers?search=globex&view={view}"
    page = ada.get(there)
    assert "Changed" not in text_of(page)
    assert tabs(page.text)["Late"] == (there, "page")
    # Other ways of writing the same are no change.
    other = ada.get(f"/customers?search=+globex+&match=all&status=&view={view}")
    assert "Save changes" not in text_of(other)
    new = {"name": "Another", "narrowing": f"search=acme&view={view}", "seen_by": "team"}
    assert view not in saved(ada.post("/customers/views/new", new))
    named = owner.execute(text("select name, search, is_shared from customer_view order by name")).all()
    assert named == [("Another", "acme", True), ("Late", "globex", False)]


def test_all_of_several_tags_is_kept_as_such(ada: Person, marked: Mapping[str, str]) -> None:
    both = f"tag={marked['vip']}&tag={marked['late']}"
    fields = {"name": "Both", "narrowing": f"{both}&match=all&status=setup&country=us&overdue=&from=0"}
    page = ada.get(saved(ada.post("/customers/views/new", fields)))
    assert listed(page.text) == ["Zenith"]
    assert "Changed" not in text_of(page)
    assert "Changed" in text_of(ada.get(tabs(page.text)["Both"][0].replace("match=all", "match=")))


def test_a_view_stays_in_hand_through_filters_chips_pages_and_what_is_chosen(
    ada: Person, saves: Saves
) -> None:
    view = saves("ada", "Late", country="US", status="ANY")
    page = ada.get(f"/customers?country=us&status=all&view={view}")
    assert f'<input type="hidden" name="view" value="{view}">' in page.text
    chips = page.text.partition('<div class="chips">')[2].partition("</div>")[0]
    assert chips.count(f"view={view}") == 3
    assert f"view={view}" in unescape(re.findall(r'name="narrowing" value="([^"]+)"', page.text)[0])


def test_each_sees_their_own_and_the_teams(
    ada: Person, clem: Person, mallory: Person, saves: Saves, owner: Connection
) -> None:
    mine, ours = saves("clem", "Clem's own", search="acme"), saves("clem", "Ours", shared=True, search="acme")
    assert list(tabs(clem.get("/customers").text)) == [
        "All customers",
        "Clem's own",
        "Ours (shared with the team)",
    ]
    page = ada.get(f"/customers?search=acme&view={ours}")
    assert list(tabs(page.text)) == ["All customers", "Ours (shared with the team)"]
    assert "Shared with the team by Clem." in text_of(page)
    assert tabs(mallory.get("/customers").text) == {}
    for person, view in ((ada, mine), (mallory, mine), (mallory, ours)):
        page = person.get(f"/customers?search=acme&view={view}")
        assert page.status_code == 200
        assert "That saved view is no longer there" in text_of(page)
        assert "Clem" not in text_of(page)
        with nothing_changes(owner):
            for path in ("edit", "delete", "filters"):
                assert person.get(f"/customers/views/{view}/{path}").status_code == 404
                assert person.post(f"/customers/views/{view}/{path}", {"name": "X"}).status_code == 404


def test_rita_keeps_her_own_and_is_offered_no_sharing(rita: Person, saves: Saves, owner: Connection) -> None:
    ours = saves("ada", "Ours", shared=True, search="acme")
    assert "Who sees it" not in text_of(rita.get("/customers/views/new?search=acme"))
    there = saved(rita.post("/customers/views/new", {"name": "Hers", "narrowing": "search=acme"}))
    assert "Only you see this view." in text_of(rita.get(there))
    page = rita.get(f"/customers?search=globex&view={ours}")
    assert "Save as new view" in text_of(page)
    assert "Save changes" not in text_of(page)
    with nothing_changes(owner):
        shared = {"name": "X", "narrowing": "search=a", "seen_by": "team"}
        assert rita.post("/customers/views/new", shared).status_code == 403
        assert rita.get(f"/customers/views/{ours}/edit").status_code == 404
        assert rita.post(f"/customers/views/{ours}/edit", {"name": "X", "version": "1"}).status_code == 403
        assert rita.post(f"/customers/views/{ours}/delete").status_code == 403


def test_the_second_of_two_who_save_is_told_and_loses_nothing(
    ada: Person, clem: Person, saves: Saves
) -> None:
    view = saves("clem", "Ours", shared=True, search="acme")
    saved(clem.post(f"/customers/views/{view}/filters", {"narrowing": "search=globex", "version": "1"}))
    there = saved(ada.post(f"/customers/views/{view}/filters", {"narrowing": "country=us", "version": "1"}))
    page = ada.get(there)
    assert "Somebody else changed this view in the meantime" in page.text
    assert "Country: United States" in text_of(page)
    assert tabs(page.text)["Ours (shared with the team)"][0].count("search=globex") == 1
    version = re.findall(r'name="version" value="(\d+)"', page.text)[0]
    saved(ada.post(f"/customers/views/{view}/filters", {"narrowing": "country=us", "version": version}))
    assert "Save changes" not in text_of(ada.get(there))
    # A name that comes too late comes back with the version that it would replace.
    late = ada.post(f"/customers/views/{view}/edit", {"name": "Mine", "version": "1"})
    assert late.status_code == 409
    assert "Somebody else saved this view" in text_of(late)
    assert 'value="Mine"' in late.text
    assert 'name="version" value="3"' in late.text


def test_a_view_is_renamed_shared_and_taken_back(ada: Person, clem: Person, saves: Saves) -> None:
    view = saves("clem", "Late", search="acme")
    form = clem.get(f"/customers/views/{view}/edit")
    assert "Who sees it" in text_of(form)
    there = saved(
        clem.post(f"/customers/views/{view}/edit", {"name": "Ours", "seen_by": "team", "version": "1"})
    )
    assert there == f"{clem.home}/customers?search=acme&view={view}"
    assert "Ours (shared with the team)" in tabs(ada.get("/customers").text)
    # Who did not make it may rename it, and not hide it from the others.
    assert "Who sees it" not in text_of(ada.get(f"/customers/views/{view}/edit"))
    saved(ada.post(f"/customers/views/{view}/edit", {"name": "Ada's words", "version": "2"}))
    stolen = ada.post(f"/customers/views/{view}/edit", {"name": "Mine", "seen_by": "mine", "version": "3"})
    assert stolen.status_code == 403
    saved(clem.post(f"/customers/views/{view}/edit", {"name": "Mine", "seen_by": "mine", "version": "3"}))
    assert tabs(ada.get("/customers").text) == {}
    log = text_of(ada.get("/audit?about=view"))
    for said in (
        "shared the saved view “Ours”",
        "changed the saved view “Ada's words”",
        "took the saved view",
    ):
        assert said in log


def test_a_name_that_is_missing_or_taken_is_told_at_its_field(
    ada: Person, saves: Saves, owner: Connection
) -> None:
    saves("ada", "Late")
    view = saves("ada", "Other")
    with nothing_changes(owner):
        for path, fields in (
            ("/customers/views/new", {"narrowing": "search=acme"}),
            (f"/customers/views/{view}/edit", {"version": "1"}),
        ):
            for name, said in ((" ", "Enter the name."), ("LATE", "You have a view of this name already.")):
                answer = ada.post(path, {"name": name, **fields})
                assert answer.status_code == 422
                assert said in text_of(answer)
                assert 'id="error-name"' in answer.text


def test_a_view_is_deleted_when_confirmed(ada: Person, saves: Saves, owner: Connection) -> None:
    view = saves("clem", "Ours", shared=True, search="acme")
    with nothing_changes(owner):
        asks = ada.get(f"/customers/views/{view}/delete")
    assert "Everybody on the team loses this view." in text_of(asks)
    saved(ada.post(f"/customers/views/{view}/delete"))
    page = ada.get(f"/customers?search=acme&view={view}")
    assert "That saved view is no longer there" in text_of(page)
    assert "Search: acme" in text_of(page)


def test_a_tag_that_is_gone_is_told_and_opens_the_view_all_the_same(
    ada: Person, saves: Saves, marked: Mapping[str, str], database: Database, cast: Cast, now: datetime
) -> None:
    gone, stays = (ids.parsed(marked[name], "tag") for name in ("late", "vip"))
    saves("ada", "Late", tag_ids=[gone, stays])
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        tags.delete(db, cast.ada, tag_id=gone, now=now)
    page = ada.get(tabs(ada.get("/customers").text)["Late"][0])
    assert page.status_code == 200
    assert listed(page.text) == ["Acme", "Zenith"]
    assert "A tag that this list asks for was deleted" in text_of(page)
    assert "one that is gone" in text_of(page)
    # As a new view it can't be kept; without it, it can.
    asked = {"name": "New", "narrowing": f"tag={marked['late']}&search=acme"}
    refused = ada.post("/customers/views/new", asked)
    assert refused.status_code == 422
    assert "One of these tags is gone." in text_of(refused)


def test_what_is_wrong_with_the_filters_is_told_before_they_are_saved(ada: Person, saves: Saves) -> None:
    view = saves("ada", "Late", search="acme")
    page = ada.get(f"/customers?from=x&view={view}")
    assert page.status_code == 422
    for offered in ("Save changes", "Save as new view"):
        assert offered not in text_of(page)
    fields = {"narrowing": f"tag=nonsense&view={view}", "version": "1"}
    told = ada.get(saved(ada.post(f"/customers/views/{view}/filters", fields)))
    assert "One of these tags is gone." in told.text


def test_a_form_of_another_site_saves_nothing(ada: Person, saves: Saves, owner: Connection) -> None:
    view = saves("ada", "Late")
    with nothing_changes(owner):
        for path in ("new", f"{view}/filters", f"{view}/edit", f"{view}/delete"):
            assert ada.post(f"/customers/views/{path}", {"name": "X"}, forged=True).status_code == 403


def test_the_address_of_a_form_leads_to_the_view(ada: Person, saves: Saves) -> None:
    view = saves("ada", "Late", search="acme")
    assert str(ada.get(f"/customers/views/{view}/filters").url).endswith(f"search=acme&view={view}")


def test_views_are_for_the_partners_staff(signed_in: Callable[[str], Person], saves: Saves) -> None:
    view, carl = saves("ada", "Ours", shared=True), signed_in("carl")
    for path in ("new", f"{view}/edit", f"{view}/delete", f"{view}/filters"):
        assert carl.get(f"/partner/northwind/customers/views/{path}").status_code == 404


@given(PAIRS)
def test_what_a_view_keeps_of_a_list_is_the_same_list(pairs: list[tuple[str, str]]) -> None:
    asked = Narrowing.of(pairs)
    fields = asked.fields | {"match": asked.fields["tag_match"]}
    view = {name: fields[name] for name in KEPT} | {
        "id": "cvw_1", "search": fields["search"], "from": asked.bounds.get("from"),
        "to": asked.bounds.get("to"), "overdue": fields["is_overdue"], "tagIds": list(asked.tags),
    }  # fmt: skip
    again = Narrowing.kept(view)
    assert again.view == "cvw_1"
    assert asked.is_like(again) == (not asked.problems)
    assert again.is_like(again)


def test_the_order_of_tags_is_no_change() -> None:
    assert not Narrowing.of([("tag", "a")]).is_like(Narrowing.of([("tag", "b")]))
    assert Narrowing.of([("tag", "a"), ("tag", "b")]).is_like(Narrowing.of([("tag", "b"), ("tag", "a")]))
