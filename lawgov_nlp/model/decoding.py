"""Turn model output into labels, spans, links between names and values, and indicators.

Token labels are decoded by the Viterbi algorithm under the rules of IOB2. A value's span is extended to whole numerals,
so that 1.9万 is never split. The name of a value is the best-scoring span.
"""

from __future__ import annotations

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lawgov_nlp.model import TAGS
from lawgov_nlp.model.outputs import BEFORE, BEHIND, Output, Settings
from lawgov_nlp.model.windows import EncodedParagraph, Window
from lawgov_nlp.report import Line
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import numeral_runs, read_quantity, value_end
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Label, Scheme
from lawgov_nlp.simplified import to_simplified

NAME_TOKENS = 24
"""The most tokens in a name."""

READ_TOKENS = 8192
"""The most tokens around values, padding included, that are read in one step; each value has its own."""

VALUES_AT_ONCE = 256
"""The most values that are read in one step; each needs a row of scores over its window."""

_QUALIFIER_BEHIND = re.compile(r"\s*(?:左右|以上|以下|以内|上下)$")
_NEVER_NAMED = ("，", "。", "；", "：", ",", ";", ":")
"""Tokens that occur in no name of the annotated reports."""

_OUTSIDE_A_NAME = re.compile(
    r"(?P<front>[\s的、，”’》）)]*(?:等(?=问题|事项|案件|领域|活动|方面|纠纷|行为|情形|情况))?)(?P<name>.*标的|.*?)[\s的、，“‘《（(]*",
    re.DOTALL,
)
"""What a name neither begins nor ends with. The tokenizer has pieces such as 的问题, which the model can't split."""

_YEAR = re.compile(r"(?:19|20)\d\d")
_HOTLINE = re.compile("12(?:309|315|320|328|333|338|345|348|350|355|366|369|388|389|393|394)")
_DAY = re.compile(r"(?:1[0-2]|[1-9])[.·．](?:[12]\d|3[01]|\d)")

_O, _B_VALUE, _I_VALUE, _B_NAME, _I_NAME = range(len(TAGS))
_FORBIDDEN = np.zeros((len(TAGS), len(TAGS)))
for _inside, _outside in ((_I_VALUE, (_O, _B_NAME, _I_NAME)), (_I_NAME, (_O, _B_VALUE, _I_VALUE))):
    _FORBIDDEN[list(_outside), _inside] = -np.inf
_FORBIDS = np.isinf(_FORBIDDEN)
"""Whether the second label may not follow the first, (tags, tags)."""


@dataclass(frozen=True, kw_only=True)
class _Value:
    """A decoded value.

    Attributes:
        paragraph: The number of its paragraph in the batch.
        window: The number in the batch of the window that decides on it.
        first: The first token of the value in this window.
        last: The last token of the value in this window.
        start: The offset of the first character in the paragraph.
        end: The offset after the last character in the paragraph.
        score: The geometric mean of the probabilities of its tokens' labels.
    """

    paragraph: int
    window: int
    first: int
    last: int
    start: int
    end: int
    score: float


def decode_batch(
    settings: Settings,
    scheme: Scheme,
    output: Output,
    windows: Sequence[Window],
    encoded: Sequence[EncodedParagraph],
    paragraphs: Sequence[Line],
) -> list[TaggedParagraph]:
    """Decode the model's output for one batch into tagged paragraphs.

    Args:
        settings: The model's settings.
        scheme: The model's labels.
        output: The output of the pass over the batch.
        windows: All windows of the batch's paragraphs; the windows of one paragraph are adjacent.
        encoded: The encoded paragraphs of the batch, in the order of their first window.
        paragraphs: The same paragraphs as lines of their reports.

    Returns:
        The tagged paragraphs in the same order.
    """
    values = _batch_values(output.tags, windows, encoded, paragraphs)
    indicators: dict[int, list[Indicator]] = {}
    if values:
        for value, indicator in zip(
            values, _indicators(output, windows, values, scheme, encoded, paragraphs), strict=True
        ):
            indicators.setdefault(value.paragraph, []).append(indicator)
    labels, topics = (*scheme, None), scheme.topics
    dimensions = labels[:-1]
    best = output.primary.argmax(1).tolist()
    unsure = (output.primary.max(1) < settings.review_below).tolist()
    tagged = []
    for number, (paragraph, scores, others) in enumerate(
        zip(paragraphs, output.primary.tolist(), output.mentions.tolist(), strict=True)
    ):
        label = labels[best[number]]
        secondary = {d: round(p, 4) for d, p in zip(dimensions, others, strict=True)}
        tagged.append(
            TaggedParagraph(
                text=paragraph.text,
                start=paragraph.start,
                end=paragraph.end,
                headings=paragraph.headings,
                label=label,
                labels=_labels(label, secondary, settings.secondary_threshold, topics),
                scores={d: round(p, 6) for d, p in zip(dimensions, scores, strict=False)},
                secondary_scores=secondary,
                indicators=tuple(indicators.get(number, ())),
                needs_review=unsure[number],
            )
        )
    return tagged


