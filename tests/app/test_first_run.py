"""A fresh installation: who knows the way makes its first partner, once; nobody else can do anything."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest
from sqlalchemy import Connection, text
from starlette.testclient import TestClient

from app import serving
from app.wiring import Parts
from billing import partners
from db.session import Database
from errors import NotFound
from portal.first_run import _token, first_run_path
from tests.app.conftest import URL
from tests.world import nothing_changes

GIVEN = {
    "name": "Fabrikam IT", "admin_name": "Fay", "admin_email": "fay@fabrikam.example",
    "time_zone": "America/Toronto",
}  # fmt: skip


@pytest.fixture
def _empty(owner: Connection) -> None:
    owner.execute(text("truncate partner, person cascade"))


def csrf_of(page: str) -> str:
    found = re.search(r'name="csrf_token" value="([^"]+)"', page)
    assert found
    return found[1]


def way_in(parts: Parts) -> str | None:
    return first_run_path(parts.settings.secret_key.get_secret_value().encode(), parts.database)


def send(client: TestClient, fields: dict[str, str]) -> tuple[int, str]:
    token = csrf_of(client.get("/first-run").text)
    answer = client.post("/first-run", data={"csrf_token": token, **fields}, headers={"origin": URL})
    return answer.status_code, answer.text


@pytest.mark.usefixtures("_empty")
def test_whoever_knows_the_way_makes_the_first_partner(
    client: TestClient, parts: Parts, owner: Connection
) -> None:
    path = way_in(parts)
    assert path is not None
    assert "Set up Remit" in client.get(path).text
    status, page = send(client, GIVEN)
    assert status == 200
    assert "An invite is on its way to fay@fabrikam.example" in page
    assert str(parts.settings.mail_folder) in page
    made = owner.execute(text("select slug, name, time_zone, staff_need_factor from partner")).one()
    assert tuple(made) == ("fabrikam-it", "Fabrikam IT", "America/Toronto", True)
    jobs = owner.execute(text("select task_name from procrastinate_jobs")).scalars().all()
    assert jobs == ["send_mail"]


@pytest.mark.usefixtures("_empty")
def test_what_is_wrong_is_said_and_what_was_typed_stays(
    client: TestClient, parts: Parts, owner: Connection
) -> None:
    client.get(way_in(parts) or "")
    status, page = send(client, {**GIVEN, "admin_email": "fay", "admin_name": ""})
    assert status == 422
    assert "Fabrikam IT" in page
    assert 'id="field-admin_email"' in page
    assert owner.execute(text("select count(*) from partner")).scalar_one() == 0


@pytest.mark.usefixtures("_empty")
def test_signing_in_says_that_nobody_can_yet(client: TestClient, parts: Parts) -> None:
    assert "Remit is not set up yet" in client.get("/sign-in").text
    client.get(way_in(parts) or "")
    send(client, GIVEN)
    assert "Remit is not set up yet" not in client.get("/sign-in").text


@pytest.mark.usefixtures("_empty")
def test_a_stranger_finds_nothing(client: TestClient, owner: Connection) -> None:
    for path in ("/first-run", f"/first-run/{'0' * 64}", "/first-run/é"):
        assert client.get(path).status_code == 404
    token = csrf_of(client.get("/forgot").text)
    answer = client.post("/first-run", data={"csrf_token": token, **GIVEN}, headers={"origin": URL})
    assert answer.status_code == 404
    assert owner.execute(text("select count(*) from partner")).scalar_one() == 0


def test_once_there_is_a_partner_the_way_leads_nowhere(
    client: TestClient, parts: Parts, owner: Connection
) -> None:
    assert way_in(parts) is None
    token = csrf_of(client.get("/forgot").text)
    client.cookies.set("remit_first_run", _token(parts.settings.secret_key.get_secret_value().encode()))
    with nothing_changes(owner):
        assert client.get("/first-run").status_code == 404
        answer = client.post("/first-run", data={"csrf_token": token, **GIVEN}, headers={"origin": URL})
    assert answer.status_code == 404


@pytest.mark.usefixtures("_empty")
def test_of_two_at_once_one_makes_it(database: Database, owner: Connection, now: datetime) -> None:
    def make(name: str) -> bool:
        try:
            with database.transaction() as db:
                partners.create_first(
                    db, name=name, admin_name="Fay", admin_email="fay@fabrikam.example", time_zone="", now=now
                )
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(4) as four:
        made = list(four.map(make, ["One", "Two", "Three", "Four"]))
    assert sorted(made) == [False, False, False, True]
    assert owner.execute(text("select count(*) from partner")).scalar_one() == 1


def test_a_form_of_another_site_makes_nothing(client: TestClient, parts: Parts, owner: Connection) -> None:
    owner.execute(text("truncate partner, person cascade"))
    client.get(way_in(parts) or "")
    answer = client.post("/first-run", data=GIVEN, headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert owner.execute(text("select count(*) from partner")).scalar_one() == 0


def test_the_server_tells_the_way_when_it_starts_and_only_as_long_as_it_leads_somewhere(
    parts: Parts, owner: Connection, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serving, "_begun", lambda: (parts.settings, parts))
    monkeypatch.setattr(serving.uvicorn, "run", lambda *_, **__: None)
    serving.run_web()
    assert capsys.readouterr().err == ""
    owner.execute(text("truncate partner, person cascade"))
    serving.run_web()
    assert f"make the first one: {URL}/first-run/" in capsys.readouterr().err
