"""Suggest which paragraphs to label next: those that the model is unsure of and that differ from the labelled ones.

    pairs = list(get_tagger().tag_with_vectors(map(read_report, find_reports(Path("my_reports")))))
    suggest([report for report, _ in pairs], 50, vectors=[v for _, v in pairs])

*Uncertainty.* Each layer of the coding (primary dimension, secondary dimensions, indicators) is represented by its
least sure decision. The uncertainty of a paragraph is the probability that at least one of these three decisions is
wrong, treated as independent. The measure takes the worst decision instead of a sum, because a sum would favour long
paragraphs. On the dev split its mean is 0.19, while 0.21 of all paragraphs and half of the 50 least sure ones contain
an error. A number that the model didn't recognise as an indicator leaves no trace in this measure.

*Diversity.* The shortlist holds the least sure paragraphs, `SHORTLIST` times as many as requested. Paragraphs are drawn
from it one by one, with a probability proportional to the squared distance to the nearest labelled or drawn paragraph.
This is the seeding of k-means++ (Arthur & Vassilvitskii, SODA 2007). Cluster-Margin (Citovsky et al., NeurIPS 2021,
arXiv:2107.14263) also selects unsure paragraphs first and diverse ones among them, but with a clustering. The
alternative was to weight distances with the squared uncertainty and to use no shortlist, which is in effect what BADGE
does (Ash et al., ICLR 2020, arXiv:1906.03671). In the simulation of `training/suggest_curve.py` on the dev split, it
was as good with few labels and a little worse with many.

*Copies.* Offices copy whole paragraphs. Paragraphs that differ only in digits and white space, or in a few words such
as the name of the place, are suggested once, or not at all if one of them is labelled already. Texts are compared
without their headings.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lawgov_nlp.errors import LawgovError
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.tagged_report import TaggedReport
from lawgov_nlp.scheme import CODEBOOK, NONE_ZH, Scheme

BY = ("mixed", "uncertainty", "diversity", "random")
"""The criteria by which paragraphs can be chosen."""

COPY = 0.8
"""The share of common character pairs (Dice) from which two paragraphs count as copies of each other."""

SHORTLIST = 4
"""The number of least sure paragraphs from which `mixed` draws, per requested paragraph; at most half of all."""

NAMELESS = 0.5
"""The doubt about a value without a name. Coders name each value, so it is no indicator or its name was missed."""

TELL = 0.1
"""The doubt from which the reason mentions a layer."""

_NUMERALS = re.compile(r"[0-9〇零一二两三四五六七八九十百千万亿]+(?:[.,][0-9]+)*")
_ROWS = 4096


class SuggestError(LawgovError, ValueError):
    """The request is invalid: the criterion is unknown, or vectors are missing or belong to other paragraphs."""


@dataclass(frozen=True, kw_only=True)
class Suggestion:
    """A paragraph to label, and the reason for it.

    Attributes:
        report: The report that contains the paragraph; `at` is the index of the paragraph in the report.
        paragraph: The paragraph with the model's labels.
        why: The reason in Chinese words, for the annotator.
        uncertainty: The probability that the model is wrong in at least one layer, 0 to 1.
        similarity: The cosine to the nearest paragraph labelled or suggested before; None if there is no such paragraph
            or no vectors were given.
    """

    report: TaggedReport
    at: int
    paragraph: TaggedParagraph
    why: str
    uncertainty: float
    similarity: float | None


@dataclass(frozen=True, kw_only=True)
class Labelled:
    """Paragraphs that are labelled already: their texts and, optionally, their vectors, (paragraphs, size)."""

    texts: Sequence[str] = ()
    vectors: np.ndarray | None = None


@dataclass(frozen=True, kw_only=True)
class Choice:
    """An index among the texts given to `choose`, and the cosine to the nearest text covered before."""

    at: int
    similarity: float | None


def suggest(
    tagged: Iterable[TaggedReport],
    n: int,
    *,
    vectors: Sequence[np.ndarray] | None = None,
    by: str = "mixed",
    labelled: Labelled | None = None,
    seed: int = 0,
) -> list[Suggestion]:
    """Choose n paragraphs to label, the first choice first; the result is shorter if there are fewer paragraphs.

    Args:
        tagged: The reports to choose from.
        n: The number of paragraphs.
        vectors: For each report the vectors of its paragraphs, (paragraphs, size), as `Tagger.tag_with_vectors` gives
            them; `mixed` and `diversity` need them.
        by: One of `BY`. `uncertainty` takes the least sure paragraphs; `diversity` draws from all of them by distance.
        labelled: The paragraphs that are labelled already. They are left out and count as covered.
        seed: The same seed gives the same paragraphs.

    Raises:
        SuggestError: `by` is unknown, n isn't positive, or vectors are missing or don't fit.
    """
    reports = list(tagged)
    places = [(report, at) for report in reports for at in range(len(report.paragraphs))]
    paragraphs = [report.paragraphs[at] for report, at in places]
    doubt = np.array([uncertainty(p, report.scheme) for (report, _), p in zip(places, paragraphs, strict=True)])
    chosen = choose(
        [p.text for p in paragraphs],
        _stacked(vectors, reports),
        doubt,
        n,
        by=by,
        labelled=labelled,
        seed=seed,
    )
    return [
        Suggestion(
            report=places[choice.at][0],
            at=places[choice.at][1],
            paragraph=paragraphs[choice.at],
            why=reason(paragraphs[choice.at], by, choice.similarity, places[choice.at][0].scheme),
            uncertainty=float(doubt[choice.at]),
            similarity=choice.similarity,
        )
        for choice in chosen
    ]


def choose(
    texts: Sequence[str],
    vectors: np.ndarray | None,
    doubt: np.ndarray,
    n: int,
    *,
    by: str = "mixed",
    labelled: Labelled | None = None,
    seed: int = 0,
) -> list[Choice]:
    """Choose among P plain texts, as `suggest` does; `vectors` are (P, size), `doubt` is (P,), from 0 to 1.

    Raises:
        SuggestError: In the same cases as `suggest`.
    """
    labelled = labelled or Labelled()
    _check(texts, vectors, n, by, labelled)
    rng = np.random.default_rng(seed)
    queue = rng.permutation(candidates(texts, labelled.texts)).astype(int)
    if by in ("uncertainty", "mixed"):
        queue = queue[np.argsort(-doubt[queue], kind="stable")]
    short = len(queue) if by == "diversity" else max(n, min(SHORTLIST * n, len(queue) // 2)) if by == "mixed" else 1
    copies = _Copies(labelled.texts)
    near = None if vectors is None else _Nearest(vectors, labelled.vectors)
    chosen: list[Choice] = []
    left, behind = queue[:short], queue[short:]
    while len(chosen) < n and len(left):
        k = _draw(rng, near.distance[left]) if near and len(left) > 1 else 0
        at = int(left[k])
        left = np.delete(left, k)
        copy = copies.near(texts[at])
        if copy or short == 1:  # a dropped copy, or any choice from a plain queue, is replaced by the next text
            left, behind = np.append(left, behind[:1]), behind[1:]
        if copy:
            continue
        chosen.append(Choice(at=at, similarity=near.similarity(at) if near else None))
        copies.add(texts[at])
        if near:
            near.cover(at)
    return chosen


def candidates(texts: Sequence[str], labelled: Iterable[str] = ()) -> list[int]:
    """Return the indices of the unlabelled texts; of texts that differ only in digits and white space, the first."""
    seen = {fold(text) for text in labelled}
    found = []
    for k, text in enumerate(texts):
        folded = fold(text)
        if folded not in seen:
            seen.add(folded)
            found.append(k)
    return found


def fold(text: str) -> str:
    """Return the text without white space, with half-width for full-width characters and 0 for each numeral."""
    return _NUMERALS.sub("0", "".join(unicodedata.normalize("NFKC", text).split()))


def uncertainty(paragraph: TaggedParagraph, scheme: Scheme = CODEBOOK) -> float:
    """Return the probability that the least sure decision of at least one layer is wrong, 0 to 1.

    Args:
        paragraph: A paragraph as a model tagged it.
        scheme: The labels of that model.
    """
    return 1.0 - float(np.prod([1.0 - doubt for doubt, _ in _doubts(paragraph, scheme)]))


def reason(paragraph: TaggedParagraph, by: str, similarity: float | None, scheme: Scheme = CODEBOOK) -> str:
    """Return in Chinese why a paragraph was chosen.

    The reason names the doubtful layers, most doubtful first, and the similarity to covered paragraphs.
    """
    if by == "random":
        return "随机抽取"
    doubts = sorted(_doubts(paragraph, scheme), key=lambda d: -d[0])
    said = [words for doubt, words in doubts if doubt >= TELL]
    if by == "diversity":
        said = []
    elif not said:
        said = ["模型较有把握"]
    if by != "uncertainty":
        nearest = f"与已标、已选段落的最高相似度 {max(0.0, similarity or 0.0):.2f}"
        said.append("尚无已标或已选的段落可比" if similarity is None else nearest)
    return "；".join(said)


def _doubts(paragraph: TaggedParagraph, scheme: Scheme) -> Iterator[tuple[float, str]]:
    """Yield for each layer the probability that its least sure decision is wrong, and a description of it."""
    scores = [*((paragraph.scores.get(d, 0.0), d.zh) for d in scheme), (paragraph.none_score, NONE_ZH)]
    (first, one), (second, two) = sorted(scores, key=lambda s: -s[0])[:2]
    yield 1.0 - paragraph.confidence, f"主要标签没把握：{one} {first:.2f} / {two} {second:.2f}"
    others = [d for d in scheme.topics if d != paragraph.label and d in paragraph.secondary_scores]
    if paragraph.label and others:
        scored = [(min(score, 1.0 - score), d, score) for d in others for score in [paragraph.secondary_scores[d]]]
        doubt, dimension, score = max(scored, key=lambda s: s[0])
        yield doubt, f"次要标签没把握：{dimension.zh} {score:.2f}"
    found = [(max(1.0 - i.score, 0.0 if i.name else NAMELESS), i) for i in paragraph.indicators]
    if found:
        doubt, indicator = max(found, key=lambda f: f[0])
        if indicator.name:
            yield doubt, f"指标没把握：{indicator.name} {indicator.text} {indicator.score:.2f}"
        else:
            yield doubt, f"指标没有找到名称：{indicator.text}"


def _draw(rng: np.random.Generator, distance: np.ndarray) -> int:
    """Draw an index with a probability proportional to the squared distance, or uniformly if all distances are 0."""
    total = distance.sum()
    return int(rng.choice(len(distance), p=distance / total if total > 0 else None))


class _Nearest:
    """The squared distance from each of P paragraphs to the nearest covered one.

    The vectors are centred and scaled to length one. They are centred because an encoder's vectors all point in about
    the same direction, so that the angle between them says little.
    """

    def __init__(self, vectors: np.ndarray, covered: np.ndarray | None) -> None:
        covered = np.empty((0, vectors.shape[1]), dtype=vectors.dtype) if covered is None else covered
        rows = len(vectors) + len(covered)
        middle = (vectors.sum(0, dtype=np.float64) + covered.sum(0, dtype=np.float64)) / max(rows, 1)
        self._vectors = _units(vectors - middle)
        self._best: np.ndarray | None = None
        around = _units(covered - middle)
        if len(covered):
            parts = [around[k : k + _ROWS] for k in range(0, len(around), _ROWS)]
            self._best = np.max([(self._vectors @ part.T).max(1) for part in parts], axis=0)

    @property
    def distance(self) -> np.ndarray:
        """Squared distances, (P,); all are 1 as long as nothing is covered."""
        if self._best is None:
            return np.ones(len(self._vectors))
        distance = 2.0 - 2.0 * self._best.astype(np.float64)
        return np.where(distance > 1e-6, distance, 0.0)  # rounding leaves a small distance to itself

    def similarity(self, at: int) -> float | None:
        """Return the cosine between one of the paragraphs and the nearest covered one; None if nothing is covered."""
        return None if self._best is None else float(self._best[at])

    def cover(self, at: int) -> None:
        """Count one of the paragraphs as covered from now on."""
        near = self._vectors @ self._vectors[at]
        self._best = near if self._best is None else np.maximum(self._best, near)


class _Copies:
    """An index of texts that tells whether another text is nearly the same as one of them.

    The measure is Dice's coefficient of their sets of character pairs.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        self._sizes: list[int] = []
        self._with: defaultdict[str, list[int]] = defaultdict(list)
        for text in texts:
            self.add(text)

    def add(self, text: str) -> None:
        pairs = _pairs(text)
        for pair in pairs:
            self._with[pair].append(len(self._sizes))
        self._sizes.append(len(pairs))

    def near(self, text: str) -> bool:
        pairs = _pairs(text)
        common: Counter[int] = Counter()
        for pair in pairs:
            common.update(self._with.get(pair, ()))
        return any(2 * count >= COPY * (len(pairs) + self._sizes[k]) for k, count in common.items())