def relabel(report: TaggedReport, threshold: float) -> TaggedReport:
    """Return the report with its secondary labels chosen by another threshold."""
    topics = report.scheme.topics
    tagged = tuple(replace(p, labels=_labels(p.label, p.secondary_scores, threshold, topics)) for p in report.tagged)
    return replace(report, tagged=tagged)


def _labels(
    label: Label | None, scores: Mapping[Label, float], threshold: float, topics: Sequence[Label]
) -> tuple[Label, ...]:
    """Return the primary label and then the other topics at or above the threshold, by falling score."""
    if label is None:
        return ()
    others = sorted((d for d in topics if d != label and scores[d] >= threshold), key=lambda d: -scores[d])
    return (label, *others)


def _batch_values(
    tags: np.ndarray, windows: Sequence[Window], encoded: Sequence[EncodedParagraph], paragraphs: Sequence[Line]
) -> list[_Value]:
    """Decode the values of all paragraphs of a batch.

    Where the likeliest labels of a window are allowed as they stand, which is so in three of four, no search is needed,
    and where they hold no value nothing is.
    """
    likeliest = tags.argmax(2)
    place = np.arange(tags.shape[1])
    body = np.array([w.body for w in windows])[:, None]
    inside = (place >= body) & (place < np.array([len(w.input_ids) for w in windows])[:, None] - 1)
    before = np.where(place == body, _O, np.roll(likeliest, 1, axis=1))
    searched = (_FORBIDS[before, likeliest] & inside).any(1).tolist()
    holding = ((likeliest == _B_VALUE) & inside).any(1).tolist()
    rows, begin = [], 0
    for code in encoded:
        rows.append(range(begin, begin + len(code.windows)))
        begin += len(code.windows)
    hard = {
        number: _whole(code, rows[number], tags)
        for number, code in enumerate(encoded)
        if code.offsets and (len(code.windows) > 1 or searched[rows[number][0]])
    }
    paths = dict(zip(hard, _viterbi([scores for scores, _ in hard.values()]), strict=True))
    found: list[_Value] = []
    for number, (paragraph, code) in enumerate(zip(paragraphs, encoded, strict=True)):
        row = rows[number][0]
        if number in hard:
            (scores, decider), path = hard[number], paths[number]
        elif holding[row] and code.offsets:
            own = slice(code.windows[0].body, code.windows[0].body + len(code.offsets))
            scores, decider, path = tags[row, own], np.full(len(code.offsets), row), likeliest[row, own]
        else:
            continue
        if spans := _spans(path):
            found += _values(number, paragraph.text, code, windows, scores, decider, path, spans)
    return found


