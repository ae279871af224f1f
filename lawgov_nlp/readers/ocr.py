"""Text from pictures of pages, by the PP-OCR models that come inside rapidocr; nothing is ever fetched.

A picture is turned upright, stamps are taken off it, its lines are found and read one after the other. Where the
lines stand is told in points, as the pdf reader counts, whose layout makes paragraphs of them.
"""

from __future__ import annotations

import contextlib
import contextvars
import importlib.util
import logging
import math
import os
import re
import statistics
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lawgov_nlp.errors import PageTimeoutError, ReadError
from lawgov_nlp.readers.lines import HAN, WIDE

if TYPE_CHECKING:
    import numpy as np

PAGE_SECONDS = 45.0
"""Seconds that a page may take; a page of a report takes two to ten."""

MAX_PIXELS = 150_000_000
"""Pixels of a picture: an A3 page at 1,000 dpi has so many."""

MAX_SIDE = 20_000
"""Pixels of a picture's longer side."""

MIN_SIDE = 64
"""Pixels of a picture's shorter side; on a smaller one (a logo, a button) there is no report."""

PAGE_SIDE = 2600
"""Pixels of the longer side of the picture that is read: an A4 page at 220 dpi. More is slower and no better."""

INSTALL = "install the OCR that reads it (pip install 'lawgov-nlp[ocr]')"
"""What to do where the extra is missing."""

_FOUND_SIDE = 1280  # lines are found in a copy so small; twice the size takes four times the time and finds the same
_LEAST = 0.5  # lines that the model is less sure of are mostly none: a seal's rim, a signature, dirt
_SURE = 0.8
_PROBED = 6
_TALL = 1.5
_SLOPE = 0.12  # 7°
_PADDING = 0.3  # ems by which a box is wider than its characters
_HEIGHT = 1.2  # height of a box in ems
_MORE = 0.25  # of a box's height: what is read to its left and right
_BLANK = 0.5  # ems of a wide bracket or comma that are white, so that no box holds them
_OPENING, _CLOSING = "（《“‘〔【", "，。、；：）》”’〕】"
_DESCENT = 0.38  # from the middle of a line to its baseline, in ems
_SAME_SIZE = 0.2
_BODY_CHARS = 6
_RULE = 2.5  # ems: no stroke is as long
_RED = 50
_STAMP = 3.5  # ems: nothing else that is red is as high; a red head's letters are three ems at most

