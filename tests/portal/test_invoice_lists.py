"""Lists of invoices at both doors: narrowed by tags, due dates and currency; many tagged at once."""

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

import pytest
from sqlalchemy import Connection

from auth.actors import Actor
from billing import invoice_sending, invoices, tags
from billing.invoice_fields import InvoiceInput, LineInput
from billing.tags import TagInput
from db import ids
from db.session import Database
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
DUE = {"one": date(2026, 4, 1), "two": date(2026, 4, 2), "three": date(2026, 4, 3)}
Things = Mapping[str, str]


@pytest.fixture
def acme(database: Database, cast: Cast, now: datetime) -> Things:
    """Acme's invoices one, two and three, sent, and a draft: their ids, and their numbers as `one#`."""
    ada, made = cast.ada, {}
    lines = [LineInput(description="Visit", quantity="1", unit_price="10.00")]
    with database.transaction(partner_id=ada.partner_id) as db:
        for name, due in (*DUE.items(), ("draft", date(2026, 4, 4))):
            fields = InvoiceInput(lines=lines, due_on=due)
            draft = invoices.create_draft(db, ada, customer_id=cast.customers["acme"], fields=fields, now=now)
            if name != "draft":
                made[f"{name}#"] = invoice_sending.send(db, ada, invoice_id=draft.id, now=now).number
            made[name] = ids.shown("inv", draft.id)
    return made


def tagged(database: Database, who: Actor, acme: Things, now: datetime, **worn: str) -> dict[str, str]:
    """Tags of `who`'s side on invoices: `tagged(…, A="one two", B="two")`; their ids."""
    made = {}
    with database.transaction(partner_id=who.partner_id, customer_id=who.customer_id) as db:
        for name, wearers in worn.items():
            tag = tags.create(db, who, fields=TagInput(name=name, colour="#0b7285"), now=now)
            made[name] = ids.shown("tag", tag.id)
            if wearers:
                chosen = [ids.parsed(acme[wearer], "inv") for wearer in wearers.split()]
                tags.tag_invoices(db, who, tag_ids=[tag.id], invoice_ids=chosen, now=now)
    return made


def listed(person: Person, query: str, acme: Things) -> set[str]:
    """Which of the invoices the list shows."""
    page = person.get(f"/invoices?{query}").text
    return {name for name, id_ in acme.items() if f'/invoices/{id_}"' in page}


@pytest.mark.parametrize("name", ["ada", "petra"])
def test_tags_narrow_by_any_or_by_all(
    name: str, signed_in: Arrive, database: Database, cast: Cast, acme: Things, now: datetime
) -> None:
    made = tagged(database, cast.actors[name], acme, now, A="one two", B="two three", C="")
    person = signed_in(name)
    a, b = f"status={'all' if name == 'petra' else ''}&tag={made['A']}", f"&tag={made['B']}"
    assert listed(person, a, acme) == {"one", "two"}
    assert listed(person, a + b, acme) == {"one", "two", "three"}
    assert listed(person, f"{a}{b}&match=all", acme) == {"two"}
    assert listed(person, f"{a}&tag={made['C']}&match=all", acme) == set()
    page = person.get(f"/invoices?{a}{b}&match=all").text
    assert len(re.findall(r'name="tag" value="[^"]+" checked', page)) == 2
    # The other pages of the list are narrowed by both tags, too.
    tab = re.search(r'href="([^"]+)">Overdue', page)
    assert tab is not None
    assert tab[1].count("tag=tag_") == 2


@pytest.mark.parametrize("name", ["ada", "petra"])
def test_due_dates_narrow_with_both_ends_in(name: str, signed_in: Arrive, acme: Things) -> None:
    person = signed_in(name)
    assert listed(person, "due_from=2026-04-02&due_to=2026-04-03", acme) == {"two", "three"}
    assert listed(person, "due_to=2026-04-01", acme) == {"one"}
    assert "three" in listed(person, "due_from=2026-04-03", acme)
    wrong = person.get("/invoices?due_from=yesterday")
    assert "Write due dates as YYYY-MM-DD" in text_of(wrong)
    assert wrong.status_code == 200
    turned = person.get("/invoices?due_from=2026-04-03&due_to=2026-04-01")
    assert "nothing lies between them" in text_of(turned)


