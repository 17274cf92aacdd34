"""Templates to text: one Jinja environment, everything escaped, a missing name is an error.

What surprises: there is no `safe` filter anywhere. The only markup that is not a template's own is made here,
in Python, from files we ship (icons) or from a fixed table (badges).
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from gettext import NullTranslations
from pathlib import Path
from typing import Any, cast

from jinja2 import Environment, FileSystemLoader, StrictUndefined, nodes, pass_context
from jinja2.runtime import Context

# Private to markupsafe, and what its `escape` does to a text before it wraps it: a twentieth of the time.
from markupsafe import Markup, _escape_inner, escape  # type: ignore[attr-defined]

import languages
from billing.card_brands import card_text
from billing.dates import day_text, instant_text
from billing.declines import why_failed
from billing.money import Currency, Money, parse_amount
from languages import LANGUAGES, Locale, decimal, grouped, say, spoken, translate_count
from portal import numbers
from portal.assets import Assets
from portal.badges import badge, badges

NOTHING = "—"
CURRENCIES = {currency.value: currency for currency in Currency}
ICONS = "vendor/lucide/"
DRAWING = re.compile(r"<svg[^>]*>(?P<inside>.*)</svg>", re.DOTALL)
ICON = Markup(
    '<svg class="icon" viewBox="0 0 24 24" width="20" height="20" fill="none" stroke="currentColor"'
    ' stroke-width="1.75" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true"'
    ' focusable="false">{inside}</svg>'
)

# A status without a page of its own is said as the nearest one.
REFUSALS = frozenset({400, 401, 403, 404, 409, 422, 429, 500, 503})


class _Environment(Environment):
    """Jinja's, with the shortest way to what documents answer, and from there to the page.

    Documents answer dicts, and Jinja looks for an attribute first: what that raises is dearer than all else
    of a table's cell. And it makes markup of each value it prints, where a page takes text as well.
    """

    def getattr(self, obj: Any, attribute: str) -> Any:
        """What `row.dueOn` stands for."""
        if type(obj) is dict and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)

    def _generate(
        self, source: nodes.Template, name: str | None, filename: str | None, defer_init: bool = False
    ) -> str:
        """Jinja's hook for what a template is compiled to: there `escape` is ours."""
        python = super()._generate(source, name, filename, defer_init)
        return "from portal.render import escaped as escape\n" + python.replace(" escape,", "", 1)


def escaped(value: object) -> str:
    """What Jinja prints for `value`: markup as it is, all else with `&`, `<`, `>` and quotes escaped."""
    kind = type(value)
    if kind is str:
        return _escape_inner(cast(str, value))
    return cast(str, value) if kind is Markup else escape(value)


