"""What is said no to about invoices: what is issued, a day when nobody looks, two that would be one."""

from enum import StrEnum

from errors import Conflict, Invalid, Refusal

ONE_EXTERNAL_ID = "uq_invoice_partner_id_external_id"


class SendRefusal(StrEnum):
    """Why an invoice was not made or sent on its day: the code of the refusal, of those that are likely."""

    CUSTOMER_ARCHIVED = "CUSTOMER_ARCHIVED"
    NOBODY_TO_TELL = "NOBODY_TO_TELL"
    OTHER = "OTHER"


class NotADraft(Conflict):
    """Only drafts can be changed."""

    code = "INVOICE_ISSUED"
    message = "This invoice is issued and can't be changed. Void it and make another one."


class IssuedAlready(NotADraft):
    """It has its number."""

    message = "This invoice is issued already. Send it, if it should be mailed."


class NotDeleted(NotADraft):
    """Its number stays used."""

    message = "This invoice is issued, and only drafts can be deleted. Void it instead."


class NotScheduled(NotADraft):
    """The day to be sent is a draft's."""

    message = "This invoice is issued already, and only drafts are sent on a day. Send it now instead."


class Repeated(Conflict):
    """What is made again and again must be there."""

    code = "INVOICE_REPEATED"
    message = "A recurring invoice repeats this draft. Make it repeat another invoice first."


def reason(refusal: Refusal) -> SendRefusal:
    """The word for a refusal."""
    known = SendRefusal.__members__
    return known.get(refusal.code, SendRefusal.OTHER)


def external_id_taken() -> Invalid:
    """The refusal of an external id that another invoice of the partner has."""
    message = "Another invoice has this external id. Change it, or edit that invoice."
    return Invalid.at("external_id", code="EXTERNAL_ID_TAKEN", message=message)
