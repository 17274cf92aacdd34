"""What is said no to about invoices, in few words: on a day when nobody looks, and where two would be one."""

from enum import StrEnum

from errors import Invalid, Refusal

ONE_EXTERNAL_ID = "uq_invoice_partner_id_external_id"


class SendRefusal(StrEnum):
    """Why an invoice was not made or sent on its day: the code of the refusal, of those that are likely."""

    CUSTOMER_ARCHIVED = "CUSTOMER_ARCHIVED"
    NOBODY_TO_TELL = "NOBODY_TO_TELL"
    OTHER = "OTHER"


def reason(refusal: Refusal) -> SendRefusal:
    """The word for a refusal."""
    known = SendRefusal.__members__
    return known.get(refusal.code, SendRefusal.OTHER)


def external_id_taken() -> Invalid:
    """The refusal of an external id that another invoice of the partner has."""
    message = "Another invoice has this external id. Change it, or edit that invoice."
    return Invalid.at("external_id", code="EXTERNAL_ID_TAKEN", message=message)
