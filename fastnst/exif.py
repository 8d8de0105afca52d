"""EXIF: which way up a picture is, and the block that its repainted copy keeps."""

import threading
from contextlib import suppress

from PIL import ExifTags, Image

ORIENTATION = ExifTags.Base.Orientation.value
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
SIDEWAYS = [TURNS[orientation] for orientation in (5, 6, 7, 8)]

# How the file that was read stores its picture (a TIFF has these beside the camera's tags): not
# true of the file that will be written, and able to spoil it.
STRUCTURE = (
    *range(0x00FE, 0x0104),  # kind, sides, bits, compression
    0x0106, 0x010A, 0x0111, 0x0115, 0x0116, 0x0117, 0x0118, 0x0119, 0x011C,
    0x0120, 0x0121, 0x0122, 0x0123, 0x0124, 0x0125, 0x013D, 0x0140,
    *range(0x0142, 0x0146),  # tiles
    0x014A, 0x0152, 0x0153, 0x0154, 0x0155, 0x015B,
    *range(0x0200, 0x020A),  # an embedded JPEG
    *range(0x0211, 0x0215),  # YCbCr
    0x02BC, 0x83BB, 0x8649, 0x8773,  # XMP, IPTC, Photoshop, the ICC profile
)  # fmt: skip
STORED_SIDES = (ExifTags.Base.ExifImageWidth.value, ExifTags.Base.ExifImageHeight.value)

_parsing = threading.Lock()


def read_exif(picture: Image.Image) -> tuple[Image.Transpose | None, bytes]:
    """How to turn a picture upright, and its EXIF block for the result.

    The block lacks the orientation, the sides and what else is true only of the file that was
    read. A damaged block counts as none. The picture is not changed.
    """
    turn, block = None, b""
    # The lock: Pillow parses the block when it is first asked, and several threads may ask.
    # Exception: a damaged block makes the parser raise anything.
    with _parsing, suppress(Exception):
        exif = picture.getexif()
        turn = TURNS.get(exif.get(ORIENTATION, 1))
        block = _without_structure(exif.tobytes()) if len(exif) else b""
    return turn, block


def _without_structure(block: bytes) -> bytes:
    exif = Image.Exif()
    exif.load(block)
    for tag in (ORIENTATION, *STRUCTURE):
        if tag in exif:
            del exif[tag]
    if ExifTags.IFD.Exif in exif:
        camera = exif.get_ifd(ExifTags.IFD.Exif)
        for tag in STORED_SIDES:
            camera.pop(tag, None)
    return exif.tobytes() if len(exif) else b""
