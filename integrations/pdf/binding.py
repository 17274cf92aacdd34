"""Several documents bound into one file.

Surprise: nothing is merged. The typesetter sets them one after the other as one document, so that the file is
tagged and fit for archives as each of them is alone (decision 22).
"""

from collections.abc import Sequence

from integrations.pdf.press import Sheet


def bound(sheets: Sequence[Sheet], *, name: str, title: str) -> Sheet:
    """These documents, of one partner and in one language, as one: each begins on a page of its own."""
    first = sheets[0].content
    content = {
        "title": title,
        "partner": {"name": first["partner"]["name"]},
        "papers": [one.content for one in sheets],
    }
    return Sheet("papers", name, max(one.made_at for one in sheets), content, sheets[0].logo)
