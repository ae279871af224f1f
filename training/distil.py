"""Train a smaller student of a trained tagger, whose hidden states imitate those of the teacher.

    python training/distil.py --texts texts.jsonl.xz --layers 6 --steps 1600 --out out/student
    python training/train.py --base out/student --epochs 3 --rate 5e-5 --head-rate 2e-4 --out out/lawgov-tiny

The student of half the depth starts as every other layer of the teacher (Sanh et al. 2019), with the teacher's
embeddings and heads. Each of its layers learns the states of the corresponding layer of the teacher. The loss is the
mean squared error divided by the variance of the teacher's states (Jiao et al. 2020). The texts are, alternately,
paragraphs of the train split, varied as in training, and pieces of official texts. No labels are used; the second
command teaches those.
"""

import argparse
import copy
import itertools
import json
import random
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from pretrain import load_texts
from torch import nn

from lawgov_nlp.annotation.corpus import load_splits
from lawgov_nlp.annotation.examples import examples
from lawgov_nlp.model.checkpoints import load_tagger, shipped_model
from lawgov_nlp.model.modeling import TaggerModel
from lawgov_nlp.model.windows import Batch, WindowTokenizer
from lawgov_nlp.report import Line, LineKind
from lawgov_nlp.training.batches import BatchDataset
from lawgov_nlp.training.config import TrainConfig
from lawgov_nlp.training.trainer import in_bfloat16

ROOT = Path(__file__).resolve().parents[1]
WARMUP = 100
"""The number of steps in which the learning rate rises to `--rate`; afterwards it falls to zero."""

PASSES = 40
"""The number of differently varied passes over the train split before the variations repeat."""

PIECE = (40, 400)
"""The range of lengths, in characters, of the pieces of official texts that serve as paragraphs."""


def student_of(teacher: TaggerModel, layers: int) -> tuple[TaggerModel, list[int]]:
    """Return a tagger with fewer layers, and for each layer the index of the teacher's layer that it starts from.

    The layers are spread evenly and end with the teacher's last layer, whose states the heads read.

    Raises:
        ValueError: `layers` is less than 1, or the teacher has no more layers than that.
    """
    config = copy.deepcopy(teacher.config)
    depth = config.encoder["num_hidden_layers"]
    if not 0 < layers < depth:
        raise ValueError(f"--layers {layers}: expected fewer than the teacher's {depth}, at least 1")
    config.encoder["num_hidden_layers"] = layers
    config.revision = f"student of {config.revision}"
    taken = [round((k + 1) * depth / layers) - 1 for k in range(layers)]
    weights = teacher.state_dict()
    student = TaggerModel(config)
    own = {
        name: weights[_named(name, {str(k): str(layer) for k, layer in enumerate(taken)})]
        for name in student.state_dict()
    }
    student.load_state_dict(own)
    return student, taken


def _named(name: str, layers: dict[str, str]) -> str:
    """Return the teacher's name for a weight of the student."""
    parts = name.split(".")
    if "layer" in parts:
        at = parts.index("layer") + 1
        parts[at] = layers[parts[at]]
    return ".".join(parts)


def loss_of(student: TaggerModel, teacher: TaggerModel, taken: list[int], batch: Batch) -> torch.Tensor:
    """Return the squared error of the student's states over the variance of the teacher's, averaged over layers."""
    seen = batch.attention_mask.bool()
    with torch.no_grad():
        theirs = states_of(teacher, batch)
    parts = []
    for k, own in enumerate(states_of(student, batch)[1:]):
        goal = theirs[taken[k] + 1][seen].float()
        parts.append(nn.functional.mse_loss(own[seen].float(), goal) / goal.var())
    return torch.stack(parts).mean()


def states_of(model: TaggerModel, batch: Batch) -> tuple[torch.Tensor, ...]:
    """Return the states after the embeddings and after each layer, (windows, tokens, hidden) each."""
    segments = {"token_type_ids": batch.token_type_ids} if model.segments else {}
    output = model.encoder(
        input_ids=batch.input_ids, attention_mask=batch.attention_mask, output_hidden_states=True, **segments
    )
    return output.hidden_states


def pieces(kinds: dict[str, list[str]], coder: WindowTokenizer, tokens: int, seed: int) -> Iterator[Batch]:
    """Yield endless batches of text pieces of similar length, drawn with equal probability per kind of text."""
    rng = random.Random(seed)
    while True:
        length = rng.randint(*PIECE)
        units: list[Line] = []
        while len(units) * length < tokens * 1.5:  # a token is about one and a half characters
            text = rng.choice(kinds[rng.choice(sorted(kinds))])
            at = rng.randrange(max(1, len(text) - length))
            piece = text[at : at + length].strip()
            if piece:
                units.append(Line(kind=LineKind.BODY, text=piece, start=0, end=len(piece)))
        yield coder.collate([w for code in coder.encode(units) for w in code.windows])


def main() -> None:
    """Distil for the given number of steps and save the student."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--teacher", type=Path, default=shipped_model())
    parser.add_argument("--data", type=Path, default=ROOT / "data")
    parser.add_argument("--texts", type=Path, required=True, help="as for pretrain.py")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--batch-tokens", type=int, default=2048)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    if args.out.exists():
        parser.error(f"{args.out} is there already")
    torch.set_flush_denormal(True)  # as in train.py
    torch.manual_seed(args.seed)
    teacher, tokenizer = load_tagger(args.teacher)
    teacher = teacher.float().eval()
    try:
        student, taken = student_of(teacher, args.layers)
    except ValueError as error:
        parser.error(str(error))
    student.train()
    for model in (teacher, student):
        model.encoder.set_attn_implementation("eager")  # faster in bfloat16, see pretrain.py
    settings = teacher.config
    coder = WindowTokenizer(tokenizer, window=settings.window, overlap=settings.overlap, heading=settings.heading)
    config = TrainConfig(epochs=PASSES, batch_tokens=args.batch_tokens, seed=args.seed)
    own = BatchDataset(examples(load_splits(args.data)["train"]).examples, [], coder, config, teacher.scheme)
    official = pieces(load_texts(args.texts)[0], coder, args.batch_tokens, args.seed)
    source = (
        batch for number in itertools.count() for batch in (Batch(**own[number % len(own)]["batch"]), next(official))
    )
    optimizer = torch.optim.AdamW(student.encoder.parameters(), lr=args.rate, weight_decay=0.01)
    half = in_bfloat16("auto", "cpu")
    began, losses = time.monotonic(), []
    for step, batch in enumerate(itertools.islice(source, args.steps), 1):
        for group in optimizer.param_groups:
            group["lr"] = args.rate * min(1, step / WARMUP) * (1 - (step - 1) / args.steps)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            loss = loss_of(student, teacher, taken, batch)
        loss.backward()
        nn.utils.clip_grad_norm_(student.encoder.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if step % 50 == 0:
            minutes = (time.monotonic() - began) / 60
            left = minutes / step * (args.steps - step)
            sys.stderr.write(f"step {step}, {minutes:.1f} min, {left:.0f} left: loss {sum(losses[-50:]) / 50:.4f}\n")
    student.half().save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    record = {"teacher": settings.revision, "layers": taken, "loss": statistics.fmean(losses[-50:])}
    record |= {name: getattr(args, name) for name in ("steps", "batch_tokens", "rate", "seed")}
    (args.out / "distil.json").write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
