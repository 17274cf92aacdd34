"""The brand: choosing it on the page, and its style sheet and logo before everybody's browser."""

import io
import re
from collections.abc import Callable
from datetime import datetime

import pytest
from PIL import Image
from sqlalchemy import Connection, text
from sqlmodel import select
from starlette.testclient import TestClient

from auth import invites
from auth.invites import Invite
from billing import brand, customer_users, partner_profile, pictures
from billing.partner_profile import PartnerInput
from db.session import Database
from portal.assets import FOREVER
from portal.brand import style_address
from tests.billing.test_pictures import SECRET, drawn
from tests.cast import Cast
from tests.portal.conftest import ORIGIN, Person, text_of
from tests.portal.partner.test_customer_changes import HIDDEN
from tests.world import nothing_changes

BRAND = "/settings/brand"
YELLOW = "#f5c400"


def stored(owner: Connection) -> tuple:
    return tuple(
        owner.execute(text("select accent, logo, version from partner where slug = 'northwind'")).one()
    )


def color(person: Person, accent: str, pressed: str = "save", **more: str):
    """Send the form of the color as the page has it now."""
    main = person.get(BRAND).text.partition('id="brand-color"')[2]
    fields = {name: value for name, value in HIDDEN.findall(main) if name != "csrf_token"}
    return person.post(f"{BRAND}/color", {**fields, "accent": accent, "_pressed": pressed, **more})


def upload(
    person: Person, content: bytes, *, name: str = "logo.png", kind: str = "image/png", forged: bool = False
):
    """Send a file as a browser does."""
    person.client.cookies.update(person._session)
    return person.client.post(
        f"{person.home}{BRAND}/logo", data={"csrf_token": "0" * 43 if forged else person._form_token},
        files={"logo": (name, content, kind)}, headers={"origin": ORIGIN}, follow_redirects=False,
    )  # fmt: skip


def style_on(page: str) -> str | None:
    found = re.search(r'<link rel="stylesheet" href="(/brand/[^"]+)">', page)
    return found[1] if found else None


def logo_on(page: str) -> str | None:
    found = re.search(r'<img class="place-logo" src="(/brand/[^"]+)" alt="">', page)
    return found[1] if found else None


