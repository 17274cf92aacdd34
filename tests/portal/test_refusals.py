"""G-8 at the pages: what is refused there and matters is in the server's log, and in no table."""

import pytest
from sqlalchemy import Connection
from structlog.testing import capture_logs

from auth import refusals
from auth.refusals import Teller
from tests.cast import Cast
from tests.portal.conftest import Person
from tests.world import nothing_changes


def test_pages_tell_what_a_role_may_not_and_what_another_site_sends(
    clem: Person, cast: Cast, owner: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "TELLER", Teller())
    with nothing_changes(owner), capture_logs() as lines:
        for _ in range(3):
            assert clem.get("/customers/cus_" + "f" * 32).status_code == 404
            assert clem.post("/team/invite", {"name": "X", "email": "x@x.example"}).status_code == 403
            assert clem.post("/team/invite", {}, forged=True).status_code == 403
    assert [(line["code"], line.get("scope"), line.get("actor")) for line in lines] == [
        ("FORBIDDEN", "team:write", str(cast.clem.id)), ("CROSS_SITE", None, None),
    ]  # fmt: skip
