"""The labels of paragraphs: the seven dimensions of the shipped codebook, or the user's own scheme.

A scheme is an ordered list of labels. Each label has a name for the data and a Chinese name for readers. A model stores
its scheme in its `config.json`, and all descriptions of its output use that scheme. Users write a scheme as
`labels.json`, whose format data/FORMAT.md specifies.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from pathlib import Path
from typing import Any, SupportsIndex

from lawgov_nlp.errors import SchemeError
from lawgov_nlp.paths import check_path
from lawgov_nlp.text import shortened

NONE, NONE_ZH = "none", "无"
"""How the data and the Chinese output write the absence of a label."""

_RESERVED = {
    **dict.fromkeys(("title", "salutation", "heading", "body", "signoff", "artifact"), "a kind of line in the markup"),
    **dict.fromkeys((NONE, NONE_ZH), "a paragraph without a label"),
    **dict.fromkeys(("name", "value", "名称", "指标名", "指标名称", "数值", "值"), "a span of an indicator"),
}
_KEYS = ("name", "zh", "topic", "from")
_SEPARATORS = re.compile(r"[+,，;；、|?{}<>\[\]\s]")


class Label(str):
    """One label of a scheme: a `str` that equals its name and has further attributes.

    Attributes:
        zh: The Chinese name.
        is_topic: Whether the label is a topic, which an indicator can have and which can be a secondary label of a
            paragraph. The other labels are functions, such as plans.
    """

    zh: str
    is_topic: bool

    def __new__(cls, name: str, zh: str, is_topic: bool = True) -> Label:
        """Create a label with these attributes."""
        self = str.__new__(cls, name)
        self.zh, self.is_topic = zh, is_topic
        return self

    @property
    def value(self) -> str:
        """The name as a plain `str`."""
        return str.__str__(self)

    def __repr__(self) -> str:
        return f"Label({self.value!r}, {self.zh!r}, is_topic={self.is_topic})"

    def __getnewargs__(self) -> tuple[str, str, bool]:  # type: ignore[override]
        return self.value, self.zh, self.is_topic


class Dimension(Label, Enum):
    """A label of the shipped codebook: the subject of a paragraph, or of what a number counts."""

    LEADERSHIP = ("leadership", "组织领导")
    TRAINING = ("training", "学法培训")
    MEDIATION = ("mediation", "纠纷化解与法律服务")
    ENFORCEMENT = ("enforcement", "依法行政与执法")
    PUBLICITY = ("publicity", "普法宣传")
    SHORTCOMINGS = ("shortcomings", "存在不足", False)
    PLANS = ("plans", "工作计划", False)

    def __new__(cls, name: str, zh: str, is_topic: bool = True) -> Dimension:
        """Create a member; only `Enum` calls this."""
        self = str.__new__(cls, name)
        self.zh, self.is_topic = zh, is_topic
        self._value_ = name  # This makes Dimension("plans") work.
        return self

    def __str__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return f"<Dimension.{self.name}: {self.value!r}>"  # Enum would use `Label.__repr__` for the value.

    def __reduce_ex__(self, protocol: object) -> tuple[type[Dimension], tuple[str]]:
        return Dimension, (self.value,)


DIMENSIONS: tuple[Dimension, ...] = tuple(Dimension)
"""The seven dimensions in the order of the codebook."""

TOPICS: tuple[Dimension, ...] = tuple(d for d in Dimension if d.is_topic)
"""The five dimensions that an indicator can have."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Scheme:
    """Labels in the order that models and tables use.

    Two schemes are equal if their labels have the same names, Chinese names and roles in the same order. Their sources
    may differ.

    Attributes:
        labels: The labels.
        sources: For each label, the dimensions of the shipped codebook that it covers (may be empty).
    """

    labels: tuple[Label, ...]
    sources: tuple[tuple[Dimension, ...], ...]

    def __post_init__(self) -> None:
        if len(self.labels) != len(self.sources):
            raise ValueError(f"{len(self.labels)} labels need as many sources, got {len(self.sources)}")

    def __iter__(self) -> Iterator[Label]:
        return iter(self.labels)

    def __len__(self) -> int:
        return len(self.labels)

    def __contains__(self, name: object) -> bool:
        return name in self.labels

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Scheme) and self._identity == other._identity

    def __hash__(self) -> int:
        return hash(self._identity)

    def __str__(self) -> str:
        return ", ".join(self.labels)

    def __repr__(self) -> str:
        return f"Scheme({self})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> str | tuple[Any, ...]:
        return "CODEBOOK" if self is CODEBOOK else super().__reduce_ex__(protocol)  # It stays one object.

    @cached_property
    def _identity(self) -> tuple[tuple[str, str, bool], ...]:
        return tuple((label.value, label.zh, label.is_topic) for label in self.labels)

    @cached_property
    def topics(self) -> tuple[Label, ...]:
        """The labels that an indicator can have."""
        return tuple(label for label in self.labels if label.is_topic)

    def index(self, name: str) -> int:
        """Return the index of a label in `labels`."""
        return self.labels.index(name)

    def label(self, name: str) -> Label:
        """Return the label with a name.

        Raises:
            SchemeError: The scheme has no such label. The message suggests the most similar one.
        """
        if name not in self.labels:
            raise SchemeError(f"label {name!r} is unknown; {nearest(name, self.labels)}")
        return self.labels[self.index(name)]

    @cached_property
    def heirs(self) -> Mapping[Label, Label]:
        """For each dimension of the codebook that exactly one label covers, this label."""
        taken = {d: [label for label, of in zip(self.labels, self.sources, strict=True) if d in of] for d in Dimension}
        return {d: labels[0] for d, labels in taken.items() if len(labels) == 1}

    @property
    def coarsens(self) -> bool:
        """Whether the scheme only renames or merges the codebook's dimensions.

        Then every label has a source and each of the seven dimensions is the source of exactly one label, so that data
        coded with the codebook is also coded with this scheme.
        """
        return all(self.sources) and len(self.heirs) == len(DIMENSIONS)

    def to_list(self) -> list[dict[str, Any]]:
        """Return the labels in the form that `from_list` reads."""
        out: list[dict[str, Any]] = []
        for label, of in zip(self.labels, self.sources, strict=True):
            item: dict[str, Any] = {"name": label.value, "zh": label.zh, "topic": label.is_topic}
            if of != _itself(label.value):
                item["from"] = [d.value for d in of]
            out.append(item)
        return out

    def to_config(self) -> list[str] | list[dict[str, Any]]:
        """Return the labels in the form that `from_config` reads."""
        return [d.value for d in Dimension] if self is CODEBOOK else self.to_list()

    @classmethod
    def from_list(cls, items: object) -> Scheme:
        """Build a scheme from the list under `labels` in a labels.json.

        Raises:
            SchemeError: An item doesn't fit the format.
        """
        if not isinstance(items, list) or not items:
            raise SchemeError(f"'labels' is {shortened(items)}, expected a list of labels such as {_EXAMPLE}")
        labels: list[Label] = []
        sources = []
        for number, item in enumerate(items, 1):
            try:
                label, of = _read_label(item)
                _check_unlike(label, labels)
            except SchemeError as error:
                raise SchemeError(f"label {number}: {error}") from None
            labels.append(label)
            sources.append(of)
        names = {label.value: number for number, label in enumerate(labels, 1)}
        for number, label in enumerate(labels, 1):
            if names.get(label.zh.lower(), number) != number:
                raise SchemeError(f"label {number}: 'zh' {label.zh!r} is the name of label {names[label.zh.lower()]}")
        scheme = cls(labels=tuple(labels), sources=tuple(sources))
        if not scheme.topics:
            raise SchemeError('no label is a topic, so that no indicator could have one; let one have "topic": true')
        return CODEBOOK if scheme == CODEBOOK and scheme.sources == CODEBOOK.sources else scheme

    @classmethod
    def load(cls, path: Path) -> Scheme:
        """Read a scheme from a labels.json.

        Raises:
            SchemeError: The file can't be read or doesn't fit the format.
        """
        check_path(path, "path")
        try:
            data = json.loads(path.read_bytes().decode("utf-8-sig"))
        except OSError as error:
            raise SchemeError(f"{path}: can't be read ({error.strerror}); expected a labels.json") from None
        except UnicodeDecodeError as error:
            raise SchemeError(f"{path}: not UTF-8 ({error.reason} at byte {error.start}); save it as UTF-8") from None
        except ValueError as error:
            raise SchemeError(f"{path}: not JSON ({error})") from None
        if not isinstance(data, dict) or "labels" not in data:
            raise SchemeError(f'{path}: {shortened(data)}, expected {{"labels": [{_EXAMPLE}, …]}}')
        try:
            _check_keys(data, ("labels",))
            return cls.from_list(data["labels"])
        except SchemeError as error:
            raise SchemeError(f"{path}: {error}") from None

    @classmethod
    def from_config(cls, dimensions: object) -> Scheme:
        """Build a scheme from `dimensions` in a model's config.json.

        Args:
            dimensions: The names of the codebook's seven dimensions, or labels as in a labels.json.

        Raises:
            SchemeError: `dimensions` is neither.
        """
        if isinstance(dimensions, list) and all(isinstance(name, str) for name in dimensions):
            if dimensions != [d.value for d in Dimension]:
                raise SchemeError(
                    f"trained for dimensions {dimensions}, expected {[d.value for d in Dimension]}, or objects with "
                    "name and zh for others"
                )
            return CODEBOOK
        return cls.from_list(dimensions)