_WIDE = re.compile(f"[{WIDE}]")
_FULL_WIDTH = str.maketrans("(),:;!?", "（），：；！？")
_HALF_MARK = re.compile(r"[(),:;!?]")
_HAN = re.compile(f"[{HAN}]")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class PageProgress:
    """A page of which the reading begins.

    Attributes:
        path: The file.
        page: The number of the page, from 1 on.
        pages: How many pages the file has.
    """

    path: Path
    page: int
    pages: int


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A stretch of a printed line as it was recognized.

    Attributes:
        text: Its characters.
        x0: Where it begins, in points from the left of the page.
        x1: Where it ends.
        y: Its baseline, in points from the bottom of the page, as if the page were not crooked.
        em: The size of its characters in points.
        confidence: How sure the model is of its characters on average, 0 to 1.
    """

    text: str
    x0: float
    x1: float
    y: float
    em: float
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Recognized:
    """What was recognized on a page.

    Attributes:
        pieces: In no order.
        width: Of the upright page, in points.
        height: Of the upright page, in points.
        dropped: How many pieces looked like text and could not be read.
        rules: Left, bottom, right and top of the lines that are drawn on it, in points, as if it were not crooked.
    """

    pieces: tuple[Piece, ...]
    width: float
    height: float
    dropped: int
    rules: tuple[tuple[float, float, float, float], ...] = ()


_watcher: contextvars.ContextVar[Callable[[PageProgress], None] | None] = contextvars.ContextVar(
    "lawgov_pages", default=None
)


@contextlib.contextmanager
def watch_pages(callback: Callable[[PageProgress], None] | None) -> Iterator[None]:
    """Within it, `callback` is called before each page that OCR reads, also for files that worker processes read.

    Workers' pages are told from other threads.
    """
    token = _watcher.set(callback)
    try:
        yield
    finally:
        _watcher.reset(token)


def page_watcher() -> Callable[[PageProgress], None] | None:
    """The callback of `watch_pages`; None outside it."""
    return _watcher.get()


def begin_page(path: Path, page: int, pages: int) -> None:
    """Tell whoever watches that a page begins."""
    logger.info("%s: page %d of %d is read by OCR", path, page, pages)
    watcher = _watcher.get()
    if watcher is not None:
        watcher(PageProgress(path=path, page=page, pages=pages))


def is_installed() -> bool:
    """Whether the extra `ocr` is there."""
    return all(importlib.util.find_spec(name) is not None for name in ("rapidocr", "openvino", "cv2", "PIL"))


def check_pixels(width: float, height: float, where: str) -> None:
    """Refuse a picture that is larger than any page.

    Raises:
        ReadError: It has more pixels than `MAX_PIXELS`, or a side over `MAX_SIDE`.
    """
    if width * height > MAX_PIXELS or max(width, height) > MAX_SIDE:
        raise ReadError(
            f"{where}: a picture of {width:,.0f} × {height:,.0f} pixels; a page has at most {MAX_PIXELS / 1e6:.0f} "
            f"million and {MAX_SIDE:,} a side. Scan it at 300 dpi"
        )


def recognize(picture: np.ndarray, scale: float, where: str, *, seconds: float = PAGE_SECONDS) -> Recognized:
    """Read the text on a picture of a page.

    Args:
        picture: Red, green and blue, (height, width, 3), uint8.
        scale: Pixels for each point (1/72 inch).
        where: The file and page, for errors.
        seconds: How long it may take.

    Raises:
        PageTimeoutError: It takes longer.
        ReadError: The OCR failed, or is installed by halves.
    """
    import cv2

    until = time.monotonic() + seconds

    def in_time() -> None:
        if time.monotonic() > until:
            raise PageTimeoutError(
                f"{where}: took more than {seconds:g} s to read by OCR and was given up; is it a page of a report? "
                "Scan it anew at 200 dpi, or take the page out"
            )

    engine = _engine()
    try:
        picture, boxes, read = _upright(engine, _without_stamps(picture, scale), in_time)
        found = [(box, *_read(engine, picture, box, read, in_time)) for box in boxes]
        slope = _page_slope([(box, text) for box, text, _ in found])
        drawn = tuple(_rules(picture, slope, scale)) if found else ()
    except ReadError:
        raise
    except (cv2.error, RuntimeError, ValueError) as error:
        raise ReadError(f"{where}: the OCR failed ({type(error).__name__}: {error}); scan the page anew") from error
    height, width = picture.shape[:2]
    sure = [(box, text, score) for box, text, score in found if text and score >= _LEAST]
    return Recognized(
        pieces=tuple(_pieces(sure, slope, scale, width, height)),
        width=width / scale,
        height=height / scale,
        dropped=len(found) - len(sure),
        rules=drawn,
    )


def _page_slope(found: Sequence[tuple[np.ndarray, str]]) -> float:
    """By how much the lines of a page fall for each pixel to the right; 0 where they don't agree on a small slope."""
    slopes = [_slope(box) for box, text in found if len(text) >= _BODY_CHARS]
    slope = statistics.median(slopes) if slopes else 0.0
    return slope if abs(slope) < _SLOPE else 0.0


