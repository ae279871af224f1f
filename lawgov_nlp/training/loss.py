"""The tagger together with its loss, in the form that the Hugging Face `Trainer` trains."""

from __future__ import annotations

from collections import Counter

import torch
from torch import nn
from torch.nn import functional as F

from lawgov_nlp.errors import TrainingError
from lawgov_nlp.model.modeling import TaggerModel, TaggerOutput
from lawgov_nlp.model.windows import Batch
from lawgov_nlp.training.batches import IGNORE, Targets


class TaggerWithLoss(nn.Module):
    """A tagger that returns the loss for a batch and its targets.

    Attributes:
        tagger: The model that is trained.
        sums: The sum of each part of the loss since the last reset; `count` is the number of batches in the sums.
    """

    def __init__(self, tagger: TaggerModel) -> None:
        super().__init__()
        self.tagger = tagger
        self.sums: Counter[str] = Counter()
        self.count = 0

    def forward(self, batch: dict[str, torch.Tensor], targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the loss of a batch; both arguments have the form that `BatchDataset` gives.

        Raises:
            TrainingError: The loss isn't finite.
        """
        whole, want = Batch(**batch), Targets(**targets)
        output = self.tagger(whole)
        # The heads that link names and classify topics always compute in float32, as do the losses.
        with torch.autocast(output.tags.device.type, enabled=False):
            parts = losses(self.tagger, _in_float32(output), whole, want)
        parts = {name: part for name, part in parts.items() if part.requires_grad}  # the others are frozen
        if not parts:  # nothing in this batch was coded that learns
            return {"loss": torch.stack([p.sum() for p in self.tagger.parameters() if p.requires_grad]).sum() * 0.0}
        total = torch.stack(list(parts.values())).sum()
        if not torch.isfinite(total):
            raise TrainingError(
                f"the loss is {total.item()}: {', '.join(k for k, v in parts.items() if not torch.isfinite(v))}; "
                "try a lower rate, or precision float32"
            )
        self.sums.update({name: value.item() for name, value in parts.items()})
        self.count += 1
        return {"loss": total}


def losses(model: TaggerModel, output: TaggerOutput, batch: Batch, targets: Targets) -> dict[str, torch.Tensor]:
    """Return the parts of the loss, to be added with equal weight; a part is absent if nothing was coded for it.

    Each part is a mean over the coded items, in which every item has the weight of its paragraph.
    """
    parts = {}
    paragraph, window = targets.weight, targets.weight[batch.paragraph]
    labelled = targets.primary != IGNORE
    if labelled.any():
        primary = F.cross_entropy(output.primary[labelled], targets.primary[labelled], reduction="none")
        mentions = F.binary_cross_entropy_with_logits(
            output.mentions[labelled], targets.mentions[labelled], reduction="none"
        )
        parts["primary"] = (primary * paragraph[labelled]).mean()
        parts["mentions"] = (mentions * paragraph[labelled, None]).mean()
    tagged = targets.tags != IGNORE
    if tagged.any():
        tags = F.cross_entropy(output.tags[tagged], targets.tags[tagged], reduction="none")
        parts["tags"] = (tags * window[:, None].expand_as(tagged)[tagged]).mean()
    if len(targets.read):
        links = targets.links[targets.read]
        values, names, topics = links[:, :3], links[:, 3:5], links[:, 5]
        weight = window[values[:, 0]]
        reading = model.read_values(output.states, batch, values, targets.links[:, :3])
        found = torch.stack(
            [
                F.cross_entropy(logits, torch.where(_within_reach(logits, at), at, IGNORE), reduction="none")
                for logits, at in zip((reading.starts, reading.ends), names.unbind(1), strict=True)
            ]
        ).sum(0)
        parts["names"] = (found * weight).mean()
        if (topics != IGNORE).any():
            told = F.cross_entropy(reading.topics(names), topics, reduction="none")  # 0 if nobody coded the topic
            parts["topics"] = (told * weight).sum() / (topics != IGNORE).sum()
    return parts


def _in_float32(output: TaggerOutput) -> TaggerOutput:
    return TaggerOutput(**{name: part.float() for name, part in vars(output).items()})


def _within_reach(logits: torch.Tensor, at: torch.Tensor) -> torch.Tensor:
    """Return whether the target token is within reach, (N,): a `ValueReader` doesn't read the whole window."""
    return logits.gather(1, at[:, None])[:, 0].isfinite()
