"""The form of the business profile: its fields in the order of the page, and how what is stored is written.

Surprise: a read-only colleague sees the same rows as plain text, made from the same labels.
"""

from collections.abc import Mapping
from typing import Any

from billing.addresses import Country
from billing.partner_profile import PartnerInput
from billing.tax_ids import display_tax_account, display_tax_id
from errors import Invalid, Problem
from languages import mark
from portal.form import Form
from portal.meanwhile import SHOWN, VERSION
from portal.worded import worded

LABELS = {
    "name": mark("Display name"),
    "legal_name": mark("Legal name"),
    "address": mark("Address"),
    "address2": mark("Address line 2"),
    "city": mark("City"),
    "state": mark("State/Province"),
    "postal_code": mark("ZIP/Postal code"),
    "country": mark("Country"),
    "ein": mark("EIN"),
    "gst_hst_number": mark("GST/HST number"),
    "qst_number": mark("QST number"),
    "support_email": mark("Support e-mail"),
    "support_phone": mark("Support telephone"),
    "support_url": mark("Support web address"),
    "time_zone": mark("Time zone"),
    "locale": mark("Language"),
}
# What else the log tells about a partner's settings.
SETTINGS = LABELS | {
    "accent": mark("Color"),
    "invoice_prefix": mark("Invoice prefix"),
    "credit_note_prefix": mark("Credit note prefix"),
    "first_invoice_number": mark("First invoice number"),
    "default_terms_days": mark("Payment terms in days"),
    "payment_instructions": mark("Other ways to pay"),
    "logo": mark("Logo"),
    "staff_need_factor": mark("second step required of staff"),
    "users_need_factor": mark("second step required of customers’ users"),
}


def fields_of(form: Form) -> PartnerInput:
    """What was typed, for the rule. Refuses a field that the form does not have (GUARANTEES A-5)."""
    document = form.document()
    return PartnerInput.read({name: document[name] for name in document if name not in (VERSION, SHOWN)})


def texts_of(partner: Mapping[str, Any]) -> dict[str, str]:
    """A partner's fields, as a document has them, as the form has them."""
    texts = {name: str(partner[_in_document(name)] or "") for name in LABELS}
    if texts["ein"]:
        texts["ein"] = display_tax_id(texts["ein"], Country.US)
    for name in ("gst_hst_number", "qst_number"):
        if texts[name]:
            texts[name] = display_tax_account(texts[name])
    return texts


def rows_of(partner: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of each field, for whoever may only look; a blank text for what is not there."""
    texts = texts_of(partner)
    return [(label, worded(name, texts[name])) for name, label in LABELS.items()]


def in_page_order(wrong: Invalid) -> Invalid:
    """The same problems, told in the order in which their fields stand on the page."""
    order = list(LABELS)

    def place(problem: Problem) -> int:
        field = problem.path[0] if problem.path else None
        return order.index(field) if field in LABELS else len(order)

    return Invalid(sorted(wrong.problems, key=place))


def _in_document(name: str) -> str:
    """A field's name as documents write it: `postal_code` is `postalCode`."""
    first, *rest = name.split("_")
    return first + "".join(word.title() for word in rest)
