"""Saved views: one's own, those shared with the team, and what they keep of a narrowing."""

from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Connection, text
from sqlmodel import select

from auth.actors import Actor, MissingRight
from auth.authority import NoLongerHere
from billing import customer_views, erasing, staff, tag_merging, tags
from billing.customer_views import LONGEST, MOST_OWN, MOST_SHARED, CustomerView, SomebodyElsesView, ViewInput
from billing.tags import TagInput
from db.session import Database
from errors import Conflict, NotFound
from tests.billing.acting import Acts, at_once, codes, problems_of
from tests.cast import Cast


def save(acts: Acts, who: Actor, name: str = "Late", shared: bool = False, **fields: Any) -> CustomerView:
    given = ViewInput.read({"name": name, "is_shared": shared, **fields})
    return acts(who, customer_views.create, fields=given)


def change(acts: Acts, who: Actor, view: CustomerView, version: int | None = None, **fields: Any) -> Any:
    given = ViewInput.read(fields)
    return acts(who, customer_views.update, view_id=view.id, fields=given, version=version)


def seen(acts: Acts, who: Actor) -> list[str]:
    return sorted(view.name for view in acts.read(who, select(CustomerView)))


def logged(owner: Connection) -> list[tuple[str, Any]]:
    found = owner.execute(text("select action, details from audit_event where action ~ '^view' order by id"))
    return [(row.action, row.details) for row in found]


def tag_named(acts: Acts, who: Actor, name: str) -> UUID:
    return acts(who, tags.create, fields=TagInput(name=name, colour="#1f6feb")).id


def test_a_view_keeps_all_that_the_list_can_be_narrowed_to(acts: Acts, cast: Cast) -> None:
    both = sorted([tag_named(acts, cast.ada, "A"), tag_named(acts, cast.ada, "B")])
    view = save(
        acts, cast.clem, "  Late   payers ", search=" acme  inc ", tag_ids=[*reversed(both), both[0]],
        tag_match="ALL", status="ANY", country="CA", balance="SOME", balance_from="10", balance_to="20.50",
        is_overdue=True, sort="BALANCE_DESC",
    )  # fmt: skip
    assert (view.name, view.name_key, view.search) == ("Late payers", "late payers", "acme inc")
    assert (view.tag_ids, view.tag_match, view.status, view.country) == (both, "ALL", "ANY", "CA")
    assert (view.balance, view.balance_from_minor, view.balance_to_minor) == ("SOME", 1000, 2050)
    assert (view.is_overdue, view.sort, view.created_by) == (True, "BALANCE_DESC", cast.clem.id)
    plain = save(acts, cast.clem, "Plain")
    assert (plain.status, plain.sort, plain.tag_ids) == ("NOT_ARCHIVED", "COMPANY_ASC", [])


def test_everything_wrong_about_a_view_is_told_at_once(acts: Acts, cast: Cast) -> None:
    theirs = tag_named(acts, cast.mallory, "Theirs")
    wrong = {
        "search": "x" * 201, "tag_ids": [theirs], "tag_match": "SOME", "country": "FR",
        "balance_from": "2", "balance_to": "1", "sort": "id; drop table",
    }  # fmt: skip
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.ada, "x" * (LONGEST + 1), **wrong)) == [
            ("TOO_LONG", ("name",)), ("TOO_LONG", ("search",)), ("NOT_FOUND", ("tag_ids",)),
            ("WRONG_TYPE", ("tag_match",)), ("WRONG_TYPE", ("sort",)), ("WRONG_TYPE", ("country",)),
            ("OUT_OF_RANGE", ("balance_to",)),
        ]  # fmt: skip
        many = [uuid4() for _ in range(21)]
        assert problems_of(lambda: save(acts, cast.ada, "", tag_ids=many, balance_from="-1")) == [
            ("REQUIRED", ("name",)), ("TOO_MANY", ("tag_ids",)), ("BAD_NUMBER", ("balance_from",)),
        ]  # fmt: skip
        for name in ("4242424242424242", "a\u202eb"):
            assert problems_of(lambda name=name: save(acts, cast.ada, name))[0][1] == ("name",)


