"""Pending invites in the dashboard: who is listed, in which state, and what is done about them."""

import re
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Connection, text

from auth import memberships
from auth.actors import MissingRight
from auth.emails import parse_email
from auth.memberships import Role
from billing import customer_users, customers, pending_invites
from billing.mails import MailKind
from db import ids
from db.session import Database
from errors import NotFound
from tests.billing.acting import problems_of
from tests.cast import Cast
from tests.portal.conftest import Clock, Person, text_of
from tests.world import nothing_changes

People = dict[str, str]


@pytest.fixture
def people(database: Database, cast: Cast, now: datetime) -> People:
    """Nora and Max of Acme and Gil of Globex, and Sam of the staff, invited and waiting: their ids."""
    ada, made = cast.ada, {}
    with database.transaction(partner_id=ada.partner_id) as db:
        for place, (name, customer) in enumerate((("Nora", "acme"), ("Max", "acme"), ("Gil", "globex"))):
            made[name] = customer_users.invite(
                db, ada, customer_id=cast.customers[customer], name=name,
                email=f"{name.lower()}@x.example", now=now - timedelta(hours=place),
            ).id  # fmt: skip
        made["Sam"] = memberships.add(
            db, ada, customer_id=None, name="Sam", email=parse_email("sam@x.example"), role=Role.MEMBER,
            now=now,
        ).membership.id  # fmt: skip
    return {name: ids.shown("usr", id_) for name, id_ in made.items()}


def mailed(owner: Connection) -> list[str]:
    """Who was mailed an invite, in order."""
    asked = (
        "select m.name from mail x join membership m on m.id = x.membership_id"
        " where x.kind = :kind order by x.id"
    )
    return list(owner.execute(text(asked), {"kind": MailKind.INVITE.value}).scalars())


def test_nobody_waits(ada: Person) -> None:
    assert "No invite is pending" in text_of(ada.get("/invites"))


def test_everybody_who_waits_is_listed_the_longest_first(ada: Person, people: People) -> None:
    page = ada.get("/invites")
    assert re.findall(r'<th scope="row">(\w+)<', page.text) == ["Gil", "Max", "Nora", "Sam"]
    assert "4 people" in text_of(page)


@pytest.mark.parametrize(("name", "there"), [("ada", 4), ("clem", 3)])
def test_the_list_its_count_and_home_agree(
    signed_in: Callable[[str], Person], people: People, name: str, there: int
) -> None:
    person = signed_in(name)
    page, home = person.get("/invites"), person.get("")
    assert len(re.findall(r'<th scope="row">(\w+)<', page.text)) == there
    assert f"{there} people" in text_of(page)
    card = home.text.partition('id="home-waiting"')[2].partition("</section>")[0]
    assert f'<span class="count">{there}</span>' in card
    staff = ["Sam"] if there == 4 else []
    assert re.findall(r'/(?:team|users)">(\w+)<', card) == ["Nora", *staff, "Max", "Gil"]


