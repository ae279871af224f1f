"""Pictures of pages (jpg, png, tiff with one page or several), read by OCR where it is installed."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from lawgov_nlp.errors import ReadError
from lawgov_nlp.readers import ExtractedText, ocr, pdf

if TYPE_CHECKING:
    import numpy as np
    from PIL import Image

_LONG_SIDE = 842.0  # points of an A4 page: what a picture says of its resolution is often wrong
_MOST_STRETCHED = 8


def read(data: bytes, path: Path) -> ExtractedText:
    """Read a picture, or the pages of a tiff.

    Raises:
        ReadError: No OCR is installed, the picture is damaged, too large or too small, or no text is on it.
        PageTimeoutError: A page took too long.
    """
    if not ocr.is_installed():
        raise ReadError(f"{path}: a picture; {ocr.INSTALL}, or run OCR over it first and read the result")
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of sizes, for which there is a limit of our own, and of odd EXIF data
            with Image.open(io.BytesIO(data), formats=("JPEG", "PNG", "TIFF")) as picture:
                count = _page_count(picture, path)
                moving = count == 1 and getattr(picture, "n_frames", 1) > 1
                source = pdf.read_pictures(_pages(picture, count, path), count, path)
    except Image.DecompressionBombError as error:
        raise ReadError(f"{path}: {error}; a page has at most {ocr.MAX_PIXELS / 1e6:.0f} million pixels") from error
    except ReadError:
        raise
    except UnidentifiedImageError as error:
        raise ReadError(f"{path}: the picture is damaged or cut off; scan or save it again") from error
    except (OSError, SyntaxError, ValueError, TypeError, KeyError, EOFError, ArithmeticError) as error:
        raise ReadError(f"{path}: the picture is damaged or cut off ({error}); scan or save it again") from error
    if moving:
        source = replace(source, warnings=(*source.warnings, "a moving picture, of which the first one was read"))
    return source


def _page_count(picture: Image.Image, path: Path) -> int:
    if picture.format != "TIFF":
        return 1
    count = getattr(picture, "n_frames", 1)
    if count > pdf.MAX_PAGES:
        raise ReadError(f"{path}: {count} pages; a report has at most {pdf.MAX_PAGES}. Take out the report's own pages")
    return count


def _pages(picture: Image.Image, count: int, path: Path) -> Iterator[tuple[np.ndarray, float]]:
    for number in range(count):
        picture.seek(number)
        where = f"{path}: page {number + 1}" if count > 1 else str(path)
        width, height = picture.size
        ocr.check_pixels(width, height, where)
        if min(width, height) < ocr.MIN_SIDE or max(width, height) > _MOST_STRETCHED * min(width, height):
            raise ReadError(f"{where}: a picture of {width} × {height} pixels; expected that of a page")
        yield _plain(picture)


def _plain(picture: Image.Image) -> tuple[np.ndarray, float]:
    """A picture of any kind in red, green and blue on white, and its pixels for a point."""
    import numpy as np
    from PIL import Image, ImageOps

    if picture.format == "JPEG":
        picture.draft("RGB", (ocr.PAGE_SIDE, ocr.PAGE_SIDE))  # decodes to no more than is needed
    picture.load()
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("I;16", "I;16B", "I;16L", "I", "F"):
        values = np.asarray(upright, dtype=np.float64)
        values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        most = max(float(values.max(initial=0.0)), 1.0)
        upright = Image.fromarray((np.clip(values, 0, None) * (255 / most)).astype(np.uint8))
    elif "transparency" in upright.info or upright.mode in ("LA", "PA", "RGBA", "RGBa", "La"):
        layer = upright.convert("RGBA")
        upright = Image.new("RGB", layer.size, "white")
        upright.paste(layer, mask=layer.getchannel("A"))
    side = max(upright.size)
    if side > ocr.PAGE_SIDE:
        size = (max(1, upright.width * ocr.PAGE_SIDE // side), max(1, upright.height * ocr.PAGE_SIDE // side))
        upright = upright.convert("RGB").resize(
            size, Image.Resampling.BOX if side > 2 * ocr.PAGE_SIDE else Image.Resampling.LANCZOS
        )
    return np.array(upright.convert("RGB")), max(upright.size) / _LONG_SIDE
