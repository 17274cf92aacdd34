"""Postal addresses of the United States and Canada: what is taken, how it is stored, what a form needs.

The surprise: the first letter of a Canadian postal code belongs to a province and is held against it, as
PRODUCT.md decides; a ZIP code is not held against its state.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from billing.places import COUNTRY_NAMES, POSTAL_LETTERS, PROVINCES, STATES, folded, place_codes
from billing.texts import Checks, Path
from languages import mark, say


class Country(StrEnum):
    """Where a customer may be."""

    US = "US"
    CA = "CA"


class Place(NamedTuple):
    """A state, territory, military region or province: `NY`, `New York`."""

    code: str
    name: str


@dataclass(frozen=True, slots=True)
class Address:
    """A checked address as it is stored: `state` is a code, `postal_code` in its one written form."""

    address: str
    address2: str | None
    city: str
    state: str
    postal_code: str
    country: Country


class AddressRules(NamedTuple):
    """What any front end needs to build the form for one country.

    `postal_pattern` means the same in Python, JavaScript and an HTML `pattern`; it takes what is accepted, in
    any case and spacing, not only the stored form.
    """

    country: Country
    name: str
    states: tuple[Place, ...]
    state_label: str
    postal_label: str
    postal_pattern: str
    postal_example: str


# No D, F, I, O, Q, U anywhere (they read as digits or other letters), and W and Z never first.
_FIRST, _LETTER = "[A-CEGHJ-NPR-TVXYa-ceghj-npr-tvxy]", "[A-CEGHJ-NPR-TV-Za-ceghj-npr-tv-z]"
_POSTAL_CODE = rf"\s*{_FIRST}\s*[0-9]\s*{_LETTER}\s*-?\s*[0-9]\s*{_LETTER}\s*[0-9]\s*"
_ZIP = r"\s*[0-9]{5}(?:-[0-9]{4})?\s*"

_STATES = tuple(Place(code, mark(names[0])) for code, names in STATES.items())
_PROVINCES = tuple(Place(code, mark(names[0])) for code, names in PROVINCES.items())
_RULES = {
    Country.US: AddressRules(
        Country.US, mark("United States"), _STATES, mark("State"), mark("ZIP code"), _ZIP, "12345"
    ),
    Country.CA: AddressRules(
        Country.CA,
        mark("Canada"),
        _PROVINCES,
        mark("Province or territory"),
        mark("Postal code"),
        _POSTAL_CODE,
        "K1A 0B1",
    ),
}
_POSTAL = {country: re.compile(rules.postal_pattern) for country, rules in _RULES.items()}
_CODES = {Country.US: place_codes(STATES), Country.CA: place_codes(PROVINCES)}
# What messages call a field; a country that is missing or wrong is None.
_STATE_NAMES = {
    Country.US: "state",
    Country.CA: mark("province or territory"),
    None: mark("state or province"),
}
_POSTAL_NAMES = {
    Country.US: mark("ZIP code"),
    Country.CA: mark("postal code"),
    None: mark("ZIP or postal code"),
}
_BAD_STATE = {
    Country.US: mark("Choose a US state, or write its two-letter code, like NY."),
    Country.CA: mark("Choose a province or territory, or write its two-letter code, like ON."),
}


def address_rules(country: Country) -> AddressRules:
    """The states, labels and postal pattern of one country, for forms and the API's `addressRules`."""
    return _RULES[country]


def parse_address(fields: Mapping[str, str | None], path: Path = ()) -> Address:
    """The checked address, or every wrong field at once; see read_address for what is refused."""
    checks = Checks(path)
    address = read_address(checks, fields)
    checks.done()
    return address


def read_address(checks: Checks, fields: Mapping[str, str | None]) -> Address:
    """Reads address, address2, city, state, postal_code and country, noting every problem in `checks`.

    States and provinces are taken as codes or full names (also French), stored as codes. The answer is a
    stand-in when a problem was noted. Codes: those of clean_line, UNKNOWN_STATE, BAD_ZIP, BAD_POSTAL_CODE,
    POSTAL_CODE_NOT_IN_PROVINCE, UNSUPPORTED_COUNTRY.
    """
    named = COUNTRY_NAMES.get(folded(fields.get("country") or ""))
    country = Country(named) if named else None
    address = checks.line("address", fields.get("address"), required=True, limit=200)
    address2 = checks.line(
        "address2", fields.get("address2"), required=False, limit=200, name="second address line"
    )
    city = checks.line("city", fields.get("city"), required=True, limit=100)
    state = _state(checks, fields.get("state"), country)
    postal_code = _postal_code(checks, fields.get("postal_code"), country, state)
    written = checks.line("country", fields.get("country"), required=True, limit=60)
    if written and country is None:
        message = "Choose the United States (US) or Canada (CA) as the country."
        checks.refuse("country", code="UNSUPPORTED_COUNTRY", message=message)
    return Address(address, address2, city, state, postal_code, country or Country.US)


def _state(checks: Checks, text: str | None, country: Country | None) -> str:
    """The code, or "" when there is none to hold a postal code against."""
    written = checks.line("state", text, required=True, limit=60, name=_STATE_NAMES[country])
    if not written or country is None:
        return ""
    code = _CODES[country].get(folded(written))
    if code is None:
        message = _elsewhere(written, country) or _BAD_STATE[country]
        checks.refuse("state", code="UNKNOWN_STATE", message=message)
    return code or ""


def _elsewhere(written: str, country: Country) -> str | None:
    other = Country.US if country is Country.CA else Country.CA
    code = _CODES[other].get(folded(written))
    if code is None:
        return None
    place = dict(address_rules(other).states)[code]
    there = say("the United States") if other is Country.US else say("Canada")
    return say(
        "{place} is in {there}. Change the country, or choose a {kind}.",
        place=place,
        there=there,
        kind=_STATE_NAMES[country],
    )


def _postal_code(checks: Checks, text: str | None, country: Country | None, state: str) -> str:
    written = checks.line("postal_code", text, required=True, limit=20, name=_POSTAL_NAMES[country])
    if not written or country is None:
        return ""
    fits = _POSTAL[country].fullmatch(written)
    if country is Country.US:
        if not fits:
            message = "Enter the ZIP code as 12345 or 12345-6789."
            checks.refuse("postal_code", code="BAD_ZIP", message=message)
        return written
    if not fits:
        message = "Enter the postal code as A1A 1A1. The letters D, F, I, O, Q and U are not used."
        checks.refuse("postal_code", code="BAD_POSTAL_CODE", message=message)
        return ""
    bare = re.sub(r"[\s-]", "", written).upper()
    _hold_against_province(checks, bare[0], state)
    return f"{bare[:3]} {bare[3:]}"


def _hold_against_province(checks: Checks, letter: str, province: str) -> None:
    if not province or letter in POSTAL_LETTERS[province]:
        return
    *others, last = list(POSTAL_LETTERS[province])
    first = say("{letters} or {last}", letters=", ".join(others), last=last) if others else last
    message = say(
        "Postal codes in {province} start with {letters}. Check the postal code and the province.",
        province=dict(_PROVINCES)[province],
        letters=first,
    )
    checks.refuse("postal_code", code="POSTAL_CODE_NOT_IN_PROVINCE", message=message)
