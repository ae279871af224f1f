import numpy as np
import pytest

from lawgov_nlp.evaluation.calibration import (
    expected_calibration_error,
    fit_temperature,
    negative_log_likelihood,
    risk_coverage,
    scale,
    threshold_for,
)


@pytest.fixture(scope="module")
def overconfident():
    """Logits whose softmax is right as often as it says, and the same tripled."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(4000, 8)) * 2
    honest = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    gold = np.array([rng.choice(8, p=row) for row in honest])
    return scale(honest, 1 / 3), gold


def test_the_temperature_that_made_them_overconfident_is_found(overconfident):
    probabilities, gold = overconfident
    assert fit_temperature(probabilities, gold) == pytest.approx(3, rel=0.1)


def test_scaling_mends_likelihood_and_calibration_and_keeps_every_label(overconfident):
    probabilities, gold = overconfident
    mended = scale(probabilities, fit_temperature(probabilities, gold))
    assert (mended.argmax(1) == probabilities.argmax(1)).all()
    assert mended.sum(1) == pytest.approx(np.ones(len(gold)))
    assert negative_log_likelihood(mended, gold) < negative_log_likelihood(probabilities, gold)
    errors = [expected_calibration_error(p.max(1), (p.argmax(1) == gold) * 1.0) for p in (probabilities, mended)]
    assert errors[0] > 0.15
    assert errors[1] < 0.03


def test_certain_answers_stay_finite():
    certain = np.array([[1.0, 0.0], [0.0, 1.0]])
    assert np.isfinite(scale(certain, 0.5)).all()
    assert np.isfinite(negative_log_likelihood(certain, np.array([1, 1])))


def test_risk_and_coverage_by_hand():
    confidence, right = np.array([0.9, 0.6, 0.9, 0.5]), np.array([1.0, 0.0, 1.0, 1.0])
    got = [(p.threshold, p.coverage, round(p.accuracy, 3)) for p in risk_coverage(confidence, right)]
    assert got == [(0.9, 0.5, 1.0), (0.6, 0.75, 0.667), (0.5, 1.0, 0.75)]


@pytest.mark.parametrize(("accuracy", "threshold"), [(0.7, 0.5), (0.75, 0.5), (0.8, 0.9), (1.0, 0.9)])
def test_the_threshold_accepts_most_that_it_may(accuracy, threshold):
    confidence, right = np.array([0.9, 0.6, 0.9, 0.5]), np.array([1.0, 0.0, 1.0, 1.0])
    assert threshold_for(confidence, right, accuracy).threshold == threshold


def test_a_model_without_fault_still_has_its_least_sure_cases_looked_at():
    confidence = np.linspace(0.5, 1.0, 100)
    assert threshold_for(confidence, np.ones(100), 0.99, coverage=0.95).coverage == 0.95


@pytest.mark.parametrize("call", [lambda e: threshold_for(e, e, 0.9), lambda e: expected_calibration_error(e, e)])
def test_nothing_to_calibrate_on_is_told(call):
    with pytest.raises(ValueError, match="no cases"):
        call(np.array([]))


def test_calibration_error_by_hand():
    assert expected_calibration_error(np.array([0.8, 0.8, 0.6, 0.6]), np.array([1.0, 1.0, 0.0, 1.0]), bins=2) == (
        pytest.approx((0.2 + 0.1) / 2)
    )
