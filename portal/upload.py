"""A posted form with a file: read within limits, the file onto the disk and not into memory.

Surprise: a file that is too large is read to its end all the same, and thrown away, because a browser shows
no answer to a form that it could not finish sending.
"""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from billing.csv_in import MOST_BYTES, refused, too_large
from portal import csrf
from portal.form import Form, Unreadable
from portal.house import house

MEDIA_TYPE = "multipart/form-data"
# The other fields, and what stands between the parts.
_BESIDE = 64 * 1024
_PATIENCE = 8


class _TooLarge(MultiPartException):
    """Told to the parser in its own words, so that it closes what it has begun."""


@dataclass(frozen=True)
class Upload:
    """The form's fields, and the file that came with them."""

    form: Form
    name: str
    file: BinaryIO


async def read_upload(request: Request, field: str) -> Upload:
    """The posted form and the file in `field`; close the file when done.

    Refuses: CrossSite, Unreadable for anything that is no such form, and at ("file",) TOO_LARGE, REQUIRED.
    """
    if not csrf.is_ours(request.headers, public_origin=house(request).public_origin):
        raise csrf.CrossSite
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        raise Unreadable("This form can't be read. Go back, reload the page and send it again.")
    parser = MultiPartParser(
        request.headers, _within(request), max_files=1, max_fields=5, max_part_size=_BESIDE
    )
    try:
        parts = await parser.parse()
    except _TooLarge:
        raise too_large() from None
    except (MultiPartException, KeyError, UnicodeDecodeError) as wrong:
        raise Unreadable("This form can't be read. Go back, reload the page and send it again.") from wrong
    texts = {name: (text,) for name, text in parts.multi_items() if isinstance(text, str)}
    token = texts.pop(csrf.FIELD, (None,))[0]
    form = Form(csrf_token=token)
    sent = parts.get(field)
    if not isinstance(sent, UploadFile) or not sent.filename:
        await parts.close()
        raise refused("REQUIRED", "Choose a CSV file.")
    # The parser's file is a spooled one, so a large file lies on the disk.
    return Upload(form, sent.filename, cast(BinaryIO, cast(SpooledTemporaryFile[bytes], sent.file)))


async def _within(request: Request) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MOST_BYTES * _PATIENCE:
            break
        if size <= MOST_BYTES + _BESIDE:
            yield chunk
    if size > MOST_BYTES + _BESIDE:
        raise _TooLarge("too large")
