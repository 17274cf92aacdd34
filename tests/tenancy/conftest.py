"""The table's actors stand before the stage, and come through the same doors as everybody."""

from tests.portal.conftest import clock, pages, sandbox, signed_in
from tests.tenancy.staged import stage, staged, template

__all__ = ["clock", "pages", "sandbox", "signed_in", "stage", "staged", "template"]