def test_a_color_is_saved_and_every_page_takes_it(
    ada: Person, signed_in: Callable[[str], Person], mallory: Person, owner: Connection, pages: TestClient
) -> None:
    answer = color(ada, "#F5C400")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}{BRAND}")
    assert stored(owner) == (YELLOW, None, 2)
    petra = signed_in("petra")
    for page in (ada.get(BRAND), ada.get("/customers"), petra.get("/invoices")):
        assert style_on(page.text) == style_address(YELLOW)
    assert style_on(mallory.get("/customers").text) is None
    sheet = pages.get(style_address(YELLOW))
    assert (sheet.status_code, sheet.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert sheet.headers["cache-control"] == FOREVER
    assert "--accent: #f5c400;" in sheet.text
    assert "--on-accent: #000000;" in sheet.text
    assert "changed in the business profile: Color from nothing to “#f5c400”" in text_of(ada.get("/audit"))
    assert color(ada, "ignored", "reset").status_code == 303
    assert stored(owner) == (None, None, 3)
    assert style_on(ada.get(BRAND).text) is None


def test_a_preview_shows_and_says_what_becomes_of_it_and_saves_nothing(
    ada: Person, owner: Connection
) -> None:
    with nothing_changes(owner):
        page = color(ada, YELLOW, "preview")
    assert page.status_code == 200
    told = text_of(page)
    assert "Preview of #f5c400, not saved yet" in told
    assert "The color has a contrast of 1.6 to 1 against the white surface." in told
    assert re.search(r"darkened to #[0-9a-f]{6} \(5\.\d to 1\)", told)
    assert "Links and other text take it as it is." in told  # on the dark surface
    assert re.search(r"Text on buttons of this color is black, which has 1[23]\.\d to 1\.", told)
    assert page.text.count('role="img" aria-label="A page in') == 2
    assert f'value="{YELLOW}"' in page.text
    assert " style=" not in page.text


@pytest.mark.parametrize(
    "typed",
    [
        "red", "#fff", "#12345", "#1234567", "123456", "#12345g", "#123456;}body{display:none",
        "url(//evil.example/x)", "#12345６", "</style><script>alert(1)</script>", "#123456\n", "var(--x)",
    ],
)  # fmt: skip
@pytest.mark.parametrize("pressed", ["save", "preview"])
def test_a_color_is_six_digits_or_nothing(ada: Person, owner: Connection, typed: str, pressed: str) -> None:
    if typed.strip() == "#123456":
        assert color(ada, typed).status_code == 303
        assert stored(owner)[0] == "#123456"
        return
    with nothing_changes(owner):
        page = color(ada, typed, pressed)
    assert page.status_code == 422
    assert 'id="error-accent"' in page.text
    assert "<script>alert" not in page.text
    assert style_on(page.text) is None


def test_a_stale_color_is_not_saved_over_anothers(
    ada: Person, owner: Connection, database: Database, cast: Cast, now: datetime
) -> None:
    page = ada.get(BRAND).text.partition('id="brand-color"')[2]
    form = {name: value for name, value in HIDDEN.findall(page) if name != "csrf_token"}
    with database.transaction(partner_id=cast.sue.partner_id) as db:
        partner_profile.update(db, cast.sue, fields=PartnerInput(accent="#0b7285"), now=now)
    with nothing_changes(owner):
        answer = ada.post(f"{BRAND}/color", {**form, "accent": YELLOW, "_pressed": "save"})
    assert answer.status_code == 409
    assert "It was “” and is now “#0b7285”. Save again to replace it." in text_of(answer)
    # A name changed meanwhile is in nobody's way.
    with database.transaction(partner_id=cast.sue.partner_id) as db:
        partner_profile.update(db, cast.sue, fields=PartnerInput(name="Other"), now=now)
    again = {**form, "version": "2", "shown-accent": "#0b7285", "accent": YELLOW, "_pressed": "save"}
    assert ada.post(f"{BRAND}/color", again).status_code == 303
    assert stored(owner) == (YELLOW, None, 4)


def test_a_logo_is_uploaded_shown_and_removed(
    ada: Person, signed_in: Callable[[str], Person], owner: Connection, pages: TestClient
) -> None:
    answer = upload(ada, drawn("JPEG", comment=SECRET), name="../../x.html", kind="text/html")
    assert (answer.status_code, answer.headers["location"]) == (303, f"{ada.home}{BRAND}")
    petra = signed_in("petra")
    address = logo_on(petra.get("/invoices").text)
    assert address is not None
    assert address == logo_on(ada.get(BRAND).text)
    shown = pages.get(address)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/png")
    assert shown.headers["cache-control"] == FOREVER
    assert shown.headers["x-content-type-options"] == "nosniff"
    assert SECRET not in shown.content
    assert Image.open(io.BytesIO(shown.content)).size == (320, 160)
    assert "changed the logo" in text_of(ada.get("/audit?about=partner"))

    assert upload(ada, drawn("PNG", (90, 30))).status_code == 303
    assert pages.get(address).status_code == 404  # the one before is gone
    second = logo_on(ada.get(BRAND).text)
    assert second not in (None, address)
    assert "Remit keeps no copy" in text_of(ada.get(f"{BRAND}/logo/remove"))
    assert ada.post(f"{BRAND}/logo/remove", {}).status_code == 303
    assert pages.get(second).status_code == 404
    assert logo_on(petra.get("/invoices").text) is None
    assert owner.scalar(text("select count(*) from partner_logo")) == 0


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"<svg onload='alert(1)'/>", "SVG files can hold scripts"), (b"hello", "damaged or no picture"),
        (b"", "Choose a picture"), (drawn("GIF"), "damaged or no picture"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * pictures.MOST_BYTES, "larger than 2 MB"),
        (b"\x89PNG\r\n\x1a\n" + b"x" * (pictures.MOST_BYTES + 200_000), "larger than 2 MB"),
        (drawn("PNG", (5000, 20)), "5000 by 20 pixels"),
    ],
    ids=["svg", "text", "none", "gif", "large", "larger", "wide"],
)  # fmt: skip
def test_what_is_no_fit_picture_is_told_at_its_field(
    ada: Person, owner: Connection, content: bytes, told: str
) -> None:
    with nothing_changes(owner):
        page = upload(ada, content)
    assert page.status_code == 422
    assert 'id="error-logo"' in page.text
    assert told in text_of(page)


