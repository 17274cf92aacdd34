"""The account switcher: every place once, and two companies of one name told apart."""

from collections.abc import Callable
from datetime import datetime

import pytest
from sqlalchemy import Connection, text

from auth.memberships import Role
from db.session import Database
from tests.auth import steps
from tests.cast import Cast
from tests.portal.conftest import Person, text_of

SWITCHER = "/accounts?switch=1"


@pytest.fixture
def petra(
    signed_in: Callable[[str], Person], database: Database, cast: Cast, owner: Connection, now: datetime
) -> Person:
    """Petra, who pays for Acme of Peoria and for Globex of Reno; paths from the root."""
    invited = steps.invite(
        database, cast.ada, customer_id=cast.customers["globex"], role=Role.VIEWER,
        email="petra@acme.example", now=now,
    )  # fmt: skip
    steps.accept_as(database, invited.token, cast.petra.user_id, now)
    owner.execute(text("update customer set city = 'Peoria', state = 'IL' where company = 'Acme'"))
    owner.execute(text("update customer set city = 'Reno', state = 'NV' where company = 'Globex'"))
    person = signed_in("petra")
    person.home = ""
    return person


def test_every_place_says_whose_customer_and_in_what_role(petra: Person) -> None:
    shown = text_of(petra.get(SWITCHER))
    assert "Acme Northwind · Payer Globex Northwind · Viewer" in shown
    assert "Peoria" not in shown


def test_two_of_one_name_say_where_they_are(petra: Person, owner: Connection) -> None:
    owner.execute(text("update customer set company = 'Acme' where company = 'Globex'"))
    shown = text_of(petra.get(SWITCHER))
    assert "Acme Peoria, IL Northwind · Payer" in shown
    assert "Acme Reno, NV Northwind · Viewer" in shown
