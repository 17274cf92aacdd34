"""The bench's page by hand is cut out of the product's own: all that varies in it is marked."""

import re

from sqlalchemy import Connection, text

from bench.floor_page import marked
from bench.portal import plain
from tests.portal.conftest import Person
from tests.portal.customer.conftest import Bill


def test_pages_of_two_companies_are_one_page_with_marks(
    carl: Person, gus: Person, bill: Bill, owner: Connection
):
    # As in the bench, whose readers have one name.
    owner.execute(text("update membership set name = 'Rea Reader', email = 'rea@example.com'"))
    owner.execute(text("update person set name = 'Rea Reader'"))
    bill("100.00", due_in=30)
    bill("70.00", "globex", due_in=-5)
    mine, theirs = (
        marked(plain(person.get("/invoices?status=all").text), person.home.removeprefix("/portal/"))
        for person in (carl, gus)
    )
    assert mine.count("\x01rows\x01") == 1
    assert re.findall("Acme|Globex", mine) == []
    assert mine == theirs
