"""Shared helpers for both ways to tag on a cluster: the Ray session, the share of each actor, a limit of retries.

Ray Data restarts an actor that dies and gives its task to another actor, without a limit. This is right if a node is
lost, but wrong if a batch kills every actor that takes it (by its use of memory). `Attempts` therefore counts the
deaths, and an actor that gets a batch at which three others died reports it as given up. Ray's own limit of retries is
unsuitable: `map_batches` can't set it any more from Ray 2.64 on, and a batch beyond the limit fails the whole dataset.
"""

from __future__ import annotations

import importlib
import logging
import math
import os
import re
from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from lawgov_nlp.errors import ClusterError, ModelError
from lawgov_nlp.model.checkpoints import is_shipped

if TYPE_CHECKING:
    from ray.actor import ActorHandle

ATTEMPTS = 3
"""The number of actors that may die at a batch before it is given up."""

GIVEN_UP = f"the process that tagged it died {ATTEMPTS} times, probably for want of memory; "
"""The beginning of the reason for files in such a batch; advice follows it."""

_RAISED = re.compile(r"^[\w.]+(?:Error|Exception): (.+)$", re.MULTILINE)


def load_ray() -> ModuleType:
    """Import and return the module `ray`, with `ray.data`.

    Raises:
        ClusterError: Ray isn't installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # A cluster started here sends no usage reports.
    try:
        importlib.import_module("ray.data")
        return importlib.import_module("ray")
    except ImportError as error:
        raise ClusterError(f'a cluster needs Ray ({error}): pip install "lawgov-nlp[ray]"') from error


@contextmanager
def connected() -> Iterator[None]:
    """Connect to Ray: the existing session, else the cluster at `RAY_ADDRESS`, else a new one on this machine.

    A connection that was made here is closed at the end. A cluster started on this machine sends no usage reports to
    Ray's makers unless `RAY_USAGE_STATS_ENABLED` is set to 1; another cluster follows its owner's setting.

    Raises:
        ClusterError: Ray isn't installed, or nothing answers at the address.
    """
    ray = load_ray()
    if ray.is_initialized():
        yield
        return
    address = os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"address": address}
    if not address:
        options = {"address": "local", "include_dashboard": False}  # Without "local" Ray joins any cluster it finds.
    try:
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises errors of its many parts.
        where = f"the Ray cluster at RAY_ADDRESS={address} can't be joined" if address else "Ray can't be started here"
        raise ClusterError(f"{where}: {reason(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True, kw_only=True)
class Share:
    """The share of the cluster that an actor occupies.

    Attributes:
        cpus: The number of processor cores, which may be a fraction.
        gpus: The number of GPUs, which may be a fraction or 0.
    """

    cpus: float
    gpus: float

    @property
    def device(self) -> str:
        """The device for the tagger. Ray only shows an actor its own GPU."""
        return "cuda" if self.gpus else "cpu"

    @property
    def threads(self) -> int:
        """The number of threads for torch, so that an actor only uses its own cores."""
        return max(1, int(self.cpus))


def share(device: str, cpus: float, gpus: float | None) -> Share:
    """Return the share of each actor.

    Args:
        device: `auto`, `cpu` or `cuda`.
        cpus: The number of cores.
        gpus: The number of GPUs. None takes one if the device is `cuda`, or if it is `auto` and the cluster has one.

    Raises:
        ModelError: A cluster doesn't offer the device.
        ValueError: A number is out of range, or `device` and `gpus` contradict each other.
    """
    if device not in ("auto", "cpu", "cuda"):
        raise ModelError(
            f"device {device!r}: on a cluster Ray says which GPU an actor gets; expected auto, cpu or cuda"
        )
    if cpus <= 0 or (gpus is not None and gpus < 0):
        raise ValueError(f"num_cpus={cpus}, num_gpus={gpus}: expected cores above 0, and GPUs of 0 or more")
    if gpus is None:
        gpus = float(device == "cuda" or (device == "auto" and load_ray().cluster_resources().get("GPU", 0) >= 1))
    if (device == "cuda" and not gpus) or (device == "cpu" and gpus):
        raise ValueError(f"device {device!r} with num_gpus={gpus:g}: these contradict each other; leave one out")
    return Share(cpus=cpus, gpus=gpus)


def room(share: Share) -> int:
    """Return the number of actors with this share that fit on the present nodes, at least 1.

    Raises:
        ClusterError: No node has room for an actor.
    """
    nodes = [node["Resources"] for node in load_ray().nodes() if node["Alive"]]
    counts = [min(_times(node.get("CPU", 0), share.cpus), _times_gpu(node.get("GPU", 0), share.gpus)) for node in nodes]
    if not any(counts):
        have = "; ".join(f"{node.get('CPU', 0):g} CPU, {node.get('GPU', 0):g} GPU" for node in nodes) or "no node"
        raise ClusterError(
            f"an actor takes {share.cpus:g} CPU and {share.gpus:g} GPU, and no node of the cluster has that much "
            f"({have}); ask for less (--device cpu, --gpus-each), or say how many actors you want, if nodes will come "
            "(--actors)"
        )
    return int(sum(counts))


def _times(have: float, needed: float) -> float:
    """Return how many times a share fits into a node's resources (0.1 fits ten times into 1)."""
    return math.floor(have / needed + 1e-9) if needed else math.inf


