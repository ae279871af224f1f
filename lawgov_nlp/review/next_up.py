"""What is worth correcting next, in the order of `lawgov suggest`, and what correcting more would still find."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lawgov_nlp.annotation.suggest import Labelled, choose, reason
from lawgov_nlp.review.coding import same_decisions
from lawgov_nlp.review.library import Library

BATCH = 100
"""After how many corrections the estimate is told, and for how many more it is."""

_DRAWS = 4000


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A paragraph that is worth looking at, and the reason in words (Chinese)."""

    report: str
    at: int
    text: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """What was found so far, and what the next ones would bring.

    Attributes:
        reviewed: Paragraphs that are done, and `changed`, those of them in which something was corrected.
        expected: How many of these the model's doubts said.
        left: Paragraphs that nobody decided on.
        next: How many the next `BATCH` would be at most: fewer where fewer are left.
        wrong: In how many of the next ones something is likely to be corrected, if the most doubtful are taken; `low`
            and `high` bound it in nine cases of ten.
    """

    reviewed: int
    changed: int
    expected: float
    left: int
    next: int
    wrong: float
    low: int
    high: int


def suggested(library: Library, number: int, seed: int = 0) -> list[Suggested]:
    """The paragraphs to correct next among the reports that are ready, the most worth it first."""
    places, texts, doubts, vectors = [], [], [], []
    done_texts, done_vectors = [], []
    for name, entry in list(library.entries.items()):
        store = library.stores[name]
        if store.locked or not entry.texts:
            continue
        rows = library.vectors(name)
        for at, text in enumerate(entry.texts):
            if store.codings[at].done:
                done_texts.append(text)
                done_vectors.append(rows[at])
            else:
                places.append((name, at))
                texts.append(text)
                doubts.append(entry.doubts[at])
                vectors.append(rows[at])
    if not texts:
        return []
    alike = len({row.shape for row in [*vectors, *done_vectors]}) == 1  # not while another model tags them anew
    labelled = Labelled(texts=done_texts, vectors=np.stack(done_vectors) if done_vectors and alike else None)
    by = "mixed" if alike else "uncertainty"
    stacked = np.stack(vectors) if alike else None
    found = choose(texts, stacked, np.array(doubts), number, by=by, labelled=labelled, seed=seed)
    out = []
    for choice in found:
        name, at = places[choice.at]
        why = reason(library.tagged(name).paragraphs[at], by, choice.similarity, library.scheme)
        out.append(Suggested(report=name, at=at, text=texts[choice.at], why=why))
    return out


def estimate(library: Library, seed: int = 0) -> Estimate:
    """How many paragraphs still have something wrong, by the model's doubts and by how true these were so far.

    The doubts of the reviewed paragraphs say how many of them should have needed a correction, P; k did. Corrections
    are taken to be Poisson with the doubts times a factor, whose prior is gamma (1, 1), so that its posterior is
    gamma (k + 1, P + 1); the next ones are drawn from it. It says what is left to be found with this model, not how
    much better a model gets by learning it: that is measured when one is trained.
    """
    reviewed = changed = 0
    expected = 0.0
    left: list[float] = []
    for name, entry in list(library.entries.items()):
        store = library.stores[name]
        for at, doubt in enumerate(entry.doubts):
            now = store.codings[at]
            if now.done:
                reviewed += 1
                expected += doubt
                changed += not same_decisions(now, store.source.tagged[at])
            elif not store.locked:
                left.append(doubt)
    coming = sorted(left, reverse=True)[:BATCH]
    rng = np.random.default_rng(seed)
    factor = rng.gamma(changed + 1, 1 / (expected + 1), _DRAWS)
    drawn = np.minimum(rng.poisson(factor * sum(coming)), len(coming))
    low, high = np.percentile(drawn, (5, 95))
    return Estimate(
        reviewed=reviewed,
        changed=changed,
        expected=round(expected, 1),
        left=len(left),
        next=len(coming),
        wrong=round(float(drawn.mean()), 1),
        low=int(low),
        high=int(high),
    )
