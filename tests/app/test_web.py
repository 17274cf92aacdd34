"""The web process as a whole: signing in and out, mailed links, cookies, hosts, redirects, headers."""

import re
from collections.abc import Callable
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from html import unescape
from urllib.parse import urlencode, urlsplit

import pytest
from httpx2 import Response
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from app.wiring import Parts
from billing.invoice_fields import MOST_LINES, MOST_TAXES
from portal.form import LONG
from tests.app.conftest import URL
from tests.cast import PASSWORD, Cast
from tests.world import nothing_changes

LONG_TEXT = "é\n" * 480
NEW_PASSWORD = "seven-lamps-over-quiet-water"
FOREIGN = [
    "https://evil.example", "//evil.example", "/\\evil.example", "\\\\evil.example", "http:evil.example",
    "javascript:alert(1)", "data:text/html,x", "///evil.example", "/%09/evil.example\t", "evil.example",
    "https:/evil.example", "/\tevil", "\n//evil.example", "http://localhost:8000@evil.example", "ftp://x",
    "//localhost:8000.evil.example", "//%65vil.example", "https://évil.example",
    "..//evil.example", " //evil", "//[", "http://[x",
]  # fmt: skip


def post(client: TestClient, path: str, **fields: str) -> Response:
    """Send the form at `path` as its own page would."""
    page = client.get(path)
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None, page.text
    return client.post(
        path, data={"csrf_token": token[1], **fields}, headers={"origin": URL}, follow_redirects=False
    )


def sign_in(client: TestClient, email: str, password: str = PASSWORD, **fields: str) -> Response:
    return post(client, "/sign-in", email=email, password=password, **fields)


def mails(parts: Parts) -> list[EmailMessage]:
    found = []
    for file in sorted(parts.settings.mail_folder.glob("*.eml"), key=lambda file: file.stat().st_mtime_ns):
        message = BytesParser(policy=policy.default).parsebytes(file.read_bytes())
        assert isinstance(message, EmailMessage)
        found.append(message)
    return found


def link_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return next(line for line in body.get_content().splitlines() if line.startswith("http"))


def test_ada_signs_in_and_out(client: TestClient, cast: Cast) -> None:
    assert sign_in(client, cast.emails["ada"]).headers["location"] == "/accounts"
    home = client.get("/accounts")
    assert home.url.path == "/partner/northwind"
    token = re.search(r'name="csrf_token" value="([^"]+)"', home.text)
    assert token is not None
    kept = dict(client.cookies)
    client.post("/sign-out", data={"csrf_token": token[1]}, headers={"origin": URL})
    client.cookies.update(kept)  # the old cookie, replayed
    answer = client.get("/partner/northwind", follow_redirects=False)
    assert answer.headers["location"].startswith("/sign-in?next=")


def test_a_wrong_password_and_an_unknown_address_get_the_same_page(client: TestClient, cast: Cast) -> None:
    wrong = sign_in(client, cast.emails["ada"], "not-the-password-at-all")
    unknown = sign_in(client, "nobody@northwind.example", "not-the-password-at-all")
    assert wrong.status_code == unknown.status_code == 422
    assert wrong.text.replace(cast.emails["ada"], "X") == unknown.text.replace(
        "nobody@northwind.example", "X"
    )


def test_every_cookie_is_closed_to_scripts_and_other_sites(client: TestClient, cast: Cast) -> None:
    for header in sign_in(client, cast.emails["ada"]).headers.get_list("set-cookie"):
        assert "HttpOnly" in header
        assert "SameSite=lax" in header
        assert "Path=/" in header
        assert "Domain" not in header


@pytest.mark.parametrize("target", FOREIGN)
def test_after_signing_in_one_stays_here(client: TestClient, cast: Cast, target: str) -> None:
    leads = sign_in(client, cast.emails["ada"], next=target).headers["location"]
    assert not urlsplit(leads).netloc
    assert leads.startswith("/")
    assert not leads.startswith(("//", "/\\"))


def test_after_signing_in_one_comes_back_to_where_one_was(client: TestClient, cast: Cast) -> None:
    asked = client.get("/partner/northwind/invoices?status=open", follow_redirects=False)
    assert asked.headers["location"] == "/sign-in?next=%2Fpartner%2Fnorthwind%2Finvoices%3Fstatus%3Dopen"
    back = sign_in(client, cast.emails["ada"], next="/partner/northwind/invoices?status=open")
    assert back.headers["location"] == "/partner/northwind/invoices?status=open"


