"""Label Studio: tasks with annotations and predictions, and the labelling interface for them.

One task is one paragraph. Its `data` holds the text, the headings, and the fields from which the report is assembled
again (`context_fields`). The results are those of `label_studio.xml.j2`: the choices `primary`, `secondary` and
`uncoded`, the regions `VALUE` and `NAME`, a `topic` for each value, and relations between values and names. Offsets
have counted characters (code points) since 2022. Exports of older versions count UTF-16 units; the text stored with a
region shows which unit applies (tests/exports/README.md).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from lawgov_nlp.annotation.formats import context_fields, json_fields, label_names
from lawgov_nlp.annotation.formats.coding import make_row
from lawgov_nlp.annotation.formats.document import INDICATORS, LABELS, LAYERS, CodedLine, Document, Origin, Row, rows
from lawgov_nlp.annotation.formats.issues import Issues, RowError
from lawgov_nlp.annotation.formats.options import Options
from lawgov_nlp.annotation.formats.spans import CHARACTERS, UTF16, Mark, in_characters, values
from lawgov_nlp.errors import InterchangeError
from lawgov_nlp.scheme import CODEBOOK, Scheme

FORM = "label-studio"
_TEXT = "text"
_CODINGS = ("annotations", "completions")  # `completions` was the key before version 1.0

PREDICTED = "{n} 个任务只有预测、没有人工标注，按未标注导入"
EMPTY = "{n} 个任务没有标注，按未标注导入"
CANCELLED = "{n} 条标注被标注者跳过（skip），未导入"
OLD_OFFSETS = "{n} 个片段的偏移按 UTF-16 计（旧版导出），已换算"
NO_SPANS = "整个文件没有标任何数值或名称，{n} 段按指标未标注导入；若确已看过，请加 --layers both"


def labelling_config(scheme: Scheme = CODEBOOK) -> str:
    """Return the labelling interface (XML) for the labels of a scheme, to paste into a project's settings."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("lawgov_nlp.annotation.formats", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("label_studio.xml.j2").render(scheme=scheme)


def write_label_studio(documents: Sequence[Document], findings: Issues, scheme: Scheme) -> bytes:
    """Write tasks as JSON: human coding becomes an annotation, a model's coding becomes a prediction."""
    tasks = []
    for document in documents:
        for row in rows(document, Origin(file=document.id)):
            # Label Studio refuses tasks that lack a field of the interface, so `why` is there even if it is empty.
            task: dict[str, Any] = {"data": {_TEXT: row.line.text, "why": "", **context_fields.to_fields(row)}}
            results = _results(row.line)
            if document.model:
                task["predictions"] = [{"model_version": document.model, "result": results}]
            elif row.line.coded:
                task["annotations"] = [{"result": results}]
            tasks.append(task)
    return (json.dumps(tasks, ensure_ascii=False, indent=1) + "\n").encode()


def read_label_studio(path: Path, findings: Issues, options: Options) -> list[Row]:
    """Read the paragraphs of a JSON export, one row for each annotation of a task.

    Raises:
        InterchangeError: The file isn't such an export.
    """
    tasks = _tasks(path)
    file = _File(path=path, findings=findings, options=options)
    results = [
        r
        for task in tasks
        for key in _CODINGS
        for a in json_fields.loosely(task, key)
        for r in json_fields.loosely(a, "result")
    ]
    file.linked = any(r.get("type") == "relation" for r in results)
    file.has_spans = any(r.get("type") == "labels" for r in results)
    choices = {str(r.get("from_name")) for r in results if r.get("type") == "choices" and not _is_region(r)}
    if len(choices) == 1:
        file.only_choice = next(iter(choices))
    return [row for number, task in enumerate(tasks, 1) for row in file.rows(number, task)]


def looks_like(data: object) -> bool:
    """Return whether a JSON value is an export (or import) of tasks."""
    return isinstance(data, list) and bool(data) and isinstance(data[0], dict) and "data" in data[0]