def test_all_of_one_tag_is_any_of_it(acts: Acts, cast: Cast) -> None:
    assert save(acts, cast.ada, tag_ids=[tag_named(acts, cast.ada, "A")], tag_match="ALL").tag_match == "ANY"


def test_what_is_not_shared_is_there_for_its_maker_alone(layers: Database, acts: Acts, cast: Cast) -> None:
    mine = save(acts, cast.clem, "Mine")
    save(acts, cast.clem, "Ours", shared=True)
    for who in ("ada", "sue", "rita", "northwind_key"):
        assert seen(acts, cast.actors[who]) == ["Ours"]
    assert seen(acts, cast.clem) == ["Mine", "Ours"]
    assert seen(acts, cast.mallory) == seen(acts, cast.carl) == []
    either = Acts(layers, acts.owner, acts.now)
    with acts.nothing_changes():
        for who in ("ada", "sue", "northwind_key", "mallory", "contoso_key"):
            for rule, what in (
                (customer_views.update, {"fields": ViewInput(name="X")}),
                (customer_views.delete, {}),
            ):
                refusals = set()
                for asked in (mine.id, uuid4()):
                    with pytest.raises(NotFound) as refused:
                        either(cast.actors[who], rule, view_id=asked, **what)
                    refusals.add(str(refused.value))
                assert len(refusals) == 1


def test_strangers_find_no_shared_view(layers: Database, acts: Acts, cast: Cast) -> None:
    ours = save(acts, cast.ada, "Ours", shared=True)
    either = Acts(layers, acts.owner, acts.now)
    with acts.nothing_changes():
        for who in ("mallory", "contoso_key"):
            with pytest.raises(NotFound):
                change(either, cast.actors[who], ours, name="Mine")
            with pytest.raises(NotFound):
                either(cast.actors[who], customer_views.delete, view_id=ours.id)


@pytest.mark.parametrize("who", ["carl", "petra", "vera"])
def test_customers_have_no_views(acts: Acts, cast: Cast, who: str) -> None:
    ours = save(acts, cast.ada, "Ours", shared=True)
    with acts.nothing_changes():
        for act in (
            lambda: save(acts, cast.actors[who]),
            lambda: change(acts, cast.actors[who], ours, name="Mine"),
            lambda: acts(cast.actors[who], customer_views.delete, view_id=ours.id),
        ):
            with pytest.raises(MissingRight):
                act()


def test_rita_keeps_her_own_and_shares_none(acts: Acts, cast: Cast) -> None:
    mine, ours = save(acts, cast.rita, "Mine"), save(acts, cast.ada, "Ours", shared=True)
    assert change(acts, cast.rita, mine, name="Still mine").version == 2
    with acts.nothing_changes():
        for act in (
            lambda: save(acts, cast.rita, "Other", shared=True),
            lambda: change(acts, cast.rita, mine, is_shared=True),
            lambda: change(acts, cast.rita, ours, name="Hers"),
            lambda: acts(cast.rita, customer_views.delete, view_id=ours.id),
        ):
            with pytest.raises(MissingRight):
                act()
    acts(cast.rita, customer_views.delete, view_id=mine.id)
    assert seen(acts, cast.rita) == ["Ours"]


def test_a_shared_view_is_changed_by_its_maker_and_by_those_who_manage_views(acts: Acts, cast: Cast) -> None:
    clems, adas = save(acts, cast.clem, "Clem's", shared=True), save(acts, cast.ada, "Ada's", shared=True)
    with acts.nothing_changes(), pytest.raises(SomebodyElsesView):
        change(acts, cast.clem, adas, name="Mine")
    with acts.nothing_changes(), pytest.raises(SomebodyElsesView):
        acts(cast.clem, customer_views.delete, view_id=adas.id)
    # Nobody takes for themselves what the team has from somebody else.
    with acts.nothing_changes(), pytest.raises(SomebodyElsesView):
        change(acts, cast.ada, clems, is_shared=False)
    assert change(acts, cast.sue, clems, name="Sue's words").created_by == cast.clem.id
    acts(cast.ada, customer_views.delete, view_id=clems.id)
    assert seen(acts, cast.clem) == ["Ada's"]


