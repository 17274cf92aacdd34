"""The sandbox gateway's pages and front door: headers, who may embed, what is said (G-2, G-6)."""

import sqlite3
from pathlib import Path

import httpx2
import pytest

from billing.ports import MethodKind
from integrations.gateways.sandbox.accounts import Account, Platform
from integrations.gateways.sandbox.app import create_app
from integrations.gateways.sandbox.cards import PUBLISHED
from languages import speaking
from tests.gateway import CARD, NORTHWIND, ROOT_SECRET, WEBHOOK_SECRET, RunningSandbox, platform

PORTAL = "http://portal.test:8000"


def session(sandbox: RunningSandbox, key: str = "s", return_url: str = f"{PORTAL}/methods?a=1&b="):
    return sandbox.gateway.create_setup(
        key=key, account=NORTHWIND, customer_ref="acme", return_url=return_url, kinds=[MethodKind.CARD]
    )


def policy(answer: httpx2.Response) -> dict[str, str]:
    parts = answer.headers["content-security-policy"].split("; ")
    return {name: value for name, _, value in (part.partition(" ") for part in parts)}


def test_a_setup_says_where_to_go_and_whom_to_believe(sandbox: RunningSandbox):
    begun = session(sandbox)
    assert begun.page_url == f"{sandbox.url}/setup/{begun.client_token}"
    assert begun.fields_url == f"{sandbox.url}/fields/{begun.client_token}"
    assert begun.fields_origin == sandbox.url


def test_only_the_account_asked_for_may_embed_the_fields_and_nobody_the_rest(sandbox: RunningSandbox):
    begun = session(sandbox)
    fields, page = sandbox.get(begun.fields_url), sandbox.get(begun.page_url)
    assert policy(fields)["frame-ancestors"] == PORTAL
    assert policy(fields)["form-action"] == "'self'"
    assert policy(page)["frame-ancestors"] == "'none'"
    # The browser holds the redirect after the form against this too.
    assert policy(page)["form-action"] == f"'self' {PORTAL}"
    for answer in (fields, page):
        assert policy(answer)["default-src"] == "'none'"
        assert policy(answer)["script-src"] == "'self'"
        assert "<script>" not in answer.text
        assert "style=" not in answer.text
    assert f'data-parent="{PORTAL}"' in fields.text
    assert "<script" not in page.text


def test_every_answer_carries_the_headers_errors_too(sandbox: RunningSandbox):
    begun = session(sandbox)
    answers = {
        sandbox.get(begun.page_url): 200,
        sandbox.get("/static/gateway.css"): 200,
        sandbox.get("/static/fields.js"): 200,
        sandbox.get("/static/app.py"): 404,
        sandbox.get("/health"): 200,
        sandbox.get("/nowhere"): 404,
        sandbox.get("/v1/charges"): 401,
        sandbox.get("/v1/setups"): 405,
        sandbox.get("/setup/ct_nobody"): 404,
        sandbox.get("/authenticate/act_nobody"): 404,
        sandbox._browser.post(begun.page_url, data={"number": ""}): 422,
        sandbox._browser.post(begun.page_url, json={}): 415,
        sandbox._browser.post(begun.page_url, data={"number": "1" * 20000}): 413,
        sandbox._browser.post(begun.page_url, data={f"n{at}": "1" for at in range(30)}): 400,
        httpx2.get(f"{sandbox.url}/health", headers={"host": "evil.test"}, trust_env=False): 421,
    }
    assert [answer.status_code for answer in answers] == list(answers.values())
    for answer in answers:
        headers = answer.headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], answer.url
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["cache-control"] == "no-store"


def test_a_failure_of_the_gateway_itself_has_headers_and_tells_nothing(sandbox: RunningSandbox):
    with sqlite3.connect(sandbox.store_path) as broken:
        broken.execute("ALTER TABLE setup RENAME TO gone")
    broken.close()
    answer = sandbox.get("/setup/ct_any")
    assert answer.status_code == 500
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert "no such table" not in answer.text


def test_the_form_names_every_field_for_people_and_browsers(sandbox: RunningSandbox):
    for address in (session(sandbox).page_url, session(sandbox).fields_url):
        text = sandbox.get(address).text
        for name, autocomplete in (
            ("number", "cc-number"),
            ("expiry", "cc-exp"),
            ("cvc", "cc-csc"),
            ("name", "cc-name"),
            ("postal_code", "billing postal-code"),
        ):
            assert f'<label for="{name}">' in text
            assert f'id="{name}" name="{name}" value="" autocomplete="{autocomplete}"' in text
        assert "no real money moves" in text
        assert [card.grouped for card in PUBLISHED if card.grouped not in text] == []