def test_currency_narrows(signed_in: Arrive, acme: Things) -> None:
    ada = signed_in("ada")
    assert listed(ada, "currency=USD", acme) == {"one", "two", "three", "draft"}
    assert listed(ada, "currency=CAD", acme) == set()
    assert listed(ada, "currency=EUR", acme) == {"one", "two", "three", "draft"}


@pytest.mark.parametrize("name", ["ada", "petra"])
def test_many_are_tagged_and_untagged_at_once(
    name: str, signed_in: Arrive, database: Database, cast: Cast, acme: Things, now: datetime
) -> None:
    made = tagged(database, cast.actors[name], acme, now, A="one", B="")
    person = signed_in(name)
    ask = person.get(f"/invoices/tag?invoice={acme['one']}&pay={acme['two']}")
    assert f"{acme['one#']} (A); {acme['two#']}" in text_of(
        ask
    ) or f"{acme['two#']}; {acme['one#']} (A)" in text_of(ask)
    chosen = {"invoice": [acme["one"], acme["two"]], "tag_ids": [made["A"], made["B"]]}
    assert person.post("/invoices/tag", {**chosen, "_pressed": "add"}).status_code == 303
    assert "2 invoices gained a tag." in text_of(person.get("/invoices"))
    every = "status=all" if name == "petra" else ""
    assert listed(person, f"{every}&tag={made['B']}", acme) == {"one", "two"}
    only_a = {**chosen, "tag_ids": [made["A"]], "_pressed": "remove"}
    assert person.post("/invoices/tag", only_a).status_code == 303
    assert listed(person, f"{every}&tag={made['A']}", acme) == set()
    assert listed(person, f"{every}&tag={made['B']}", acme) == {"one", "two"}


