"""E-mail addresses: one normal form, and nothing that could become a second header or a second recipient."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auth.emails import Email, normal_form, parse_email
from errors import Invalid


def problem_of(text, **path):
    with pytest.raises(Invalid) as refused:
        parse_email(text, **path)
    (problem,) = refused.value.problems
    return problem


@pytest.mark.parametrize(
    ("typed", "address", "normal"),
    [
        ("ada@northwind.example", "ada@northwind.example", "ada@northwind.example"),
        ("  Ada.Byron@Northwind.Example ", "Ada.Byron@Northwind.Example", "ada.byron@northwind.example"),
        ("ada+billing@northwind.example", "ada+billing@northwind.example", "ada+billing@northwind.example"),
        ("o'neil_x-1@a-b.co.example", "o'neil_x-1@a-b.co.example", "o'neil_x-1@a-b.co.example"),
        # Full-width letters from an input method are plain ones.
        ("Ａｄａ＠northwind．example", "Ada@northwind.example", "ada@northwind.example"),
        # Mail is sent to the ASCII form of a domain, which every server takes.
        ("Ada@Bücher.example", "Ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example", "ada@xn--bcher-kva.example"),
        ("ada@faß.example", "ada@xn--fa-hia.example", "ada@xn--fa-hia.example"),
    ],
)
def test_what_was_typed_is_kept_beside_its_normal_form(typed, address, normal):
    assert parse_email(typed) == Email(address, normal)
    assert normal_form(typed) == normal


def test_plus_tags_tell_addresses_apart():
    assert normal_form("ada+a@northwind.example") != normal_form("ada+b@northwind.example")


@pytest.mark.parametrize(
    "typed",
    [
        "ada",
        "ada@",
        "@northwind.example",
        "ada@@northwind.example",
        "ada@bob@northwind.example",
        "ada@localhost",
        "ada@northwind.example.",
        "ada@.northwind.example",
        "ada@north..wind",
        "ada@-northwind.example",
        "ada@north_wind.example",
        "ada@127.0.0.1",
        "ada@[127.0.0.1]",
        ".ada@northwind.example",
        "ada.@northwind.example",
        "a..da@northwind.example",
        '"ada"@northwind.example',
        '"a b"@northwind.example',
        "ada(comment)@northwind.example",
        "ada@(comment)northwind.example",
        "ada byron@northwind.example",
        "ada@north wind.example",
        "ada@northwind.example\r\nBcc: mallory@contoso.example",
        "ada@northwind.example\n",
        "ada\x00@northwind.example",
        "ada@northwind.example\x7f",
        "ada@north\u200bwind.example",
        "a\u202eda@northwind.example",
        "ada\ud800@northwind.example",
        "ada@northwind\u2028.example",
        "ada@northwind.example, mallory@contoso.example",
        "ada@northwind.example;mallory@contoso.example",
        "Ada <ada@northwind.example>",
        "mailto:ada@northwind.example",
        "rené@northwind.example",
        "аda@northwind.example",  # the first letter is Cyrillic
        "ada@xn--a.example",
        "ada@" + "x" * 64 + ".example",
    ],
)
def test_anything_but_one_plain_address_is_refused(typed):
    problem = problem_of(typed)
    assert (problem.code, problem.path) == ("BAD_EMAIL", ("email",))


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ("ada", "Enter the e-mail address like name@company.com."),
        (
            "Ada <ada@x.example>",
            "Enter one address without the name. Enter the e-mail address like name@company.com.",
        ),
        (
            "ada@x.example, mallory@x.example",
            "Enter one address without the name. Enter the e-mail address like name@company.com.",
        ),
        (
            "ada@x.example;mallory@x.example",
            "Enter one address without the name. Enter the e-mail address like name@company.com.",
        ),
        (
            "rené@x.example",
            "Write the part before the @ without accents. Enter the e-mail address like name@company.com.",
        ),
        ("ada@x", "Check the part after the @. Enter the e-mail address like name@company.com."),
        ("ada@x.example\n", "Remove the invisible characters from the e-mail address."),
        ("ada@x\u2028.example", "Remove the invisible characters from the e-mail address."),
        ("ada@x\ud800.example", "Remove the invisible characters from the e-mail address."),
    ],
)
def test_a_refusal_says_what_to_change(typed, message):
    assert problem_of(typed).message == message


@pytest.mark.parametrize("typed", [None, "", "   "])
def test_an_empty_address_is_asked_for_where_it_is_missing(typed):
    problem = problem_of(typed, path=("users", 1, "email"))
    assert problem[:3] == ("REQUIRED", ("users", 1, "email"), "Enter the e-mail address.")


def test_254_characters_are_taken_and_one_more_is_not():
    domain = ".".join(["x" * 61] * 3)
    longest = f"{'a' * 64}@{domain}.ab"
    assert len(longest) == 253
    assert parse_email(longest + "c").normal == longest + "c"
    assert problem_of(longest + "cd").code == "TOO_LONG"
    assert problem_of("a" * 65 + "@northwind.example").code == "TOO_LONG"
    assert problem_of("a" * 100_000).code == "TOO_LONG"


def test_the_limit_holds_for_the_ascii_form_that_mail_is_sent_to():
    longest = f"{'a' * 64}@é.{'x' * 61}.{'x' * 61}.{'x' * 54}.ab"
    assert len(parse_email(longest).address) == 254
    assert problem_of(longest + "c").code == "TOO_LONG"
    assert len(longest + "c") < 254


ATOM = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-_'", min_size=1, max_size=12)
LABEL = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=1, max_size=12)


@given(st.lists(ATOM, min_size=1, max_size=4), st.lists(LABEL, min_size=1, max_size=4))
def test_plain_addresses_pass_and_differ_by_case_alone(atoms, labels):
    typed = f"{'.'.join(atoms)}@{'.'.join(labels)}.example"
    assert parse_email(typed) == Email(typed, typed.lower())


@given(st.text(max_size=40) | st.builds("{}@{}.{}".format, st.text(max_size=12), st.text(max_size=12), LABEL))
def test_whatever_is_typed_is_refused_or_is_stable_ascii(typed):
    try:
        email = parse_email(typed)
    except Invalid:
        return
    assert email.normal.isascii()
    assert email.address.isascii()
    assert email.address.isprintable()
    assert email.address.count("@") == 1
    assert " " not in email.address
    assert normal_form(email.address) == normal_form(email.normal) == email.normal
