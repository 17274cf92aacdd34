"""The time zones a select offers: those of the two countries, by the names people know."""

from languages import mark

Options = tuple[tuple[str, str], ...]
Groups = tuple[tuple[str, Options], ...]

_ZONES: Groups = (
    (
        mark("United States"),
        (
            ("America/New_York", mark("Eastern (New York)")),
            ("America/Chicago", mark("Central (Chicago)")),
            ("America/Denver", mark("Mountain (Denver)")),
            ("America/Phoenix", mark("Arizona (Phoenix)")),
            ("America/Los_Angeles", mark("Pacific (Los Angeles)")),
            ("America/Anchorage", mark("Alaska (Anchorage)")),
            ("Pacific/Honolulu", mark("Hawaii (Honolulu)")),
            ("America/Puerto_Rico", mark("Puerto Rico and Virgin Islands")),
            ("Pacific/Guam", mark("Guam and Northern Mariana Islands")),
            ("Pacific/Pago_Pago", mark("American Samoa (Pago Pago)")),
        ),
    ),
    (
        mark("Canada"),
        (
            ("America/St_Johns", mark("Newfoundland (St. John's)")),
            ("America/Halifax", mark("Atlantic (Halifax)")),
            ("America/Toronto", mark("Eastern (Toronto)")),
            ("America/Winnipeg", mark("Central (Winnipeg)")),
            ("America/Regina", mark("Saskatchewan (Regina)")),
            ("America/Edmonton", mark("Mountain (Edmonton)")),
            ("America/Vancouver", mark("Pacific (Vancouver)")),
            ("America/Whitehorse", mark("Yukon (Whitehorse)")),
        ),
    ),
)
# Each by the name of the tz database.
ZONE_NAMES = dict(zone for _, zones in _ZONES for zone in zones)


def zones_with(chosen: str) -> Groups:
    """The zones of both countries; one that was set elsewhere, say through the API, stays choosable."""
    if not chosen or chosen in ZONE_NAMES:
        return _ZONES
    return ((mark("Set now"), ((chosen, chosen),)), *_ZONES)
