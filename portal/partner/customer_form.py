"""The form of a company: its choices, what was typed as the rule's input, and two people editing at once.

Surprise: one select holds the states of both countries, so that it works without a script; the codes never
collide, and the rule holds the state against the country.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from billing.addresses import Country, address_rules
from billing.customer_fields import CustomerInput
from billing.money import Currency
from billing.tax_ids import display_tax_id
from errors import Invalid, Problem
from languages import mark, say
from portal import meanwhile
from portal.form import Form
from portal.meanwhile import SHOWN, VERSION, Change
from portal.time_zones import Groups, Options, zones_with
from portal.worded import worded

# What a field is called on the page, in the order of the page.
LABELS = {
    "company": mark("Company"),
    "legal_name": mark("Legal Name"),
    "tax_id": mark("Tax ID"),
    "address": mark("Address"),
    "address2": mark("Address line 2"),
    "city": mark("City"),
    "state": mark("State/Province"),
    "postal_code": mark("ZIP/Postal Code"),
    "country": mark("Country"),
    "currency": mark("Currency"),
    "terms_days": mark("Payment terms in days"),
    "time_zone": mark("Time zone"),
    "external_id": mark("External id"),
}
# And what it is called where a company is.
_TAX_ID = {Country.US: mark("EIN"), Country.CA: mark("Business Number")}
# Hidden beside the fields, as the version and the values the page was made from: warnings that were shown.
SEEN = "seen"
# The request for access that a new customer is made for; the wizard leads back to it.
ASKED = "access_request"


class Choices(NamedTuple):
    """What the form's selects offer. `further` are the fields that are folded away while they are empty."""

    states: Groups
    countries: Options
    currencies: Options
    further: tuple[str, ...]

    def time_zones(self, chosen: str) -> Groups:
        """The zones to choose from, `chosen` among them."""
        return zones_with(chosen)


CHOICES = Choices(
    states=tuple(
        (rules.name, tuple((place.code, place.name) for place in rules.states))
        for rules in map(address_rules, Country)
    ),
    countries=tuple((rules.country.value, rules.name) for rules in map(address_rules, Country)),
    currencies=tuple((currency.value, currency.value) for currency in Currency),
    further=("address2", "currency", "time_zone", "terms_days", "external_id"),
)


def fields_of(form: Form) -> CustomerInput:
    """What was typed, for the rule. Refuses a field that the form does not have (GUARANTEES A-5)."""
    document = form.document()
    return CustomerInput.read(
        {name: document[name] for name in document if name not in (SEEN, VERSION, SHOWN, ASKED)}
    )


def in_page_order(wrong: Invalid) -> Invalid:
    """The same problems, told in the order in which their fields stand on the page."""
    order = list(LABELS)

    def place(problem: Problem) -> int:
        field = problem.path[0] if problem.path else None
        return order.index(field) if field in LABELS else len(order)

    return Invalid(sorted(wrong.problems, key=place))


def unseen(form: Form, warnings: Sequence[Problem]) -> bool:
    """Is there a warning among these that the form's page did not show?"""
    return not {warning.message for warning in warnings} <= set(form.values(SEEN))


def form_of(customer: Mapping[str, Any]) -> Form:
    """The form to edit a customer, as a document shows it."""
    return Form.of(_texts(customer))


def shown(customer: Mapping[str, Any]) -> dict[str, str]:
    """The hidden fields that say what the page was made from."""
    return meanwhile.shown(customer["version"], _texts(customer))


def kept(form: Form) -> dict[str, str]:
    """The same hidden fields once more, for a page that comes back with a wrong field in it."""
    return meanwhile.kept(form, LABELS)


def merged(form: Form, customer: Mapping[str, Any]) -> tuple[Form, list[Change]]:
    """The form once more after somebody else saved, and every field the other one changed."""
    return meanwhile.merged(form, LABELS, _texts(customer))


def display_rows(customer: Mapping[str, Any], partner: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each field as the profile shows it; a blank text for what is not there.

    Terms and a time zone of its own it need not have: then the partner's apply, and are told.
    """
    texts = {name: worded(name, text) for name, text in _texts(customer).items()}
    for name, usual in (("terms_days", "defaultTermsDays"), ("time_zone", "timeZone")):
        if not texts[name]:
            texts[name] = say("{usual} (your default)", usual=worded(name, str(partner[usual])))
    labels = {**LABELS, "tax_id": _TAX_ID[Country(customer["country"])]}
    return [(label, texts[name]) for name, label in labels.items()]


def _texts(customer: Mapping[str, Any]) -> dict[str, str]:
    """A customer's fields as the form has them."""
    stored = {name: customer[_in_document(name)] for name in LABELS}
    texts = {name: "" if value is None else str(value) for name, value in stored.items()}
    if texts["tax_id"]:
        texts["tax_id"] = display_tax_id(texts["tax_id"], Country(customer["country"]))
    return texts


def _in_document(name: str) -> str:
    """A field's name as documents write it: `postal_code` is `postalCode`."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
