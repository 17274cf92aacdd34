"""Forms: read within limits, kept as typed, shown again with each problem at its field."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.types import Message

from errors import Invalid, Problem
from portal.form import MOST_BYTES, MOST_ROWS, Form, Unreadable, Wrong
from tests.portal import look

URLENCODED = "application/x-www-form-urlencoded"


def typed(**fields: str) -> Form:
    return Form.parsed(urlencode({name.replace("__", "-"): value for name, value in fields.items()}).encode())


async def posted(
    body: bytes, kind: str = URLENCODED, *, announced: int | None = None, piece: int = 1000
) -> Form:
    pieces = [body[start : start + piece] for start in range(0, len(body), piece)]

    async def messages() -> AsyncIterator[Message]:
        for part in pieces:
            yield {"type": "http.request", "body": part, "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    stream = messages()

    async def receive() -> Message:
        return await anext(stream)

    headers = [(b"content-type", kind.encode())]
    if announced is not None:
        headers.append((b"content-length", str(announced).encode()))
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers, "query_string": b""}
    return await Form.read(Request(scope, receive))


@pytest.mark.anyio
async def test_a_form_is_read_as_typed() -> None:
    body = urlencode(
        {
            "company": "Érablière & Söhne 北 🍁",
            "note": "one\r\ntwo",
            "blank": "",
            "csrf_token": "t",
            "_pressed": "save",
        }
    )
    form = await posted(
        body.encode(), "Application/X-WWW-Form-Urlencoded; charset=UTF-8", announced=len(body)
    )
    assert form.value("company") == "Érablière & Söhne 北 🍁"
    assert form.value("note") == "one\ntwo"
    assert form.value("blank", "x") == ""
    assert form.value("absent", "x") == "x"
    assert form.csrf_token == "t"
    assert form.pressed == "save"
    # What is ours is not the person's.
    assert form.pairs() == [("company", "Érablière & Söhne 北 🍁"), ("note", "one\ntwo"), ("blank", "")]


@pytest.mark.anyio
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain", ""])
async def test_any_other_kind_of_body_is_refused(kind: str) -> None:
    with pytest.raises(Unreadable, match="reload the page"):
        await posted(b"company=Acme", kind)


@pytest.mark.anyio
async def test_a_body_is_read_up_to_64_kib_and_no_further() -> None:
    most = b"company=" + b"a" * (MOST_BYTES - 8)
    assert len((await posted(most)).value("company")) == MOST_BYTES - 8
    with pytest.raises(Unreadable, match="64 KiB"):
        await posted(most + b"a")
    # Announced too long: refused before a byte is read.
    with pytest.raises(Unreadable, match="64 KiB"):
        await posted(b"", announced=MOST_BYTES + 1)
    assert (await posted(b"a=1", announced=MOST_BYTES)).value("a") == "1"


@pytest.mark.parametrize(
    "body",
    [
        b"&".join(b"a%d=1" % number for number in range(501)),
        b"company=%ff",
        b"company=\xc3\xa9",
        b"company=%ed%a0%80",
        b"company=a%00b",
        b"com%00pany=a",
        b"-" * 9 + b"=a",
        b"a" * 201 + b"=a",
    ],
)
def test_what_no_browser_sends_is_refused(body: bytes) -> None:
    with pytest.raises(Unreadable) as refused:
        Form.parsed(body)
    assert [problem.code for problem in refused.value.problems] == ["UNREADABLE_FORM"]


def test_five_hundred_fields_are_taken() -> None:
    assert len(Form.parsed(b"&".join(b"a%d=1" % number for number in range(500))).pairs()) == 500


@given(st.binary(max_size=300))
def test_no_bytes_break_a_form(body: bytes) -> None:
    try:
        form = Form.parsed(body)
        form.document()
    except Unreadable:
        return
    form.rows("users")
    form.rearranged("users")
    form.without_blank_rows("users")


def test_a_password_is_given_to_the_rule_and_never_shown_again() -> None:
    secret = "correct horse battery"
    form = typed(
        email="ada@northwind.example", password=secret, new_password=secret, users__0__password=secret
    )
    assert form.secret("password") == form.secret("new_password") == form.secret("users-0-password") == secret
    again = form.with_problems(Invalid.at("password", message="Use at least 12 characters."))
    for shown in (form, again, again.without_blank_rows("users")):
        assert shown.value("password") == ""
        assert secret not in repr(shown)
        assert secret not in str(shown.pairs()) + str(shown.document())
    assert again.secret("password") == ""
    assert again.summary == [Wrong("password", "Use at least 12 characters.")]
    page = look.renderer().render("sign_in.html", form=again, place="Northwind")
    assert secret not in page
    assert 'value="ada@northwind.example"' in page


def test_problems_find_their_fields() -> None:
    form = typed(company="", address__postal_code="6270", users__0__email="x", users__1__email="y")
    refused = Invalid(
        [
            Problem("REQUIRED", ("company",), "Enter the company's name."),
            Problem("ZIP", ("address", "postal_code"), "Enter the ZIP as 12345."),
            Problem("EMAIL", ("users", 1, "email"), "Enter an e-mail address."),
            Problem("EMAIL", ("users", 1, "email"), "This one is taken."),
            Problem("ELSEWHERE", ("external_id",), "This external id is taken."),
            Problem("WHOLE", (), "This can't be saved today."),
            Problem("REQUIRED", ("company",), "Enter the company's name."),
        ]
    )
    shown = form.with_problems(refused)
    assert form.problems == ()
    assert shown.error("company") == "Enter the company's name. Enter the company's name."
    assert shown.error("address-postal_code") == "Enter the ZIP as 12345."
    assert shown.rows("users")[1].error("email") == "Enter an e-mail address. This one is taken."
    assert shown.rows("users")[0].error("email") is None
    assert shown.summary == [
        Wrong("company", "Enter the company's name."),
        Wrong("address-postal_code", "Enter the ZIP as 12345."),
        Wrong("users-1-email", "Enter an e-mail address."),
        Wrong("users-1-email", "This one is taken."),
        Wrong(None, "This external id is taken."),
        Wrong(None, "This can't be saved today."),
    ]


def test_a_rule_that_saw_one_row_is_put_in_its_place() -> None:
    form = typed(users__0__email="x").with_problems(
        Invalid.at("email", message="Enter an e-mail address."), under=("users", 0)
    )
    assert form.error("users-0-email") == "Enter an e-mail address."


def rows(form: Form) -> list[tuple[str, str, str]]:
    return [(row.name("name"), row.value("name"), row.value("email")) for row in form.rows("users")]


TWO = {
    "users__0__name": "Carl",
    "users__0__email": "c@x",
    "users__1__name": "Petra",
    "users__1__email": "p@x",
}


def test_a_row_is_added_without_javascript() -> None:
    form = typed(company="Acme", **TWO, _pressed="add-users")
    grown = form.rearranged("users")
    assert grown is not None
    assert rows(grown) == [
        ("users-0-name", "Carl", "c@x"),
        ("users-1-name", "Petra", "p@x"),
        ("users-2-name", "", ""),
    ]
    assert grown.value("company") == "Acme"
    assert form.rearranged("lines") is None
    assert typed(**TWO, _pressed="save").rearranged("users") is None


def test_a_row_is_removed_and_the_rest_move_up() -> None:
    shrunk = typed(company="Acme", **TWO, _pressed="remove-users-0").rearranged("users")
    assert shrunk is not None
    assert rows(shrunk) == [("users-0-name", "Petra", "p@x")]
    assert shrunk.value("company") == "Acme"
    unknown = typed(**TWO, _pressed="remove-users-7").rearranged("users")
    assert unknown is not None
    assert len(unknown.rows("users")) == 2


def test_there_are_at_most_fifty_rows() -> None:
    many = {f"users__{number}__name": "x" for number in range(MOST_ROWS)}
    full = typed(**many, _pressed="add-users").rearranged("users")
    assert full is not None
    assert len(full.rows("users")) == 50
    del many["users__7__name"]
    room = typed(**many, _pressed="add-users").rearranged("users")
    assert room is not None
    assert len(room.rows("users")) == 50


def test_blank_rows_are_dropped_so_that_a_problem_meets_its_row() -> None:
    form = typed(
        users__0__name="", users__0__email=" ", users__0__role="PAYER", users__1__name="Petra"
    ).without_blank_rows("users", ignoring=["role"])
    assert form.document() == {"users": [{"name": "Petra"}]}
    shown = form.with_problems(Invalid.at("users", 0, "email", message="Enter an e-mail address."))
    assert [(row.value("name"), row.error("email")) for row in shown.rows("users")] == [
        ("Petra", "Enter an e-mail address.")
    ]
    assert len(form.rows("users", at_least=2)) == 2
    assert typed(users__0__role="PAYER").without_blank_rows("users").document() == {
        "users": [{"role": "PAYER"}]
    }


def test_row_numbers_need_not_begin_at_zero_nor_be_small() -> None:
    form = typed(users__3__name="Carl", users__12__name="Petra", users__9999999999__name="nobody")
    assert [row.value("name") for row in form.rows("users")] == ["Carl", "Petra"]
    assert [row.index for row in form.rows("users", at_least=3)] == [3, 12, 13]
    assert form.without_blank_rows("users").document() == {"users": [{"name": "Carl"}, {"name": "Petra"}]}


def test_a_form_becomes_a_document_and_a_document_a_form() -> None:
    document: dict[str, Any] = {
        "company": "Acme",
        "legalName": None,
        "address": {"postalCode": "62701", "line1": "1 Main St"},
        "price": {"amount": "12.50", "currency": "USD"},
        "lines": [{"quantity": "1.5"}, {"quantity": "2"}],
        "tags": ["a", "b"],
        "reminders": True,
        "archived": False,
        "number": 7,
    }
    form = Form.of(document)
    assert form.value("legal_name") == ""
    assert form.value("address-postal_code") == "62701"
    assert form.value("price-amount") == "12.50"
    assert form.values("tags") == ("a", "b")
    assert form.checked("tags", "b")
    assert form.checked("reminders")
    assert not form.checked("archived")
    assert [row.value("quantity") for row in form.rows("lines")] == ["1.5", "2"]
    assert form.document() == {
        "company": "Acme",
        "legal_name": "",
        "address": {"postal_code": "62701", "line1": "1 Main St"},
        "price": {"amount": "12.50", "currency": "USD"},
        "lines": [{"quantity": "1.5"}, {"quantity": "2"}],
        "tags": "a",
        "reminders": "on",
        "number": "7",
    }


@pytest.mark.parametrize("names", [("users", "users-0-name"), ("users-0-name", "users"), ("a-b", "a-b-c")])
def test_names_that_contradict_each_other_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(Unreadable, match="contradict"):
        Form.parsed("&".join(f"{name}=x" for name in names).encode()).document()


def test_the_page_shows_what_was_typed_and_ties_errors_to_fields() -> None:
    page = look.page("wizard")
    assert '<a href="#field-address-postal_code">Enter the ZIP as 12345 or 12345-6789.</a>' in page
    assert "<li>This external id is taken. Choose another one.</li>" in page
    assert (
        '<input id="field-ein" name="ein" type="text" value="12-34" autocomplete="off" inputmode="numeric"'
        ' aria-describedby="error-ein hint-ein" aria-invalid="true">'
    ) in page
    assert '<option value="IL" selected>Illinois</option>' in page
    assert "<title>Error: Add customer · Northwind · Remit</title>" in page
    assert "secret-typed-here" not in page
    # A colour outside the palette stays choosable.
    assert '<input name="colour" type="radio" value="#123456" checked>' in page
    clean = look.page("sign_in")
    assert "<title>Sign in · Remit</title>" in clean
    assert "aria-invalid" not in clean
