"""The PDF rows of `make bench`: an invoice of 4 and of 200 lines, by the press and by typst alone.

The floor is typst in our own process, handed the finished JSON: what is over it is the pipe to the
typesetter's process and looking at every letter.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from integrations.pdf.press import Press, Sheet
from integrations.pdf.typesetter import Folder
from integrations.pdf.writing import ACCENT, column, row, table, total

TEMPLATES = Path(__file__).parent.parent / "templates"
ROUNDS, EACH = 7, 10


def main() -> None:
    """Measure in turns, print."""
    press = Press(TEMPLATES, at_once=1)
    with tempfile.TemporaryDirectory() as place:
        folder = Folder(TEMPLATES / "pdf", Path(place))
        for lines in (4, 200):
            contestants: dict[str, Callable[[Sheet], bytes]] = {
                "remit": press.pdf,
                "typst in process": lambda sheet: folder.compiled(sheet.order, str),
            }
            _print(f"PDF: an invoice of {lines} lines", _measured(contestants, lines))
    press.close()


def _measured(contestants: dict[str, Callable[[Sheet], bytes]], lines: int) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {name: [] for name in contestants}
    made = 0
    for number in range(ROUNDS + 1):
        for name, make in contestants.items():
            # Each another one: typst remembers what it has laid out before.
            sheets = [_sheet(lines, made + place) for place in range(EACH)]
            made += EACH
            begun = time.perf_counter()
            for sheet in sheets:
                assert make(sheet).startswith(b"%PDF")
            if number:  # the first round warms up
                taken[name].append((time.perf_counter() - begun) * 1000 / EACH)
    return taken


def _print(title: str, taken: dict[str, list[float]]) -> None:
    print(f"\n{title}\n{'':38}{'ms each':>9}{'remit is':>10}")
    ours = statistics.median(taken["remit"])
    for name, times in taken.items():
        one = statistics.median(times)
        print(f"{name:38}{one:9.1f}{'' if name == 'remit' else f'{one / ours:.2f} x':>10}")


def _sheet(lines: int, number: int) -> Sheet:
    columns = [
        column("Description", wide=True),
        *(column(name, figures=True) for name in ("Quantity", "Amount")),
    ]
    rows = [
        row([f"Managed workstation {number}-{place}", "12.5", f"$1,{number:03}.50"]) for place in range(lines)
    ]
    content = {
        "lang": "en", "region": "US", "title": "Invoice INV-00001", "kind": "Invoice", "number": "INV-00001",
        "watermark": None, "stamp": None, "colours": {"fill": ACCENT, "ink": ACCENT, "soft": "#eef2ff"},
        "partner": {"name": "Northwind", "lines": ["1 Main Street", "Springfield, IL 62701"]}, "logo": False,
        "to": {"label": "Billed to", "lines": ["Acme", "2 Main Street"]}, "facts": [["Due", "Apr 9, 2026"]],
        "headline": None, "link": None, "tables": [table(columns, rows)],
        "totals": [total("Total", "$1.00", strong=True)],
        "notes": [], "foot": "support@northwind.example", "page": "Page {page} of {pages}",
    }  # fmt: skip
    return Sheet("paper", "x.pdf", datetime(2026, 3, 10, tzinfo=UTC), content)


if __name__ == "__main__":
    main()
