"""What surrounds a page: who is here, where they can go, what just happened.

A page's Python hands one `Shell` to its template as `shell`; the layouts print it. What surprises: which
navigation entry is the current one is not stored, it follows from the address (`at`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from languages import ENGLISH, Locale, mark

Tone = Literal["success", "info", "warning", "danger"]


class Entry(NamedTuple):
    """A place in the navigation. Without `href` it only names its children; `icon` is a vendored icon's name.

    `current` is what goes into `aria-current`: "page" on the page itself, "true" on a page below it. `unread`
    is how much there is to read.
    """

    label: str
    href: str | None = None
    icon: str | None = None
    children: tuple["Entry", ...] = ()
    unread: int = 0
    current: Literal["", "page", "true"] = ""


class Link(NamedTuple):
    """A plain link: in the user's menu, or one step of the breadcrumbs (the last step has no `href`)."""

    label: str
    href: str | None = None
    icon: str | None = None


class Undo(NamedTuple):
    """A button beside a message: a form of one field, posted to `action`."""

    label: str
    action: str
    name: str
    value: str


class Flash(NamedTuple):
    """One message shown once, after what it speaks of was done; perhaps with a way to take that back."""

    tone: Tone
    message: str
    undo: Undo | None = None


class Brand(NamedTuple):
    """Where the partner's style sheet and logo are; None for what it has not chosen."""

    style: str | None = None
    logo: str | None = None


NO_BRAND = Brand()


class Support(NamedTuple):
    """How a customer reaches the partner."""

    email: str
    phone: str | None = None
    url: str | None = None

    @property
    def dialled(self) -> str:
        """The telephone number as a link has it: digits, and the plus in front."""
        written = self.phone or ""
        number = written.lower().partition("x")[0].partition("e")[0]
        digits = "".join(char for char in number if char in "0123456789")
        return f"+{digits}" if written.startswith("+") else digits


class Looking(NamedTuple):
    """Staff look at a customer's portal: who, as whom, until when, and the address that ends it (POST)."""

    staff: str
    whose: str
    until: datetime
    end: str


@dataclass(frozen=True, kw_only=True)
class Shell:
    """Everything the dashboard's and the portal's layout print around a page.

    `place` is the partner's or the customer's name, `partner` the partner's in both; `home` the place's own
    address; `sign_out` the address that ends the session (POST, with `csrf_token`). `rights` is what the
    person may do here (`customers:write`), `time_zone` the zone instants are written in; after `ends_in`
    without another page the session is over. `support` stands at the portal's foot. `looking`: staff see a
    customer's portal, and nothing on it can be changed. `unread`: conversations with something to read, up to
    100; None for whoever is no member. `language`: what the partner writes in to people who chose none.
    """

    place: str
    partner: str
    home: str
    person: str
    email: str
    role: str
    sign_out: str
    csrf_token: str
    rights: frozenset[str] = frozenset()
    time_zone: str = "UTC"
    nav: Sequence[Entry] = ()
    menu: Sequence[Link] = ()
    flashes: Sequence[Flash] = ()
    search: str | None = None
    ends_in: timedelta = timedelta(minutes=30)
    support: Support | None = None
    brand: Brand = NO_BRAND
    looking: Looking | None = None
    unread: int | None = None
    language: Locale = ENGLISH

    @property
    def above(self) -> list[Link]:
        """The first steps of the breadcrumbs: what the page's place in the navigation stands under."""
        return [Link(entry.label) for entry in _way(self.nav)[:-1]]

    def trail(self, title: str, *between: tuple[str, str]) -> list[Link]:
        """The breadcrumbs of the page called `title`: its place in the navigation, `between` (label and
        address), and itself. A page of the navigation that stands under nothing has none: it would be its own
        heading once more. What is in no navigation lies below Home.
        """
        here = (_way(self.nav) or [Entry(mark("Home"), self.home)])[-1]
        if here.current == "page":
            return [*self.above, Link(here.label)] if self.above else []
        return [*self.above, Link(here.label, here.href), *(Link(*step) for step in between), Link(title)]

    @property
    def initials(self) -> str:
        """Up to two letters that stand for the person in the user menu."""
        words = [word for word in self.person.split() if word[:1].isalnum()]
        return "".join(word[0] for word in [*words[:1], *words[1:][-1:]]).upper() or "?"


def at(entries: Sequence[Entry], path: str) -> tuple[Entry, ...]:
    """The navigation with the entry that `path` lies in marked as current.

    The longest address that `path` starts with wins, so a customer's page marks "All customers". An address
    that other entries lie below (Home) is only current on its very own page.
    """
    addresses = list(_addresses(entries))
    inside = [
        address
        for address in addresses
        if path == address
        or (path.startswith(address + "/") and not any(a.startswith(address + "/") for a in addresses))
    ]
    best = max(inside, key=len, default=None)
    return tuple(_marked(entry, path, best) for entry in entries)


def _way(entries: Iterable[Entry]) -> list[Entry]:
    """The entries that lead to the current one, that one last; none if the page is in no navigation."""
    for entry in entries:
        below = _way(entry.children)
        if below or entry.current:
            return [entry, *below]
    return []


def _addresses(entries: Iterable[Entry]) -> Iterable[str]:
    for entry in entries:
        if entry.href is not None:
            yield entry.href
        yield from _addresses(entry.children)


def _marked(entry: Entry, path: str, best: str | None) -> Entry:
    current: Literal["", "page", "true"] = ""
    if best is not None and entry.href == best:
        current = "page" if path == best else "true"
    return entry._replace(
        current=current, children=tuple(_marked(child, path, best) for child in entry.children)
    )
