"""A page that says no keeps the shell of the place it was asked for in, for whoever has a part in it."""

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from httpx2 import Response
from playwright.sync_api import expect
from starlette.testclient import TestClient

from tests.cast import Cast
from tests.portal.conftest import Browsing, Person, customer_id, text_of, user_id
from tests.tenancy.test_looking import BANNER, look

ABSENT = "f" * 32
SHELL = 'id="site-nav"'


def crumbs(answer: Response) -> list[tuple[str, str | None]]:
    """Each step of the breadcrumbs, and where it leads."""
    nav = re.search(r'<nav class="breadcrumbs".*?</nav>', answer.text, re.DOTALL)
    assert nav is not None
    steps = re.findall(r'<li>(?:<a href="([^"]*)">)?(?:<span[^>]*>)?([^<]*)', nav[0])
    return [(label, href or None) for href, label in steps]


def buttons(answer: Response) -> list[tuple[str, str]]:
    """What to do next: the links that look like buttons."""
    found = re.findall(r'<a class="button[^"]*" href="([^"]*)">(?:<svg.*?</svg>)?([^<]*)', answer.text)
    return [(label, href) for href, label in found]


def test_the_dashboards_refusals_lead_back_to_the_list(ada: Person, cast: Cast) -> None:
    answer = ada.get(f"/customers/cus_{ABSENT}")
    assert (answer.status_code, SHELL in answer.text) == (404, True)
    assert "This record does not exist." in text_of(answer)
    assert 'class="in-dashboard"' in answer.text
    assert crumbs(answer)[-2:] == [("All customers", f"{ada.home}/customers"), ("Page not found", None)]
    assert buttons(answer) == [
        ("Back to “All customers”", f"{ada.home}/customers"), ("Go to the start page", ada.home),
    ]  # fmt: skip
    petra = f"/customers/{customer_id(cast, 'acme')}/users/{user_id(cast, 'petra')}/correct"
    late = ada.get(petra)
    assert (late.status_code, SHELL in late.text) == (409, True)
    assert "This user has accepted already, or was disabled." in text_of(late)


def test_whoever_may_not_finds_no_more_than_their_own_places(clem: Person) -> None:
    for answer in (clem.get("/team/invite"), clem.post("/team/invite", {"name": "X"})):
        assert (answer.status_code, SHELL in answer.text) == (403, True)
        assert f'href="{clem.home}/api-keys"' not in answer.text
        assert crumbs(answer)[-2:] == [("Team", f"{clem.home}/team"), ("You can't do this", None)]
    keys = clem.get("/api-keys")
    assert keys.status_code == 403
    assert buttons(keys) == [("Go to the start page", clem.home)]
    assert "Account of Clem" in keys.text


def test_the_portals_refusals_are_in_the_portal(signed_in: Callable[[str], Person]) -> None:
    petra = signed_in("petra")
    answer = petra.get(f"/invoices/inv_{ABSENT}")
    assert (answer.status_code, 'class="in-portal"' in answer.text) == (404, True)
    assert buttons(answer)[0] == ("Back to “Invoices”", f"{petra.home}/invoices")
    assert "Questions? Northwind helps." in text_of(answer)


def test_a_looked_at_portal_stays_one(ada: Person, cast: Cast) -> None:
    home = look(ada, customer_id(cast, "acme"))
    for path, status in ((f"/invoices/inv_{ABSENT}", 404), ("/tags/new", 403)):
        answer = ada.get(home + path)
        assert (answer.status_code, SHELL in answer.text) == (status, True)
        assert BANNER in answer.text
        assert f'href="{home}/invoices"' in answer.text
        assert "/sign-out" not in answer.text
    ada.post(f"{home}/end")
    over = ada.get(f"{home}/invoices/inv_{ABSENT}")
    assert (over.status_code, SHELL in over.text) == (403, False)


def test_ones_own_account_keeps_its_tabs(ada: Person) -> None:
    ada.client.cookies.update(ada._session)
    answer = ada.client.get(f"/account/passkeys/{ABSENT}/remove")
    assert answer.status_code == 404
    assert 'href="/account/factors"' in answer.text
    assert "Back to your accounts" in text_of(answer)


def test_whoever_has_no_part_in_the_place_is_told_nothing_of_it(
    mallory: Person, pages: TestClient, cast: Cast
) -> None:
    for slug in ("northwind", "nowhere"):
        answer = mallory.get(f"/partner/{slug}/customers/cus_{ABSENT}")
        assert (answer.status_code, SHELL in answer.text) == (404, False)
        assert "Northwind" not in answer.text
        assert "Mallory" not in answer.text
    acme = cast.slugs["acme"]
    assert SHELL not in mallory.get(f"/portal/{acme}/invoices").text
    visitor = pages.post("/partner/northwind/team/invite", data={"name": "X"})
    assert (visitor.status_code, "Northwind" in visitor.text) == (403, False)


def test_what_was_done_before_is_told_on_the_next_page_that_opens(ada: Person) -> None:
    ada.post("/tags/new", {"name": "Late", "colour": "#0b7285"})
    assert "Late" not in text_of(ada.get(f"/tags/tag_{ABSENT}"))
    assert 'class="flash"' in ada.get("/tags").text


def test_it_speaks_french(ada: Person) -> None:
    ada.client.cookies.set("remit_language", "fr")
    answer = ada.get(f"/customers/cus_{ABSENT}")
    assert crumbs(answer)[-2:] == [("Tous les clients", f"{ada.home}/customers"), ("Page introuvable", None)]
    assert buttons(answer) == [
        ("Retour à « Tous les clients »", f"{ada.home}/customers"), ("Aller à la page de départ", ada.home),
    ]  # fmt: skip


@pytest.mark.browser
@pytest.mark.parametrize("door", ["partner", "portal", "grant", "account"])
@pytest.mark.parametrize("width", [1280, 390])
def test_it_is_a_page_like_the_others(browsing: Browsing, cast: Cast, door: str, width: int) -> None:
    context = browsing(
        "petra" if door == "portal" else "ada", bypass_csp=True, viewport={"width": width, "height": 800}
    )
    page = context.new_page()
    path = {
        "partner": f"customers/cus_{ABSENT}", "portal": f"invoices/inv_{ABSENT}",
        "account": f"/account/passkeys/{ABSENT}/remove", "grant": f"invoices/inv_{ABSENT}",
    }[door]  # fmt: skip
    if door == "grant":
        page.goto(f"customers/{customer_id(cast, 'acme')}/view")
        page.get_by_role("button", name="Open the portal").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Invoices")
        path = f"{page.url.removesuffix('/invoices')}/{path}"
    page.goto(path)
    expect(page.get_by_role("heading", level=1)).to_have_text("Page not found")
    assert Axe().run(page).response["violations"] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if door in ("partner", "portal"):
        page.get_by_role("link", name="Back to").click()
        expect(page.locator(".table-card, .empty").first).to_be_visible()
    context.close()
