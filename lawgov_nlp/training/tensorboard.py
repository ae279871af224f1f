"""Curves of a training for TensorBoard, where that is installed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOGS = "logs"
"""The folder of the curves: beside the checkpoints while the training goes on, in the model's own when it is whole."""

logger = logging.getLogger(__name__)


class TrainingLog:
    """Writes curves into a folder; without TensorBoard it writes none and says once that it could.

    Args:
        folder: Of the curves; a resumed run goes on in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def open(self, after: int) -> None:
        """Begin, or go on after a step: what a broken-off run wrote behind it counts no more."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            logger.info("no curves are written: %s (pip install tensorboard)", error)
            return
        self._writer = SummaryWriter(str(self._folder), purge_step=after + 1 if after else None)
        logger.info("curves: tensorboard --logdir %s", self._folder)

    def add(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Points of several curves at one step; what is no number is left out."""
        if self._writer is None:
            return
        for name, value in values.items():
            if not math.isnan(value):
                self._writer.add_scalar(f"{group}/{name}", value, step)
        self._writer.flush()

    def close(self) -> None:
        """Nothing more is written."""
        if self._writer is not None:
            self._writer.close()