def _pairs(text: str) -> set[str]:
    folded = fold(text)
    return {folded[k : k + 2] for k in range(max(1, len(folded) - 1))}


def _units(vectors: np.ndarray) -> np.ndarray:
    """Scale vectors to length one, as float32; a zero vector stays zero."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length > 0, length, 1.0)).astype(np.float32)


def _stacked(vectors: Sequence[np.ndarray] | None, reports: Sequence[TaggedReport]) -> np.ndarray | None:
    if vectors is None:
        return None
    want, got = [len(r.paragraphs) for r in reports], [len(v) for v in vectors]
    if want != got:
        raise SuggestError(
            f"the reports have {want[:5]}… paragraphs, the vectors {got[:5]}… rows; expected an array for each report, "
            "a row for each of its paragraphs, as Tagger.tag_with_vectors gives them"
        )
    return np.concatenate(vectors) if len(vectors) else None


def _check(texts: Sequence[str], vectors: np.ndarray | None, n: int, by: str, labelled: Labelled) -> None:
    if by not in BY:
        raise SuggestError(f"by is {by!r}, expected one of {', '.join(BY)}")
    if n < 1:
        raise SuggestError(f"n is {n}, expected at least 1 paragraph to suggest")
    if vectors is None:
        if texts and by in ("mixed", "diversity"):
            raise SuggestError(f"by={by!r} needs vectors; take them from Tagger.tag_with_vectors, or by='uncertainty'")
        return
    if len(vectors) != len(texts) or not np.isfinite(vectors).all():
        raise SuggestError(f"{len(texts)} texts need as many vectors of finite numbers, got {vectors.shape}")
    if labelled.texts and by in ("mixed", "diversity"):
        got = None if labelled.vectors is None else labelled.vectors.shape
        if got != (len(labelled.texts), vectors.shape[1]):
            raise SuggestError(
                f"{len(labelled.texts)} labelled texts need vectors of shape "
                f"{(len(labelled.texts), vectors.shape[1])}, got {got}; take them from Tagger.vectors of the same model"
            )
