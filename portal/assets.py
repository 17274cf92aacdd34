"""The static files: style sheets, scripts, the font and the icons, vendored and read once at start.

Every address carries a hash of all files together (`/static/<hash>/css/remit.css`), so a browser may keep an
answer for ever and a relative address inside a style sheet still works. What surprises: a request never
touches the disk. It is a look-up in a dictionary made at start, so there is no path to climb out of.
"""

import gzip
import hashlib
import re
from pathlib import Path
from typing import NamedTuple

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

PREFIX = "/static"
ROUTE = PREFIX + "/{version}/{path:path}"
FOREVER = "public, max-age=31536000, immutable"

MEDIA_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".png": "image/png",
}
COMPRESSIBLE = (".css", ".js", ".svg")

# `@import url("shell.css") layer(shell);` on a line of its own: replaced by the file's text, so that a page
# asks for one style sheet. Written as a real import, so the sheet means the same without this.
IMPORT = re.compile(r'^@import url\("(?P<path>[^"]+)"\) layer\((?P<layer>[a-z]+)\);$', re.MULTILINE)
CHARSET = '@charset "UTF-8";'


class Asset(NamedTuple):
    """One file as it is sent, plain and compressed."""

    body: bytes
    compressed: bytes | None
    media_type: str


class Assets:
    """All files under `root` that a browser may ask for. Raises at start when an import has no file."""

    def __init__(self, root: Path) -> None:
        files = {
            path.relative_to(root).as_posix(): path.read_bytes()
            for path in sorted(root.rglob("*"))
            if path.is_file() and path.suffix in MEDIA_TYPES
        }
        bodies = {name: _inlined(root, name, body) for name, body in files.items()}
        digest = hashlib.sha256()
        for name, body in bodies.items():
            digest.update(f"{name}\0{len(body)}\0".encode() + body)
        self.version = digest.hexdigest()[:16]
        self._assets = {name: _asset(name, body) for name, body in bodies.items()}

    def url(self, path: str) -> str:
        """The address of `path` (`"css/remit.css"`). Raises KeyError for a file that does not exist."""
        if path not in self._assets:
            raise KeyError(f"no static file {path!r}")
        return f"{PREFIX}/{self.version}/{path}"

    def text(self, path: str) -> str:
        """The text of a file, for what is put inside a page (icons)."""
        return self._assets[path].body.decode()

    def names(self, prefix: str) -> list[str]:
        """The files whose path starts with `prefix`, sorted."""
        return [name for name in self._assets if name.startswith(prefix)]

    async def serve(self, request: Request) -> Response:
        """The endpoint for `ROUTE`. Anything but an exact address of this release is 404."""
        asset = self._assets.get(request.path_params["path"])
        if asset is None or request.path_params["version"] != self.version:
            return PlainTextResponse("Not found", 404)
        headers = {"cache-control": FOREVER}
        body = asset.body
        if asset.compressed is not None:
            headers["vary"] = "accept-encoding"
            if _takes_gzip(request.headers.get("accept-encoding", "")):
                headers["content-encoding"] = "gzip"
                body = asset.compressed
        return Response(body, headers=headers, media_type=asset.media_type)


def _asset(name: str, body: bytes) -> Asset:
    suffix = Path(name).suffix
    # mtime=0: the same file compresses to the same bytes in every process.
    compressed = gzip.compress(body, mtime=0) if suffix in COMPRESSIBLE else None
    return Asset(body, compressed, MEDIA_TYPES[suffix])


def _inlined(root: Path, name: str, body: bytes) -> bytes:
    """A style sheet with its layered imports put in place; every other file as it is."""
    if not name.endswith(".css") or b"@import" not in body:
        return body

    def in_place(found: re.Match[str]) -> str:
        imported = ((root / name).parent / found["path"]).resolve()
        if not imported.is_relative_to(root.resolve()):
            raise ValueError(f"{name} imports {found['path']}, which is outside the static files")
        text = imported.read_text(encoding="utf-8").removeprefix(CHARSET)
        return f"@layer {found['layer']} {{\n{text}\n}}"

    return IMPORT.sub(in_place, body.decode()).encode()


def _takes_gzip(accepted: str) -> bool:
    for choice in accepted.lower().split(","):
        coding, _, quality = choice.partition(";")
        if coding.strip() == "gzip":
            return quality.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False
