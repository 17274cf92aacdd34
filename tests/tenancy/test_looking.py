"""The tenancy table's rows of staff who look at a customer's portal: every page and form of it (A-1, D-8).

A new page of the portal joins by itself, below a grant too.
"""

import re
from collections.abc import Callable

import pytest
from sqlalchemy import Connection, text

from portal import grants
from portal.customer import ROUTES as PORTAL
from tests.cast import Cast
from tests.gateway import RunningSandbox
from tests.portal.conftest import Person, customer_id, text_of, user_id
from tests.tenancy.stage import Stage
from tests.tenancy.test_pages import KINDS, ids_of, said, shown
from tests.world import difference, nothing_changes, world

ROUTES = [route for route in grants.ROUTES if route.path != f"{grants.HOME}/end"]
VIEWED = ("carl", "petra", "vera", None)
BANNER = "you see this portal as"


def look(person: Person, customer: str, whose: str = "MANAGER") -> str:
    """Begin to look; where the portal begins, below the grant."""
    answer = person.post(f"/customers/{customer}/view", {"whose": whose, "reason": ""})
    assert answer.status_code == 303, answer.text
    return answer.headers["location"].removesuffix("/invoices")


def looking_as(person: Person, cast: Cast, viewed: str | None) -> str:
    return look(person, customer_id(cast, "acme"), user_id(cast, viewed) if viewed else "MANAGER")


def path_of(template: str, home: str, values: dict[str, str]) -> str:
    below = template.removeprefix(grants.HOME)
    return home + re.sub(r"\{(\w+)\}", lambda match: values[match[1]], below)


def gets() -> list[str]:
    return [route.path for route in ROUTES if "GET" in (route.methods or ())]


def posts() -> list[str]:
    return [route.path for route in ROUTES if "POST" in (route.methods or ())]


def test_every_page_of_the_portal_is_there_and_none_beside() -> None:
    expected = {
        (grants.HOME + route.path.removeprefix("/portal/{slug}"), method)
        for route in PORTAL
        for method in (route.methods or set()) - {"HEAD"}
    }
    found = {(route.path, method) for route in ROUTES for method in (route.methods or set()) - {"HEAD"}}
    assert found == expected
    assert len(gets()) > 20
    assert len(posts()) > 12
    inside = {route.endpoint.inside for route in ROUTES if "POST" in (route.methods or ())}  # type: ignore[attr-defined]
    assert inside == {grants.refuse}


@pytest.mark.parametrize("viewed", VIEWED)
def test_it_shows_a_page_where_the_portal_does_and_writes_nothing(
    signed_in: Callable[[str], Person], sandbox: RunningSandbox, cast: Cast, stage: Stage, owner: Connection,
    viewed: str | None,
) -> None:  # fmt: skip
    ada, user = signed_in("ada"), signed_in(viewed or "carl")
    home, values = looking_as(ada, cast, viewed), ids_of(stage, "carl", "acme")
    pages = shown_files = 0
    # Else the customer's own people would have read them by opening them here.
    owner.execute(text("delete from unread_thread"))
    # And they have opened it lately, so that the log has a line of that already.
    user.get(path_of("/invoices/{invoice_id}", user.home, values))
    before, asked = world(owner), sandbox.calls()
    for template in gets():
        answer = ada.get(path_of(template, home, values))
        assert stage.foreign("carl", shown(answer)) == set(), template
        if "content-disposition" in answer.headers:
            # A file has no banner; the customer's own people get the very same one.
            assert answer.content == user.get(path_of(template, user.home, values)).content, template
            shown_files += 1
            continue
        assert BANNER in answer.text, template
        closed = template in asking() or template.endswith(("/invoices/export", "/ask"))
        theirs = None if closed else user.get(path_of(template, user.home, values))
        if answer.status_code == 200:
            assert theirs is not None
            assert theirs.status_code == 200, template
            if viewed == "vera" and not theirs.history:
                # A Viewer may as little as whoever only looks: they read the same, word by word.
                # But taking a file of invoices along is theirs: it stands in the log as theirs. And what they
                # have read is theirs alone.
                own = r" (Export (CSV|the chosen invoices)|Unread(?= Settled)|Mark as unread)\b"
                theirs_read = re.sub(own, "", text_of(theirs))
                assert text_of(answer) == theirs_read, template
            assert '<form method="post"' not in answer.text.partition("<main")[2], template
            assert not leads_to_the_gateway(home, answer.text), template
            pages += 1
        else:
            assert answer.status_code == 403 or (theirs and theirs.status_code == 404), template
    assert difference(before, world(owner)) == {}
    assert sandbox.calls() == asked
    assert pages >= 8
    assert shown_files == 5


def asking() -> set[str]:
    """The pages that ask the gateway: not opened as the user, for there they may write."""
    return {
        grants.HOME + route.path.removeprefix("/portal/{slug}")
        for route in PORTAL
        if route.endpoint.inside in grants.ASKING  # type: ignore[attr-defined]
    }


def leads_to_the_gateway(home: str, page: str) -> list[str]:
    """The links on a page that would ask the gateway, were they followed by the customer's own people."""
    paths = [re.sub(r"\{\w+\}", "[^/]+", path.removeprefix(grants.HOME)) for path in asking()]
    links = re.findall(r'href="([^"?#]+)', page)
    return [link for link in links for path in paths if re.fullmatch(re.escape(home) + path, link)]


