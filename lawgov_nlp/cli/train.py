"""`lawgov train`: train a model on the user's own labelled reports."""

from __future__ import annotations

import importlib
import logging
import math
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.logging import RichHandler

from lawgov_nlp.cli.common import LABELS_HELP, chosen_scheme, escape, fail, read_coded
from lawgov_nlp.cli.progress import working
from lawgov_nlp.errors import LawgovError, NoBetterModelError, OutputError, TrainingError

if TYPE_CHECKING:
    from lawgov_nlp.annotation.gold import GoldReport
    from lawgov_nlp.scheme import Scheme
    from lawgov_nlp.training.retrain import BeforeAfter


def train(
    labelled: Annotated[list[Path], typer.Argument(help="Labelled reports: folders of markup, or files of a tool.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the new model; it must not exist.")],
    base: Annotated[
        Path | None, typer.Option(help="Model to start from instead of the shipped one: a tagger or an encoder.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help=LABELS_HELP)] = None,
    dev: Annotated[
        Path | None, typer.Option(help="Labelled reports to hold out; default: a fifth of five or more reports.")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="First cross-validate by report with this many folds; takes as many trainings.")
    ] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the new reports.")] = None,
    rate: Annotated[float | None, typer.Option(help="Peak learning rate of the encoder.")] = None,
    replay: Annotated[
        float | None, typer.Option(help="Shipped paragraphs per new paragraph in a pass, which prevent forgetting.")
    ] = None,
    replay_weight: Annotated[
        float | None, typer.Option(help="Weight of a shipped paragraph; a new one has weight 1.")
    ] = None,
    patience: Annotated[int | None, typer.Option(help="Stop after this many passes without gain.")] = None,
    learn: Annotated[
        str | None,
        typer.Option(help="What learns: auto, all, labels or indicators; auto leaves as it is what few or none coded."),
    ] = None,
    precision: Annotated[str | None, typer.Option(help="auto, float32 or bfloat16.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same model on the same machine.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an existing model.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Resume an interrupted run.")] = False,
) -> None:
    """Train on newly labelled reports, and report the gains on them and the losses elsewhere.

    With --labels the new model has your own labels. The shipped model never changes. If no pass is better than the old
    model, nothing is written and the exit code is 3. It is 1 if the new model is significantly worse on the shipped
    test reports than the old one.
    """
    console, notes = Console(), Console(stderr=True)
    logging.basicConfig(
        level=logging.INFO, format="%(message)s", handlers=[RichHandler(console=notes, show_path=False)]
    )
    for name in ("transformers", "accelerate", "datasets"):
        logging.getLogger(name).setLevel(logging.ERROR)
    given = {
        "epochs": epochs,
        "rate": rate,
        "replay": replay,
        "replay_weight": replay_weight,
        "patience": patience,
        "precision": precision,
        "learn": learn,
        "seed": seed,
    }
    try:
        worse = _train(console, notes, labelled, out, base, labels, dev, folds, given, device, overwrite, resume)
    except ImportError as error:
        fail(notes, OutputError(f"{error.name or error} is missing; install it with: pip install 'lawgov-nlp[train]'"))
    except KeyboardInterrupt:
        notes.print("[yellow]已中断[/yellow] 若已有检查点，加 --resume 从那里继续", highlight=False)
        raise typer.Exit(130) from None
    except NoBetterModelError:
        raise typer.Exit(3) from None  # what to do next was told
    except (LawgovError, ValueError, OSError) as error:
        fail(notes, error if isinstance(error, LawgovError) else LawgovError(str(error)))
    if worse:
        raise typer.Exit(1)


def _train(
    console: Console,
    notes: Console,
    labelled: list[Path],
    out: Path,
    base: Path | None,
    labels: Path | None,
    dev: Path | None,
    folds: int | None,
    given: dict[str, int | float | str | None],
    device: str,
    overwrite: bool,
    resume: bool,
) -> bool:
    """Train, and return whether the new model is worse on the shipped test reports."""
    from transformers.utils import logging as transformers_logging

    from lawgov_nlp.model.checkpoints import is_tagger, shipped_model
    from lawgov_nlp.model.devices import resolve_device
    from lawgov_nlp.training.initialize import base_scheme
    from lawgov_nlp.training.retrain import cross_validate, default_config, retrain
    from lawgov_nlp.training.trainer import check_output

    for module in ("accelerate", "seqeval"):  # Both are only needed much later.
        importlib.import_module(module)
    transformers_logging.disable_progress_bar()
    if base is not None and is_tagger(base) and (given["replay"], given["replay_weight"]) != (None, None):
        raise TrainingError(
            f"what {base} learned from isn't known, so there is nothing to replay; leave out the replay options"
        )
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    config = replace(default_config(base), **changed)
    scheme = chosen_scheme(labels) or base_scheme(base or shipped_model())
    reports = read_coded(notes, labelled, scheme)
    own = read_coded(notes, [dev], scheme) if dev else []
    chosen = str(resolve_device(device))
    if folds is not None and not resume:
        # `retrain` checks it, too, but only after the cross-validation, which may take hours.
        check_output(out, base or shipped_model(), overwrite=overwrite, resume=resume)
        crossed = cross_validate(reports, folds, base=base, scheme=scheme, config=config, device=chosen)
        _show(console, crossed, f"交叉验证（按报告分 {folds} 组）")
    try:
        with working(notes, "训练中"):  # before the first step the old model is measured, which takes a while
            result = retrain(
                reports,
                out,
                dev=own,
                base=base,
                scheme=scheme,
                config=config,
                device=chosen,
                overwrite=overwrite,
                resume=resume,
            )
    except NoBetterModelError:
        notes.print(
            "[yellow]没有更好的模型[/yellow] 学过的各轮都不比原模型好：留出的新报告上没有提高，或随包报告上退步超过 "
            f"{config.margin:g}。没有写出任何模型，请继续用原模型",
            highlight=False,
            soft_wrap=True,
        )
        _advise(notes, reports, scheme, labelled)
        raise
    console.print(f"学习 {len(result.learned)} 份：{escape('、'.join(result.learned[:8]))}", highlight=False)
    if result.own:
        _show(console, result.own, f"留出的新报告（{'、'.join(result.held_out[:5])}）")
    else:
        notes.print("新报告不足五份，全部用于学习，未留出检验；可用 --folds 做交叉验证", highlight=False)
    _show(console, result.shipped, "随包测试集")
    notes.print(
        f"已写入 {escape(str(out))}；使用：lawgov tag 报告 --model {escape(str(out))}", highlight=False, soft_wrap=True
    )
    _advise(notes, reports, scheme, labelled)
    if result.shipped.before is None:
        return False
    lost = [n for n, (_, _, high) in result.shipped.after.gains(result.shipped.before).items() if high < 0]
    if lost:
        from lawgov_nlp.evaluation.figures import FIGURES

        names = "、".join(FIGURES[n] for n in lost)
        notes.print(f"[red]注意[/red] 新模型在随包测试集上不如原模型：{names}；随包模型仍是默认模型", highlight=False)
    return bool(lost)


def _advise(notes: Console, reports: list[GoldReport], scheme: Scheme, labelled: list[Path]) -> None:
    """Say how much was coded, and which labels of what kind would help next, with the command for it."""
    from lawgov_nlp.training.advice import ENOUGH_PARAGRAPHS, SCARCE, advise

    advice = advise(reports, scheme)
    lines = [f"已标：{advice.reports} 份报告，{advice.paragraphs} 段有维度，{advice.indicators} 项指标"]
    if advice.indicators_stay:
        lines.append("指标标得很少，数值、名称和主题保持原样")
    if advice.scarce:
        lines.append(f"不足 {SCARCE} 段的维度：{'、'.join(label.zh for label in advice.scarce)}；先补这些")
    if advice.more:
        done = " ".join(f"--labelled {path}" for path in labelled)
        lines.append(f"再标 {advice.more} 段左右（合计约 {ENOUGH_PARAGRAPHS} 段、五份报告）较可能有用，可让程序来挑：")
        lines.append(f"lawgov suggest 报告文件夹 -n {advice.more} {done} -o 待标.xlsx")
    else:
        lines.append("同一类报告再多标用处不大；有别的层级、地区或部门的报告，先标那些")
    for line in lines:
        notes.print(f"  {escape(line)}", highlight=False, soft_wrap=True)


def _show(console: Console, measured: BeforeAfter, title: str) -> None:
    from lawgov_nlp.cli.score_tables import gains_table, scores_table

    if math.isnan(measured.after.figures["primary_accuracy"]):
        title = f"{title}（未按这些标签标注，只计数值与名称）"
    elif not measured.labels_compare:
        console.print(scores_table(measured.after, title))
        title = f"{title}：与原模型相比（原模型标签不同，只比数值与名称）"
    if measured.before is not None:
        console.print(gains_table(measured.before, measured.after, title))
