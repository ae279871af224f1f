"""The pictures show the figures that they are of."""

from lawgov_nlp.annotation.examples import parse_gold
from lawgov_nlp.evaluation.plots import calibration_plot, confusion_plot, save_figure
from lawgov_nlp.evaluation.scores import LABELS, evaluate


def test_confusion_shows_every_count(tiny, gold):
    scores = evaluate([(gold, tiny.tag(parse_gold(gold)))])
    (axis,) = confusion_plot(scores).axes
    shown = {(t.get_position()[1], t.get_position()[0]): int(t.get_text()) for t in axis.texts}
    assert shown == {(r, c): n for r, row in enumerate(scores.confusion) for c, n in enumerate(row) if n}
    assert [t.get_text() for t in axis.get_yticklabels()] == [*LABELS]


def test_calibration_ends_at_the_accuracy_of_all(tiny, gold, tmp_path):
    scores = evaluate([(gold, tiny.tag(parse_gold(gold)))])
    figure = calibration_plot(scores, review_below=0.0)
    curve = figure.axes[1].lines[0]
    assert curve.get_xdata()[-1] == 1
    assert abs(curve.get_ydata()[-1] - (1 - scores.figures["primary_accuracy"])) < 1e-3
    assert "100% accepted" in figure.axes[1].texts[0].get_text()
    save_figure(figure, tmp_path / "a.png")
    save_figure(calibration_plot(scores, review_below=0.0), tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
