"""Picture files that are hard to come by: colour profiles, bombs, animations, broken blocks."""

import io
import struct
import zlib

import numpy as np
from PIL import Image

# CIE XYZ of the primaries, adapted to D50, as profiles hold them.
DISPLAY_P3 = ((0.5151, 0.2412, -0.0011), (0.2920, 0.6922, 0.0419), (0.1571, 0.0666, 0.7841))
ADOBE_RGB = ((0.6097, 0.3111, 0.0195), (0.2053, 0.6257, 0.0609), (0.1492, 0.0632, 0.7446))


def rgb_profile(primaries: tuple = DISPLAY_P3, gamma: float = 2.2) -> bytes:
    """A matrix profile of a display."""
    tags = {
        name: b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in xyz)
        for name, xyz in zip((b"rXYZ", b"gXYZ", b"bXYZ"), primaries, strict=True)
    }
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    return _profile(
        b"mntr", b"RGB ", b"XYZ ", {**tags, **dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)}
    )


def grey_profile(gamma: float) -> bytes:
    """A profile of grey pictures with a tone curve of its own."""
    return _profile(
        b"mntr",
        b"GRAY",
        b"XYZ ",
        {b"kTRC": b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))},
    )


def cmyk_profile() -> bytes:
    """A printer for which any ink at all is this: L* 100 to 0 with black, cyan has no colour."""
    corners = np.indices((2, 2, 2, 2)).reshape(4, -1).T  # C, M, Y, K; the last one fastest
    table = bytearray()
    for _cyan, magenta, yellow, black in corners:
        light = 0 if black else 255
        table += bytes((light, 128 + 60 * magenta * (1 - black), 128 + 60 * yellow * (1 - black)))
    ramp = bytes(range(256))
    lut = b"mft1\0\0\0\0" + bytes((4, 3, 2, 0))
    lut += b"".join(_fixed(value) for value in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    return _profile(b"prtr", b"CMYK", b"Lab ", {b"A2B0": lut + ramp * 4 + bytes(table) + ramp * 3})


def _fixed(value: float) -> bytes:
    return struct.pack(">i", round(value * 65536))


def _profile(kind: bytes, space: bytes, connection: bytes, tags: dict[bytes, bytes]) -> bytes:
    white = b"XYZ \0\0\0\0" + b"".join(_fixed(value) for value in (0.9642, 1.0, 0.8249))
    tags = {b"wtpt": white, **tags}
    offset = 128 + 4 + 12 * len(tags)
    table, body = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        data += b"\0" * (-len(data) % 4)
        table += name + struct.pack(">II", offset + len(body), len(data))
        body += data
    header = struct.pack(
        ">I4s4s4s4s4s", offset + len(body), b"lcms", b"\x02\x40\0\0", kind, space, connection
    )
    header += struct.pack(">6H4s", 2026, 1, 1, 0, 0, 0, b"acsp") + b"\0" * 28
    header += b"".join(_fixed(value) for value in (0.9642, 1.0, 0.8249))
    return header.ljust(128, b"\0") + table + body


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_of_size(width: int, height: int, data: bytes = b"", extra: bytes = b"") -> bytes:
    """A 1-bit PNG that says it has that size, whatever data it has."""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", header)
        + extra
        + png_chunk(b"IDAT", data or zlib.compress(b"\0"))
        + png_chunk(b"IEND", b"")
    )


def whole_png(width: int, height: int) -> bytes:
    """A complete black 1-bit PNG, small on disk at any size."""
    packer = zlib.compressobj(9)
    row = b"\0" * (1 + -(-width // 8))
    return png_of_size(
        width, height, b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    )


def encoded(picture: Image.Image, name: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, name, **options)
    return buffer.getvalue()


def animation(name: str) -> bytes:
    """Two frames."""
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    return encoded(frames[0], name, save_all=True, append_images=frames[1:], duration=100)


def text_bomb() -> bytes:
    """A PNG whose comment unpacks to 100 MB."""
    packer = zlib.compressobj(9)
    text = b"".join(packer.compress(b"a" * 2**20) for _ in range(100)) + packer.flush()
    return png_of_size(32, 32, extra=png_chunk(b"zTXt", b"Comment\0\0" + text))