def test_a_key_shares_and_keeps_nothing_for_itself(acts: Acts, cast: Cast) -> None:
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.northwind_key)) == [("NOT_FOR_KEYS", ("is_shared",))]
    view = save(acts, cast.northwind_key, "Program's", shared=True)
    assert view.created_by is None
    with acts.nothing_changes():
        refused = problems_of(lambda: change(acts, cast.northwind_key, view, is_shared=False))
        assert refused == [("NOT_FOR_KEYS", ("is_shared",))]
        with pytest.raises(SomebodyElsesView):
            change(acts, cast.clem, view, name="Mine")
    assert change(acts, cast.northwind_key, view, name="Other").name == "Other"


@pytest.mark.parametrize("name", ["Late", "LATE", " late ", "Ｌａｔｅ"])
def test_a_name_is_taken_among_ones_own_or_among_those_shared(acts: Acts, cast: Cast, name: str) -> None:
    save(acts, cast.clem)
    save(acts, cast.clem, shared=True)
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.clem, name)) == [("TAKEN", ("name",))]
        assert problems_of(lambda: save(acts, cast.ada, name, shared=True)) == [("TAKEN", ("name",))]
    own = save(acts, cast.ada, name)
    with acts.nothing_changes():
        assert problems_of(lambda: change(acts, cast.ada, own, is_shared=True)) == [("TAKEN", ("name",))]


def test_there_are_enough_views_at_some_number(acts: Acts, cast: Cast) -> None:
    for number in range(MOST_OWN):
        save(acts, cast.clem, f"Own {number}")
    for number in range(MOST_SHARED):
        last = save(acts, cast.ada, f"Ours {number}", shared=True)
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.clem, "More")) == [("TOO_MANY", ("name",))]
        assert problems_of(lambda: save(acts, cast.clem, "More", shared=True)) == [("TOO_MANY", ("name",))]
        shared = ViewInput(is_shared=True)
        own = acts.read(cast.clem, select(CustomerView).where(CustomerView.name == "Own 1"))[0]
        with pytest.raises(Exception, match="already"):
            acts(cast.clem, customer_views.update, view_id=own.id, fields=shared)
    save(acts, cast.rita, "Hers")
    acts(cast.ada, customer_views.delete, view_id=last.id)
    save(acts, cast.ada, "One more", shared=True)


def test_of_fifty_who_save_the_last_one_is_the_last(crowd: Acts, cast: Cast) -> None:
    for number in range(MOST_SHARED - 1):
        save(crowd, cast.ada, f"Ours {number}", shared=True)
    answers = at_once(20, lambda number: save(crowd, cast.clem, f"Last {number}", shared=True))
    assert codes(answers) == {"CustomerView": 1, "TOO_MANY": 19}


def test_of_twenty_who_save_one_name_one_has_it(crowd: Acts, cast: Cast) -> None:
    answers = at_once(20, lambda _: save(crowd, cast.clem, "Late", shared=True))
    assert codes(answers) == {"CustomerView": 1, "TAKEN": 19}


def test_only_what_is_given_changes(acts: Acts, cast: Cast) -> None:
    view = save(acts, cast.ada, search="acme", balance_from="5", status="ACTIVE")
    changed = change(acts, cast.ada, view, balance_to="7.00", status=None)
    assert (changed.search, changed.balance_from_minor, changed.balance_to_minor) == ("acme", 500, 700)
    assert (changed.status, changed.version, changed.name) == ("NOT_ARCHIVED", 2, "Late")
    with acts.nothing_changes():
        assert problems_of(lambda: change(acts, cast.ada, view, balance_to="1")) == [
            ("OUT_OF_RANGE", ("balance_to",))
        ]
        assert change(acts, cast.ada, view, search=" acme ", name="Late").version == 2
    assert change(acts, cast.ada, view, balance_from=None).balance_from_minor is None


def test_the_second_of_two_who_save_is_told(acts: Acts, cast: Cast) -> None:
    view = save(acts, cast.clem, shared=True)
    assert change(acts, cast.clem, view, version=1, search="a").version == 2
    with acts.nothing_changes(), pytest.raises(Conflict):
        change(acts, cast.ada, view, version=1, search="b")
    assert change(acts, cast.ada, view, version=2, search="b").version == 3