def test_a_form_typed_after_the_session_ended_is_kept(
    client: TestClient, cast: Cast, owner: Connection
) -> None:
    sign_in(client, cast.emails["ada"])
    owner.execute(text("update session set expires_at = created_at"))
    path = "/partner/northwind/customers/new"
    ended = client.post(path, data={"csrf_token": "x", "company": "Umbrella"}, headers={"origin": URL})
    assert ended.status_code == 401
    assert "what you typed is kept" in ended.text
    back = sign_in(client, cast.emails["ada"], next=path, **{"kept-company": "Umbrella"})
    assert back.status_code == 200
    assert re.search(r'name="company" value="Umbrella"', back.text)
    assert f'action="{path}"' in back.text


def test_the_longest_draft_there_may_be_is_carried_across_signing_in(
    client: TestClient, cast: Cast, owner: Connection
) -> None:
    sign_in(client, cast.emails["ada"])
    owner.execute(text("update session set expires_at = created_at"))
    path = f"/partner/northwind/customers/cus_{cast.customers['acme'].hex}/invoices/new"
    draft = {
        f"lines-{row}-{name}": value
        for row in range(MOST_LINES)
        for name, value in {
            "description": f"Line {row} " + LONG_TEXT, "quantity": "1", "unit_price": "1.00",
            "discount": "", "discount_percent": "",
            **{f"taxes-{tax}-{part}": "9.975" for tax in range(MOST_TAXES) for part in ("name", "rate")},
        }.items()
    }  # fmt: skip
    sent = {"csrf_token": "x", **draft}
    assert 900_000 < len(urlencode(sent)) < LONG.most_bytes
    ended = client.post(path, data=sent, headers={"origin": URL})
    assert (ended.status_code, "what you typed is kept" in ended.text) == (401, True)
    assert "Stay on this page until you are signed in" in ended.text
    kept = {f"kept-{name}": value for name, value in draft.items()}
    assert ended.text.count('name="kept-lines-') == 2 * len(draft)  # beside the password, and the passkey
    wrong = sign_in(client, cast.emails["ada"], password="wrong " * 3, next=path, **kept)
    assert (wrong.status_code, wrong.text.count('name="kept-lines-')) == (422, 2 * len(draft))
    mailed = post(client, "/sign-in/mail", email=cast.emails["ada"], next=path, **kept)
    assert (mailed.status_code, mailed.text.count('name="kept-lines-')) == (200, len(draft))
    back = sign_in(client, cast.emails["ada"], next=path, **kept)
    assert back.status_code == 200
    assert unescape(back.text).count(LONG_TEXT) >= MOST_LINES
    assert back.text.count('name="lines-') == len(draft)


@pytest.mark.parametrize(
    "headers",
    [{"origin": "https://evil.example"}, {"origin": "null"}, {"sec-fetch-site": "cross-site"}, {},
     {"origin": URL, "sec-fetch-site": "same-site"}],
)  # fmt: skip
def test_what_another_site_sent_is_never_kept_and_so_never_sent_as_ours(
    client: TestClient, cast: Cast, owner: Connection, headers: dict[str, str]
) -> None:
    planted = {"csrf_token": "x", "name": "planted", "colour": "#ff0000", "_pressed": "planted"}
    path = "/partner/northwind/tags/new"
    for signed_in in (False, True):
        if signed_in:  # a browser that does not send the cookie along looks just like one without it
            sign_in(client, cast.emails["ada"])
            client.cookies.clear()
        answer = client.post(path, data=planted, headers=headers)
        assert answer.status_code == 403
        assert "planted" not in answer.text
        assert "kept-" not in answer.text
    assert owner.scalar(text("select count(*) from tag where name = 'planted'")) == 0


def test_the_button_that_was_pressed_is_kept_with_the_form(
    client: TestClient, cast: Cast, owner: Connection
) -> None:
    typed = {"csrf_token": "x", "users-0-name": "Half Typed", "_pressed": "add-users"}
    path = f"/partner/northwind/customers/cus_{cast.customers['acme'].hex}/finish-setup"
    ended = client.post(path, data=typed, headers={"origin": URL})
    kept = dict(re.findall(r'name="(kept-[^"]+)" value="([^"]*)"', ended.text))
    assert kept == {"kept-users-0-name": "Half Typed", "kept-_pressed": "add-users"}
    back = sign_in(client, cast.emails["ada"], next=path, **kept)
    assert 'name="_pressed" value="add-users"' in back.text
    assert "users 0 name: Half Typed" in back.text  # said before it is sent