@pytest.mark.parametrize("name", ["ada", "petra"])
def test_all_that_is_shown_is_tagged_as_it_is_by_then(
    name: str,
    signed_in: Arrive,
    database: Database,
    cast: Cast,
    acme: Things,
    now: datetime,
    owner: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("portal.in_parts.MOST_AT_ONCE", 1)
    monkeypatch.setattr("portal.invoice_tagging.SHOWN", 1)
    made = tagged(database, cast.actors[name], acme, now, A="one", B="")
    person, every = signed_in(name), "status=all&" if name == "petra" else ""
    asked = person.get(f"/invoices/tag?{every}due_to=2026-04-02")
    assert ("The 2 chosen invoices:" in text_of(asked), "and one more" in text_of(asked)) == (True, True)
    assert 'name="invoice"' not in asked.text
    given = {
        "narrowing": f"{every}due_to=2026-04-02",
        "count": "2",
        "tag_ids": [made["A"]],
        "_pressed": "add",
    }
    with nothing_changes(owner):
        # The list finds another number, or nobody was asked: then it is asked.
        for count, said in (("3", True), ("", False)):
            again = person.post("/invoices/tag", {**given, "count": count})
            assert (again.status_code, "Other invoices match now" in text_of(again)) == (200, said)
            assert f'name="tag_ids" value="{made["A"]}" checked' in again.text
    assert person.post("/invoices/tag", given).headers["location"].endswith("due_to=2026-04-02")
    assert "1 invoice gained a tag. 1 had them already." in text_of(person.get("/invoices"))
    assert listed(person, f"{every}tag={made['A']}", acme) == {"one", "two"}
    person.post("/invoices/tag", {**given, "tag_ids": [made["B"]], "_pressed": "remove"})
    assert "0 invoices lost a tag. 2 had none of them." in text_of(person.get("/invoices"))


def test_no_tag_ticked_comes_back_with_the_choice_kept(
    signed_in: Arrive, database: Database, cast: Cast, acme: Things, now: datetime, owner: Connection
) -> None:
    tagged(database, cast.ada, acme, now, A="")
    ada = signed_in("ada")
    with nothing_changes(owner):
        answer = ada.post("/invoices/tag", {"invoice": [acme["one"]], "_pressed": "add"})
    assert answer.status_code == 422
    assert 'id="error-tag_ids"' in answer.text
    assert f'name="invoice" value="{acme["one"]}"' in answer.text


def test_nothing_chosen_leads_back(signed_in: Arrive) -> None:
    assert "Choose the invoices to tag." in text_of(signed_in("ada").get("/invoices/tag"))


def test_without_tags_the_next_step_is_to_make_one(signed_in: Arrive, acme: Things) -> None:
    assert "/tags/new" in signed_in("ada").get(f"/invoices/tag?invoice={acme['one']}").text


@pytest.mark.parametrize("name", ["rita", "vera"])
def test_who_may_only_look_is_offered_no_tagging(
    name: str, signed_in: Arrive, acme: Things, owner: Connection
) -> None:
    person = signed_in(name)
    page = person.get("/invoices").text
    assert "/invoices/tag" not in page
    with nothing_changes(owner):
        assert person.get(f"/invoices/tag?invoice={acme['one']}").status_code == 403
        sent = {"invoice": [acme["one"]], "tag_ids": [f"tag_{'0' * 32}"], "_pressed": "add"}
        assert person.post("/invoices/tag", sent).status_code == 403


@pytest.mark.parametrize("name", ["mallory", "gus", "ines"])
def test_somebody_elses_invoices_and_tags_are_as_good_as_none(
    name: str,
    signed_in: Arrive,
    database: Database,
    cast: Cast,
    acme: Things,
    now: datetime,
    owner: Connection,
) -> None:
    theirs = tagged(database, cast.ada, acme, now, A="one")["A"]
    own = tagged(database, cast.actors[name], acme, now, Mine="")["Mine"]
    person, absent = signed_in(name), {"inv": f"inv_{'0' * 32}", "tag": f"tag_{'0' * 32}"}
    with nothing_changes(owner):
        for invoice, nobodys in ((acme["one"], absent["inv"]), (acme["draft"], absent["inv"])):
            asked, nothing = (person.get(f"/invoices/tag?invoice={id_}") for id_ in (invoice, nobodys))
            assert (asked.status_code, asked.text) == (nothing.status_code, nothing.text)
            assert asked.status_code == 404
            for tag in (own, theirs):
                sent = {"invoice": [invoice], "tag_ids": [tag], "_pressed": "add"}
                assert person.post("/invoices/tag", sent).status_code == 404
        assert listed(person, f"tag={theirs}", acme) == set()


def test_a_draft_is_nothing_to_petra(
    signed_in: Arrive, database: Database, cast: Cast, acme: Things, now: datetime, owner: Connection
) -> None:
    own = tagged(database, cast.petra, acme, now, A="")["A"]
    petra = signed_in("petra")
    with nothing_changes(owner):
        assert petra.get(f"/invoices/tag?invoice={acme['draft']}").status_code == 404
        sent = {"invoice": [acme["one"], acme["draft"]], "tag_ids": [own], "_pressed": "add"}
        assert petra.post("/invoices/tag", sent).status_code == 404


def test_the_counts_of_tags_lead_to_what_carries_them(
    signed_in: Arrive, database: Database, cast: Cast, acme: Things, now: datetime
) -> None:
    made = tagged(database, cast.ada, acme, now, A="one two draft")
    page = signed_in("ada").get("/tags").text
    assert f'href="/partner/northwind/invoices?tag={made["A"]}">3<' in page
    assert listed(signed_in("ada"), f"tag={made['A']}", acme) == {"one", "two", "draft"}
