"""What a page's meta tags say of its publication, to know it again where the page prints it between title and text.

Government sites must name `PubDate` and `ContentSource` there. A printed line that says the same is the page's own:
read as the report's, the day of its upload would be taken for the day on which the report was signed.
"""

from __future__ import annotations

import re

from lxml import etree

_DAY_NAMES = {"pubdate", "publishdate", "publicationdate", "article:published_time", "datepublished"}
_SOURCE_NAMES = {"contentsource", "source", "author", "article:author", "sitename", "og:site_name", "columnname"}
_DAY = re.compile(
    r"((?:19|20)\d\d)\s*([-/.年])\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[\sT]*(\d{1,2}:\d{2}(?::\d{2})?)\S{0,6})?"
)
_LABELS = re.compile("(?:发布|更新|公开)?(?:时间|日期)|(?:信息|文章|稿件)?来源|作者|发布(?:机构|单位|人)")
_SENTENCE = re.compile("[。；]")
_MOST_CHARS = 120


class PageImprint:
    """When a page was published and by whom, as its meta tags say.

    Args:
        root: The page, with its head.
    """

    def __init__(self, root: etree._Element) -> None:
        self._days: set[tuple[int, int, int]] = set()
        self._sources: list[str] = []
        for meta in root.iter("meta"):
            name = (meta.get("name") or meta.get("property") or meta.get("itemprop") or "").strip().lower()
            content = " ".join((meta.get("content") or "").split())
            if name in _DAY_NAMES and (day := _DAY.search(content)):
                self._days.add(_numbers(day))
            elif name in _SOURCE_NAMES and 1 < len(content) <= _MOST_CHARS:
                self._sources.append(content)
        self._sources.sort(key=len, reverse=True)

    def left_out(self, lines: list[str], most: int) -> list[str]:
        """The lines without those of the first `most`, above the first sentence, that only repeat the meta tags."""
        top = next((k for k, line in enumerate(lines[:most]) if _SENTENCE.search(line)), min(most, len(lines)))
        return [line for line in lines[:top] if not self._repeats(line)] + lines[top:]

    def _repeats(self, line: str) -> bool:
        """Whether a line has the day of publication, and nothing else but its time and the source.

        2024年1月15日 alone may be the report's own date, under its title; 2024-01-15 isn't, nor what has a time or a
        source.
        """
        day = _DAY.search(line)
        if day is None or len(line) > _MOST_CHARS or _numbers(day) not in self._days:
            return False
        rest = line[: day.start()] + " " + line[day.end() :]
        named = False
        for source in self._sources:
            named = named or source in rest
            rest = rest.replace(source, " ")
        if re.search(r"\w", _LABELS.sub(" ", rest)):
            return False
        return named or day[2] != "年" or day[5] is not None


def _numbers(day: re.Match[str]) -> tuple[int, int, int]:
    return int(day[1]), int(day[3]), int(day[4])
