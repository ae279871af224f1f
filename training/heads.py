"""Compare ways to decode the same model: `python training/heads.py [--split test] [--model FOLDER]`.

Token labels: the best label of each token alone; Viterbi under the rules of IOB2 (shipped); Viterbi with transitions
learned as in a linear-chain CRF, fitted on dev. Ends of values: as the model places them, or extended to the unit
(shipped). Links from values to names: the pointer alone (shipped), or with the token labels' log-odds of NAME added,
times a weight. The encoder and the weights of the heads are always the same. The comparison therefore measures
decoding, and not what another head would have taught the encoder.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch

import numpy as np
import torch

from lawgov_nlp.annotation.corpus import SPLITS, load_splits
from lawgov_nlp.annotation.examples import examples, parse_gold
from lawgov_nlp.annotation.gold import GoldReport
from lawgov_nlp.evaluation.scores import evaluate
from lawgov_nlp.model import TAGS, decoding
from lawgov_nlp.model.tagger import Tagger
from lawgov_nlp.training.batches import collate

ROOT = Path(__file__).resolve().parents[1]
FIGURES = ("value_span_f1", "name_f1", "name_exact_f1", "indicator_f1")


def alone(all_scores: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Return each token's best label; an inside label without a preceding span begins one. Shapes (T, tags), (T,)."""
    return [_alone(scores) for scores in all_scores]


def _alone(scores: np.ndarray) -> np.ndarray:
    path = scores.argmax(1)
    for t, tag in enumerate(path):
        name = TAGS[tag]
        if name.startswith("I-") and (t == 0 or TAGS[path[t - 1]][2:] != name[2:]):
            path[t] = TAGS.index(f"B{name[1:]}")
    return path


def learned(transitions: np.ndarray):
    """Return Viterbi decoding with learned transitions (tags, tags) in addition to the rules."""

    def viterbi(all_scores: Sequence[np.ndarray]) -> list[np.ndarray]:
        paths = []
        for scores in all_scores:  # One by one: what the decoder puts behind a shorter paragraph would be weighed, too.
            first = scores.copy()
            # The decoder starts as if after an O; the fit has no such transition, so it is subtracted.
            first[0] -= transitions[TAGS.index("O")]
            with patch.object(decoding, "_FORBIDDEN", decoding._FORBIDDEN + transitions):
                paths += viterbi_shipped([first])
        return paths

    viterbi_shipped = decoding._viterbi
    return viterbi


def fit_transitions(tagger: Tagger, reports: list[GoldReport], steps: int = 150) -> np.ndarray:
    """Fit transitions (tags, tags) that maximise the likelihood of the coded labels (Lafferty et al. 2001).

    The token scores are fixed.
    """
    paths = list(_emissions(tagger, reports))
    weights = torch.zeros(len(TAGS), len(TAGS), requires_grad=True)
    optimizer = torch.optim.Adam([weights], lr=0.1)
    longest = max(len(gold) for _, gold in paths)
    scores = torch.zeros(len(paths), longest, len(TAGS))
    gold = torch.zeros(len(paths), longest, dtype=torch.long)
    mask = torch.zeros(len(paths), longest, dtype=torch.bool)
    for k, (emission, path) in enumerate(paths):
        scores[k, : len(path)], gold[k, : len(path)], mask[k, : len(path)] = emission, path, True
    steps_taken = (mask[:, 1:] * 1.0).unsqueeze(-1)
    for _ in range(steps):
        alpha = scores[:, 0]
        for t in range(1, longest):
            moved = torch.logsumexp(alpha.unsqueeze(2) + weights, 1) + scores[:, t]
            alpha = torch.where(mask[:, t, None], moved, alpha)
        taken = scores.gather(2, gold.unsqueeze(2)) * mask.unsqueeze(-1)
        moves = weights[gold[:, :-1], gold[:, 1:]].unsqueeze(-1) * steps_taken
        loss = (torch.logsumexp(alpha, 1) - taken.sum((1, 2)) - moves.sum((1, 2))).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return weights.detach().numpy().astype(float)


@torch.inference_mode()
def _emissions(tagger: Tagger, reports: list[GoldReport]) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield log-probabilities (T, tags) and coded labels (T,) of each paragraph that fits into one window."""
    for example in examples(reports).examples:
        batch, targets = collate([example], tagger.tokenizer)
        if len(batch.body_mask) == 1:
            body = batch.body_mask[0]
            scores = tagger.model(batch).tags[0].log_softmax(-1)
            yield scores[body].clone(), targets.tags[0][body]


def with_labels(weight: float) -> list:
    """Return patches that choose names by the pointer plus `weight` times the log-odds of the name labels."""
    seen: dict[str, np.ndarray] = {}
    tie, cut, search = decoding._indicators, decoding._portions, decoding._best_names

    def indicators(output, *rest) -> list:  # noqa: ANN001, ANN002
        seen["tags"] = output.tags.astype(float)
        return tie(output, *rest)

    def portions(where: np.ndarray, windows) -> Iterator[list[int]]:  # noqa: ANN001
        for some in cut(where, windows):
            seen["windows"] = where[some, 0]
            yield some

    def best_names(starts: np.ndarray, ends: np.ndarray, barred: np.ndarray) -> list[tuple[int, int] | None]:
        tags = seen["tags"][seen["windows"]]
        outside, begin, inside = (tags[..., TAGS.index(name)] for name in ("O", "B-NAME", "I-NAME"))
        begins, goes_on = begin - np.logaddexp(outside, begin), inside - np.logaddexp(outside, inside)
        stops = np.zeros_like(inside)
        stops[:, :-1] = np.log1p(-np.exp(np.minimum(inside[:, 1:], -1e-6)))
        # The sum over a name's tokens after the first is the cumulative sum at its last token minus that at its first.
        up_to = goes_on.cumsum(1)
        return search(starts + weight * (begins - up_to), ends + weight * (stops + up_to), barred)

    changed = {"_indicators": indicators, "_portions": portions, "_best_names": best_names}
    return [patch.object(decoding, name, new) for name, new in changed.items()]


def main() -> None:
    """Decode the split in each way and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--split", choices=SPLITS, default="test")
    parser.add_argument("--model", type=Path, help="another model than the shipped one")
    args = parser.parse_args()
    splits, tagger = load_splits(args.data), Tagger.from_pretrained(args.model, "cpu", "torch:float32")
    transitions = fit_transitions(tagger, splits["dev"])

    def as_labelled(_text: str, start: int, end: int, *_) -> int:  # noqa: ANN002
        return end

    ways = {
        "shipped": [],
        "labels: each token alone": [patch.object(decoding, "_viterbi", alone)],
        "labels: learned transitions": [
            patch.object(decoding, "_viterbi", learned(transitions)),
            patch.object(decoding, "_FORBIDS", np.ones_like(decoding._FORBIDS)),  # Each paragraph is searched.
        ],
        "values end where labelled": [patch.object(decoding, "_to_the_unit", as_labelled)],
        **{f"names: labels added, times {weight}": with_labels(weight) for weight in (0.1, 0.25, 1.0)},
    }
    gold = splits[args.split]
    reports = [parse_gold(report) for report in gold]
    print(f"{args.split:32}" + "".join(f"{name:>15}" for name in FIGURES))
    for name, patches in ways.items():
        with ExitStack() as stack:
            for change in patches:
                stack.enter_context(change)
            scores = evaluate(zip(gold, tagger.tag_many(reports), strict=True))
        print(f"{name:32}" + "".join(f"{scores.figures[f]:15.4f}" for f in FIGURES), flush=True)


if __name__ == "__main__":
    main()
