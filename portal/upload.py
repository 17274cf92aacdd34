"""A posted form with a file: read within limits.

Surprise: a file that is too large is read on and thrown away, because a browser shows no answer to a form
that it could not finish sending. Beyond ten times the limit nobody waits for the answer any more.
"""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from starlette.datastructures import FormData, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from errors import Invalid
from portal import csrf
from portal.form import Form, Unreadable
from portal.house import house

MEDIA_TYPE = "multipart/form-data"
# The other fields, and what stands between the parts.
_BESIDE = 64 * 1024
_MOST_FIELDS = 10
_PATIENCE = 10


class _TooLarge(MultiPartException):
    """Told to the parser in its own words, so that it closes what it has begun."""


@dataclass(frozen=True)
class Upload:
    """The form's fields, and the file that came with them: None without one. Close it when done."""

    form: Form
    name: str
    file: BinaryIO | None


async def read_upload(
    request: Request, field: str, *, most: int, too_large: Callable[[], Invalid], in_memory: bool
) -> Upload:
    """The posted form and the file in `field`; the form is kept on the request.

    `in_memory`: nothing of it touches the disk. Refuses: CrossSite, Unreadable for what can't be taken
    apart, and `too_large()` for a body longer than `most` bytes. A form that was kept while its sender signed
    in again comes without its file.
    """
    if not csrf.is_ours(request.headers, public_origin=house(request).public_origin):
        raise csrf.CrossSite
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        request.state.form = form = await Form.read(request)
        return Upload(form, "", None)
    parser = MultiPartParser(
        request.headers, _within(request, most), max_files=1, max_fields=_MOST_FIELDS, max_part_size=_BESIDE
    )
    if in_memory:
        parser.spool_max_size = most + _BESIDE + 1
    try:
        parts = await parser.parse()
    except _TooLarge:
        raise too_large() from None
    except (MultiPartException, ValueError, KeyError) as wrong:
        raise Unreadable("This form can't be read. Go back, reload the page and send it again.") from wrong
    request.state.form = form = _form_of(parts)
    sent = parts.get(field)
    if not isinstance(sent, UploadFile) or not sent.filename:
        await parts.close()
        return Upload(form, "", None)
    return Upload(form, sent.filename, cast(BinaryIO, cast(SpooledTemporaryFile[bytes], sent.file)))


def _form_of(parts: FormData) -> Form:
    typed: dict[str, tuple[str, ...]] = {}
    token = None
    for name, value in parts.multi_items():
        if name == csrf.FIELD and isinstance(value, str):
            token = value
        elif isinstance(value, str) and "\0" not in value:
            typed[name] = (*typed.get(name, ()), value)
    return Form(typed=typed, csrf_token=token)


async def _within(request: Request, most: int) -> AsyncGenerator[bytes, None]:
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > most * _PATIENCE:
            break
        if size <= most + _BESIDE:
            yield chunk
    if size > most + _BESIDE:
        raise _TooLarge("too large")
