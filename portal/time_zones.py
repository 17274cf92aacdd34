"""The time zones a select offers: those of the two countries, by the names people know."""

Options = tuple[tuple[str, str], ...]
Groups = tuple[tuple[str, Options], ...]

_ZONES: Groups = (
    (
        "United States",
        (
            ("America/New_York", "Eastern (New York)"),
            ("America/Chicago", "Central (Chicago)"),
            ("America/Denver", "Mountain (Denver)"),
            ("America/Phoenix", "Arizona (Phoenix)"),
            ("America/Los_Angeles", "Pacific (Los Angeles)"),
            ("America/Anchorage", "Alaska (Anchorage)"),
            ("Pacific/Honolulu", "Hawaii (Honolulu)"),
            ("America/Puerto_Rico", "Puerto Rico and Virgin Islands"),
            ("Pacific/Guam", "Guam and Northern Mariana Islands"),
            ("Pacific/Pago_Pago", "American Samoa (Pago Pago)"),
        ),
    ),
    (
        "Canada",
        (
            ("America/St_Johns", "Newfoundland (St. John's)"),
            ("America/Halifax", "Atlantic (Halifax)"),
            ("America/Toronto", "Eastern (Toronto)"),
            ("America/Winnipeg", "Central (Winnipeg)"),
            ("America/Regina", "Saskatchewan (Regina)"),
            ("America/Edmonton", "Mountain (Edmonton)"),
            ("America/Vancouver", "Pacific (Vancouver)"),
            ("America/Whitehorse", "Yukon (Whitehorse)"),
        ),
    ),
)


def zones_with(chosen: str) -> Groups:
    """The zones of both countries; one that was set elsewhere, say through the API, stays choosable."""
    if not chosen or any(chosen == name for _, zones in _ZONES for name, _ in zones):
        return _ZONES
    return (("Set now", ((chosen, chosen),)), *_ZONES)
