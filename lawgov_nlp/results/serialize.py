"""Tagged reports as JSON-ready dictionaries, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

from lawgov_nlp.errors import ReadError, SchemeError
from lawgov_nlp.report import Line, LineKind
from lawgov_nlp.results.paragraph import Indicator, TaggedParagraph
from lawgov_nlp.results.quantity import MOST_DIGITS, Qualifier
from lawgov_nlp.results.tables import REPORT_COLUMNS
from lawgov_nlp.scheme import CODEBOOK, Label, Scheme
from lawgov_nlp.text import shortened

if TYPE_CHECKING:
    from lawgov_nlp.results.tagged_report import TaggedReport

FORMAT = "lawgov-report/1"
"""What `to_dict` writes under `format`. The number goes up when an old reader could misread the new form."""
_E = TypeVar("_E", bound=Enum)
_T = TypeVar("_T")
_R = TypeVar("_R", bound="TaggedReport")


def to_dict(report: TaggedReport) -> dict[str, Any]:
    """The report as JSON-ready values; `from_dict` reads it back unchanged.

    Numbers of indicators are strings ("15630000000"), because a JSON number may become an inexact float. The text
    of units, paragraphs and indicators repeats what their offsets say, for readers of the JSON; `from_dict` checks it.
    Labels that aren't those of the shipped codebook are listed under `scheme`, as in a labels.json.
    """
    return {
        "format": FORMAT,
        **({} if report.scheme == CODEBOOK else {"scheme": report.scheme.to_list()}),
        **{c.name: getattr(report, c.name) for c in REPORT_COLUMNS},
        "model": report.model,
        "warnings": [*report.warnings],
        "text": report.text,
        "units": [
            {"kind": str(u.kind), "text": u.text, "start": u.start, "end": u.end, "headings": [*u.headings]}
            for u in report.units
        ],
        "paragraphs": [_paragraph_dict(p) for p in report.paragraphs],
    }


def from_dict(data: Mapping[str, Any], cls: type[_R]) -> _R:
    """The report that `to_dict` wrote, as a `cls`. Keys that it doesn't know are ignored.

    Raises:
        ReadError: (a ValueError) It is of another format or version, a field is missing or of another type, a
            name is unknown, or an offset doesn't fit the text. The message says where.
    """
    if not isinstance(data, Mapping):
        raise ReadError(f"expected a dictionary from TaggedReport.to_dict, got {type(data).__name__}")
    if data.get("format") != FORMAT:
        raise ReadError(f"format is {shortened(data.get('format'))}, expected {FORMAT!r}: write it anew with to_dict")
    text = _take(data, "text", "", str)
    scheme = _scheme(data)
    return _build(
        cls,
        "",
        text=text,
        units=_each(data, "units", "", lambda d, at: _unit(d, at, text)),
        tagged=_each(data, "paragraphs", "", lambda d, at: _paragraph(d, at, text, scheme)),
        **{c.name: _take(data, c.name, "", int if c.kind == "integer" else str, optional=True) for c in REPORT_COLUMNS},
        model=_take(data, "model", "", str),
        warnings=_strings(data, "warnings", ""),
        scheme=scheme,
    )


def _paragraph_dict(p: TaggedParagraph) -> dict[str, Any]:
    return {
        "text": p.text,
        "start": p.start,
        "end": p.end,
        "headings": [*p.headings],
        "label": str(p.label) if p.label else None,
        "labels": [*map(str, p.labels)],
        "scores": {str(d): float(s) for d, s in p.scores.items()},
        "secondary_scores": {str(d): float(s) for d, s in p.secondary_scores.items()},
        "needs_review": p.needs_review,
        "indicators": [
            {
                "text": i.text,
                "start": i.start,
                "end": i.end,
                "name": i.name,
                "name_start": i.name_start,
                "name_end": i.name_end,
                "number": None if i.number is None else str(i.number),
                "unit": i.unit,
                "qualifier": str(i.qualifier),
                "dimension": str(i.dimension),
                "score": float(i.score),
            }
            for i in p.indicators
        ],
    }


def _unit(data: Mapping[str, Any], at: str, text: str) -> Line:
    return _build(
        Line,
        at,
        kind=_name(LineKind, _take(data, "kind", at, str), f"{at}kind"),
        headings=_strings(data, "headings", at),
        **_span(data, at, text),
    )


def _paragraph(data: Mapping[str, Any], at: str, text: str, scheme: Scheme) -> TaggedParagraph:
    label = _take(data, "label", at, str, optional=True)
    return _build(
        TaggedParagraph,
        at,
        headings=_strings(data, "headings", at),
        label=None if label is None else _label(scheme, label, f"{at}label"),
        labels=tuple(_label(scheme, name, f"{at}labels") for name in _strings(data, "labels", at)),
        scores=_scores(data, "scores", at, scheme),
        secondary_scores=_scores(data, "secondary_scores", at, scheme),
        needs_review="needs_review" in data and _take(data, "needs_review", at, bool),  # the first files had none
        indicators=_each(data, "indicators", at, lambda d, a: _indicator(d, a, text, scheme)),
        **_span(data, at, text),
    )


def _indicator(data: Mapping[str, Any], at: str, text: str, scheme: Scheme) -> Indicator:
    name: dict[str, Any] = {"name": None, "name_start": None, "name_end": None}
    if _take(data, "name", at, str, optional=True) is not None:
        name = _span(data, at, text, ("name", "name_start", "name_end"))
    return _build(
        Indicator,
        at,
        **_span(data, at, text),
        **name,
        number=_decimal(_take(data, "number", at, str, optional=True), at),
        unit=_take(data, "unit", at, str),
        qualifier=_name(Qualifier, _take(data, "qualifier", at, str), f"{at}qualifier"),
        dimension=_label(scheme, _take(data, "dimension", at, str), f"{at}dimension"),
        score=_take(data, "score", at, float),
    )


def _build(kind: Callable[..., _T], at: str, /, **fields: object) -> _T:
    """The value, with its own complaints prefixed by where it stands in the dictionary."""
    try:
        return kind(**fields)
    except ValueError as error:
        where = f"{at[:-1]}: " if at else ""
        raise ReadError(f"{where}{error}") from error


def _take(data: Mapping[str, Any], key: str, at: str, kind: type[Any], *, optional: bool = False) -> Any:  # noqa: ANN401
    """The field, which is of the type `kind`; None too where `optional`."""
    if key not in data:
        raise ReadError(f"{at}{key} is missing")
    value = data[key]
    if optional and value is None:
        return None
    accepted = (int, float) if kind is float else kind
    if not isinstance(value, accepted) or (isinstance(value, bool) and kind is not bool):
        raise ReadError(f"{at}{key} is {shortened(value)}, expected {kind.__name__}{' or null' if optional else ''}")
    return float(value) if kind is float else value


def _each(data: Mapping[str, Any], key: str, at: str, make: Callable[[Mapping[str, Any], str], Any]) -> tuple[Any, ...]:
    made = []
    for index, item in enumerate(_take(data, key, at, list)):
        where = f"{at}{key}[{index}]."
        if not isinstance(item, Mapping):
            raise ReadError(f"{where[:-1]} is {shortened(item)}, expected a dictionary")
        made.append(make(item, where))
    return tuple(made)


def _strings(data: Mapping[str, Any], key: str, at: str) -> tuple[str, ...]:
    values = _take(data, key, at, list)
    for value in values:
        if not isinstance(value, str):
            raise ReadError(f"{at}{key} holds {shortened(value)}, expected str")
    return tuple(values)


def _span(
    data: Mapping[str, Any], at: str, text: str, keys: tuple[str, str, str] = ("text", "start", "end")
) -> dict[str, Any]:
    """The three fields of a span, checked against the report's text: the values themselves check lengths only."""
    said, start, end = (_take(data, key, at, kind) for key, kind in zip(keys, (str, int, int), strict=True))
    if not 0 <= start <= end or text[start:end] != said:
        raise ReadError(
            f"{at}{keys[0]} is {shortened(said)}, but {start}..{end} of the text is {shortened(text[start:end])}"
        )
    return dict(zip(keys, (said, start, end), strict=True))