def _whole(code: EncodedParagraph, rows: Sequence[int], tags: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Join the windows of a paragraph: the log-probabilities of each token, and the window that decides on it."""
    scores = np.zeros((len(code.offsets), len(TAGS)))
    decider = np.zeros(len(code.offsets), dtype=int)
    for row, w in zip(rows, code.windows, strict=True):
        scores[slice(*w.own)] = tags[row, w.body + w.own[0] - w.first : w.body + w.own[1] - w.first]
        decider[slice(*w.own)] = row
    return scores, decider


def _values(
    number: int,
    text: str,
    code: EncodedParagraph,
    windows: Sequence[Window],
    scores: np.ndarray,
    decider: np.ndarray,
    path: np.ndarray,
    spans: Sequence[tuple[int, int]],
) -> list[_Value]:
    """Turn the spans of one paragraph into its values. Spans without a numeral are dropped."""
    runs = list(numeral_runs(text))
    starts, ends = [a for a, _ in code.offsets], [b for _, b in code.offsets]
    found: list[_Value] = []
    for first, last in spans:
        start, end = code.offsets[first][0], code.offsets[last][1]
        end = _behind_numerals(start, end, runs, text)
        touched = bisect_right(runs, start, key=lambda run: run[1])
        if touched == len(runs) or runs[touched][0] >= end:
            continue  # The span holds no numeral.
        start = runs[touched][0]  # A value begins with its numeral, but pieces such as 了两 hold more.
        if found and start < found[-1].end:
            continue  # The span is part of the previous value.
        end = _to_the_unit(text, start, end, runs, touched)
        if _counts_nothing(text, start, end):
            continue
        first, last = bisect_right(ends, start), bisect_left(starts, end) - 1
        row = int(decider[first])
        shift = windows[row].body - windows[row].first
        limit = len(windows[row].input_ids) - 2  # The last token may lie in the range of the next window.
        chosen = [float(scores[t, path[t]]) for t in range(first, last + 1)]
        found.append(
            _Value(
                paragraph=number,
                window=row,
                first=first + shift,
                last=min(last + shift, limit),
                start=start,
                end=end,
                score=math.exp(sum(chosen) / len(chosen)),
            )
        )
    return found


def _barred(window: Window, values: Sequence[_Value], code: EncodedParagraph, text: str, length: int) -> np.ndarray:
    """Return a mask of the window's tokens that no name may contain: clause ends and values of the paragraph.

    Args:
        window: The window.
        values: The values of the paragraph in order, without overlap.
        code: The encoded paragraph.
        text: The paragraph's text.
        length: The number of tokens in the batch's windows.

    Returns:
        The mask, (length,).
    """
    bars = np.zeros(length, dtype=bool)
    count = len(window.input_ids) - window.body - 1
    inside = code.offsets[window.first : window.first + count]
    for token, (start, end) in enumerate(inside, window.body):
        bars[token] = text[start:end] in _NEVER_NAMED
    starts, ends = [a for a, _ in inside], [b for _, b in inside]
    # Look only at the values in this window: in a paragraph as long as a book, all of them would take minutes.
    at = bisect_right(values, starts[0], key=lambda value: value.end)
    while at < len(values) and values[at].start < ends[-1]:
        value = values[at]
        at += 1
        bars[window.body + bisect_right(ends, value.start) : window.body + bisect_left(starts, value.end)] = True
    return bars


def _behind_numerals(start: int, end: int, runs: Sequence[tuple[int, int]], text: str) -> int:
    """Return the end of a span, moved before trailing white space and after a numeral that the span would cut.

    `runs` are in order and don't overlap.
    """
    while end > start and text[end - 1].isspace():
        end -= 1
    before = bisect_left(runs, end, key=lambda run: run[0])
    return max(end, runs[before - 1][1]) if before else end


def _to_the_unit(text: str, start: int, end: int, runs: Sequence[tuple[int, int]], first: int) -> int:
    """Return the end of a value: after the unit of its first numeral if that unit is known, else as the model says.

    The model finds nearly all values, but it ends one in twenty too early (39|份) or too late (7名|人选).
    """
    known = value_end(text, runs[first], runs)
    if known is not None:
        return known
    return start + len(_QUALIFIER_BEHIND.sub("", text[start:end]))


def _counts_nothing(text: str, start: int, end: int) -> bool:
    """Tell whether a bare number is a year, a hotline or a day such as “12.4” (codebook, sections 4 and 6)."""
    if _YEAR.fullmatch(text, start, end):
        return text[end : end + 1] == "年"
    if _HOTLINE.fullmatch(text, start, end):
        return True
    return bool(_DAY.fullmatch(text, start, end)) and text.startswith(tuple("”\"’'日宪国禁"), end)


def _viterbi(all_scores: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return the best sequences of token labels that IOB2 allows, (T,), for log-probabilities, (T, tags).

    All paragraphs are searched at once, a token of each in a step. Behind its end a paragraph holds tokens that can
    only be O, which may follow any label.
    """
    if not all_scores:
        return []
    longest = max(map(len, all_scores))
    scores = np.full((longest, len(all_scores), len(TAGS)), -np.inf)
    scores[..., _O] = 0.0
    for k, own in enumerate(all_scores):
        scores[: len(own), k] = own
    best = scores[0] + _FORBIDDEN[_O]
    back = np.zeros(scores.shape, dtype=np.int8)
    for t in range(1, longest):
        reach = best[:, :, None] + _FORBIDDEN
        back[t] = reach.argmax(1)
        best = reach.max(1) + scores[t]
    paths = np.zeros(scores.shape[:2], dtype=int)
    paths[-1] = best.argmax(1)
    each = np.arange(len(all_scores))
    for t in range(longest - 1, 0, -1):
        paths[t - 1] = back[t, each, paths[t]]
    return [paths[: len(own), k] for k, own in enumerate(all_scores)]


def _spans(path: np.ndarray) -> list[tuple[int, int]]:
    """Return the first and last token of each VALUE."""
    out = []
    for t in np.flatnonzero(path == _B_VALUE):
        last = t
        while last + 1 < len(path) and path[last + 1] == _I_VALUE:
            last += 1
        out.append((int(t), int(last)))
    return out


def _indicators(
    output: Output,
    windows: Sequence[Window],
    values: Sequence[_Value],
    scheme: Scheme,
    encoded: Sequence[EncodedParagraph],
    paragraphs: Sequence[Line],
) -> list[Indicator]:
    """Link each value to its name and topic, and return the indicators in the order of the values."""
    beside: dict[int, list[_Value]] = {}
    for value in values:
        beside.setdefault(value.paragraph, []).append(value)
    length = output.tags.shape[1]
    barred = {
        row: _barred(windows[row], beside[number], encoded[number], paragraphs[number].text, length)
        for row, number in {(v.window, v.paragraph) for v in values}
    }
    where = np.array([(v.window, v.first, v.last) for v in values])
    made: list[Indicator | None] = [None] * len(values)
    for some in _portions(where, windows):
        read = output.read_values(where[some], where)
        names = _best_names(read.starts, read.ends, np.stack([barred[values[k].window] for k in some]))
        # Without a name, the value's own tokens decide on the topic.
        anchors = np.array([n or (values[k].first, values[k].last) for n, k in zip(names, some, strict=True)])
        for k, span, topic in zip(some, names, read.topics(anchors).tolist(), strict=True):
            value = values[k]
            window, offsets = windows[value.window], encoded[value.paragraph].offsets
            made[k] = _indicator(value, span, scheme.topics[topic], window, offsets, paragraphs[value.paragraph])
    return [indicator for indicator in made if indicator is not None]


def _portions(where: np.ndarray, windows: Sequence[Window]) -> Iterator[list[int]]:
    """Yield the numbers of values that are read in one step: those with about as much text around them together."""
    ends = np.array([len(windows[row].input_ids) for row in where[:, 0]])
    begins = np.array([windows[row].body for row in where[:, 0]])
    sizes = np.minimum(ends, where[:, 2] + BEHIND) - np.maximum(begins, where[:, 1] - BEFORE)
    some: list[int] = []
    for k in np.argsort(-sizes, kind="stable").tolist():
        if some and (len(some) == VALUES_AT_ONCE or sizes[some[0]] * (len(some) + 1) > READ_TOKENS):
            yield some
            some = []
        some.append(k)
    if some:
        yield some


def _indicator(
    value: _Value,
    span: tuple[int, int] | None,
    topic: Label,
    window: Window,
    offsets: Sequence[tuple[int, int]],
    paragraph: Line,
) -> Indicator:
    """Build the indicator of a value, given the first and last token of its name."""
    shift = window.first - window.body
    name, start = "", 0
    if span:
        start, end = offsets[span[0] + shift][0], offsets[span[1] + shift][1]
        start, end = _trimmed(paragraph.text, start, end)
        name = paragraph.text[start:end]
    quantity = read_quantity(paragraph.text, value.start, value.end)
    return Indicator(
        text=paragraph.text[value.start : value.end],
        start=paragraph.start + value.start,
        end=paragraph.start + value.end,
        name=name or None,
        name_start=paragraph.start + start if name else None,
        name_end=paragraph.start + start + len(name) if name else None,
        number=quantity.number,
        unit=quantity.unit,
        qualifier=quantity.qualifier,
        dimension=topic,
        score=round(value.score, 4),
    )


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """Trim a name's span.

    This removes what no name begins or ends with, an unpaired quotation mark, and a pair of quotation marks around the
    whole name.
    """
    match = _OUTSIDE_A_NAME.fullmatch(to_simplified(text), start, end)
    if match and match["name"]:
        start, end = match.span("name")
    name = text[start:end]
    if name.startswith("“") and "”" not in name[:-1] and len(name) > 1:
        return start + 1, end - name.endswith("”")
    if name.endswith("”") and "“" not in name and len(name) > 1:
        return start, end - 1
    return start, end


def _best_names(starts: np.ndarray, ends: np.ndarray, barred: np.ndarray) -> list[tuple[int, int] | None]:
    """Return the first and last token of each value's name: the span with the highest sum of log-probabilities.

    Args:
        starts: The log-probability of each token to be the first of the value's name, (N, T).
        ends: The same for the last token, (N, T).
        barred: A mask of tokens that the name may not contain (values and clause ends), (N, T).

    Returns:
        For each value the first and last token, or None if no span is allowed.
    """
    rows, tokens = np.arange(len(starts)), starts.shape[1]
    best, first, last = np.full(len(rows), -np.inf), np.zeros(len(rows), dtype=int), np.zeros(len(rows), dtype=int)
    free = ~barred  # Whether the span that begins at each token holds no barred token.
    for more in range(min(NAME_TOKENS, tokens)):  # the number of tokens after the first
        if more:
            free = free[:, :-1] & ~barred[:, more:]
        total = np.where(free, starts[:, : tokens - more] + ends[:, more:], -np.inf)
        at = total.argmax(1)
        better = total[rows, at] > best
        best[better], first[better], last[better] = total[rows, at][better], at[better], at[better] + more
    return [(int(f), int(e)) if found else None for f, e, found in zip(first, last, best > -np.inf, strict=True)]