def test_the_state_is_told(
    ada: Person, people: People, database: Database, cast: Cast, now: datetime, owner: Connection
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        nora = ids.parsed(people["Nora"], "usr")
        customer_users.revoke_invite(db, cast.ada, membership_id=nora, now=now)
    owner.execute(
        text("update invite set expires_at = :now, reminded_at = :now where membership_id = :id"),
        {"now": now, "id": ids.parsed(people["Max"], "usr")},
    )
    said = text_of(ada.get("/invites"))
    assert re.search(r"Gil gil@x\.example Globex Payer Open until Mar 13, 2026", said)
    assert re.search(r"Max max@x\.example Acme Payer Expired Mar 10, 2026, 1:00.PM EDT", said)
    assert "reminded Mar 10, 2026" in said
    assert re.search(r"Nora nora@x\.example Acme Payer No open invite", said)
    # What can't be revoked is not offered to be.
    assert text_of(ada.get("/invites")).count("Revoke") == 2


def test_archived_customers_are_left_out(
    ada: Person, people: People, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customers.archive(db, cast.ada, customer_id=cast.customers["globex"], now=now)
    assert "Gil" not in text_of(ada.get("/invites"))


def test_home_counts_them_and_leads_here(ada: Person, people: People) -> None:
    page = ada.get()
    assert "Invites not accepted yet 4" in text_of(page)
    assert f'href="{ada.home}/invites"' in page.text


def test_one_is_sent_again_by_its_own_button_whatever_is_ticked(
    ada: Person, people: People, owner: Connection, clock: Clock
) -> None:
    before = mailed(owner)
    answer = ada.post("/invites/resend", {"user_ids": [people["Gil"], people["Max"]], "only": people["Nora"]})
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}/invites")
    assert mailed(owner) == [*before, "Nora"]
    assert "1 new invite is on the way." in text_of(ada.get("/invites"))


def test_several_are_sent_again_with_staff_among_them(ada: Person, people: People, owner: Connection) -> None:
    before = mailed(owner)
    assert ada.post("/invites/resend", {"user_ids": list(people.values())}).status_code == 303
    assert sorted(mailed(owner)[len(before) :]) == ["Gil", "Max", "Nora", "Sam"]
    said = text_of(ada.get("/invites"))
    assert "4 new invites are on the way. Earlier links are dead." in said


def test_the_earlier_link_is_dead(ada: Person, people: People, owner: Connection) -> None:
    ada.post("/invites/resend", {"only": people["Gil"]})
    states = "select revoked_at is not null from invite where membership_id = :id order by created_at, id"
    assert list(owner.execute(text(states), {"id": ids.parsed(people["Gil"], "usr")}).scalars()) == [
        True,
        False,
    ]


def test_an_invite_is_revoked_in_place(ada: Person, people: People, owner: Connection) -> None:
    assert ada.post("/invites/revoke", {"only": people["Max"]}).status_code == 303
    said = text_of(ada.get("/invites"))
    assert "The invite of Max is revoked. Its link is dead." in said
    assert re.search(r"Max max@x\.example Acme Payer No open invite", said)
    ada.post("/invites/revoke", {"only": people["Sam"]})
    assert "The invite of Sam is revoked." in text_of(ada.get("/invites"))


def test_nobody_chosen_is_told_in_place(ada: Person, people: People, owner: Connection) -> None:
    with nothing_changes(owner):
        answer = ada.post("/invites/resend")
    assert answer.status_code == 422
    assert "Choose at least one invite." in text_of(answer)


def test_all_or_nothing(
    ada: Person, people: People, database: Database, cast: Cast, owner: Connection, now: datetime
) -> None:
    with nothing_changes(owner):
        # Petra has accepted: the two before her are not sent either.
        petra = ids.shown("usr", cast.petra.id)  # type: ignore[arg-type]
        wanted = {"user_ids": [people["Gil"], people["Nora"], petra]}
        assert ada.post("/invites/resend", wanted).status_code == 409


def test_clem_sees_no_staff_and_sends_to_none(clem: Person, people: People, owner: Connection) -> None:
    assert "Sam" not in text_of(clem.get("/invites"))
    with nothing_changes(owner):
        assert clem.post("/invites/resend", {"user_ids": [people["Gil"], people["Sam"]]}).status_code == 403
        assert clem.post("/invites/revoke", {"only": people["Sam"]}).status_code == 403
    assert clem.post("/invites/resend", {"only": people["Gil"]}).status_code == 303


def test_rita_may_look_but_not_send(rita: Person, people: People, owner: Connection) -> None:
    page = rita.get("/invites").text
    assert "Gil" in page
    assert 'name="user_ids"' not in page
    assert "/invites/resend" not in page
    assert "Resend" not in text_of(rita.get("/invites"))
    with nothing_changes(owner):
        assert rita.post("/invites/resend", {"only": people["Gil"]}).status_code == 403
        assert rita.post("/invites/revoke", {"only": people["Gil"]}).status_code == 403


def test_another_partners_people_are_as_good_as_none(
    mallory: Person, people: People, owner: Connection
) -> None:
    assert "No invite is pending" in text_of(mallory.get("/invites"))
    with nothing_changes(owner):
        for path in ("/invites/resend", "/invites/revoke"):
            theirs = mallory.post(path, {"only": people["Gil"]})
            nobodys = mallory.post(path, {"only": f"usr_{'0' * 32}"})
            assert (theirs.status_code, theirs.text) == (nobodys.status_code, nobodys.text)
            assert theirs.status_code == 404


def test_a_forged_form_changes_nothing(ada: Person, people: People, owner: Connection) -> None:
    with nothing_changes(owner):
        for path in ("/invites/resend", "/invites/revoke"):
            assert ada.post(path, {"only": people["Gil"]}, forged=True).status_code == 403


def test_the_rule_refuses_too_many_and_a_siblings_people(
    database: Database, cast: Cast, people: People, now: datetime, owner: Connection
) -> None:
    def resend(who: str, chosen: list[str]) -> None:
        actor = cast.actors[who]
        with database.transaction(partner_id=actor.partner_id, customer_id=actor.customer_id) as db:
            wanted = [ids.parsed(text_, "usr") for text_ in chosen]
            pending_invites.resend(db, actor, membership_ids=wanted, now=now)

    with nothing_changes(owner):
        many = [f"usr_{number:032x}" for number in range(51)]
        assert problems_of(lambda: resend("ada", many)) == [("TOO_MANY", ("user_ids",))]
        for person in ("Gil", "Sam"):
            with pytest.raises(NotFound):
                resend("carl", [people["Nora"], people[person]])
        with pytest.raises(MissingRight):
            resend("petra", [people["Nora"]])
    resend("carl", [people["Nora"]])