def _rules(picture: np.ndarray, slope: float, scale: float) -> Iterator[tuple[float, float, float, float]]:
    """The lines that are drawn on a page, longer than any stroke of a letter, each as a thin box in points."""
    import cv2
    import numpy as np

    height, width = picture.shape[:2]
    straight = np.array([[1, slope, -slope * height / 2], [-slope, 1, slope * width / 2]], dtype=np.float32)
    grey = cv2.warpAffine(picture.min(axis=2), straight, (width, height), borderValue=255)
    em = 16 * scale
    ink = cv2.adaptiveThreshold(grey, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY_INV, int(em) | 1, 15)
    for across in (True, False):
        # A line that is still a little askew goes up and down by a pixel.
        wider = cv2.dilate(ink, np.ones((3, 1) if across else (1, 3), np.uint8))
        long = max(5, round(_RULE * em))
        kept = cv2.morphologyEx(wider, cv2.MORPH_OPEN, np.ones((1, long) if across else (long, 1), np.uint8))
        _, _, boxes, _ = cv2.connectedComponentsWithStats(kept)
        for left, top, wide, high, _ in boxes[1:]:
            if min(wide, high) > 0.5 * em:  # a dark surface
                continue
            x, y = (left + wide / 2) / scale, (height - top - high / 2) / scale
            if across:
                yield left / scale, y, (left + wide) / scale, y
            else:
                yield x, (height - top - high) / scale, x, (height - top) / scale


def _pieces(
    found: Sequence[tuple[np.ndarray, str, float]], slope: float, scale: float, width: int, height: int
) -> Iterator[Piece]:
    import numpy as np

    boxes = [(np.asarray(box, dtype=float), _plain(text), score) for box, text, score in found]
    sizes = [_em(box, text) for box, text, _ in boxes]
    long = [em for em, (_, text, _) in zip(sizes, boxes, strict=True) if len(text) >= _BODY_CHARS]
    body = statistics.median(long or sizes) if sizes else 0.0
    titles = [
        (box.mean(axis=0), em)
        for (box, text, _), em in zip(boxes, sizes, strict=True)
        if len(text) >= _BODY_CHARS and abs(em - body) >= _SAME_SIZE * body
    ]
    for (box, text, score), em in zip(boxes, sizes, strict=True):
        middle = box.mean(axis=0)
        short = _units(text) < _BODY_CHARS
        # The last words of a title stand under its middle; of other short lines the box says little of their size.
        above = (e for (x, y), e in titles if short and abs(x - middle[0]) < e and 0 < middle[1] - y < 2.5 * e)
        if abs(em - body) < (2 * _SAME_SIZE if short else _SAME_SIZE) * body:
            em = body
        em = next(above, em)
        left, right = (box[0, 0] + box[3, 0]) / 2, (box[1, 0] + box[2, 0]) / 2
        padding = min(_PADDING / 2 * em, 0.2 * (right - left))
        y = height - (middle[1] - slope * (middle[0] - width / 2))
        lean = slope * (middle[1] - height / 2)  # what stands beneath on a straight page stands beside on a crooked one
        yield Piece(
            text=text,
            x0=float(left + lean + padding - _BLANK * em * (text[0] in _OPENING)) / scale,
            x1=float(right + lean - padding + _BLANK * em * (text[-1] in _CLOSING)) / scale,
            y=float(y - _DESCENT * em) / scale,
            em=em / scale,
            confidence=score,
        )


def places(piece: Piece) -> Iterator[tuple[str, float, float]]:
    """Each character of a piece with its left and right edge, as wide as it is usually set."""
    widths = [1.0 if _WIDE.match(char) else 0.5 for char in piece.text]
    step = (piece.x1 - piece.x0) / max(sum(widths), 0.5)
    at = piece.x0
    for char, width in zip(piece.text, widths, strict=True):
        yield char, at, at + width * step
        at += width * step


