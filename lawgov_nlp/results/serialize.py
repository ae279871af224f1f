"""Convert tagged reports to dictionaries for JSON, and back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from lawgov_nlp.errors import ReadError, SchemeError
from lawgov_nlp.report import Line, OcrLine
from lawgov_nlp.results.paragraph import TaggedParagraph
from lawgov_nlp.results.quantity import MOST_DIGITS
from lawgov_nlp.results.tables import REPORT_COLUMNS
from lawgov_nlp.scheme import CODEBOOK, Label, Scheme
from lawgov_nlp.text import shortened

if TYPE_CHECKING:
    from lawgov_nlp.results.tagged_report import TaggedReport

FORMAT = "lawgov-report/1"
"""The value of `format` in the dictionary. The number goes up when older code could misread the new form."""
_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")
_R = TypeVar("_R", bound="TaggedReport")


def to_dict(report: TaggedReport) -> dict[str, Any]:
    """Return the report as values for JSON; `from_dict` restores the same report.

    The numbers of indicators are strings ("15630000000"), because a JSON number may become an inexact float. The texts
    of lines, paragraphs and indicators repeat what their offsets select, for readers of the JSON; `from_dict` checks
    them. If the labels differ from the shipped codebook, they are listed under `scheme` as in a labels.json.
    """
    return {
        "format": FORMAT,
        **({} if report.scheme == CODEBOOK else {"scheme": report.scheme.to_list()}),
        **{c.name: getattr(report, c.name) for c in REPORT_COLUMNS},
        "model": report.model,
        "warnings": [*report.warnings],
        "text": report.text,
        "units": _plain(report.units),
        **({"ocr": _plain(report.ocr)} if report.ocr else {}),
        "paragraphs": _plain(report.paragraphs),
    }


def from_dict(data: Mapping[str, Any], cls: type[_R]) -> _R:
    """Restore a report from the dictionary that `to_dict` returned. Unknown keys are ignored.

    Args:
        data: The dictionary.
        cls: The class of the report.

    Raises:
        ReadError: (a ValueError) The dictionary has another format or version, a field is missing or has another type,
            a name is unknown, or an offset doesn't fit the text. The message names the place.
    """
    if not isinstance(data, Mapping):
        raise ReadError(f"expected a dictionary from TaggedReport.to_dict, got {type(data).__name__}")
    if data.get("format") != FORMAT:
        raise ReadError(f"format is {shortened(data.get('format'))}, expected {FORMAT!r}: write it anew with to_dict")
    walker = _Walker(text=_take(data, "text", "", str), scheme=_scheme(data))
    return _build(
        cls,
        "",
        text=walker.text,
        units=walker.each(Line, data, "units", ""),
        ocr=walker.each(OcrLine, data, "ocr", "") if "ocr" in data else (),  # since 0.2
        tagged=walker.each(TaggedParagraph, data, "paragraphs", ""),
        **{c.name: _take(data, c.name, "", int if c.kind == "integer" else str, optional=True) for c in REPORT_COLUMNS},
        model=_take(data, "model", "", str),
        warnings=_strings(data, "warnings", ""),
        scheme=walker.scheme,
    )


def _plain(value: Any) -> Any:  # noqa: ANN401
    """Convert a value, or all fields of a dataclass, to types of JSON."""
    if dataclasses.is_dataclass(value):
        return {
            field.name: _plain(getattr(value, field.name))
            for field in dataclasses.fields(value)
            if not (field.metadata.get("sparse") and getattr(value, field.name) == field.default)
        }
    if isinstance(value, Mapping):
        return {str(key): float(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [*map(_plain, value)]
    if isinstance(value, (str, Decimal)):
        return str(value)
    return value if value is None or isinstance(value, int) else float(value)


@lru_cache
def _types(kind: Hashable) -> dict[str, Any]:
    return get_type_hints(kind)


@dataclass(frozen=True, kw_only=True)
class _Walker:
    """Builds values from dictionaries field by field, using the declared types of the fields.

    A field with `since` in its metadata may be missing, because older files lack it; one with `sparse`, because it has
    its default in most places and is only written where it hasn't.

    Attributes:
        text: The text of the report, which the spans must fit.
        scheme: The labels of the report.
    """

    text: str
    scheme: Scheme

    def each(self, kind: type[Any], data: Mapping[str, Any], key: str, at: str) -> tuple[Any, ...]:
        """Build a value from each dictionary in a list."""
        made = []
        for index, item in enumerate(_take(data, key, at, list)):
            where = f"{at}{key}[{index}]."
            if not isinstance(item, Mapping):
                raise ReadError(f"{where[:-1]} is {shortened(item)}, expected a dictionary")
            made.append(self._value(kind, item, where))
        return tuple(made)

    def _value(self, kind: type[Any], data: Mapping[str, Any], at: str) -> object:
        fields = _span(data, at, self.text)
        types = _types(kind)  # type: ignore[arg-type]  # a class is hashable
        if "name_start" in types:
            named = _take(data, "name", at, str, optional=True) is not None
            names = ("name", "name_start", "name_end")
            fields |= _span(data, at, self.text, names) if named else dict.fromkeys(names)
        for field in dataclasses.fields(kind):
            if field.name not in fields and (field.name in data or "since" not in field.metadata):
                fields[field.name] = self._field(types[field.name], data, field.name, at)
        return _build(kind, at, **fields)

    def _field(self, declared: Any, data: Mapping[str, Any], key: str, at: str) -> object:  # noqa: ANN401
        optional = type(None) in get_args(declared)
        kind = next(t for t in get_args(declared) if t is not type(None)) if optional else declared
        if get_origin(kind) is tuple:
            item = get_args(kind)[0]
            if not issubclass(item, str):
                return self.each(item, data, key, at)
            words = _strings(data, key, at)
            return tuple(self._label(word, f"{at}{key}") for word in words) if issubclass(item, Label) else words
        if get_origin(kind) is Mapping:
            given = _take(data, key, at, Mapping)
            return {self._label(name, f"{at}{key}"): _take(given, name, f"{at}{key}.", float) for name in given}
        if not issubclass(kind, (Label, Enum, Decimal)):
            return _take(data, key, at, kind, optional=optional)
        word = _take(data, key, at, str, optional=optional)
        if word is None:
            return None
        if issubclass(kind, Decimal):
            return _decimal(word, at)
        return self._label(word, f"{at}{key}") if issubclass(kind, Label) else _name(kind, word, f"{at}{key}")

    def _label(self, word: str, at: str) -> Label:
        if word not in self.scheme:
            raise ReadError(f"{at} is {shortened(word)}; use one of: {self.scheme}")
        return self.scheme.label(word)


def _build(kind: Callable[..., _T], at: str, /, **fields: object) -> _T:
    """Build a value. Its errors get a prefix with the place in the dictionary."""
    try:
        return kind(**fields)
    except ValueError as error:
        where = f"{at[:-1]}: " if at else ""
        raise ReadError(f"{where}{error}") from error


def _take(data: Mapping[str, Any], key: str, at: str, kind: type[Any], *, optional: bool = False) -> Any:  # noqa: ANN401
    """Return a field and check that it has the type `kind`, or is None if `optional`."""
    if key not in data:
        raise ReadError(f"{at}{key} is missing")
    value = data[key]
    if optional and value is None:
        return None
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ReadError(f"{at}{key} is {shortened(value)}, expected {kind.__name__}{' or null' if optional else ''}")
    return float(value) if kind is float else value


def _strings(data: Mapping[str, Any], key: str, at: str) -> tuple[str, ...]:
    values = _take(data, key, at, list)
    for value in values:
        if not isinstance(value, str):
            raise ReadError(f"{at}{key} holds {shortened(value)}, expected str")
    return tuple(values)


def _span(
    data: Mapping[str, Any], at: str, text: str, keys: tuple[str, str, str] = ("text", "start", "end")
) -> dict[str, Any]:
    """Return the three fields of a span after checking them against the text (the classes only check lengths)."""
    said, start, end = (_take(data, key, at, kind) for key, kind in zip(keys, (str, int, int), strict=True))
    if not 0 <= start <= end or text[start:end] != said:
        raise ReadError(
            f"{at}{keys[0]} is {shortened(said)}, but {start}..{end} of the text is {shortened(text[start:end])}"
        )
    return dict(zip(keys, (said, start, end), strict=True))


def _scheme(data: Mapping[str, Any]) -> Scheme:
    if data.get("scheme") is None:
        return CODEBOOK
    try:
        return Scheme.from_list(data["scheme"])
    except SchemeError as error:
        raise ReadError(f"scheme: {error}") from None


def _name(kind: type[_E], word: str, at: str) -> _E:
    try:
        return kind(word)
    except ValueError:
        known = ", ".join(str(member) for member in kind)
        raise ReadError(f"{at} is {shortened(word)}; use one of: {known}") from None


def _decimal(word: str, at: str) -> Decimal:
    try:
        number = Decimal(word)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise ReadError(f"{at}number is {shortened(word)}, expected a decimal number such as '12.5', or null")
    return number
