"""Training curves for TensorBoard, if it is installed."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter

LOGS = "logs"
"""The folder of the curves: beside the checkpoints during the training, then in the finished model's folder."""

logger = logging.getLogger(__name__)


class TrainingLog:
    """Writes curves into a folder. Without TensorBoard it writes nothing and logs once what to install.

    Args:
        folder: The folder of the curves; a resumed run continues in it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: SummaryWriter | None = None

    def open(self, after: int) -> None:
        """Start writing, or continue after step `after`; points that an interrupted run wrote later are discarded."""
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            logger.info("no curves are written: %s (pip install tensorboard)", error)
            return
        self._writer = SummaryWriter(str(self._folder), purge_step=after + 1 if after else None)

    def add(self, group: str, values: Mapping[str, float], step: int) -> None:
        """Add points of several curves at one step; NaN values are left out."""
        if self._writer is None:
            return
        for name, value in values.items():
            if not math.isnan(value):
                self._writer.add_scalar(f"{group}/{name}", value, step)
        self._writer.flush()

    def close(self) -> None:
        """Close the files; nothing more can be written."""
        if self._writer is not None:
            self._writer.close()
