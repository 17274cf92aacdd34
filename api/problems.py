"""What a payload's `errors` say: every code there is, and how a refusal becomes errors.

The surprise: only refusals about what was sent become errors of a payload. Who may not ask, and who asks too
often, is told beside the data (`api/errors.py`), because no other input would help.
"""

from collections.abc import Mapping
from enum import Enum
from typing import Any, NamedTuple

import strawberry
from strawberry.utils.str_converters import to_camel_case

from errors import Conflict, Invalid, NotFound, Refusal
from languages import say

MOST_ERRORS = 100
REFUSED = (Invalid, Conflict, NotFound)
"""The kinds of refusal that become errors of a payload."""

ERROR_CODES: Mapping[str, str] = {
    "ALREADY_REPEATED": "A recurring invoice repeats it already.",
    "ALREADY_RESOLVED": "Somebody resolved the request for access, or it expired.",
    "ALREADY_USER": "The address has a user there already.",
    "BAD_BUSINESS_NUMBER": "Not a Canadian Business Number.",
    "BAD_CHARACTERS": "Holds characters nobody types on purpose.",
    "BAD_COLOUR": "Not `#` and six hexadecimal digits.",
    "BAD_CSV": "The text is no table: a quote is not closed, or a cell is too long.",
    "BAD_DATE": "A day outside of what an invoice may have.",
    "BAD_EIN": "Not an EIN.",
    "BAD_EMAIL": "Not an e-mail address.",
    "BAD_GST_HST_NUMBER": "Not a GST/HST number.",
    "BAD_IDEMPOTENCY_KEY": "Not 1 to 255 printable characters.",
    "BAD_KEY": "Not 1 to 255 printable characters.",
    "BAD_NUMBER": "Not a number written plainly.",
    "BAD_ORIGIN": "Not an origin.",
    "BAD_PHONE": "Not a telephone number.",
    "BAD_POSTAL_CODE": "Not a Canadian postal code.",
    "BAD_PREFIX": "Not up to ten letters and digits.",
    "BAD_QST_NUMBER": "Not a QST number.",
    "BAD_RETURN_URL": "Not an address that a payer may be sent back to.",
    "BAD_TAX_ID": "Neither an EIN nor a Business Number.",
    "BAD_TERMS": "Payment terms out of range.",
    "BAD_WEB_ADDRESS": "Not an http or https address of a named host.",
    "BAD_ZIP": "Not a ZIP code.",
    "CARD_NUMBER": "Holds a card number, which is never stored.",
    "CONFLICT": "It changed in the meantime: `version` is not what it was.",
    "CONTRADICTS": "Another row of the same invoice says something else.",
    "CREDIT_USED": "What was kept of it as credit was applied since.",
    "CURRENCY_FIXED": "The customer has invoices in its currency.",
    "CUSTOMER_ALREADY_SET_UP": "The customer has its users already.",
    "CUSTOMER_ARCHIVED": "The customer is archived.",
    "CUSTOMER_NOT_SET_UP": "The customer has no users yet.",
    "DISCOUNT_TOO_LARGE": "More than the line.",
    "DUE_BEFORE_ISSUE": "The due date is before the issue date.",
    "DUPLICATE": "In the list twice.",
    "DUE_BEFORE_SENDING": "The invoice would be due before it is sent.",
    "EMPTY": "There is no row in it.",
    "ENDS_BEFORE_NEXT": "It would end before its next invoice.",
    "EXTERNAL_ID_TAKEN": "Another customer has it.",
    "HAS_PLACEHOLDERS": "A recurring invoice repeats it, and its lines have words to be filled in.",
    "IDEMPOTENCY_CONFLICT": "The key was used with another input, or to ask for other fields.",
    "IMPORT_MOVED_ON": "The import is past the state in which this can be asked.",
    "INVOICE_CREDITED": "A part of the invoice is credited.",
    "INVOICE_ISSUED": "Only drafts can be changed.",
    "INVOICE_NOT_ENDED": "The invoice is a draft or still owed.",
    "INVOICE_NOT_OPEN": "The invoice is not open.",
    "INVOICE_NOT_WRITTEN_OFF": "The invoice is not uncollectible.",
    "INVOICE_PARTLY_PAID": "A part of the invoice is paid.",
    "INVOICE_REPEATED": "A recurring invoice repeats the draft.",
    "INVOICE_WRITTEN_OFF": "The invoice is uncollectible: reopen it first.",
    "IN_THE_PAST": "The day is over.",
    "INVITE_HELD_BACK": "The day's limit of invites is reached: the user waits for one.",
    "IN_PROGRESS": "The first request with this key is still at work.",
    "LAST_ONE": "The last Manager can't go.",
    "NO_PAY_LINK": "The invoice is a draft or void: no pay link is made for it.",
    "TOO_MANY_PAY_LINKS": "The invoice has 20 live pay links.",
    "LESS_CREDIT": "The customer has less credit left.",
    "LESS_IS_LEFT": "Less is left to pay.",
    "MORE_THAN_INVOICE": "More than the whole invoice.",
    "NOBODY_TO_TELL": "The customer has nobody to send it to.",
    "NOTHING_LEFT": "Nothing of the invoice is left to pay, or a payment is under way.",
    "NOTHING_TO_PAY": "An invoice must be above zero.",
    "NOT_DISABLED": "The user is not disabled.",
    "NOT_FOR_KEYS": "Of people only: an API key or a portal token keeps nothing for itself.",
    "NOT_FOUND": "There is no such record.",
    "NOT_INVITED": "The user has accepted already, or was disabled.",
    "NOT_POSITIVE": "Not above zero.",
    "NOT_TEXT": "Not text that can be read.",
    "NOTHING_TO_READ": "The other side has not written in the conversation.",
    "NOTHING_TO_CREDIT": "All of the invoice is credited already.",
    "NO_CREDIT": "The customer has no credit left.",
    "NO_CUSTOMER": "No customer is named, or none fits.",
    "NO_GATEWAY_ACCOUNT": "Card payments are not set up.",
    "NO_MANAGER": "One of the users must be a Manager.",
    "NUMBERS_TAKEN": "An invoice has the first number already.",
    "OTHER_CURRENCY": "In another currency than it must be.",
    "OTHER_CUSTOMER": "Another customer's, by what else is said.",
    "OTHER_ROW": "Another row of the same invoice is refused.",
    "OTHER_TOTAL": "The shares don't make the amount.",
    "OUT_OF_RANGE": "A number too small or too large.",
    "PAYMENT_METHOD_REMOVED": "The payment method was removed.",
    "PAYMENT_UNDER_WAY": "A payment is under way.",
    "POSTAL_CODE_NOT_IN_PROVINCE": "The postal code belongs to another province.",
    "RECURRING_ENDED": "The recurring invoice has ended.",
    "REPEATED": "Another row is about the same record.",
    "REQUIRED": "Left empty.",
    "SAME_TAG": "A tag is not merged into itself.",
    "SEVERAL_MATCHES": "Several customers fit.",
    "SEVERAL_TAXES": "Several tax rates have the name.",
    "TAKEN": "The name is in use.",
    "THREAD_RESOLVED": "The conversation is settled: open it again to go on.",
    "TOO_LARGE": "The total is too large.",
    "TOO_LONG": "Too long.",
    "TOO_MANY": "More than may be given at once.",
    "TOO_MANY_CELLS": "More cells in a row than columns.",
    "TOO_MANY_COLUMNS": "More columns than a file may have.",
    "TOO_MANY_DECIMALS": "More decimals than there may be.",
    "TOO_MANY_ROWS": "More rows than are imported at once.",
    "TOTAL_CHANGED": "The total is not what was expected.",
    "TWICE": "Two columns are one field.",
    "TWO_DISCOUNTS": "As an amount and in per cent.",
    "TWO_DUE_DATES": "Both a due date and terms.",
    "UNKNOWN_CURRENCY": "Not USD or CAD.",
    "UNKNOWN_FIELD": "Can't be set.",
    "UNKNOWN_FREQUENCY": "Not a way of repeating.",
    "UNKNOWN_KIND": "Not a way in which money comes.",
    "UNKNOWN_LANGUAGE": "Neither `en` nor `fr`.",
    "UNKNOWN_PLACEHOLDER": "Not among the words that are filled in.",
    "UNKNOWN_ROLE": "Not a role of a customer's users.",
    "UNKNOWN_STATE": "Not a state, territory or province of the country.",
    "UNKNOWN_TAX": "No tax rate has the name.",
    "UNKNOWN_TIME_ZONE": "Not in the time zone database.",
    "UNSUPPORTED_COUNTRY": "Not the United States or Canada.",
    "USER_REMOVED": "The user was removed.",
    "WRONG_TYPE": "Of another form than it must be.",
}
"""Every code that errors of a mutation or rows of an import may have; a test holds the rules against it."""