@pytest.mark.parametrize("status", ["UNKNOWN", "PROCESSING", "REQUIRES_ACTION"])
def test_a_payment_under_way_is_only_looked_at(
    signed_in: Callable[[str], Person], sandbox: RunningSandbox, cast: Cast, stage: Stage, owner: Connection,
    status: str,
) -> None:  # fmt: skip
    ada, carl = signed_in("ada"), signed_in("carl")
    # The stage's payment has failed, and a trigger keeps it so.
    owner.execute(text("set session_replication_role = replica"))
    owner.execute(text("update payment set status = :status"), {"status": status})
    owner.execute(text("reset session_replication_role"))
    home = looking_as(ada, cast, "carl")
    path = f"/payments/{stage.ids['acme']['pay']}"
    theirs = carl.get(path)
    assert "Check again" in text_of(theirs)
    assert leads_to_the_gateway(carl.home, theirs.text) == [f"{carl.home}{path}/return"]
    seen, asked = ada.get(home + path), sandbox.calls()
    assert seen.status_code == 200
    assert "Check again" not in text_of(seen)
    assert leads_to_the_gateway(home, seen.text) == []
    assert ada.get(f"{home}{path}/return").status_code == 403
    assert sandbox.calls() == asked


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("viewed", VIEWED)
def test_every_form_is_refused_written_down_and_changes_nothing(
    signed_in: Callable[[str], Person], cast: Cast, stage: Stage, owner: Connection, viewed: str | None
) -> None:
    ada = signed_in("ada")
    home, values = looking_as(ada, cast, viewed), ids_of(stage, "carl", "acme")
    with nothing_changes(owner, without=("audit_event",)):
        for template in posts():
            answer = ada.post(path_of(template, home, values), {"name": "Mine", "email": "x@x.example"})
            assert answer.status_code == 403, template
            assert "You are only looking at this portal" in text_of(answer), template
            assert BANNER in answer.text, template
    refused = text("select details ->> 'tried' from audit_event where action = 'impersonation.refused'")
    tried = sorted(owner.scalars(refused))
    assert tried == sorted(path_of(template, "", values) for template in posts())
    with nothing_changes(owner):
        for template in posts():
            assert ada.post(path_of(template, home, values), {}, forged=True).status_code == 403, template


@pytest.mark.usefixtures("sandbox")
def test_an_id_of_somebody_else_is_as_good_as_none_there(
    signed_in: Callable[[str], Person], cast: Cast, stage: Stage, owner: Connection
) -> None:
    ada = signed_in("ada")
    home, cells = look(ada, customer_id(cast, "acme")), 0
    before = world(owner)
    for template in gets():
        if not set(re.findall(r"\{(\w+)\}", template)) & set(KINDS) - {"grant_id"}:
            continue
        absent = ids_of(stage, "carl", "absent")
        answer = ada.get(path_of(template, home, absent))
        nothing = said(answer, absent)
        # The address of a form, opened by hand, only leads back to where the form is.
        assert answer.history or nothing[0] in (403, 404), template
        # Globex is another customer of the partner Ada works for: here it does not exist.
        for whose in ("globex", "initech", "malformed"):
            values = ids_of(stage, "carl", whose)
            answer = ada.get(path_of(template, home, values))
            assert answer.history or answer.status_code in (403, 404), (template, whose)
            if whose != "malformed":
                assert said(answer, values) == nothing, (template, whose)
            cells += 1
    assert cells > 20
    assert difference(before, world(owner)) == {}


@pytest.mark.usefixtures("sandbox")
@pytest.mark.parametrize("name", ["clem", "rita", "mallory", "carl", "petra", "ines", "nobody"])
def test_the_grant_of_somebody_else_is_as_good_as_none(
    signed_in: Callable[[str], Person], pages: object, cast: Cast, stage: Stage, owner: Connection, name: str
) -> None:
    home, values = look(signed_in("ada"), customer_id(cast, "acme")), ids_of(stage, "carl", "acme")
    absent = re.sub(r"as_\w+", "as_" + "f" * 32, home)
    if name == "nobody":
        answer = pages.get(f"{home}/invoices", follow_redirects=False)  # type: ignore[attr-defined]
        assert answer.headers["location"].startswith("/sign-in?next=")
        return
    person = signed_in(name)
    with nothing_changes(owner):
        for route in grants.ROUTES:
            ask = person.post if "POST" in (route.methods or ()) else person.get
            answer = ask(path_of(route.path, home, values))
            # Rita may not look at all, and is told so whatever the address: as at every other rule.
            role = name == "rita" and route.endpoint.inside is grants.refuse  # type: ignore[attr-defined]
            assert answer.status_code == (403 if role else 404), route.path
            nothing = ask(path_of(route.path, absent, values))
            assert answer.text.replace(home, absent) == nothing.text, route.path
            assert "zz-acme-" not in answer.text


def test_another_session_of_the_same_person_sees_that_it_is_over(
    signed_in: Callable[[str], Person], cast: Cast, stage: Stage, owner: Connection
) -> None:
    home = look(signed_in("ada"), customer_id(cast, "acme"))
    again = signed_in("ada")
    with nothing_changes(owner):
        for answer in (again.get(f"{home}/invoices"), again.post(f"{home}/tags/new", {"name": "x"})):
            assert answer.status_code == 403
            assert "This view has ended" in text_of(answer)
            assert "zz-acme-" not in answer.text
