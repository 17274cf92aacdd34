"""The pages' documents: GraphQL files, parsed and validated when the process starts.

Surprise: this is the one place where pages meet the API. Each document gets the layout's fragment, so
that the shell around a page comes with its content, in one statement.
"""

from collections.abc import Iterator
from pathlib import Path

from api.read import Credential, Document, GrantAt, Reader, SessionAt

__all__ = ["Credential", "Documents", "GrantAt", "SessionAt"]

FOLDER = Path(__file__).parent / "documents"
LAYOUT = "layout.graphql"


class Documents:
    """Every document of the pages, parsed and validated when the process starts."""

    def __init__(self, reader: Reader, folder: Path = FOLDER) -> None:
        self.reader = reader
        layout = (folder / LAYOUT).read_text()
        self._documents: dict[str, Document] = {
            path.relative_to(folder).with_suffix("").as_posix(): reader.prepare(path.read_text() + layout)
            for path in sorted(folder.rglob("*.graphql"))
            if path.name != LAYOUT
        }

    def __getitem__(self, name: str) -> Document:
        return self._documents[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._documents)