@pytest.mark.parametrize("path", ["/sign-in?next=%00", "/partner/northwind/customers?search=a%00", "/?%00=1"])
def test_an_address_with_a_nul_is_no_page(client: TestClient, cast: Cast, path: str) -> None:
    sign_in(client, cast.emails["ada"])
    assert client.get(path).status_code == 404


def test_an_address_that_nothing_is_at_keeps_the_shell_of_its_place(client: TestClient, cast: Cast) -> None:
    mistyped = "/partner/northwind/custommers"
    paths = (mistyped, "/partner/northwind/as/as_1/x", "/portal/nowhere/x", "/partner/%00/x", "/nothing")
    for path in paths:
        assert (client.get(path).status_code, 'id="site-nav"' in client.get(path).text) == (404, False)
    sign_in(client, cast.emails["ada"])
    for path in paths:
        answer = client.get(path)
        assert (answer.status_code, 'id="site-nav"' in answer.text) == (404, path == mistyped), path
    wrong = client.put("/partner/northwind/customers")
    assert (wrong.status_code, 'id="site-nav"' in wrong.text) == (405, True)
    assert wrong.headers["allow"]


def test_a_password_is_reset_by_mail_once(
    client: TestClient, cast: Cast, parts: Parts, deliver: Callable[[], None]
) -> None:
    known = post(client, "/forgot", email=cast.emails["petra"])
    unknown = post(client, "/forgot", email="nobody@acme.example")
    assert known.text == unknown.text
    deliver()
    (mail,) = mails(parts)
    link = link_of(mail)
    opened = client.get(urlsplit(link).path)
    assert opened.url.path == "/reset"
    assert link.rsplit("/", 1)[1] not in opened.text
    assert post(client, "/reset", password="short").status_code == 422
    assert post(client, "/reset", password=NEW_PASSWORD).headers["location"].startswith("/sign-in")
    assert client.get(urlsplit(link).path).status_code == 404
    assert sign_in(client, cast.emails["petra"]).status_code == 422
    assert sign_in(client, cast.emails["petra"], NEW_PASSWORD).status_code == 303
    deliver()
    assert [mail["Subject"] for mail in mails(parts)] == ["Set a new password", "Your password was changed"]


@pytest.mark.parametrize("host", ["evil.example", "localhost:8000.evil.example", "localhost:9", "", "a b"])
def test_a_foreign_host_is_refused_and_never_gets_into_a_link(
    client: TestClient, cast: Cast, parts: Parts, deliver: Callable[[], None], host: str
) -> None:
    assert client.get("/sign-in", headers={"host": host}).status_code == 400
    page = client.get("/forgot")
    token = re.search(r'name="csrf_token" value="([^"]+)"', page.text)
    assert token is not None
    client.post(
        "/forgot", data={"csrf_token": token[1], "email": cast.emails["petra"]},
        headers={"origin": URL, "x-forwarded-host": host or "evil.example", "forwarded": f"host={host}"},
    )  # fmt: skip
    deliver()
    assert link_of(mails(parts)[0]).startswith(f"{URL}/reset/")


@pytest.mark.parametrize("link", ["invite", "reset"])
def test_a_made_up_link_opens_nothing(client: TestClient, owner: Connection, link: str) -> None:
    with nothing_changes(owner):
        assert "no longer works" in client.get(f"/{link}/{'x' * 43}").text
        assert client.get(f"/{link}").status_code == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/sign-in"), ("GET", "/nothing"), ("GET", "/partner/northwind"), ("POST", "/sign-in"),
     ("POST", "/graphql"), ("GET", "/graphql"), ("POST", "/webhooks/sandbox"), ("GET", "/health"),
     ("GET", "/static/x/y.css"), ("DELETE", "/accounts"), ("GET", "/demo/mails")],
)  # fmt: skip
def test_every_answer_has_the_headers(client: TestClient, method: str, path: str) -> None:
    answer = client.request(method, path, follow_redirects=False)
    assert answer.status_code < 500
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


def test_the_demos_pages_exist_only_in_the_demo(client: TestClient) -> None:
    assert client.get("/demo/mails").status_code == 404


def test_an_unsigned_event_is_not_taken(client: TestClient, owner: Connection) -> None:
    with nothing_changes(owner):
        answer = client.post("/webhooks/sandbox", content=b"{}", headers={"x-signature": "t=1,v1=00"})
        assert answer.status_code == 400
        assert client.post("/webhooks/sandbox", content=b"x" * 300_000).status_code == 413
