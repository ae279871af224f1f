"""Choose the paragraphs to correct next, as `lawgov suggest` does, and estimate how many corrections are left."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lawgov_nlp.annotation.suggest import Labelled, choose, reason
from lawgov_nlp.review.coding import same_decisions
from lawgov_nlp.review.library import Library

BATCH = 100
"""The number of corrections after which the estimate is shown, and the number of further ones that it covers."""

_DRAWS = 4000


@dataclass(frozen=True, kw_only=True)
class Suggested:
    """A paragraph that should be checked, and the reason in Chinese."""

    report: str
    at: int
    text: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The corrections found so far, and the number expected in the next paragraphs.

    Attributes:
        reviewed: The number of finished paragraphs; `changed` is the number of those in which something was corrected.
        expected: The number of corrections in them that the model's doubts predicted.
        left: The number of paragraphs that nobody has decided on.
        next: The number of next paragraphs: `BATCH`, or all that are left if these are fewer.
        wrong: The expected number of corrections in the next paragraphs if the most doubtful are taken. It lies between
            `low` and `high` with a probability of 90%.
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
    """Return the paragraphs to correct next among the reports that are ready, the most useful first."""
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
    alike = len({row.shape for row in [*vectors, *done_vectors]}) == 1  # not while another model is tagging them again
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
    """Estimate how many paragraphs are still wrong, from the model's doubts and from how reliable these were so far.

    By the doubts, P of the reviewed paragraphs should have needed a correction; k did. The number of corrections is
    modelled as Poisson distributed with mean doubts × factor. The factor's prior is gamma (1, 1), so its posterior is
    gamma (k + 1, P + 1), from which the next corrections are drawn. This estimates what is left to be found with this
    model, not how much a model improves by learning it. That is measured when a model is trained.
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
