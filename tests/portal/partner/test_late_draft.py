"""Two people before one draft: nothing that was typed is lost, and nobody's work is replaced unseen."""

import re
from collections.abc import Callable
from html import unescape

import pytest
from sqlalchemy import Connection, text

from db import ids
from tests.cast import Cast
from tests.portal.conftest import Person, text_of
from tests.world import nothing_changes

Arrive = Callable[[str], Person]
FIELD = re.compile(r'<input[^>]* name="([^"]+)"[^>]*? value="([^"]*)"')
AREA = re.compile(r'<textarea[^>]* name="([^"]+)"[^>]*>\n(.*?)</textarea>', re.DOTALL)
TWO = {
    "lines-0-description": "Work", "lines-0-quantity": "3", "lines-0-unit_price": "33.33",
    "lines-0-taxes-0-name": "GST", "lines-0-taxes-0-rate": "5",
    "lines-1-description": "Travel", "lines-1-quantity": "1", "lines-1-unit_price": "80.00",
    "memo": "Thank you",
}  # fmt: skip


def typed_on(page: str) -> dict[str, str]:
    """The editor's form as a browser would send it, without its token."""
    main = page.partition("<main")[2]
    found = {name: unescape(value) for pattern in (FIELD, AREA) for name, value in pattern.findall(main)}
    return {name: value for name, value in found.items() if name != "csrf_token"}


@pytest.fixture
def draft(signed_in: Arrive, cast: Cast, owner: Connection) -> str:
    """A draft of two lines."""
    new = f"/customers/{ids.shown('cus', cast.customers['acme'])}/invoices/new"
    assert signed_in("clem").post(new, TWO).status_code == 303
    return f"/invoices/{ids.shown('inv', owner.execute(text('select id from invoice')).scalar_one())}"


def lines(owner: Connection) -> list[tuple[str, int]]:
    found = owner.execute(text("select description, unit_price_minor from invoice_line order by position"))
    return [tuple(row) for row in found]  # type: ignore[misc]