class Renderer:
    """Renders templates under `templates`; reads no settings and no environment.

    Texts, numbers and days are written in the language of the work in hand (languages.py); `time_zone` is
    what a page gets that passes none of its own.
    """

    def __init__(
        self,
        templates: Path,
        assets: Assets,
        *,
        time_zone: str = "UTC",
        reload: bool = False,
    ) -> None:
        self._defaults = {"time_zone": time_zone, "languages": LANGUAGES}
        self.environment = _Environment(
            loader=FileSystemLoader(templates),
            autoescape=True,
            undefined=StrictUndefined,
            auto_reload=reload,
            # Every template stays compiled: there are few, and they are ours.
            cache_size=-1,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.filters.update(
            money=money_text, day=_day, instant=_instant, percent=_percent, grouped=grouped, card=card_text,
            said=numbers.said, number=decimal,
        )  # fmt: skip
        icons = _icons(assets)
        self.environment.globals.update(
            _=_said,
            ngettext=_counted,
            static=assets.url,
            icon=icons.__getitem__,
            badge=badge,
            badges=badges,
            why_failed=why_failed,
        )

    def render(self, name: str, /, **context: Any) -> str:
        """The text of template `name`. Raises when it names something `context` does not hold."""
        locale = spoken()
        return self.environment.get_template(name).render(
            {**self._defaults, "lang": locale, "locale": locale, **context}
        )

    def refusal(self, status: int, /, **context: Any) -> str:
        """The page for a refused or failed request.

        Takes what is known of `message` (how to fix it), `home` (where to go on), `sign_in` (401),
        `retry_after` (whole seconds; 429, 503), `problems` (422) and `correlation_id` (500); each may be
        left out.
        """
        nearest = status if status in REFUSALS else 500 if status >= 500 else 400
        return self.render(f"refusals/{nearest}.html", status=status, **context)


def _icons(assets: Assets) -> dict[str, Markup]:
    icons = {}
    for name in assets.names(ICONS):
        drawing = DRAWING.search(assets.text(name))
        if drawing is None:
            raise ValueError(f"{name} is not an SVG drawing")
        # Markup by right: the text is a file of this repository, never anything a person typed.
        inside = Markup(" ".join(drawing["inside"].split()))  # noqa: S704
        icons[name.removeprefix(ICONS).removesuffix(".svg")] = ICON.format(inside=inside)
    return icons


def _said(text: str, /, **values: Any) -> Markup:
    """A template's text in the language spoken, its `%(names)s` filled with what is escaped first.

    Jinja's own goes through the context twice for each text; a page says some sixty.
    """
    if isinstance(text, languages.Meant):
        return escape(str(text))
    words = languages.catalogue(spoken())
    return _ours(text, words) % values if values else _plain(text, words)


def _counted(one: str, many: str, number: int, /, **values: Any) -> Markup:
    """`one` or `many` by the plural rule of the language spoken; `%(num)s` is the number."""
    # Markup by right: see `_ours`.
    return Markup(translate_count(one, many, number)) % {"num": number, **values}  # noqa: S704


@lru_cache(maxsize=4096)
def _ours(text: str, words: NullTranslations) -> Markup:
    # Markup by right: the texts are the templates' own, and what fills them is escaped.
    return Markup(words.gettext(text) if text else text)  # noqa: S704


@lru_cache(maxsize=4096)
def _plain(text: str, words: NullTranslations) -> Markup:
    return _ours(text, words) % {}


def _time_zone(context: Context) -> str:
    """The reader's time zone; a macro imported without its context has none."""
    time_zone = context.get("time_zone")
    if not isinstance(time_zone, str):
        raise RuntimeError("no reader is known here: import this macro with context")
    return time_zone


def money_text(value: Mapping[str, str] | None) -> str:
    """`{"amount": "1234.50", "currency": "USD"}` as the reader writes money; nothing is a dash."""
    if value is None:
        return NOTHING
    text, currency = value["amount"], CURRENCIES[value["currency"]]
    # The API always writes two decimals: its cents are the text without the point.
    if text[-3:-2] == ".":
        return Money(int(text[:-3] + text[-2:]), currency).display(spoken())
    return parse_amount(text, currency, signed=True).display(spoken())


def _percent(rate: str) -> str:
    """A rate of the API's, "9.975", as the reader writes percentages."""
    return say("{rate}%", rate=decimal(rate))


def _day(value: date | str | None) -> str:
    """A date, or its `YYYY-MM-DD` text, as the reader writes days; nothing is a dash."""
    if value is None:
        return NOTHING
    return _written_day(value, spoken()) if isinstance(value, str) else day_text(value, spoken())


@lru_cache(maxsize=4096)
def _written_day(text: str, locale: Locale) -> str:
    """A list has the same few days again and again."""
    return day_text(date.fromisoformat(text), locale)


@pass_context
def _instant(context: Context, value: datetime | str | None) -> str:
    """An aware datetime, or its RFC 3339 text, in the reader's time zone; nothing is a dash."""
    if value is None:
        return NOTHING
    moment = datetime.fromisoformat(value) if isinstance(value, str) else value
    return instant_text(moment, spoken(), _time_zone(context))
