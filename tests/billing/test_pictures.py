"""Hostile pictures: what is refused before it is decoded, and that nothing of a file comes along."""

import io
import os
import random
import struct
import tracemalloc
import zlib

import pytest
from PIL import Image, PngImagePlugin

from billing import pictures
from billing.pictures import as_logo
from errors import Invalid
from tests.figures import rounds

SECRET = b"zz-where-it-was-taken"


def drawn(kind: str, size: tuple[int, int] = (600, 300), mode: str = "RGB", **options: object) -> bytes:
    made = io.BytesIO()
    Image.new(mode, size, 80 if mode in ("L", "P", "1") else None).save(made, kind, **options)
    return made.getvalue()


def code_of(content: bytes) -> str:
    with pytest.raises(Invalid) as refused:
        as_logo(content)
    (problem,) = refused.value.problems
    assert problem.path == ("logo",)
    return problem.code


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(chunks) + chunk(b"IEND", b"")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_picture_is_scaled_and_drawn_anew(kind: str) -> None:
    made = Image.open(io.BytesIO(as_logo(drawn(kind))))
    assert (made.format, made.mode, made.size) == ("PNG", "RGBA", (320, 160))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_every_kind_of_png_is_taken(mode: str) -> None:
    assert Image.open(io.BytesIO(as_logo(drawn("PNG", mode=mode)))).size == (320, 160)


def test_a_cmyk_jpeg_is_taken_and_a_small_picture_stays_small() -> None:
    assert Image.open(io.BytesIO(as_logo(drawn("JPEG", mode="CMYK")))).mode == "RGBA"
    assert Image.open(io.BytesIO(as_logo(drawn("PNG", (3, 2))))).size == (3, 2)


def test_nothing_hidden_in_a_file_comes_along() -> None:
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", SECRET.decode())
    notes.add_itxt("XML:com.adobe.xmp", SECRET.decode())
    place = Image.Exif()
    place[0x010E] = SECRET.decode()
    place[0x0112] = 6  # turned by a quarter
    files = [
        drawn("PNG", pnginfo=notes, exif=place) + SECRET,
        drawn("JPEG", exif=place, comment=SECRET) + b"<script>alert(1)</script>" + SECRET,
        drawn("WEBP", exif=place, xmp=SECRET),
    ]
    for content in files:
        assert SECRET in content
        made = as_logo(content)
        assert SECRET not in made
        assert b"script" not in made
        picture = Image.open(io.BytesIO(made))
        assert picture.info == {}
        assert picture.size == (80, 160)  # it was turned before the note that says so was dropped
        assert set(chunks_of(made)) <= {b"IHDR", b"IDAT", b"IEND"}


