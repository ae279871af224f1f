"""Continue the pretraining of the encoder on Chinese official texts with masked language modelling.

    python training/pretrain.py --encoder encoder --texts texts.jsonl.xz --out encoder-mlm --steps 3600

`--whole-words` masks all pieces of a word, as jieba segments it, instead of single pieces. Every fiftieth text is held
out. The loss on these texts, with single pieces masked, is printed at the end, so that runs with different masking can
be compared.

The encoder comes without a masked-language-model head. The script trains one that is tied to the embeddings, and
discards it at the end. Texts are drawn with equal weight per kind (`kind` in each line), because laws make up
90% of the characters, whereas reports and policy papers are more similar to the texts that are tagged.
"""

import argparse
import itertools
import json
import lzma
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

import jieba
import torch
from torch import nn
from transformers import BertModel, PreTrainedTokenizerFast

from lawgov_nlp.training.trainer import in_bfloat16

BLOCK = 160  # tokens; as long as most paragraphs. A longer block makes attention slower and teaches little more here
BATCH = 8  # so few steps fit into an hour that more steps are worth more than a smoother gradient
MASKED = 0.2
RATE, HEAD_RATE = 1e-4, 1e-3
HELD_OUT, HELD_OUT_BLOCKS = 50, 128

Block = tuple[list[int], list[int]]
"""Token ids of a block, `<s> … </s>`, and for each token the number of its word."""


def load_texts(file: Path) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """Read texts by kind: those to learn from, and every fiftieth for measuring."""
    seen: dict[str, list[str]] = defaultdict(list)
    held_out: dict[str, list[str]] = defaultdict(list)
    with lzma.open(file, "rt", encoding="utf-8") as lines:
        for number, line in enumerate(lines):
            row = json.loads(line)
            (seen if number % HELD_OUT else held_out)[row["kind"]].append(row["text"])
    return seen, held_out


def blocks(tokenizer: PreTrainedTokenizerFast, kinds: dict[str, list[str]], seed: int, words: bool) -> Iterator[Block]:
    """Yield endless blocks, drawn with equal probability per kind; without `words` every token is a word of its own."""
    rng = random.Random(seed)
    inner, begin, end = BLOCK - 2, tokenizer.bos_token_id, tokenizer.eos_token_id
    while True:
        text = rng.choice(kinds[rng.choice(sorted(kinds))])
        at = rng.randrange(max(1, len(text) - 4 * inner))
        piece = text[at : at + 4 * inner]
        coded = tokenizer(piece, add_special_tokens=False, return_offsets_mapping=True)
        ids = coded["input_ids"][:inner]
        if len(ids) < inner:
            continue
        number = list(range(len(ids)))
        if words:
            word_of = [k for k, word in enumerate(jieba.cut(piece)) for _ in word]
            number = [word_of[start] for start, _ in coded["offset_mapping"][:inner]]
        yield [begin, *ids, end], [-1, *number, -1]


def mask(group: Sequence[Block], vocabulary: int, mask_id: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Apply BERT's corruption: of the chosen words' tokens, 80% are masked, 10% are random, and 10% stay.

    Returns:
        The ids; the ids as the model sees them; and a mask that is true where a token is to be predicted. The shape
        of each is (batch, length).
    """
    ids = torch.tensor([block for block, _ in group])
    word = torch.tensor([number for _, number in group])
    chosen = torch.rand(len(group), int(word.max()) + 1) < MASKED
    chosen = chosen.gather(1, word.clamp(min=0)) & (word >= 0)
    dice = torch.rand(ids.shape)
    seen = torch.where(chosen & (dice < 0.8), mask_id, ids)
    seen = torch.where(chosen & (dice >= 0.9), torch.randint(4, vocabulary - 1, ids.shape), seen)
    return ids, seen, chosen


def main() -> None:
    """Pretrain for the given number of steps; save every five minutes and at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--whole-words", action="store_true")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_flush_denormal(True)  # as in train.py
    torch.manual_seed(args.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(args.encoder)
    # With eager attention and bfloat16 a step takes 1.85 s instead of 3.0 s on two cores that support bfloat16.
    model = BertModel.from_pretrained(args.encoder, add_pooling_layer=False, attn_implementation="eager").train()
    hidden, vocabulary = model.config.hidden_size, model.config.vocab_size
    head = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.LayerNorm(hidden))
    bias = nn.Parameter(torch.zeros(vocabulary))
    optimizer = torch.optim.AdamW(
        [{"params": model.parameters(), "peak": RATE}, {"params": [*head.parameters(), bias], "peak": HEAD_RATE}]
    )
    half = in_bfloat16("auto", "cpu")
    if args.out.exists():
        parser.error(f"{args.out} is there already")
    seen_texts, held_out = load_texts(args.texts)
    if not any(len(text) > 4 * BLOCK for texts in held_out.values() for text in texts):
        parser.error(f"{args.texts}: too few or too short texts; blocks of {BLOCK} tokens are cut from them")
    source = blocks(tokenizer, seen_texts, args.seed, args.whole_words)
    measure = [*itertools.islice(blocks(tokenizer, held_out, 0, False), HELD_OUT_BLOCKS)]

    def loss_on(group: Sequence[Block]) -> torch.Tensor:
        ids, seen, chosen = mask(group, vocabulary, tokenizer.mask_token_id)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            states = model(seen).last_hidden_state[chosen]
            logits = head(states) @ model.get_input_embeddings().weight.T + bias
        return nn.functional.cross_entropy(logits.float(), ids[chosen])

    began = saved = time.monotonic()
    losses = []
    for step in range(1, args.steps + 1):
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1, step / 100) * (1 - step / args.steps)
        loss = loss_on([next(source) for _ in range(BATCH)])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        if time.monotonic() - saved > 300:
            saved = time.monotonic()
            model.save_pretrained(args.out)
        if step % 50 == 0:
            minutes = (time.monotonic() - began) / 60
            left = minutes / step * (args.steps - step)
            sys.stderr.write(f"step {step}, {minutes:.0f} min, {left:.0f} left: loss {sum(losses[-50:]) / 50:.3f}\n")
    model.eval()
    torch.manual_seed(0)
    with torch.inference_mode():
        parts = [loss_on(measure[at : at + BATCH]).item() for at in range(0, HELD_OUT_BLOCKS, BATCH)]
    sys.stderr.write(f"{args.steps} steps; loss on held-out texts {sum(parts) / len(parts):.3f}\n")
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