def test_a_body_without_end_is_not_read_to_the_end(ada: Person, owner: Connection) -> None:
    read = 0

    def endless():
        nonlocal read
        yield b"--x\r\ncontent-disposition: form-data; name=logo; filename=a.png\r\n\r\n"
        while read < 100_000_000:
            read += 1_000_000
            yield b"\0" * 1_000_000

    ada.client.cookies.update(ada._session)
    with nothing_changes(owner):
        page = ada.client.post(
            f"{ada.home}{BRAND}/logo", content=endless(), follow_redirects=False,
            headers={"origin": ORIGIN, "content-type": "multipart/form-data; boundary=x"},
        )  # fmt: skip
    assert page.status_code == 422
    assert "larger than 2 MB" in text_of(page)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"x"), ("multipart/form-data; boundary=x", b"nonsense"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--"), ("application/json", b"{}"),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n' * 50 + b"--x--",
        ),
    ],
)  # fmt: skip
def test_a_body_that_is_no_form_is_refused(ada: Person, owner: Connection, kind: str, body: bytes) -> None:
    ada.client.cookies.update(ada._session)
    with nothing_changes(owner):
        answer = ada.client.post(
            f"{ada.home}{BRAND}/logo", content=body, headers={"origin": ORIGIN, "content-type": kind}
        )
    assert answer.status_code in (403, 422)


def test_a_form_kept_while_signing_in_comes_without_its_file(ada: Person, owner: Connection) -> None:
    with nothing_changes(owner):
        page = ada.post(f"{BRAND}/logo", {})
    assert page.status_code == 422
    assert "Choose a picture: PNG, JPEG or WebP." in text_of(page)


def test_who_may_not_change_it_sees_it_and_changes_nothing(
    clem: Person, rita: Person, ada: Person, owner: Connection
) -> None:
    color(ada, YELLOW)
    upload(ada, drawn("PNG"))
    for person in (clem, rita):
        page = person.get(BRAND)
        assert "An Admin or Sub-admin can change it." in text_of(page)
        assert "What becomes of #f5c400" in text_of(page)
        assert "<form" not in page.text.partition("<main")[2].partition("</main>")[0]
        with nothing_changes(owner):
            for pressed in ("save", "reset", "preview"):
                sent = {"version": "2", "shown-accent": YELLOW, "accent": "#000000", "_pressed": pressed}
                assert person.post(f"{BRAND}/color", sent).status_code == 403
            assert upload(person, drawn("PNG", (9, 9))).status_code == 403
            assert person.post(f"{BRAND}/logo/remove", {}).status_code == 403
            assert person.get(f"{BRAND}/logo/remove").status_code == 403