def chunks_of(png: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        found.append(png[at + 4 : at + 8])
        at += length + 12
    return found


@pytest.mark.parametrize(
    "content",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"\xef\xbb\xbf \n<?xml version='1.0'?><svg/>", b"<!-- x --><svg/>", b"<!DOCTYPE svg><SVG/>",
    ],
)  # fmt: skip
def test_svg_is_refused_with_the_reason(content: bytes) -> None:
    with pytest.raises(Invalid, match="hold scripts"):
        as_logo(content)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "REQUIRED"), (b"hello", "NOT_A_PICTURE"), (b"GIF89a" + b"\0" * 50, "NOT_A_PICTURE"),
        (drawn("GIF"), "NOT_A_PICTURE"), (drawn("TIFF"), "NOT_A_PICTURE"), (drawn("BMP"), "NOT_A_PICTURE"),
        (drawn("ICO", (32, 32)), "NOT_A_PICTURE"), (b"%PDF-1.7", "NOT_A_PICTURE"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "NOT_A_PICTURE"), (b"PK\x03\x04", "NOT_A_PICTURE"),
        (b"<html><body>", "NOT_A_PICTURE"), (drawn("PNG")[:200], "NOT_A_PICTURE"),
        (drawn("JPEG")[:300], "NOT_A_PICTURE"), (drawn("WEBP")[:60], "NOT_A_PICTURE"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * (pictures.MOST_BYTES + 1), "PICTURE_TOO_LARGE"),
        (drawn("PNG", (4097, 1)), "PICTURE_TOO_WIDE"), (drawn("PNG", (2900, 2900), "1"), "PICTURE_TOO_WIDE"),
        (drawn("JPEG", (5000, 10)), "PICTURE_TOO_WIDE"), (drawn("WEBP", (5000, 10)), "PICTURE_TOO_WIDE"),
        (drawn("WEBP", (5000, 10), lossless=True), "PICTURE_TOO_WIDE"),
        (drawn("WEBP", (5000, 10), "RGBA"), "PICTURE_TOO_WIDE"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_what_is_no_fit_picture_is_refused(content: bytes, code: str) -> None:
    assert code_of(content) == code


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_what_moves_is_refused(kind: str) -> None:
    more = [Image.new("RGB", (60, 30), colour) for colour in ("red", "blue")]
    assert (
        code_of(drawn(kind, (60, 30), save_all=True, append_images=more, duration=50)) == "ANIMATED_PICTURE"
    )


def most_memory(content: bytes) -> int:
    """Bytes that Python had to find room for while the picture was refused."""
    tracemalloc.start()
    try:
        code_of(content)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def resident() -> int:
    with open("/proc/self/statm") as counted:
        return int(counted.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_bomb_is_refused_before_it_goes_off() -> None:
    pixels = zlib.compress(b"\0" * 30_000_000, 9)
    bombs = [
        png_of(60_000, 60_000, chunk(b"IDAT", pixels)),
        png_of(4096, 4096, chunk(b"IDAT", pixels)),
        png_of(100, 100, chunk(b"zTXt", b"k\0\0" + zlib.compress(b"x" * 200_000_000, 9))),
        png_of(100, 100, chunk(b"iCCP", b"k\0\0" + zlib.compress(b"x" * 200_000_000, 9))),
        png_of(
            100, 100, *[chunk(b"zTXt", b"k%d\0\0" % n + zlib.compress(b"x" * 1_000_000)) for n in range(90)]
        ),
        b"RIFF\x1a\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\x3f\0\xff\x3f\0",
        b"RIFF\x1a\0\0\0WEBPVP8L\x0a\0\0\0\x2f\xff\xff\xff\x0f",
    ]
    before = resident()
    for bomb in bombs:
        assert len(bomb) < pictures.MOST_BYTES
        assert most_memory(bomb) < 80_000_000
    assert resident() - before < 150_000_000


def test_a_jpeg_of_thousands_of_layers_is_refused_unseen() -> None:
    one = drawn("JPEG", progressive=True)
    scan = one[one.rindex(b"\xff\xda") : -2]
    assert code_of(one[:-2] + scan * 200 + b"\xff\xd9") == "NOT_A_PICTURE"


def test_a_broken_file_is_refused_and_never_a_fault() -> None:
    """Bytes changed and cut at random: either a picture comes out, or the file is refused."""
    chance, seen = random.Random(7), {True: 0, False: 0}
    whole = [drawn(kind, (120, 60)) for kind in ("PNG", "JPEG", "WEBP")]
    whole += [drawn("PNG", (120, 60), "P"), drawn("JPEG", (120, 60), progressive=True)]
    for _ in range(rounds(400, 5000)):
        content = bytearray(chance.choice(whole))
        for _ in range(chance.randrange(1, 8)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        cut = bytes(content[: chance.randrange(1, len(content))] if chance.random() < 0.3 else content)
        try:
            made = as_logo(cut)
        except Invalid:
            seen[False] += 1
        else:
            assert Image.open(io.BytesIO(made)).format == "PNG"
            seen[True] += 1
    assert min(seen.values()) > 20