def test_the_slower_of_two_keeps_what_was_typed_and_saves_again(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    ada, clem = signed_in("ada"), signed_in("clem")
    hers, his = (typed_on(person.get(f"{draft}/edit").text) for person in (ada, clem))
    theirs = {**hers, "memo": "Net 10", "po_number": "PO 7", "lines-1-unit_price": "95.00"}
    assert ada.post(f"{draft}/edit", theirs).status_code == 303
    with nothing_changes(owner):
        late = clem.post(f"{draft}/edit", {**his, "memo": "See you", "lines-0-description": "Design"})
    assert late.status_code == 409
    said = text_of(late)
    assert "Ada Moss saved this draft while you were editing" in said or "saved this draft" in said
    assert "Memo was “Thank you” and is now “Net 10”. You typed “See you”; saving replaces theirs." in said
    assert "PO number was “nothing” and is now “PO 7”." in said
    assert "Line 2 is now saved as “Travel, 1 × 95.00”." in said
    assert "Line 1 is now" not in said
    again = typed_on(late.text)
    assert (again["memo"], again["po_number"], again["version"]) == ("See you", "PO 7", "2")
    # What he did not touch is as she saved it.
    assert (again["lines-0-description"], again["lines-1-unit_price"]) == ("Design", "95.00")
    assert clem.post(f"{draft}/edit", again).status_code == 303
    assert lines(owner) == [("Design", 3_333), ("Travel", 9_500)]
    assert owner.execute(text("select memo, po_number, version from invoice")).one() == ("See you", "PO 7", 3)


def test_a_line_of_both_is_shown_as_typed_and_as_saved(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    first = typed_on(clem.get(f"{draft}/edit").text)
    assert clem.post(f"{draft}/edit", {**first, "lines-0-quantity": "4"}).status_code == 303
    late = clem.post(f"{draft}/edit", {**first, "lines-0-quantity": "5"})
    said = text_of(late)
    assert "You saved this draft elsewhere while this page was open" in said
    mine = "The form has “Work, 5 × 33.33, GST 5%” there; saving replaces theirs."
    assert f"Line 1 is now saved as “Work, 4 × 33.33, GST 5%”. {mine}" in said
    # A button that saves nothing keeps what the page was made from.
    again = typed_on(late.text)
    added = clem.post(f"{draft}/edit", {**again, "_pressed": "add-lines"})
    assert typed_on(added.text)["version"] == "2"
    assert typed_on(added.text)["shown-lines"] == again["shown-lines"]


def test_lines_added_or_taken_away_by_the_other_leave_mine_as_typed(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    first = typed_on(clem.get(f"{draft}/edit").text)
    more = {**first, "lines-2-description": "Hotel", "lines-2-quantity": "2", "lines-2-unit_price": "10"}
    assert clem.post(f"{draft}/edit", more).status_code == 303
    late = clem.post(f"{draft}/edit", {**first, "lines-0-description": "Design"})
    said = text_of(late)
    assert "Line 3 was added: “Hotel, 2 × 10.00”. The form doesn't have it; saving takes it away." in said
    assert "lines-2-description" not in typed_on(late.text)
    # Untouched lines are all as the other one left them.
    unread = clem.post(f"{draft}/edit", {**first, "memo": "Bye"})
    assert typed_on(unread.text)["lines-2-description"] == "Hotel"
    assert "takes it away" not in text_of(unread)
    # And a line that the other one removed is pointed out.
    second = typed_on(clem.get(f"{draft}/edit").text)
    fewer = {name: value for name, value in second.items() if not name.startswith("lines-2-")}
    assert clem.post(f"{draft}/edit", fewer).status_code == 303
    removed = text_of(clem.post(f"{draft}/edit", {**second, "lines-0-description": "Design"}))
    assert "Line 3 was removed. The form has “Hotel, 2 × 10.00” there; saving puts it back." in removed


def test_a_day_to_send_it_that_was_set_meanwhile_is_in_nobodys_way(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    first = typed_on(clem.get(f"{draft}/edit").text)
    owner.execute(text("update invoice set version = version + 1"))
    owner.commit()
    assert clem.post(f"{draft}/edit", {**first, "memo": "Bye"}).status_code == 303
    assert owner.scalar(text("select memo from invoice")) == "Bye"


def test_a_draft_that_was_sent_meanwhile_says_so_and_keeps_what_was_typed(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    ada, clem = signed_in("ada"), signed_in("clem")
    first = typed_on(clem.get(f"{draft}/edit").text)
    assert ada.post(f"{draft}/send").status_code == 303
    with nothing_changes(owner):
        late = clem.post(f"{draft}/edit", {**first, "lines-0-description": "Design"})
    said = text_of(late)
    assert late.status_code == 409
    assert "This invoice was issued while you were editing" in said
    assert re.search(r"Ada\b[^.]* issued it on ", said)
    assert "Line 1: Design, 3 × 33.33, GST 5% Line 2: Travel, 1 × 80.00" in said
    assert f'href="{clem.home}{draft}"' in late.text
    assert f'href="{clem.home}{draft}/duplicate"' in late.text
    # Its editor is no more.
    assert "can't be changed" in text_of(clem.get(f"{draft}/edit"))


def test_a_draft_that_was_deleted_meanwhile_says_so_and_keeps_what_was_typed(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    ada, clem = signed_in("ada"), signed_in("clem")
    first = typed_on(clem.get(f"{draft}/edit").text)
    assert ada.post(f"{draft}/delete").status_code == 303
    for pressed in ("save", "add-lines"):
        late = clem.post(f"{draft}/edit", {**first, "memo": "See you", "_pressed": pressed})
        assert late.status_code == 404
        said = text_of(late)
        assert "This draft isn't there any more" in said
        assert "Memo: See you" in said
        assert "Line 2: Travel, 1 × 80.00" in said


def test_a_customer_that_was_archived_meanwhile_loses_nobody_what_was_typed(
    signed_in: Arrive, draft: str, cast: Cast, owner: Connection
) -> None:
    ada, clem = signed_in("ada"), signed_in("clem")
    first = typed_on(clem.get(f"{draft}/edit").text)
    customer = f"/customers/{ids.shown('cus', cast.customers['acme'])}"
    assert ada.post(f"{customer}/archive").status_code == 303
    for page in (f"{draft}/edit", f"{customer}/invoices/new"):
        late = clem.post(page, {**first, "memo": "See you"})
        assert late.status_code == 409
        assert typed_on(late.text)["memo"] == "See you"
        assert "archived" in text_of(late)


def test_a_second_tab_that_confirms_sending_is_told_and_asked_again(
    signed_in: Arrive, draft: str, owner: Connection
) -> None:
    clem = signed_in("clem")
    first, second = (
        typed_on(clem.get(f"{draft}/confirm-send").text.partition("/schedule")[0]) for _ in range(2)
    )
    assert clem.post(f"{draft}/send", first).status_code == 303
    mails = owner.scalar(text("select count(*) from mail where kind = 'INVOICE'"))
    with nothing_changes(owner):
        late = clem.post(f"{draft}/send", second)
    assert late.status_code == 409
    assert re.search(r"It was sent already, on .*, to .*Send it again\?", text_of(late))
    again = clem.post(f"{draft}/send", typed_on(late.text))
    assert again.status_code == 303
    assert owner.scalar(text("select count(*) from mail where kind = 'INVOICE'")) > mails
