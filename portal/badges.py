"""The states a record can be in, as words with a tone, made once.

What surprises: a badge is finished markup, made once a language, and no macro call: tables print one a row,
and a macro in a row loop is what made pages slow when it was measured.
"""

from functools import cache

from markupsafe import Markup

from languages import Locale, say, speaking, spoken

TONES: dict[str, tuple[str, str]] = {
    # invoices; overdue and partially paid are derived, not stored
    "DRAFT": ("neutral", "Draft"),
    "OPEN": ("info", "Open"),
    "OVERDUE": ("danger", "Overdue"),
    "PARTIALLY_PAID": ("warning", "Partially paid"),
    "PAID": ("success", "Paid"),
    "VOID": ("neutral", "Void"),
    "UNCOLLECTIBLE": ("danger", "Uncollectible"),
    "RECURRING_ACTIVE": ("success", "Going on"),
    "RECURRING_PAUSED": ("warning", "Paused"),
    "RECURRING_ENDED": ("neutral", "Ended"),
    "INVOICE_DISPUTED": ("warning", "Disputed"),
    "INVOICE_ASKED_ABOUT": ("info", "Open question"),
    "THREAD_NEW": ("info", "New message"),
    "THREAD_UNREAD": ("info", "Unread"),
    "THREAD_OURS": ("warning", "Waiting for you"),
    "THREAD_THEIRS": ("neutral", "Waiting for an answer"),
    "THREAD_OPEN": ("info", "Open"),
    "THREAD_RESOLVED": ("success", "Settled"),
    # mails
    "MAIL_QUEUED": ("info", "Being sent"),
    "MAIL_SENT": ("success", "Accepted by the server"),
    "MAIL_BOUNCED": ("danger", "Came back"),
    "MAIL_DELAYED": ("warning", "Accepted, delivery delayed"),
    "MAIL_REFUSED": ("danger", "Refused by the server"),
    "MAIL_DEAD": ("danger", "Given up after three days"),
    "MAIL_DROPPED": ("neutral", "Not sent: no longer wanted"),
    # customers, users and invites
    "SETUP": ("warning", "In set-up"),
    "ACTIVE": ("success", "Active"),
    "ARCHIVED": ("neutral", "Archived"),
    "INVITED": ("info", "Invited"),
    "DISABLED": ("neutral", "Disabled"),
    "ACCEPTED": ("success", "Accepted"),
    "EXPIRED": ("warning", "Expired"),
    "REVOKED": ("neutral", "Revoked"),
    "ROTATED": ("warning", "Rotated"),
    "APPROVED": ("success", "Approved"),
    "DENIED": ("neutral", "Denied"),
    # imports and their rows
    "MAPPING": ("warning", "Columns to choose"),
    "CHECKING": ("info", "Checking"),
    "CHECKED": ("warning", "Waiting for you"),
    "RUNNING": ("info", "Importing"),
    "DONE": ("success", "Done"),
    "STOPPED": ("danger", "Stopped"),
    "TO_CREATE": ("success", "To create"),
    "TO_UPDATE": ("info", "To update"),
    "CREATED": ("success", "Created"),
    "UPDATED": ("info", "Updated"),
    "UNCHANGED": ("neutral", "Unchanged"),
    "REFUSED": ("danger", "Refused"),
    # payments from outside
    "CHECK": ("neutral", "Check"),
    "WIRE": ("neutral", "Wire transfer"),
    "CASH": ("neutral", "Cash"),
    "OTHER": ("neutral", "Other"),
    "RECEIVED": ("success", "Received"),
    "REVERSED": ("danger", "Taken back"),
    # payments
    "SCHEDULED": ("info", "Scheduled"),
    "PENDING": ("info", "Pending"),
    "REQUIRES_ACTION": ("warning", "Needs confirmation"),
    "PROCESSING": ("info", "Processing"),
    "SUCCEEDED": ("success", "Succeeded"),
    "FAILED": ("danger", "Failed"),
    "CANCELED": ("neutral", "Canceled"),
    "UNKNOWN": ("warning", "Waiting for the bank"),
    "RETURNED": ("danger", "Returned"),
    "DISPUTED": ("danger", "Disputed"),
    "REFUNDED": ("neutral", "Refunded"),
    "PARTIALLY_REFUNDED": ("neutral", "Partially refunded"),
}

BADGE = Markup('<span class="badge" data-tone="{tone}">{text}</span>')


@cache
def _badges(locale: Locale) -> dict[str, Markup]:
    with speaking(locale):
        return {status: BADGE.format(tone=tone, text=say(text)) for status, (tone, text) in TONES.items()}


def badge(status: str) -> Markup:
    """The badge of a status. Raises KeyError for a status nobody gave a word: add it to `TONES`."""
    return badges()[status]


def badges() -> dict[str, Markup]:
    """All of them in the language spoken, by status: what a table's rows take, which call nothing."""
    return _badges(spoken())