def test_wrong_fields_are_announced_and_what_may_stay_stays(sandbox: RunningSandbox):
    answer = sandbox.type_card("", token=session(sandbox).client_token, cvc="9", name='<b>"Petra"</b>')
    assert answer.status_code == 422
    assert "<title>Error: " in answer.text
    assert 'role="alert"' in answer.text
    assert 'aria-describedby="number-hint number-error"' in answer.text
    assert answer.text.count("autofocus") == 1
    assert 'value="&lt;b&gt;&#34;Petra&#34;&lt;/b&gt;"' in answer.text
    assert f'value="{CARD["expiry"]}"' in answer.text
    assert 'value="9"' not in answer.text


def test_a_saved_card_leads_back_with_the_setup_added_to_the_address(sandbox: RunningSandbox):
    begun = session(sandbox)
    answer = sandbox.type_card("4242424242424242", token=begun.client_token)
    assert answer.status_code == 303
    assert answer.headers["location"] == f"{PORTAL}/methods?a=1&b=&setup={begun.id}"


def test_in_the_frame_a_saved_card_is_said_there_with_a_link_out_of_the_frame(sandbox: RunningSandbox):
    begun = session(sandbox)
    answer = sandbox.type_card("4242424242424242", token=begun.client_token, page="fields")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/fields/{begun.client_token}")
    done = sandbox.get(begun.fields_url).text
    assert 'data-status="DONE"' in done
    assert f'href="{PORTAL}/methods?a=1&amp;b=&amp;setup={begun.id}" target="_top"' in done
    assert "<form" not in done


@pytest.mark.parametrize(
    "public_url",
    [
        "https://pay.example.com",
        "http://0.0.0.0:8001",
        "http://192.168.1.10:8001",
        "http://localhost.example.com",
        "http://127.0.0.1:8001/gateway",
        "ftp://127.0.0.1",
        "127.0.0.1:8001",
        "",
    ],
)
def test_it_does_not_start_beyond_loopback(tmp_path: Path, public_url: str):
    with pytest.raises(ValueError, match="loopback only"):
        create_app(tmp_path / "s.sqlite3", accounts=platform(), public_url=public_url)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("secret", ["", "short", " " * 30])
def test_it_does_not_start_with_a_secret_anybody_guesses(secret: str):
    with pytest.raises(ValueError, match="secret needs at least 16"):
        Platform(secret, (WEBHOOK_SECRET,))
    with pytest.raises(ValueError, match="secret needs at least 16"):
        Account(NORTHWIND, secret, (WEBHOOK_SECRET,))


def test_secrets_are_not_in_the_store_nor_in_what_a_log_would_show(sandbox: RunningSandbox):
    sandbox.add_card()
    account = sandbox.accounts.find(NORTHWIND)
    kept = b"".join(path.read_bytes() for path in sandbox.store_path.parent.iterdir())
    for secret in (ROOT_SECRET, WEBHOOK_SECRET, account.api_secret):
        assert secret.encode() not in kept
        assert secret not in repr(account) + repr(sandbox.accounts)
    assert [oct(path.stat().st_mode)[-3:] for path in sandbox.store_path.parent.iterdir()] == ["600"] * 3


def test_a_reader_of_french_is_spoken_to_in_french_to_the_end(sandbox: RunningSandbox):
    with speaking("fr"):
        begun = session(sandbox)
    assert begun.fields_url == f"{sandbox.url}/fields/{begun.client_token}?language=fr"
    form = sandbox.get(begun.fields_url).text
    assert '<html lang="fr">' in form
    assert ("Numéro de carte" in form, "Card number" in form) == (True, False)
    refused = httpx2.post(begun.fields_url, data={"number": ""})
    assert refused.status_code == 422
    assert "La carte n’a pas pu être enregistrée" in refused.text
    assert "Saisissez la date d’expiration sous la forme MM/AA, par exemple 12/34." in refused.text
    card = {"number": "4242424242424242", **CARD}
    kept = httpx2.post(begun.fields_url, data=card, follow_redirects=False)
    assert kept.headers["location"] == f"/fields/{begun.client_token}?language=fr"
    assert "La carte est enregistrée." in sandbox.get(begun.fields_url).text
    assert "n’existe pas" in sandbox.get("/setup/ct_nobody?language=fr").text