def test_a_tag_that_is_gone_stays_named_and_no_new_one_is_let_in(acts: Acts, cast: Cast) -> None:
    vip, late = tag_named(acts, cast.ada, "VIP"), tag_named(acts, cast.ada, "Late")
    view = save(acts, cast.ada, tag_ids=[vip, late], tag_match="ALL")
    acts(cast.ada, tags.delete, tag_id=vip)
    assert change(acts, cast.ada, view, name="Renamed").tag_ids == sorted([vip, late])
    assert change(acts, cast.ada, view, tag_ids=[vip], search="a").tag_ids == [vip]
    with acts.nothing_changes():
        assert problems_of(lambda: save(acts, cast.ada, "New", tag_ids=[vip])) == [
            ("NOT_FOUND", ("tag_ids",))
        ]
    assert change(acts, cast.ada, view, tag_ids=None).tag_ids == []


def test_views_follow_a_merged_tag_whoever_keeps_them(acts: Acts, cast: Cast) -> None:
    vip, late, other = sorted(tag_named(acts, cast.ada, name) for name in ("VIP", "Late", "Other"))
    theirs = tag_named(acts, cast.mallory, "VIP")
    clems = save(acts, cast.clem, tag_ids=[vip, late], tag_match="ALL")
    ritas = save(acts, cast.rita, tag_ids=[vip, other], tag_match="ALL")
    plain, strange = save(acts, cast.ada, tag_ids=[other]), save(acts, cast.mallory, tag_ids=[theirs])
    acts(cast.sue, tag_merging.merge, tag_id=vip, into_id=late)
    found = {
        view.id: (view.tag_ids, view.tag_match, view.version)
        for who in (cast.clem, cast.rita, cast.ada, cast.mallory)
        for view in acts.read(who, select(CustomerView))
    }
    assert found == {
        clems.id: ([late], "ANY", 2),
        ritas.id: ([late, other], "ALL", 2),
        plain.id: ([other], "ANY", 1),
        strange.id: ([theirs], "ANY", 1),
    }


def test_the_log_tells_of_what_the_team_had(acts: Acts, cast: Cast, owner: Connection) -> None:
    view = save(acts, cast.clem)
    change(acts, cast.clem, view, search="secret of mine")
    assert logged(owner) == []
    change(acts, cast.clem, view, is_shared=True)
    change(acts, cast.ada, view, search="ours", balance_from="1")
    change(acts, cast.clem, view, is_shared=False)
    acts(cast.clem, customer_views.delete, view_id=view.id)
    other = save(acts, cast.ada, "Ours", shared=True)
    acts(cast.sue, customer_views.delete, view_id=other.id)
    assert logged(owner) == [
        ("view.shared", {"name": "Late"}),
        ("view.changed", {"name": "Late", "fields": ["balance_from", "search"]}),
        ("view.unshared", {"name": "Late"}),
        ("view.shared", {"name": "Ours"}),
        ("view.deleted", {"name": "Ours"}),
    ]


def test_what_a_member_kept_goes_with_them_and_what_they_shared_stays(acts: Acts, cast: Cast) -> None:
    save(acts, cast.clem, "His own")
    save(acts, cast.clem, "Ours", shared=True)
    save(acts, cast.ada, "Hers")
    acts(cast.ada, staff.disable, membership_id=cast.clem.id)
    assert acts.count("customer_view") == 3
    acts(cast.ada, staff.remove, membership_id=cast.clem.id)
    assert acts.count("customer_view") == 2
    # Whoever removed them sees what they saw before.
    assert seen(acts, cast.ada) == ["Hers", "Ours"]
    with acts.nothing_changes(), pytest.raises(NoLongerHere):
        save(acts, cast.clem, "Too late")


def test_erasing_takes_what_they_kept(acts: Acts, cast: Cast, owner: Connection) -> None:
    save(acts, cast.clem, "His own")
    save(acts, cast.clem, "Ours", shared=True)
    with acts.database.transaction() as db:
        erasing.erase(db, email=cast.emails["clem"], now=acts.now)
    assert owner.scalars(text("select name from customer_view")).all() == ["Ours"]