CODEBOOK = Scheme(labels=DIMENSIONS, sources=tuple((d,) for d in DIMENSIONS))
"""The scheme of the shipped model (data/CODEBOOK.md)."""

_EXAMPLE = '{"name": "digital", "zh": "数字法治"}'


OWN_LABELS = " (labels of your own: give --labels, or a model that has them)"
"""Advice for a label that is not in the codebook and not misspelt."""


def nearest(word: str, known: Sequence[str], otherwise: str = "") -> str:
    """Return the end of a message about an unknown word.

    It suggests the most similar known word. If there is none, it lists all known words and adds `otherwise`.
    """
    close = difflib.get_close_matches(word.strip().lower(), known, 1)
    return f"did you mean {str(close[0])!r}?" if close else f"expected one of {', '.join(known)}{otherwise}"


def _read_label(item: object) -> tuple[Label, tuple[Dimension, ...]]:
    if not isinstance(item, dict):
        raise SchemeError(f"{shortened(item)}, expected an object such as {_EXAMPLE}")
    _check_keys(item, _KEYS)
    name, zh, topic = _name(item.get("name")), _zh(item.get("zh")), item.get("topic", True)
    if not isinstance(topic, bool):
        raise SchemeError(f"'topic' is {shortened(topic)}, expected true or false")
    return Label(name, zh, topic), _sources(item["from"]) if "from" in item else _itself(name)