@dataclass(kw_only=True)
class _File:
    path: Path
    findings: Issues
    options: Options
    linked: bool = False
    has_spans: bool = False
    only_choice: str | None = field(default=None)

    def rows(self, number: int, task: dict[str, Any]) -> Iterator[Row]:
        name = str(task.get("id", number))
        origin = Origin(file=str(self.path), row=number, task=name, record=task)
        with self.findings.row(origin):
            data = json_fields.mapping(task, "data")
            if not data:
                raise RowError("the task has no 'data'")
            if _TEXT not in data:
                raise RowError(f"data has no 'text' (it has {', '.join(map(repr, data))}); rename the field to 'text'")
            text = context_fields.checked_text(data[_TEXT])
            place, coded = context_fields.from_fields(data, self.path.stem)
            headings = context_fields.headings(data)
            done = []
            for annotation in (a for key in _CODINGS for a in json_fields.items(task, key, dict)):
                if annotation.get("was_cancelled"):
                    self.findings.count(FORM, CANCELLED)
                else:
                    done.append(annotation)
            if not done:
                self.findings.count(FORM, PREDICTED if task.get("predictions") else EMPTY)
                yield make_row(self.findings, origin, text, headings, place, lambda line: line)
            for annotation in done:
                who = _who(annotation)
                yield make_row(self.findings, origin, text, headings, place, self._coder(annotation, coded), who)

    def _coder(self, annotation: dict[str, Any], coded: tuple[str, ...] | None) -> Callable[[CodedLine], CodedLine]:
        return lambda line: self._code(line, json_fields.items(annotation, "result", dict), coded)

    def _code(self, line: CodedLine, results: list[dict[str, Any]], coded: tuple[str, ...] | None) -> CodedLine:
        marks: dict[str, Mark] = {}
        topics: dict[str, list[str]] = {}
        choices: dict[str, list[str]] = {}
        links: list[tuple[str, str]] = []
        for result in results:
            kind, value = result.get("type"), json_fields.mapping(result, "value")
            if kind == "relation":
                links.append((str(result.get("from_id")), str(result.get("to_id"))))
            elif kind == "labels":
                marks[str(result.get("id"))] = self._mark(line.text, result)
            elif kind == "choices" and _is_region(result):
                topics[str(result.get("id"))] = json_fields.items(value, "choices", str)
            elif kind == "choices":
                choices.setdefault(self._control(result), []).extend(json_fields.items(value, "choices", str))
            else:
                raise RowError(f"a result of type {kind!r} can't be read; expected labels, choices or relation")
        for key, chosen in topics.items():
            if key not in marks:
                raise RowError(f"topic {chosen} belongs to no region (id {key!r})")
            if len(chosen) > 1:
                raise RowError(f"{marks[key].said!r} has the topics {', '.join(chosen)}; choose one")
            if chosen:
                marks[key] = replace(marks[key], topic=self.options.words.topic(chosen[0]))
        return self._line(line, choices, list(marks.values()), links, coded)

    def _line(
        self,
        line: CodedLine,
        choices: dict[str, list[str]],
        marks: list[Mark],
        links: list[tuple[str, str]],
        coded: tuple[str, ...] | None,
    ) -> CodedLine:
        ticked = {_LAYERS.get(word, word) for word in choices.get("uncoded", [])}
        if not ticked <= set(LAYERS):
            raise RowError(f"'uncoded' is {sorted(ticked)}, expected some of {list(LAYERS)}")
        first = choices.get("primary", [])
        if len(first) > 1:
            raise RowError(f"'primary' has several choices: {', '.join(first)}; choose one")
        second = choices.get("secondary", [])
        if second and not first:
            raise RowError(f"secondary {', '.join(second)} without a primary dimension; choose one, or 'none'")
        if first and LABELS in ticked:
            raise RowError(
                f"the dimensions are ticked as not coded, but {first[0]} is chosen; untick it or take it off"
            )
        if marks and INDICATORS in ticked:
            raise RowError(f"the indicators are ticked as not coded, but {len(marks)} spans are marked; untick it")
        primary, secondary = self.options.words.labels([*first, *second])
        found = values(
            line.text,
            marks,
            links if self.linked else None,
            [d for d in (primary, *secondary) if d],
            self.findings,
            FORM,
            self.options.words,
        )
        layers = self.options.layers
        return replace(
            line,
            primary=primary,
            secondary=secondary,
            values=found,
            labels_coded=bool(first),
            indicators_coded=bool(marks) or (INDICATORS not in ticked and self._looked_for(layers, coded)),
        )

    def _looked_for(self, layers: tuple[str, ...] | None, coded: tuple[str, ...] | None) -> bool:
        """Return whether a paragraph without a span was searched for indicators and has none."""
        if layers is not None:
            return INDICATORS in layers
        if self.has_spans or INDICATORS in (coded or ()):
            return True
        self.findings.count(FORM, NO_SPANS)
        return False

    def _control(self, result: dict[str, Any]) -> str:
        name = str(result.get("from_name"))
        if name in ("primary", "secondary", "uncoded"):
            return name
        if name == self.only_choice:
            return "primary"
        raise RowError(f"the choices are called {name!r}, expected primary, secondary or uncoded; rename them")

    def _mark(self, text: str, result: dict[str, Any]) -> Mark:
        value = json_fields.mapping(result, "value")
        labels, start, end = json_fields.items(value, "labels", str), value.get("start"), value.get("end")
        if len(labels) != 1:
            raise RowError(f"the region {start}–{end} has the labels {labels}; it should have one")
        try:
            mark = Mark(
                key=str(result.get("id")),
                start=int(start),  # type: ignore[arg-type]
                end=int(end),  # type: ignore[arg-type]
                label=labels[0],
                said=json_fields.word(value, "text"),
            )
        except (TypeError, ValueError):
            raise RowError(f"the region has the offsets {start!r} and {end!r}, expected whole numbers") from None
        unit = self.options.offsets
        if unit is None:
            unit = CHARACTERS
            if mark.said is not None and text[mark.start : mark.end] != mark.said and _fits_utf16(text, mark):
                self.findings.count(FORM, OLD_OFFSETS)
                unit = UTF16
        return in_characters(text, mark, unit)


