"""Turn model output into labels, spans, links between names and values, and indicators.

Token labels are decoded by the Viterbi algorithm under the rules of IOB2. A value's span is extended to whole numerals,
so that 1.9万 is never split. The name of a value is the best-scoring span.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from lawgov_nlp.model.modeling import TAGS, TaggerModel, TaggerOutput
from lawgov_nlp.model.windows import Batch, EncodedParagraph, Window
from lawgov_nlp.report import Line
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import numeral_runs, read_quantity, value_end
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import Label
from lawgov_nlp.simplified import to_simplified

NAME_TOKENS = 24
"""The most tokens in a name."""

VALUES_AT_ONCE = 256
"""The most values linked to names in one step; each needs a row of scores over its window."""

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
    model: TaggerModel,
    output: TaggerOutput,
    batch: Batch,
    windows: Sequence[Window],
    encoded: Sequence[EncodedParagraph],
    paragraphs: Sequence[Line],
) -> list[TaggedParagraph]:
    """Decode the model's output for one batch into tagged paragraphs.

    Args:
        model: The model, for the second step, which links values to names.
        output: The output of the pass over `batch`.
        batch: The collated `windows`.
        windows: All windows of the batch's paragraphs; the windows of one paragraph are adjacent.
        encoded: The encoded paragraphs of the batch, in the order of their first window.
        paragraphs: The same paragraphs as lines of their reports.

    Returns:
        The tagged paragraphs in the same order.
    """
    primary = (output.primary.float() / model.config.primary_temperature).softmax(-1).cpu().numpy()
    mentions = output.mentions.float().sigmoid().cpu().numpy()
    tags = output.tags.float().log_softmax(-1).cpu().numpy()
    rows: list[list[int]] = [[] for _ in paragraphs]
    for row, number in enumerate(batch.paragraph.tolist()):
        rows[number].append(row)
    values = [
        value
        for number, (paragraph, code) in enumerate(zip(paragraphs, encoded, strict=True))
        for value in _values(number, paragraph.text, code, windows, rows[number], tags)
    ]
    found: dict[int, list[_Value]] = {}
    for value in values:
        found.setdefault(value.paragraph, []).append(value)
    barred = {
        row: _barred(windows[row], found[number], encoded[number], paragraphs[number].text, tags.shape[1])
        for row, number in {(v.window, v.paragraph) for v in values}
    }
    indicators: dict[int, list[Indicator]] = {}
    for at in range(0, len(values), VALUES_AT_ONCE):
        some = values[at : at + VALUES_AT_ONCE]
        for number, indicator in _indicators(model, output, batch, windows, some, values, barred, encoded, paragraphs):
            indicators.setdefault(number, []).append(indicator)
    tagged = []
    scheme = model.scheme
    for number, paragraph in enumerate(paragraphs):
        label = (*scheme, None)[primary[number].argmax()]
        secondary = {d: round(float(p), 4) for d, p in zip(scheme, mentions[number], strict=True)}
        tagged.append(
            TaggedParagraph(
                text=paragraph.text,
                start=paragraph.start,
                end=paragraph.end,
                headings=paragraph.headings,
                label=label,
                labels=_labels(label, secondary, model.config.secondary_threshold, scheme.topics),
                scores={d: round(float(p), 6) for d, p in zip(scheme, primary[number], strict=False)},
                secondary_scores=secondary,
                indicators=tuple(indicators.get(number, ())),
                needs_review=bool(primary[number].max() < model.config.review_below),
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


def _values(
    number: int, text: str, code: EncodedParagraph, windows: Sequence[Window], rows: Sequence[int], tags: np.ndarray
) -> list[_Value]:
    """Decode the values of one paragraph over all its tokens at once. Spans without a numeral are dropped."""
    if not code.offsets:
        return []
    text = to_simplified(text)
    scores = np.zeros((len(code.offsets), len(TAGS)))
    decider = np.zeros(len(code.offsets), dtype=int)
    for row in rows:
        w = windows[row]
        scores[slice(*w.own)] = tags[row, w.body + w.own[0] - w.first : w.body + w.own[1] - w.first]
        decider[slice(*w.own)] = row
    path = _viterbi(scores)
    runs = list(numeral_runs(text))
    starts, ends = [a for a, _ in code.offsets], [b for _, b in code.offsets]
    found: list[_Value] = []
    for first, last in _spans(path):
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
        row = decider[first]
        shift = windows[row].body - windows[row].first
        limit = len(windows[row].input_ids) - 2  # The last token may lie in the range of the next window.
        chosen = [scores[t, path[t]] for t in range(first, last + 1)]
        found.append(
            _Value(
                paragraph=number,
                window=row,
                first=first + shift,
                last=min(last + shift, limit),
                start=start,
                end=end,
                score=float(np.exp(np.mean(chosen))),
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


def _viterbi(scores: np.ndarray) -> np.ndarray:
    """Return the best sequence of token labels that IOB2 allows, (T,), for log-probabilities (T, tags)."""
    path = scores.argmax(1)
    if not _FORBIDDEN[np.append(_O, path[:-1]), path].any():
        return path  # The likeliest label of each token is allowed in three of four paragraphs.
    best = scores[0] + _FORBIDDEN[_O]
    back = np.zeros(scores.shape, dtype=int)
    for t in range(1, len(scores)):
        reach = best[:, None] + _FORBIDDEN
        back[t] = reach.argmax(0)
        best = reach.max(0) + scores[t]
    path[-1] = best.argmax()
    for t in range(len(scores) - 1, 0, -1):
        path[t - 1] = back[t, path[t]]
    return path


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
    model: TaggerModel,
    output: TaggerOutput,
    batch: Batch,
    windows: Sequence[Window],
    values: Sequence[_Value],
    beside: Sequence[_Value],
    barred: Mapping[int, np.ndarray],
    encoded: Sequence[EncodedParagraph],
    paragraphs: Sequence[Line],
) -> Iterator[tuple[int, Indicator]]:
    """Link each value to its name and topic, and yield the paragraph's number with each indicator."""
    device = output.tags.device
    own, among = (torch.tensor([(v.window, v.first, v.last) for v in some], device=device) for some in (values, beside))
    reading = model.read_values(output.states, batch, own, among)
    starts, ends = (p.float().log_softmax(-1).cpu().numpy() for p in (reading.starts, reading.ends))
    names = _best_names(starts, ends, np.stack([barred[v.window] for v in values]))
    # Without a name, the value's own tokens decide on the topic.
    anchors = torch.tensor([n or (v.first, v.last) for n, v in zip(names, values, strict=True)], device=device)
    topics = reading.topics(anchors).argmax(-1).tolist()
    for value, span, topic in zip(values, names, topics, strict=True):
        paragraph, window = paragraphs[value.paragraph], windows[value.window]
        offsets = encoded[value.paragraph].offsets
        shift = window.first - window.body
        name, start = "", 0
        if span:
            start, end = offsets[span[0] + shift][0], offsets[span[1] + shift][1]
            start, end = _trimmed(paragraph.text, start, end)
            name = paragraph.text[start:end]
        quantity = read_quantity(paragraph.text, value.start, value.end)
        yield (
            value.paragraph,
            Indicator(
                text=paragraph.text[value.start : value.end],
                start=paragraph.start + value.start,
                end=paragraph.start + value.end,
                name=name or None,
                name_start=paragraph.start + start if name else None,
                name_end=paragraph.start + start + len(name) if name else None,
                number=quantity.number,
                unit=quantity.unit,
                qualifier=quantity.qualifier,
                dimension=model.scheme.topics[topic],
                score=round(value.score, 4),
            ),
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