def _check_keys(item: dict[str, Any], known: Sequence[str]) -> None:
    for key in item:
        if key not in known:
            raise SchemeError(f"{key!r} is unknown; {nearest(key, known)}")


def _name(name: object) -> str:
    if not isinstance(name, str) or not re.fullmatch("[a-z]+", name):
        bare = re.sub("[^a-z]", "", name.lower()) if isinstance(name, str) else ""
        hint = f"; did you mean {bare!r}?" if bare else ', such as "digital"'
        raise SchemeError(f"'name' is {shortened(name)}, expected a word of the letters a to z{hint}")
    if name in _RESERVED:
        raise SchemeError(f"'name' is {name!r}, which stands for {_RESERVED[name]}; choose another word")
    return name


def _zh(zh: object) -> str:
    if not isinstance(zh, str) or not zh:
        raise SchemeError(f"'zh' is {shortened(zh)}, expected the Chinese name")
    sign = _SEPARATORS.search(zh)
    if sign:
        raise SchemeError(f"'zh' is {zh!r}, which has {sign[0]!r} in it, a sign that tables and tools divide labels by")
    if zh.lower() in _RESERVED:
        raise SchemeError(f"'zh' is {zh!r}, which stands for {_RESERVED[zh.lower()]}; choose another word")
    return zh


def _sources(of: object) -> tuple[Dimension, ...]:
    if not isinstance(of, list) or not all(isinstance(word, str) for word in of):
        raise SchemeError(f"'from' is {shortened(of)}, expected a list of the codebook's dimensions")
    known = {**{d.value: d for d in Dimension}, **{d.zh: d for d in Dimension}}
    for word in of:
        if word not in known:
            raise SchemeError(f"'from' has {word!r}; {nearest(word, [d.value for d in Dimension])}")
    found = tuple(known[word] for word in of)
    if len(set(found)) < len(found):
        raise SchemeError(f"'from' names a dimension twice: {', '.join(of)}")
    return found


def _itself(name: str) -> tuple[Dimension, ...]:
    """Return the dimension that a label covers by default: the one of the same name, if there is one."""
    return tuple(d for d in DIMENSIONS if d == name)


def _check_unlike(label: Label, before: Sequence[Label]) -> None:
    for number, other in enumerate(before, 1):
        for key, said, there in (("name", label.value, other.value), ("zh", label.zh, other.zh)):
            if said == there:
                raise SchemeError(f"{key!r} {said!r} is that of label {number}, too; give each its own")
