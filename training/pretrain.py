"""Go on pretraining the encoder on Chinese official texts with masked language modelling.

    python training/pretrain.py --encoder encoder --texts texts.jsonl.xz --out encoder-mlm --minutes 45

The encoder comes without a masked-language-model head, so one is learned here, tied to the embeddings, and
thrown away at the end. Texts are drawn with equal weight per kind (`kind` in each line), since laws are
90% of the characters but reports and policy papers are nearer to what is tagged. The learning rate falls
with the clock, not with the step, so that a run ends well whatever else the machine does.
"""

import argparse
import json
import lzma
import random
import sys
import time
from collections import defaultdict
from pathlib import Path

import torch
from torch import nn
from transformers import BertModel, PreTrainedTokenizerFast

from lawgov_nlp.train import in_bfloat16

BLOCK = 160  # tokens: as long as most paragraphs; a longer block costs attention and teaches little more here
BATCH = 16
MASKED = 0.15
RATE, HEAD_RATE = 1e-4, 1e-3


def blocks(tokenizer: PreTrainedTokenizerFast, texts: Path, seed: int):
    """Endless blocks of token ids, `<s> … </s>`, drawn from the kinds of text in turn."""
    kinds = defaultdict(list)
    with lzma.open(texts, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = json.loads(line)
            kinds[row["kind"]].append(row["text"])
    rng = random.Random(seed)
    inner, begin, end = BLOCK - 2, tokenizer.bos_token_id, tokenizer.eos_token_id
    while True:
        text = rng.choice(kinds[rng.choice(sorted(kinds))])
        at = rng.randrange(max(1, len(text) - 4 * inner))
        ids = tokenizer(text[at : at + 4 * inner], add_special_tokens=False)["input_ids"][:inner]
        if len(ids) == inner:
            yield [begin, *ids, end]


def mask(ids: torch.Tensor, vocabulary: int, mask_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """BERT's corruption: of the chosen 15% four fifths masked, a tenth random, a tenth as they are.

    Shape of both: (batch, length); the second is true where a token is to be predicted.
    """
    chosen = torch.rand(ids.shape) < MASKED
    chosen[:, 0] = chosen[:, -1] = False
    dice = torch.rand(ids.shape)
    out = torch.where(chosen & (dice < 0.8), mask_id, ids)
    return torch.where(chosen & (dice >= 0.9), torch.randint(4, vocabulary - 1, ids.shape), out), chosen


def main() -> None:
    """Pretrain for the given minutes; save every five and at the end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--encoder", type=Path, required=True)
    parser.add_argument("--texts", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.set_flush_denormal(True)  # as in train.py
    torch.manual_seed(args.seed)
    tokenizer = PreTrainedTokenizerFast.from_pretrained(args.encoder)
    # eager and bfloat16: 1.85 s a step instead of 3.0 s on two cores that know bfloat16
    model = BertModel.from_pretrained(args.encoder, add_pooling_layer=False, attn_implementation="eager").train()
    hidden, vocabulary = model.config.hidden_size, model.config.vocab_size
    head = nn.Sequential(nn.Linear(hidden, hidden), nn.GELU(), nn.LayerNorm(hidden))
    bias = nn.Parameter(torch.zeros(vocabulary))
    optimizer = torch.optim.AdamW(
        [{"params": model.parameters(), "peak": RATE}, {"params": [*head.parameters(), bias], "peak": HEAD_RATE}]
    )
    half = in_bfloat16("auto", "cpu")
    source = blocks(tokenizer, args.texts, args.seed)
    began = saved = time.monotonic()
    step, losses = 0, []
    while (spent := (time.monotonic() - began) / 60 / args.minutes) < 1:
        for group in optimizer.param_groups:
            group["lr"] = group["peak"] * min(1, (step + 1) / 100) * (1 - spent)
        ids = torch.tensor([next(source) for _ in range(BATCH)])
        seen, chosen = mask(ids, vocabulary, tokenizer.mask_token_id)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=half):
            states = model(seen).last_hidden_state[chosen]
            logits = head(states) @ model.get_input_embeddings().weight.T + bias
        loss = nn.functional.cross_entropy(logits.float(), ids[chosen])
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        step += 1
        if time.monotonic() - saved > 300:
            saved = time.monotonic()
            model.save_pretrained(args.out)
        if step % 50 == 0:
            sys.stderr.write(f"step {step}, {spent:.0%}: loss {sum(losses[-50:]) / 50:.3f}\n")
    model.save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)


if __name__ == "__main__":
    main()
