"""A posted file: read within limits, one file and a few short fields, all of it in memory.

Surprise: the body is counted before it is taken apart, because the parser itself would write any length of
file to the disk. What is too long is read on and thrown away, or the browser would never see the answer.
"""

from collections.abc import AsyncGenerator

from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from errors import Invalid
from portal import csrf
from portal.form import Form, Unreadable
from portal.house import house

MEDIA_TYPE = "multipart/form-data"
_ENVELOPE = 64 * 1024
_MOST_FIELDS = 10
_PATIENCE = 10  # times the limit that is read and thrown away


async def read_upload(request: Request, *, field: str, most: int) -> tuple[Form, bytes]:
    """The form and the file in `field`; no bytes if there is none. The form is kept on the request.

    Refuses CrossSite, Unreadable, and (PICTURE_TOO_LARGE, at the field) a body longer than `most` bytes.
    """
    if not csrf.is_ours(request.headers, public_origin=house(request).public_origin):
        raise csrf.CrossSite
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != MEDIA_TYPE:
        # What was kept while signing in again comes without its file.
        request.state.form = form = await Form.read(request)
        return form, b""
    body = await _body(request, field, most + _ENVELOPE)
    form, content = await _taken_apart(request, body, field)
    request.state.form = form
    return form, content


async def _body(request: Request, field: str, most: int) -> bytes:
    body, length = bytearray(), 0
    async for chunk in request.stream():
        length += len(chunk)
        if length <= most:
            body += chunk
        elif length > most * _PATIENCE:
            break
    if length > most:
        message = f"This file is larger than {(most - _ENVELOPE) // (1024 * 1024)} MB. Choose a smaller one."
        raise Invalid.at(field, code="PICTURE_TOO_LARGE", message=message)
    return bytes(body)


async def _taken_apart(request: Request, body: bytes, field: str) -> tuple[Form, bytes]:
    async def once() -> AsyncGenerator[bytes, None]:
        yield body

    parser = MultiPartParser(
        request.headers, once(), max_files=1, max_fields=_MOST_FIELDS, max_part_size=_ENVELOPE
    )
    parser.spool_max_size = len(body) + 1  # nothing of it goes to the disk
    try:
        parts = await parser.parse()
    except (MultiPartException, ValueError, KeyError) as wrong:
        raise Unreadable("This form can't be read. Go back, reload the page and send it again.") from wrong
    typed: dict[str, tuple[str, ...]] = {}
    token, content = None, b""
    for name, value in parts.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read() if name == field else b""
            await value.close()
        elif name == csrf.FIELD:
            token = value
        elif "\0" not in value:
            typed[name] = (*typed.get(name, ()), value)
    return Form(typed=typed, csrf_token=token), content
