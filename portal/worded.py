"""Codes as people know them: what a select offers by name is called by that name wherever else it is told.

Surprise: a code that none of our selects offers, a time zone set through the API say, is its own name.
"""

from collections.abc import Mapping

from billing.addresses import Country, address_rules
from languages import LANGUAGES
from portal import numbers
from portal.time_zones import ZONE_NAMES

_RULES = [address_rules(country) for country in Country]
# By field. The states and provinces of the two countries share no code.
_NAMES: Mapping[str, Mapping[str, str]] = {
    "time_zone": ZONE_NAMES,
    "locale": {str(code): name for code, name in LANGUAGES.items()},
    "country": {rules.country.value: rules.name for rules in _RULES},
    "state": {place.code: place.name for rules in _RULES for place in rules.states},
}


def worded(field: str, text: str) -> str:
    """What is stored in a field, as its form's select calls it; a number as the reader writes it."""
    return _NAMES.get(field, {}).get(text) or numbers.shown(field, text)