_LAYERS = {"维度未标": LABELS, "指标未标": INDICATORS}


def _fits_utf16(text: str, mark: Mark) -> bool:
    try:
        moved = in_characters(text, mark, UTF16)
    except RowError:
        return False
    return text[moved.start : moved.end] == mark.said


def _tasks(path: Path) -> list[dict[str, Any]]:
    try:
        data = json.loads(path.read_bytes())
    except ValueError as error:
        raise InterchangeError(f"{path}: not JSON ({error}); export as JSON from Label Studio") from None
    if not looks_like(data):
        hint = ""
        if isinstance(data, list) and data and isinstance(data[0], dict) and _TEXT in data[0]:
            hint = " This is JSON-MIN, which leaves out relations; export as JSON."
        raise InterchangeError(f"{path}: expected a list of tasks, each with 'data'.{hint}")
    for number, task in enumerate(data, 1):
        if not isinstance(task, dict):
            raise InterchangeError(f"{path}: task {number} is {str(task)[:40]!r}, expected an object")
    return data


def _is_region(result: dict[str, Any]) -> bool:
    value = result.get("value")
    return isinstance(value, dict) and "start" in value


def _who(annotation: dict[str, Any]) -> tuple[str, ...]:
    by = annotation.get("completed_by")
    if isinstance(by, dict):
        return tuple(str(by[key]) for key in ("email", "id", "username") if by.get(key))
    return (str(by),) if by else ()


def _results(line: CodedLine) -> list[dict[str, Any]]:
    out = []

    def choose(name: str, chosen: list[str]) -> None:
        if chosen:
            head = {"id": name, "from_name": name, "to_name": _TEXT, "type": "choices"}
            out.append({**head, "value": {"choices": chosen}})

    if line.labels_coded:
        choose("primary", [line.primary.value if line.primary else label_names.NONE])
        choose("secondary", [d.value for d in line.secondary])
    choose("uncoded", [layer for layer in LAYERS if layer not in line.coded])

    def region(key: str, span: tuple[int, int], name: str, kind: str, said: list[str]) -> None:
        value = {"start": span[0], "end": span[1], "text": line.text[slice(*span)], kind: said}
        out.append({"id": key, "from_name": name, "to_name": _TEXT, "type": kind, "value": value})

    keys = {span: f"n{span[0]}" for span in line.names}
    for span, key in keys.items():
        region(key, span, "span", "labels", [label_names.NAME])
    for v in line.values:
        key = f"v{v.span[0]}"
        region(key, v.span, "span", "labels", [label_names.VALUE])
        if v.topic is not None:
            region(key, v.span, "topic", "choices", [v.topic.value])
        if v.name:
            link = {"type": "relation", "from_id": key, "to_id": keys[v.name], "direction": "right"}
            out.append({**link, "labels": ["所数"]})
    return out
