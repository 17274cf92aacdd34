"""Addresses of the two countries, against PRODUCT.md's lists."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from billing.addresses import Address, Country, address_rules, parse_address
from errors import Invalid

US_CODES = (
    "AL AK AZ AR CA CO CT DE DC FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC "
    "ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY PR GU VI AS MP AA AE AP"
)
CA_CODES = "AB BC MB NB NL NS NT NU ON PE QC SK YT"
FIRST_LETTERS = {
    "NL": "A",
    "NS": "B",
    "PE": "C",
    "NB": "E",
    "QC": "GHJ",
    "ON": "KLMNP",
    "MB": "R",
    "SK": "S",
    "AB": "T",
    "BC": "V",
    "NT": "X",
    "NU": "X",
    "YT": "Y",
}


def american(**changed):
    fields = {
        "address": "1 Main Street",
        "address2": None,
        "city": "Springfield",
        "state": "IL",
        "postal_code": "62701",
        "country": "US",
    }
    return fields | changed


def canadian(**changed):
    return american(city="Ottawa", state="ON", postal_code="K1A 0B1", country="CA") | changed


def problems_of(fields, path=()):
    with pytest.raises(Invalid) as refused:
        parse_address(fields, path)
    return [(problem.code, problem.path) for problem in refused.value.problems]


def problems_or_none(fields):
    try:
        parse_address(fields)
    except Invalid as refusal:
        return [(problem.code, problem.path) for problem in refusal.problems]
    return []


def message_of(fields):
    with pytest.raises(Invalid) as refused:
        parse_address(fields)
    (problem,) = refused.value.problems
    return problem.message


def test_an_address_is_trimmed_and_stored_in_one_form():
    typed = american(address="  1  Main   Street ", address2=" ", state="illinois", country="usa")
    assert parse_address(typed) == Address("1 Main Street", None, "Springfield", "IL", "62701", Country.US)
    typed = canadian(address2="Suite 2", state="Ontario", postal_code="k1a0b1", country="Canada")
    assert parse_address(typed) == Address("1 Main Street", "Suite 2", "Ottawa", "ON", "K1A 0B1", Country.CA)


def test_all_wrong_fields_come_back_at_once():
    empty = dict.fromkeys(("address", "address2", "city", "state", "postal_code", "country"))
    required = ["address", "city", "state", "postal_code", "country"]
    assert problems_of(empty) == problems_of({}) == [("REQUIRED", (field,)) for field in required]
    wrong = american(address="x" * 201, city="a\x00b", state="Ontario", postal_code="6270", country="US")
    assert problems_of(wrong, ("input", "address")) == [
        ("TOO_LONG", ("input", "address", "address")),
        ("BAD_CHARACTERS", ("input", "address", "city")),
        ("UNKNOWN_STATE", ("input", "address", "state")),
        ("BAD_ZIP", ("input", "address", "postal_code")),
    ]


def test_a_country_elsewhere_is_refused_and_its_state_and_code_are_left_alone():
    fields = american(country="Mexico", state="Jalisco", postal_code="ABC")
    assert problems_of(fields) == [("UNSUPPORTED_COUNTRY", ("country",))]
    assert message_of(fields) == "Choose the United States (US) or Canada (CA) as the country."


def test_the_states_and_provinces_are_those_of_the_product():
    assert " ".join(place.code for place in address_rules(Country.US).states) == US_CODES
    assert " ".join(place.code for place in address_rules(Country.CA).states) == CA_CODES
    assert len(address_rules(Country.US).states) == 50 + 1 + 5 + 3
    assert len(address_rules(Country.CA).states) == 13


@pytest.mark.parametrize("country", Country)
def test_codes_and_full_names_are_taken_in_any_case(country):
    for place in address_rules(country).states:
        fields = american()
        if country is Country.CA:
            fields = canadian(postal_code=f"{FIRST_LETTERS[place.code][0]}1A 1A1")
        for written in (place.code, place.name):
            for typed in (written, written.lower(), written.upper(), f" {written} "):
                assert parse_address(fields | {"state": typed}).state == place.code


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("Québec", "QC"),
        ("QUEBEC", "QC"),
        ("colombie-britannique", "BC"),
        ("Nouveau-Brunswick", "NB"),
        ("Nouvelle-Écosse", "NS"),
        ("nouvelle ecosse", "NS"),
        ("Île-du-Prince-Édouard", "PE"),
        ("P.E.I.", "PE"),
        ("Terre-Neuve-et-Labrador", "NL"),
        ("Territoires du Nord-Ouest", "NT"),
        ("Que\u0301bec", "QC"),
    ],
)
def test_french_names_of_provinces_are_taken(typed, code):
    postal_code = f"{FIRST_LETTERS[code][0]}1A 1A1"
    assert parse_address(canadian(state=typed, postal_code=postal_code)).state == code


@pytest.mark.parametrize(("typed", "code"), [("N.Y.", "NY"), ("Washington, D.C.", "DC"), ("D.C.", "DC")])
def test_states_are_known_with_dots_and_commas(typed, code):
    assert parse_address(american(state=typed)).state == code


def test_a_state_of_the_other_country_says_so():
    assert (
        message_of(american(state="Québec")) == "Quebec is in Canada. Change the country, or choose a state."
    )
    assert message_of(canadian(state="NY")) == (
        "New York is in the United States. Change the country, or choose a province or territory."
    )
    assert message_of(american(state="Narnia")) == "Choose a US state, or write its two-letter code, like NY."
    assert problems_of(canadian(state="Narnia")) == [("UNKNOWN_STATE", ("state",))]


@pytest.mark.parametrize("typed", ["12345", "12345-6789", " 12345 "])
def test_zip_codes_are_taken(typed):
    assert parse_address(american(postal_code=typed)).postal_code == typed.strip()


@pytest.mark.parametrize(
    "typed", ["1234", "123456", "12345-678", "12345 6789", "123456789", "1234a", "１２３４５", "K1A 0B1"]
)
def test_other_zip_codes_are_refused(typed):
    assert problems_of(american(postal_code=typed)) == [("BAD_ZIP", ("postal_code",))]
    assert message_of(american(postal_code=typed)) == "Enter the ZIP code as 12345 or 12345-6789."


@pytest.mark.parametrize(
    "typed", ["K1A 0B1", "k1a0b1", "K1A-0B1", " k1a  0b1 ", "K 1 A 0 B 1", "K1A\u00a00B1"]
)
def test_postal_codes_are_stored_in_one_form(typed):
    assert parse_address(canadian(postal_code=typed)).postal_code == "K1A 0B1"


@pytest.mark.parametrize("typed", ["K1A 0B", "K1A 0B11", "KIA 0B1", "1KA 0B1", "K1A.0B1", "62701", "Κ1A 0B1"])
def test_other_postal_codes_are_refused(typed):
    assert problems_of(canadian(postal_code=typed)) == [("BAD_POSTAL_CODE", ("postal_code",))]


def test_every_letter_is_held_against_its_place_and_province():
    for province, letters in FIRST_LETTERS.items():
        for letter in string.ascii_uppercase:
            fields = canadian(state=province, postal_code=f"{letter}1A 1A1")
            if letter in letters:
                assert parse_address(fields).postal_code == f"{letter}1A 1A1"
            elif letter in "DFIOQUWZ":
                assert problems_of(fields) == [("BAD_POSTAL_CODE", ("postal_code",))]
            else:
                assert problems_of(fields) == [("POSTAL_CODE_NOT_IN_PROVINCE", ("postal_code",))]
    for letter in string.ascii_uppercase:
        for typed in (f"K1{letter} 1A1", f"K1A 1{letter}1"):
            if letter in "DFIOQU":
                assert problems_of(canadian(postal_code=typed)) == [("BAD_POSTAL_CODE", ("postal_code",))]
            else:
                assert parse_address(canadian(postal_code=typed)).postal_code == typed


def test_a_postal_code_of_another_province_names_the_letters():
    assert message_of(canadian(postal_code="H2X 1Y4")) == (
        "Postal codes in Ontario start with K, L, M, N or P. Check the postal code and the province."
    )


def test_a_wrong_province_is_not_blamed_on_the_postal_code():
    assert problems_of(canadian(state="Narnia", postal_code="H2X 1Y4")) == [("UNKNOWN_STATE", ("state",))]


@pytest.mark.parametrize("field", ["address", "address2", "city", "state", "postal_code", "country"])
def test_no_field_takes_a_card_number(field):
    assert ("CARD_NUMBER", (field,)) in problems_of(american(**{field: "4111 1111 1111 1111"}))


@pytest.mark.parametrize(
    ("field", "limit"), [("address", 200), ("address2", 200), ("city", 100), ("state", 60), ("country", 60)]
)
def test_every_field_has_its_limit(field, limit):
    assert ("TOO_LONG", (field,)) not in problems_or_none(american(**{field: "x" * limit}))
    assert ("TOO_LONG", (field,)) in problems_or_none(american(**{field: "x" * (limit + 1)}))


@given(st.from_regex(r"[A-Za-z0-9 -]{0,12}", fullmatch=True) | st.text(max_size=9))
def test_the_pattern_for_forms_accepts_what_the_rule_accepts(typed):
    for country, fields in ((Country.US, american()), (Country.CA, canadian())):
        try:
            parse_address(fields | {"postal_code": typed})
            codes = set()
        except Invalid as refusal:
            codes = {problem.code for problem in refusal.problems}
        if re.fullmatch(address_rules(country).postal_pattern, typed):
            assert codes <= {"POSTAL_CODE_NOT_IN_PROVINCE"}
        elif typed.isascii():
            assert codes & {"BAD_ZIP", "BAD_POSTAL_CODE", "REQUIRED", "BAD_CHARACTERS"}


@pytest.mark.parametrize("country", Country)
def test_a_form_learns_its_labels_and_a_postal_code_that_passes(country):
    rules = address_rules(country)
    assert (rules.name, rules.state_label, rules.postal_label) == {
        Country.US: ("United States", "State", "ZIP code"),
        Country.CA: ("Canada", "Province or territory", "Postal code"),
    }[country]
    assert re.fullmatch(rules.postal_pattern, rules.postal_example)
