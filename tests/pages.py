"""The pages' templates and documents, made once a run: they are the same over every test's database."""

from copy import copy
from functools import cache

from api.read import Reader
from portal.assets import Assets
from portal.reading import Documents
from portal.render import Renderer
from tests.portal.look import STATIC, TEMPLATES


@cache
def assets() -> Assets:
    return Assets(STATIC)


@cache
def renderer() -> Renderer:
    return Renderer(TEMPLATES, assets())


def documents(reader: Reader) -> Documents:
    """Every document, run by `reader`; validating them all takes longer than most tests."""
    ours = copy(_validated())
    ours.reader = reader
    return ours


@cache
def _validated() -> Documents:
    return Documents(Reader(None))  # nothing is run by this one