def _em(box: np.ndarray, text: str) -> float:
    """The size of a line's characters: by its width, or by its height where it is too short to tell."""
    units = _units(text) - _BLANK * ((text[0] in _OPENING) + (text[-1] in _CLOSING))
    high = math.dist(box[0], box[3]) / _HEIGHT
    wide = math.dist(box[0], box[1]) / (units + _PADDING)
    return min(wide, 1.5 * high) if units >= _BODY_CHARS else high  # letters may be set far apart


def _units(text: str) -> float:
    """The width of a text in ems."""
    return sum(1.0 if _WIDE.match(char) else 0.5 for char in text)


def _plain(text: str) -> str:
    """The text with full-width punctuation beside Chinese characters: a picture hardly tells ( from （."""
    chars = list(text.strip())
    for match in _HALF_MARK.finditer("".join(chars)):
        at = match.start()
        beside = "".join(chars[max(0, at - 1) : at] + chars[at + 1 : at + 2])
        if _HAN.search(beside) or (match[0] in "()" and _HAN.search(text)):
            chars[at] = match[0].translate(_FULL_WIDTH)
    return "".join(chars)


def _slope(box: np.ndarray) -> float:
    """By how much a line falls (pixels count downwards) for each pixel to the right."""
    (x0, y0), (x1, y1) = box[0], box[1]
    return float((y1 - y0) / (x1 - x0)) if x1 > x0 else 0.0


def _upright(
    engine: Any,  # noqa: ANN401 - rapidocr comes without types
    picture: np.ndarray,
    in_time: Callable[[], None],
) -> tuple[np.ndarray, list[np.ndarray], dict[bytes, tuple[str, float]]]:
    """The picture with its lines running to the right, their boxes, and what was read on the way.

    Boxes that are mostly higher than wide stand for a page on its side; lines that can't be read well, for one upside
    down.
    """
    import numpy as np

    boxes = _boxes(engine, picture)
    in_time()
    tall = sum(_is_tall(box) for box in boxes)
    if tall > len(boxes) / 2:
        picture = np.ascontiguousarray(np.rot90(picture))
        boxes = _boxes(engine, picture)
        in_time()
    read: dict[bytes, tuple[str, float]] = {}
    longest = sorted(boxes, key=lambda box: -math.dist(box[0], box[1]))[:_PROBED]
    upright = [_read(engine, picture, box, read, in_time)[1] for box in longest]
    if upright and statistics.mean(upright) < _SURE:
        turned = np.ascontiguousarray(np.rot90(picture, 2))
        corner = np.array(turned.shape[1::-1], dtype=np.float32)
        about = [np.ascontiguousarray((corner - box)[[2, 3, 0, 1]]) for box in longest]
        other: dict[bytes, tuple[str, float]] = {}
        if statistics.mean(_read(engine, turned, box, other, in_time)[1] for box in about) > statistics.mean(upright):
            return turned, [np.ascontiguousarray((corner - box)[[2, 3, 0, 1]]) for box in boxes], other
    return picture, boxes, read


def _is_tall(box: np.ndarray) -> bool:
    return math.dist(box[0], box[3]) > _TALL * math.dist(box[0], box[1])


def _boxes(engine: Any, picture: np.ndarray) -> list[np.ndarray]:  # noqa: ANN401
    """The corners of each line from its upper left one round, (4, 2), in pixels."""
    import numpy as np

    found = engine(picture, use_det=True, use_cls=False, use_rec=False)
    boxes = getattr(found, "boxes", None)
    return [] if boxes is None else [np.asarray(box, dtype=np.float32) for box in boxes]