def test_strangers_and_forms_of_other_sites_change_nothing(
    ada: Person, mallory: Person, owner: Connection
) -> None:
    mallory.home = "/partner/northwind"
    with nothing_changes(owner):
        assert mallory.get(BRAND).status_code == 404
        assert mallory.post(f"{BRAND}/color", {"accent": YELLOW, "_pressed": "save"}).status_code == 404
        assert upload(mallory, drawn("PNG")).status_code == 404
        assert mallory.post(f"{BRAND}/logo/remove", {}).status_code == 404
        assert upload(ada, drawn("PNG"), forged=True).status_code == 403
        assert (
            ada.post(f"{BRAND}/color", {"accent": YELLOW, "_pressed": "save"}, forged=True).status_code == 403
        )
        ada.client.cookies.update(ada._session)
        elsewhere = ada.client.post(
            f"{ada.home}{BRAND}/logo", files={"logo": ("a.png", drawn("PNG"), "image/png")},
            data={"csrf_token": ada._form_token}, headers={"origin": "https://evil.example"},
        )  # fmt: skip
        assert elsewhere.status_code == 403


def test_an_invited_person_meets_the_brand_at_once(
    ada: Person, pages: TestClient, database: Database, cast: Cast, now: datetime
) -> None:
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        customer_users.invite(
            db, cast.ada, customer_id=cast.customers["acme"], name="Nina", email="nina@acme.example", now=now
        )
        token = invites.token_of(db, db.exec(select(Invite)).one())
    client = TestClient(pages.app, base_url=ORIGIN)
    client.portal = pages.portal
    plain = client.get(f"/invite/{token}")
    assert (style_on(plain.text), logo_on(plain.text)) == (None, None)
    color(ada, YELLOW)
    upload(ada, drawn("PNG"))
    page = client.get("/invite")
    assert style_on(page.text) == style_address(YELLOW)
    assert logo_on(page.text) == logo_on(ada.get(BRAND).text)
    assert style_on(client.get("/forgot").text) is None


def test_the_billing_link_wears_the_brand(ada: Person, pages: TestClient) -> None:
    assert style_on(pages.get("/billing/northwind").text) is None
    color(ada, YELLOW)
    upload(ada, drawn("PNG"))
    page = pages.get("/billing/northwind")
    assert style_on(page.text) == style_address(YELLOW)
    assert logo_on(page.text) == logo_on(ada.get(BRAND).text)
    assert style_on(pages.get("/billing/contoso").text) is None


def test_only_exact_addresses_exist(pages: TestClient, ada: Person) -> None:
    color(ada, YELLOW)
    right = style_address(YELLOW)
    assert pages.get(right).status_code == 200
    wrong = [
        right.replace("f5c400", "F5C400"), right.replace("f5c400", "f5c401"), right[:-5] + "0.css",
        right.replace(".css", ".png"), right + "/", "/brand/", "/brand/x", f"/brand/{'0' * 32}.png",
        "/brand/f5c400.css", "/brand/..%2f..%2fetc%2fpasswd", "/brand/f5c400-%7D*%7B.css",
        f"/brand/{'A' * 32}.png",
        right + "%0a", "/brand/" + "f" * 5000 + ".png",
    ]  # fmt: skip
    for address in wrong:
        assert pages.get(address, follow_redirects=False).status_code in (404, 307), address
    assert pages.get(right + "?x=1").text == pages.get(right).text


def test_two_partners_with_one_picture_have_two_names(
    database: Database, cast: Cast, now: datetime, owner: Connection
) -> None:
    png = pictures.as_logo(drawn("PNG"))
    for actor in (cast.ada, cast.mallory):
        with database.transaction(partner_id=actor.partner_id) as db:
            brand.set_logo(db, actor, png=png, now=now)
    assert len(set(owner.scalars(text("select logo from partner")))) == 2
    with nothing_changes(owner), database.transaction(partner_id=cast.ada.partner_id) as db:
        brand.set_logo(db, cast.ada, png=png, now=now)
    with database.transaction(partner_id=cast.ada.partner_id) as db:
        brand.remove_logo(db, cast.ada, now=now)
    assert set(owner.scalars(text("select partner_id from partner_logo"))) == {cast.partners["contoso"]}
    with nothing_changes(owner), database.transaction(partner_id=cast.ada.partner_id) as db:
        brand.remove_logo(db, cast.ada, now=now)
