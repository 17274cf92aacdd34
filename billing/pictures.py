"""Pictures that people upload: looked at from outside, decoded within limits, and drawn anew.

Surprise: what was uploaded is never kept and never served. What comes out is a PNG of our own, made of pixels
alone: nothing that was hidden in the file comes along.
"""

import io
import struct
import threading

from PIL import Image, ImageOps

from errors import Invalid
from languages import say

MOST_BYTES = 2 * 1024 * 1024
LONGEST_SIDE = 4096
MOST_PIXELS = 8_000_000
# A photograph that loads in steps has about ten; thousands of them are a way to keep a server busy.
MOST_SCANS = 40
# Twice as many dots as it is shown with: screens have more of them than they say.
WIDTH, HEIGHT = 480, 160
FIELD = "logo"
_KINDS = ("PNG", "JPEG", "WEBP")
_ANIMATED_WEBP = 0x02
# One at a time: a decoded picture takes 32 MB, and few people change their logo at once.
_alone = threading.Lock()
# Whatever a decoder says of a broken file.
_BROKEN = (
    OSError, ValueError, SyntaxError, EOFError, TypeError, KeyError, IndexError, AttributeError,
    OverflowError, RuntimeError, MemoryError, struct.error, Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)  # fmt: skip


def as_logo(content: bytes) -> bytes:
    """The picture as a PNG that fits 480 by 160, from a PNG, JPEG or WebP of at most 2 MiB and 8 megapixels.

    Refuses at ("logo",): REQUIRED, PICTURE_TOO_LARGE, PICTURE_TOO_WIDE, SVG_REFUSED, NOT_A_PICTURE,
    ANIMATED_PICTURE.
    """
    _look(content)
    with _alone:
        try:
            return _drawn_anew(content)
        except _BROKEN:
            raise _broken() from None


def _look(content: bytes) -> None:
    """What can be told without decoding anything."""
    if not content:
        raise _refusal("REQUIRED", "Choose a picture: PNG, JPEG or WebP.")
    if len(content) > MOST_BYTES:
        raise too_large()
    head = content[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if head.startswith((b"<svg", b"<?xml", b"<!--", b"<!doctype")) or b"<svg" in head:
        message = "SVG files can hold scripts and addresses of other sites. Export the logo as PNG instead."
        raise _refusal("SVG_REFUSED", message)
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        _look_at_webp(content)
    elif content[:2] == b"\xff\xd8" and content.count(b"\xff\xda") > MOST_SCANS:
        raise _refusal("NOT_A_PICTURE", "This JPEG is made of too many layers. Export the logo as PNG.")


def _look_at_webp(content: bytes) -> None:
    """Its decoder makes room for the whole picture as soon as it is opened: so the size is read before."""
    kind, head = content[12:16], content[20:30].ljust(10, b"\0")
    if kind == b"VP8X":
        if head[0] & _ANIMATED_WEBP:
            raise _animated()
        size = (int.from_bytes(head[4:7], "little") + 1, int.from_bytes(head[7:10], "little") + 1)
    elif kind == b"VP8L":
        bits = int.from_bytes(head[1:5], "little")
        size = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
    else:
        size = (int.from_bytes(head[6:8], "little") & 0x3FFF, int.from_bytes(head[8:10], "little") & 0x3FFF)
    _hold_size(*size)


def _drawn_anew(content: bytes) -> bytes:
    with Image.open(io.BytesIO(content), formats=_KINDS) as picture:
        # The size of a PNG or JPEG is in its head: nothing is decoded yet.
        _hold_size(*picture.size)
        if picture.format in ("PNG", "WEBP") and getattr(picture, "is_animated", False):
            raise _animated()
        drawn = ImageOps.exif_transpose(picture).convert("RGBA")
    drawn.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    # From the pixels alone: profiles, texts and places where it was taken stay behind.
    clean = Image.frombytes("RGBA", drawn.size, drawn.tobytes())
    made = io.BytesIO()
    clean.save(made, "PNG", optimize=True)
    return made.getvalue()


def _hold_size(width: int, height: int) -> None:
    if width < 1 or height < 1:
        raise _broken()
    if max(width, height) > LONGEST_SIDE or width * height > MOST_PIXELS:
        message = say(
            "This picture is {width} by {height} pixels. Scale it down: 480 by 160 is all that is shown.",
            width=width,
            height=height,
        )
        raise _refusal("PICTURE_TOO_WIDE", message)


def too_large() -> Invalid:
    """The refusal of a file over the limit, which the door meets before anything is read."""
    return _refusal("PICTURE_TOO_LARGE", "This file is larger than 2 MB. Export a smaller one.")


def _broken() -> Invalid:
    return _refusal("NOT_A_PICTURE", "This file is damaged or no picture. Export the logo again as PNG.")


def _animated() -> Invalid:
    return _refusal("ANIMATED_PICTURE", "This picture moves. Export one still picture of the logo.")


def _refusal(code: str, message: str) -> Invalid:
    return Invalid.at(FIELD, code=code, message=message)