def _read(
    engine: Any,  # noqa: ANN401
    picture: np.ndarray,
    box: np.ndarray,
    known: dict[bytes, tuple[str, float]],
    in_time: Callable[[], None],
) -> tuple[str, float]:
    """The text in a box and how sure the model is of it."""
    import cv2
    import numpy as np

    key = box.tobytes()
    if key not in known:
        in_time()
        width = max(math.dist(box[0], box[1]), math.dist(box[3], box[2]))
        height = max(math.dist(box[0], box[3]), math.dist(box[1], box[2]))
        if height <= _TALL * width:  # a full stop at the end of a line is often outside
            along = (box[1] - box[0]) * (_MORE * height / max(width, 1.0))
            box = (box + np.array([-along, along, along, -along])).astype(np.float32)
            width += 2 * _MORE * height
        size = max(1, round(width)), max(1, round(height))
        corners = np.array([(0, 0), (size[0], 0), size, (0, size[1])], dtype=np.float32)
        matrix = cv2.getPerspectiveTransform(box, corners)
        crop = cv2.warpPerspective(picture, matrix, size, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        if size[1] > _TALL * size[0]:
            crop = np.rot90(crop)
        result = engine(np.ascontiguousarray(crop), use_det=False, use_cls=False, use_rec=True)
        texts, scores = getattr(result, "txts", None), getattr(result, "scores", None)
        known[key] = (texts[0].strip(), float(scores[0])) if texts and scores else ("", 0.0)
    return known[key]


def _without_stamps(picture: np.ndarray, scale: float) -> np.ndarray:
    """The picture without its red stamps, and with what is printed under them: black shows through red.

    The red letters of a red head stay; they are no higher than some ems.
    """
    import cv2
    import numpy as np

    red, green, blue = (picture[..., k].astype(np.int16) for k in range(3))
    mask = (red - np.maximum(green, blue) > _RED).astype(np.uint8)
    if mask.mean() < 0.0005:
        return picture
    em = 16 * scale
    kernel = np.ones((max(3, round(em)),) * 2, np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(cv2.dilate(mask, kernel))
    cleaned = picture.copy()
    for left, top, width, height, _ in stats[1:]:
        # A stamp is round or oval, so about as high as wide; a red head with its rule is much wider.
        if height < _STAMP * em or not 0.4 < width / height < 2.5:
            continue
        region = slice(top, top + height), slice(left, left + width)
        inked = mask[region].astype(bool)
        level = max(1.0, float(np.percentile(red[region][inked], 25)))
        paper = float(np.percentile(red[region][~inked], 75)) if not inked.all() else 255.0
        # In red light the stamp is as bright as paper, or nearly so; what is black stays black.
        cleaned[region] = np.minimum(red[region] * max(1.0, paper / level), paper).astype(np.uint8)[..., None]
    return cleaned


_loading = threading.Lock()


@lru_cache(maxsize=1)
def _loaded() -> Any:  # noqa: ANN401
    import rapidocr
    from rapidocr import EngineType, RapidOCR

    folder = Path(rapidocr.__file__).parent / "models"
    models = {part: next(iter(sorted(folder.glob(f"PP-OCR*_{part}_*.onnx"))), None) for part in ("det", "rec")}
    if None in models.values():
        raise ReadError(
            f"rapidocr {getattr(rapidocr, '__version__', '')} has no models in {folder}; a version whose wheel carries "
            "them is needed: pip install --force-reinstall 'lawgov-nlp[ocr]'"
        )
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "Global.use_cls": False,
            "Global.max_side_len": MAX_SIDE,  # the picture has its size already
            "Det.engine_type": EngineType.OPENVINO,
            "Rec.engine_type": EngineType.OPENVINO,
            # With a path given, rapidocr never asks the network for a model.
            "Det.model_path": str(models["det"]),
            "Rec.model_path": str(models["rec"]),
            "Det.limit_type": "max",
            "Det.limit_side_len": _FOUND_SIDE,
            "EngineConfig.openvino.inference_num_threads": min(cores, 4),
        }
    )


def _engine() -> Any:  # noqa: ANN401
    """The models, loaded once in a process; they are called by one thread at a time."""
    with _loading:
        try:
            return _loaded()
        except ImportError as error:
            raise ReadError(f"the OCR can't be loaded ({error}); {INSTALL}") from error
