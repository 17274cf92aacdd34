"""How days and instants are written for people, by language and time zone. (Money writes itself.)

What surprises: nothing here asks the operating system, so the same input gives the same bytes everywhere.
"""

from datetime import date, datetime
from zoneinfo import ZoneInfo

from languages import Locale

NBSP = "\N{NO-BREAK SPACE}"

MONTHS: dict[Locale, tuple[str, ...]] = {
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
    "fr": (
        "janv.", "févr.", "mars", "avr.", "mai", "juin", "juill.", "août", "sept.", "oct.", "nov.", "déc.",
    ),
}  # fmt: skip


def day_text(day: date, locale: Locale) -> str:
    """A calendar day: `Nov 22, 2026`; in French `22 nov. 2026`."""
    month = MONTHS[locale][day.month - 1]
    if locale == "fr":
        number = "1er" if day.day == 1 else str(day.day)
        return f"{number} {month} {day.year}"
    return f"{month} {day.day}, {day.year}"


def instant_text(instant: datetime, locale: Locale, time_zone: str) -> str:
    """A moment in the reader's time zone, with the zone named: `Nov 22, 2026, 9:05 AM EST`.

    `instant` is aware; raises ValueError for one that is not, since it could be any of 24 hours.
    """
    if instant.tzinfo is None:
        raise ValueError("an instant has a time zone; this one has none")
    local = instant.astimezone(ZoneInfo(time_zone))
    day = day_text(local.date(), locale)
    if locale == "fr":
        return f"{day}, {local.hour}{NBSP}h{NBSP}{local.minute:02d} {local.tzname()}"
    half = "AM" if local.hour < 12 else "PM"
    return f"{day}, {local.hour % 12 or 12}:{local.minute:02d}{NBSP}{half} {local.tzname()}"