def _scores(data: Mapping[str, Any], key: str, at: str, scheme: Scheme) -> dict[Label, float]:
    given = _take(data, key, at, Mapping)
    return {_label(scheme, name, f"{at}{key}"): _take(given, name, f"{at}{key}.", float) for name in given}


def _scheme(data: Mapping[str, Any]) -> Scheme:
    if data.get("scheme") is None:
        return CODEBOOK
    try:
        return Scheme.from_list(data["scheme"])
    except SchemeError as error:
        raise ReadError(f"scheme: {error}") from None


def _label(scheme: Scheme, word: str, at: str) -> Label:
    if word not in scheme:
        raise ReadError(f"{at} is {shortened(word)}; use one of: {scheme}")
    return scheme.label(word)


def _name(kind: type[_E], word: str, at: str) -> _E:
    try:
        return kind(word)
    except ValueError:
        known = ", ".join(str(member) for member in kind)
        raise ReadError(f"{at} is {shortened(word)}; use one of: {known}") from None


def _decimal(word: str | None, at: str) -> Decimal | None:
    if word is None:
        return None
    try:
        number = Decimal(word)
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite() or abs(number.adjusted()) > MOST_DIGITS:
        raise ReadError(f"{at}number is {shortened(word)}, expected a decimal number such as '12.5', or null")
    return number
