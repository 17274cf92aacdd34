"""Why what should have gone out by itself did not, in the few words that are stored and shown."""

from enum import StrEnum

from errors import Refusal


class SendRefusal(StrEnum):
    """Why an invoice was not made or sent on its day: the code of the refusal, of those that are likely."""

    CUSTOMER_ARCHIVED = "CUSTOMER_ARCHIVED"
    NOBODY_TO_TELL = "NOBODY_TO_TELL"
    OTHER = "OTHER"


def reason(refusal: Refusal) -> SendRefusal:
    """The word for a refusal."""
    known = SendRefusal.__members__
    return known.get(refusal.code, SendRefusal.OTHER)
