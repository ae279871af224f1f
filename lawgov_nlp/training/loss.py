"""The tagger with its loss: what the Hugging Face `Trainer` trains."""

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
    """A tagger that answers a batch and its targets with a loss.

    Attributes:
        tagger: The model that is trained.
        sums: Of each part of the loss since they were last cleared; `count`, of how many batches.
    """

    def __init__(self, tagger: TaggerModel) -> None:
        super().__init__()
        self.tagger = tagger
        self.sums: Counter[str] = Counter()
        self.count = 0

    def forward(self, batch: dict[str, torch.Tensor], targets: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """The loss of a batch; both arguments as `Batches` gives them.

        Raises:
            TrainingError: The loss is no number.
        """
        whole, want = Batch(**batch), Targets(**targets)
        output = self.tagger(whole)
        # what ties names and tells topics computes in float32 always, as do the losses
        with torch.autocast(output.states.device.type, enabled=False):
            parts = losses(self.tagger, TaggerOutput(**{k: v.float() for k, v in vars(output).items()}), whole, want)
        if not parts:  # nothing of this batch was coded
            return {"loss": output.states.sum() * 0.0}
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
    """The parts of the loss, added with equal weight; a part of which nothing was coded is absent.

    Each is a mean over what was coded, in which every paragraph counts with its weight.
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
    if len(targets.links):
        values, names, topics = targets.links[:, :3], targets.links[:, 3:5], targets.links[:, 5]
        weight = window[values[:, 0]]
        starts, ends = model.name_logits(output.states, batch, values)
        found = F.cross_entropy(starts, names[:, 0], reduction="none") + F.cross_entropy(
            ends, names[:, 1], reduction="none"
        )
        parts["names"] = (found * weight).mean()
        coded = topics != IGNORE
        if coded.any():
            told = F.cross_entropy(
                model.topic_logits(output.states, values[coded], names[coded]), topics[coded], reduction="none"
            )
            parts["topics"] = (told * weight[coded]).mean()
    return parts
