"""Turn examples into training batches: vary them in each pass, group them into batches, and compute the targets.

Every batch depends only on the seed, its pass and its number. An interrupted run therefore continues with the same
batches that it would have had.
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch.utils.data import Dataset

from lawgov_nlp.annotation.examples import Example
from lawgov_nlp.model import TAGS
from lawgov_nlp.model.windows import Batch, EncodedParagraph, Window, WindowTokenizer
from lawgov_nlp.scheme import CODEBOOK, Dimension, Label, Scheme
from lawgov_nlp.training.augment import vary
from lawgov_nlp.training.config import TrainConfig

_O, _B_VALUE, _I_VALUE, _B_NAME, _I_NAME = range(len(TAGS))
_FUTURE = re.compile("将|下一?步|下一?阶段|明年|来年|今后|接下来|新的一年|打算|计划|力争|争取")
IGNORE = -100
"""The target for padding and for anything that nobody coded."""


@dataclass(frozen=True, kw_only=True)
class Targets:
    """The targets of a batch.

    *Shapes:* primary (P,), mentions (P, D), tags (W, T), links (N, 6), read (M,), weight (P,).

    A link consists of the window, the value's first and last token, the name's first and last token, and the topic.
    Whatever nobody coded is `IGNORE` in primary, tags and a link's topic, and NaN in mentions. `read` holds the indices
    of the links that are learned; the others are only context. `weight` is the weight of each paragraph in the loss.
    """

    primary: torch.Tensor
    mentions: torch.Tensor
    tags: torch.Tensor
    links: torch.Tensor
    read: torch.Tensor
    weight: torch.Tensor


class BatchDataset(Dataset):
    """All batches of a training run, pass after pass, in shuffled order.

    Paragraphs of similar length share a batch.

    Args:
        data: The examples to learn; each pass contains all of them.
        replayed: The examples not to forget. Each pass contains a new draw of `config.replay` times the size of `data`;
            each drawn example has the weight `config.replay_weight` in the loss.
        coder: The tokenizer of the trained model.
        config: The number of passes, the batch size, the variations and the seed.
        scheme: The labels of the model.

    Attributes:
        ends: The number of batches up to the end of each pass.
    """

    def __init__(
        self,
        data: Sequence[Example],
        replayed: Sequence[Example],
        coder: WindowTokenizer,
        config: TrainConfig,
        scheme: Scheme = CODEBOOK,
    ) -> None:
        self._data, self._coder, self._config, self._scheme = [*data, *replayed], coder, config, scheme
        self._weights = [1.0] * len(data) + [config.replay_weight] * len(replayed)
        plans = scheme.heirs.get(Dimension.PLANS)
        if plans is not None and scheme.sources[scheme.index(plans)] != (Dimension.PLANS,):
            plans = None  # the label also covers other things, so its headings don't turn work into plans
        self._sections = [e.unit.headings[0] for e in self._data if plans and e.primary == plans and e.unit.headings]
        # Variations hardly change the lengths, so the sizes are those of the unchanged texts.
        sizes = [sum(len(w.input_ids) for w in code.windows) for code in coder.encode([e.unit for e in self._data])]
        drawn = min(len(replayed), round(config.replay * len(data)))
        self._groups: list[tuple[int, list[int]]] = []
        self.ends: list[int] = []
        for epoch in range(config.epochs):
            rng = random.Random(f"{config.seed} {epoch}")
            chosen = [*range(len(data)), *rng.sample(range(len(data), len(self._data)), drawn)]
            self._groups += ((epoch, group) for group in _grouped(chosen, sizes, config.batch_tokens, rng))
            self.ends.append(len(self._groups))

    def __len__(self) -> int:
        return len(self._groups)

    def __getitem__(self, number: int) -> dict[str, dict[str, torch.Tensor]]:
        """Return the tensors of a `Batch` and of its `Targets`, by name."""
        epoch, group = self._groups[number]
        config, rng = self._config, random.Random(f"{self._config.seed} {epoch} {number}")
        data = [
            vary(
                _varied(self._data[k], config, self._scheme, self._sections, rng),
                rng,
                half=config.half_width,
                digits=config.digits,
                misreading=config.misreading,
            )
            for k in group
        ]
        batch, targets = collate(data, self._coder, [self._weights[k] for k in group], scheme=self._scheme)
        targets = replace(targets, read=_drawn(targets.links, config.values, rng))
        return {"batch": vars(batch), "targets": vars(targets)}


def collate(
    data: Sequence[Example],
    coder: WindowTokenizer,
    weights: Sequence[float] | None = None,
    *,
    scheme: Scheme = CODEBOOK,
) -> tuple[Batch, Targets]:
    """Collate examples into one batch with the labels of `scheme`.

    `weights` are the weights of the examples in the loss; None gives each the weight 1.
    """
    encoded = coder.encode([e.unit for e in data])
    batch = coder.collate([w for code in encoded for w in code.windows])
    return batch, _targets(data, encoded, batch, weights or [1.0] * len(data), scheme)


def clipped(coder: WindowTokenizer, data: Sequence[Example]) -> Counter[str]:
    """Count, by kind, the spans whose bounds aren't token bounds; the model can never predict them exactly."""
    found: Counter[str] = Counter()
    for example, code in zip(data, coder.encode([e.unit for e in data]), strict=True):
        for kind, span in ((k, s) for i in example.indicators for k, s in (("value", i.value), ("name", i.name))):
            first, last = code.tokens(span)
            found[kind] += (code.offsets[first][0], code.offsets[last][1]) != span
    return +found