def _times_gpu(have: float, needed: float) -> float:
    """Return how many times a share fits into a node's GPUs. No share is split between two GPUs."""
    return int(have) * _times(1, needed) if 0 < needed < 1 else _times(have, needed)


class Attempts:
    """Counts the actors that died at each batch.

    An actor that died is restarted under its old name. It is recognised because it hasn't ended what it had begun.
    """

    def __init__(self) -> None:
        self._begun: dict[str, Hashable] = {}
        self._deaths: Counter[Hashable] = Counter()

    def begin(self, actor: str, batch: Hashable) -> int:
        """Record that an actor begins a batch, and return how many actors have died at this batch."""
        if actor in self._begun:
            self._deaths[self._begun[actor]] += 1
        self._begun[actor] = batch
        return self._deaths[batch]

    def end(self, actor: str) -> None:
        """Record that an actor has finished what it had begun."""
        self._deaths.pop(self._begun.pop(actor, None), None)


def new_attempts() -> ActorHandle:
    """Start an `Attempts` in the cluster; it exists as long as the returned handle."""
    return load_ray().remote(Attempts).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()


def my_name() -> str:
    """Return the name of the calling actor."""
    return load_ray().get_runtime_context().get_actor_id()


@contextmanager
def attempt(attempts: ActorHandle, actor: str, batch: Hashable) -> Iterator[bool]:
    """Record the work on a batch as an attempt. The attempt also ends if the work raises, since no actor died.

    Yields:
        Whether to do the work: False if too many actors have died at the batch.
    """
    ray = load_ray()
    deaths = ray.get(attempts.begin.remote(actor, batch))
    try:
        yield deaths < ATTEMPTS
    finally:
        ray.get(attempts.end.remote(actor))


def on_all_nodes(model: Path | str | None) -> Path | str | None:
    """Return a model in a form that is valid on all nodes: an absolute path, the name of a shipped model, or None."""
    return model if model is None or is_shipped(model) else Path(model).resolve()


def on_this_node(model: Path | str | None, share: Share, backend: str) -> Any:  # noqa: ANN401 - a Tagger, imported lazily
    """Load the tagger of an actor.

    Raises:
        ModelError: This node doesn't have the model or the backend.
    """
    import torch

    from lawgov_nlp.model.tagger import Tagger

    torch.set_num_threads(share.threads)
    return Tagger.from_pretrained(model, share.device, backend)


@contextmanager
def quiet() -> Iterator[None]:
    """Silence the progress messages of Ray Data. Warnings and errors are still logged."""
    levels = {"ray.data": logging.WARNING, "ray.data._internal.progress": logging.ERROR}  # warns "no bars"
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def reason(error: BaseException) -> str:
    """Return the root cause of an error of Ray, without the tracebacks of other machines."""
    texts = [str(error).strip()]
    while (cause := getattr(error, "cause", None) or error.__cause__) is not None:
        error = cause
        texts.append(str(error).strip())
    texts = [text for text in reversed(texts) if text]  # Some causes that Ray Data adds have no text.
    # The text of an actor that failed to start holds the traceback of its failure.
    raised = [line for text in texts for line in _RAISED.findall(text)[-1:]]
    return next(iter([*raised, *(text.splitlines()[0] for text in texts)]), type(error).__name__)
