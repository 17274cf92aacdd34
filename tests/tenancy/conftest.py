"""The table's actors come through the same doors as everybody: the fixtures of the pages' tests."""

from tests.portal.conftest import clock, pages, sandbox, signed_in

__all__ = ["clock", "pages", "sandbox", "signed_in"]