def _drawn(links: torch.Tensor, most: int, rng: random.Random) -> torch.Tensor:
    """Return the indices of the links to learn, in order: at most `most` of each window."""
    found: dict[int, list[int]] = {}
    for number, window in enumerate(links[:, 0].tolist()):
        found.setdefault(window, []).append(number)
    return torch.tensor(
        sorted(n for those in found.values() for n in (those if len(those) <= most else rng.sample(those, most))),
        dtype=torch.long,
    )


def _grouped(chosen: Sequence[int], sizes: Sequence[int], budget: int, rng: random.Random) -> list[list[int]]:
    """Group examples of similar size; the tokens of each group, padding included, stay within the budget."""
    # Noise in the sort key mixes the lengths a little. Batches of strictly equal lengths would be the same each time.
    noise = {k: rng.uniform(0.8, 1.25) for k in chosen}
    groups: list[list[int]] = [[]]
    longest = 0
    for k in sorted(chosen, key=lambda k: sizes[k] * noise[k]):
        longest = max(longest, sizes[k])
        if groups[-1] and longest * (len(groups[-1]) + 1) > budget:
            groups.append([])
            longest = sizes[k]
        groups[-1].append(k)
    rng.shuffle(groups)
    return groups


def _varied(
    example: Example, config: TrainConfig, scheme: Scheme, sections: Sequence[str], rng: random.Random
) -> Example:
    """Return the example unchanged, without its headings, or under a plans heading if the scheme has such a label.

    Plans keep their headings unless the text itself speaks of the future.
    """
    dice = rng.random()
    if dice < config.heading_dropout:
        # Only the heading tells bare plans ("加强培训。") from work done in the same words.
        # Without the heading they would teach the model to take such work for plans.
        bare = example.primary == scheme.heirs.get(Dimension.PLANS) and not _FUTURE.search(example.unit.text)
        return example if bare else replace(example, unit=replace(example.unit, headings=()))
    about_work = example.primary in scheme.topics and not re.search(r"\d|今年|全年|一年来", example.unit.text)
    if dice < config.heading_dropout + config.heading_swap and about_work and example.unit.headings and sections:
        headings = (rng.choice(sections), *example.unit.headings[1:])
        plans = scheme.heirs[Dimension.PLANS]
        labels = dict.fromkeys((example.primary, *example.secondary))
        return replace(
            example,
            unit=replace(example.unit, headings=headings),
            primary=plans,
            secondary=tuple(d for d in labels if d and d != plans),
        )
    return example


def _targets(
    data: Sequence[Example],
    encoded: Sequence[EncodedParagraph],
    batch: Batch,
    weights: Sequence[float],
    scheme: Scheme,
) -> Targets:
    tags = torch.where(batch.body_mask, 0, IGNORE)
    links = []
    primary = [_primary(e, scheme) for e in data]
    mentions = torch.zeros(len(data), len(scheme))
    row = 0
    for number, (example, code) in enumerate(zip(data, encoded, strict=True)):
        for dimension in (example.primary, *example.secondary):
            if dimension:
                mentions[number, scheme.index(dimension)] = 1
        if not example.labels_coded:
            mentions[number] = torch.nan
        spans = [(code.tokens(i.value), code.tokens(i.name), _topic(i.dimension, scheme)) for i in example.indicators]
        for window in code.windows:
            if not example.indicators_coded:
                tags[row] = IGNORE
            for value, name, topic in spans:
                value_here, name_here = _within(window, value), _within(window, name)
                for place, begin, inside in ((name_here, _B_NAME, _I_NAME), (value_here, _B_VALUE, _I_VALUE)):
                    if isinstance(place, tuple):
                        tags[row, place[0]] = begin
                        tags[row, place[0] + 1 : place[1] + 1] = inside
                    else:  # cut by the window's edge: the next window learns it
                        tags[row, place] = IGNORE
                if isinstance(value_here, tuple) and isinstance(name_here, tuple):
                    links.append((row, *value_here, *name_here, topic))
            row += 1
    return Targets(
        primary=torch.tensor(primary),
        mentions=mentions,
        tags=tags,
        links=torch.tensor(links, dtype=torch.long).view(-1, 6),
        read=torch.arange(len(links)),
        weight=torch.tensor(weights),
    )


def _primary(example: Example, scheme: Scheme) -> int:
    if not example.labels_coded:
        return IGNORE
    return scheme.index(example.primary) if example.primary else len(scheme)


def _topic(label: Label | None, scheme: Scheme) -> int:
    return IGNORE if label is None else scheme.topics.index(label)


def _within(window: Window, span: tuple[int, int]) -> tuple[int, int] | slice:
    """Convert a span of the paragraph's tokens to tokens of a window; if part of it is outside, return the rest."""
    shift = window.body - window.first
    first, last, end = span[0] + shift, span[1] + shift, len(window.input_ids) - 1
    if window.body <= first and last < end:
        return first, last
    return slice(max(window.body, first), max(window.body, min(last + 1, end)))
