"""Two people editing one record: what the page was made from, and what somebody else changed meanwhile.

Surprise: nothing is kept on the server. The page carries the version and the values it was made from in
hidden fields, so that an edit that comes too late can still be told from what was never touched.
"""

from collections.abc import Mapping
from typing import NamedTuple

from portal.form import Form
from portal.worded import worded

VERSION = "version"
SHOWN = "shown"

Texts = Mapping[str, str]


class Change(NamedTuple):
    """A field that somebody else changed while the page was open; `mine` is what was typed, if other."""

    label: str
    before: str
    now: str
    mine: str | None


def version_of(form: Form) -> int:
    """The version of the record that the page was made from; 0, which none has, when that is no number."""
    typed = form.value(VERSION)
    return int(typed) if typed.isascii() and typed.isdigit() and len(typed) < 10 else 0


def shown(version: int, texts: Texts) -> dict[str, str]:
    """The hidden fields that say what the page was made from."""
    return {VERSION: str(version)} | {f"{SHOWN}-{name}": text for name, text in texts.items()}


def kept(form: Form, labels: Texts) -> dict[str, str]:
    """The same hidden fields once more, for a page that comes back with a wrong field in it."""
    return {name: form.value(name) for name in (VERSION, *(f"{SHOWN}-{label}" for label in labels))}


def merged(form: Form, labels: Texts, now: Texts) -> tuple[Form, list[Change]]:
    """The form once more after somebody else saved, and every field the other one changed.

    What was typed stays; what was not touched is as it is now.
    """
    typed, changes = dict(form.typed), []
    for name, label in labels.items():
        before, mine = form.value(f"{SHOWN}-{name}"), form.value(name)
        touched = mine != before
        if not touched:
            typed[name] = (now[name],)
        if before != now[name]:
            other = worded(name, mine) if touched and mine != now[name] else None
            changes.append(Change(label, worded(name, before), worded(name, now[name]), other))
    return Form(typed=typed), changes