WARNING_CODES: Mapping[str, str] = {
    "BUSINESS_NUMBER_CHECK_DIGIT": "The check digit doesn't fit.",
    "EIN_PREFIX_NOT_ISSUED": "The IRS has not issued such EINs.",
    "POSSIBLE_DUPLICATE": "Another customer looks like the same company.",
}

_OF_KEY = frozenset({"IDEMPOTENCY_CONFLICT", "IN_PROGRESS"})


def _codes(name: str, codes: Mapping[str, str], about: str) -> Any:
    members: Any = {code: strawberry.enum_value(code, description=told) for code, told in codes.items()}
    kinds: Any = Enum  # called as a function, it makes a kind
    return strawberry.enum(kinds(name, members), description=about)


UserErrorCode = _codes("UserErrorCode", ERROR_CODES, "What is wrong, for programs. More may be added.")
UserWarningCode = _codes("UserWarningCode", WARNING_CODES, "What is odd, for programs. More may be added.")


class Told(NamedTuple):
    """An error or a warning on its way out."""

    code: str
    message: str
    path: list[str]
    record_id: str | None = None


def errors_of(refusal: Refusal, *, record: str | None) -> list[Told]:
    """A refusal as errors, the first hundred. `record` is the input's one id, for what has no place itself.

    Raises KeyError for a code that no client was ever told of.
    """
    if isinstance(refusal, Invalid):
        return [told(one.code, one.message, one.path, ERROR_CODES) for one in refusal.problems[:MOST_ERRORS]]
    path: tuple[str | int, ...] = ()
    if refusal.code in _OF_KEY:
        path = ("idempotency_key",)
    elif isinstance(refusal, NotFound) and record:
        path = (record,)
    return [told(refusal.code, refusal.message, path, ERROR_CODES)]


def told(code: str, message: str, path: tuple[str | int, ...], known: Mapping[str, str]) -> Told:
    """One problem of a rule, as clients see it."""
    if code not in known:
        raise KeyError(code)
    return Told(code, say(message), ["input", *(to_camel_case(str(step)) for step in path)])
