"""What both ways of tagging on a cluster need: Ray itself, a share of it for each actor, an end to retries.

Ray Data restarts an actor that dies and gives its task to another one, without end. That is right for a node that is
taken away and wrong for a batch that kills whoever takes it (memory), so `Attempts` counts, and who is given a batch
at which three others died answers that it was given up. Ray's own limit of retries was no choice: setting it through
`map_batches` goes away with Ray 2.64, and a batch beyond the limit is an error of the whole dataset.
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
"""Actors that may die at a batch before it is given up."""

GIVEN_UP = f"the process that tagged it died {ATTEMPTS} times, probably for want of memory; "
"""The reason for what was in such a batch; what can be done about it follows."""

_RAISED = re.compile(r"^[\w.]+(?:Error|Exception): (.+)$", re.MULTILINE)


def load_ray() -> ModuleType:
    """The module `ray`, with `ray.data`.

    Raises:
        ClusterError: It isn't installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # what is started here reports to nobody unless asked to
    try:
        importlib.import_module("ray.data")
        return importlib.import_module("ray")
    except ImportError as error:
        raise ClusterError(f'a cluster needs Ray ({error}): pip install "lawgov-nlp[ray]"') from error


@contextmanager
def connected() -> Iterator[None]:
    """Ray for the time being: the session that is there, the cluster at `RAY_ADDRESS`, or else one on this machine.

    What was started or joined here is left at the end. A cluster on this machine reports nothing to Ray's makers
    unless `RAY_USAGE_STATS_ENABLED` is set to 1; another one does what its owner has set.

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
        options = {"address": "local", "include_dashboard": False}  # without "local" Ray takes any that it finds
    try:
        ray.init(**options, log_to_driver=False, logging_level=logging.ERROR)
    except Exception as error:  # Ray raises what its many parts raise
        where = f"the Ray cluster at RAY_ADDRESS={address} can't be joined" if address else "Ray can't be started here"
        raise ClusterError(f"{where}: {reason(error)}") from error
    try:
        yield
    finally:
        ray.shutdown()


@dataclass(frozen=True, kw_only=True)
class Share:
    """What an actor takes of the cluster.

    Attributes:
        cpus: Processor cores; may be a fraction.
        gpus: GPUs; may be a fraction, and 0 is none.
    """

    cpus: float
    gpus: float

    @property
    def device(self) -> str:
        """The device for the tagger: Ray shows an actor no other GPU than its own."""
        return "cuda" if self.gpus else "cpu"

    @property
    def threads(self) -> int:
        """Threads for torch: an actor keeps to its cores."""
        return max(1, int(self.cpus))


def share(device: str, cpus: float, gpus: float | None) -> Share:
    """The share of each actor.

    Args:
        device: `auto`, `cpu` or `cuda`.
        cpus: Its cores.
        gpus: Its GPUs; None is one where the device wants one or, with `auto`, the cluster has one.

    Raises:
        ModelError: The device can't be had on a cluster.
        ValueError: A share that makes no sense.
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
    """How many actors with this share the nodes that are there now can hold, at least 1.

    Raises:
        ClusterError: Not a single one on any of them.
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
    """How often a share goes into what a node has; 0.1 goes ten times into 1."""
    return math.floor(have / needed + 1e-9) if needed else math.inf


def _times_gpu(have: float, needed: float) -> float:
    """The same for GPUs: no share lies on two of them."""
    return int(have) * _times(1, needed) if 0 < needed < 1 else _times(have, needed)


class Attempts:
    """Counts the actors that died at each batch.

    An actor that died comes back under its old name, and without having ended what it had begun.
    """

    def __init__(self) -> None:
        self._begun: dict[str, Hashable] = {}
        self._deaths: Counter[Hashable] = Counter()

    def begin(self, actor: str, batch: Hashable) -> int:
        """Note that an actor begins a batch; returns how many died at it before."""
        if actor in self._begun:
            self._deaths[self._begun[actor]] += 1
        self._begun[actor] = batch
        return self._deaths[batch]

    def end(self, actor: str) -> None:
        """Note that an actor came through with what it had begun."""
        self._deaths.pop(self._begun.pop(actor, None), None)


def new_attempts() -> ActorHandle:
    """An `Attempts` somewhere in the cluster, there as long as the handle is."""
    return load_ray().remote(Attempts).options(num_cpus=0, max_restarts=-1, max_task_retries=-1).remote()


def my_name() -> str:
    """The name of the actor that asks."""
    return load_ray().get_runtime_context().get_actor_id()


@contextmanager
def attempt(attempts: ActorHandle, actor: str, batch: Hashable) -> Iterator[bool]:
    """Around the work at a batch; gives False, and the work is to be left, where too many died at it.

    An error of the work ends the attempt, too: nobody died.
    """
    ray = load_ray()
    deaths = ray.get(attempts.begin.remote(actor, batch))
    try:
        yield deaths < ATTEMPTS
    finally:
        ray.get(attempts.end.remote(actor))


def on_all_nodes(model: Path | str | None) -> Path | str | None:
    """A model as all nodes know it: by its whole path, or by the name of one that comes with the package."""
    return model if model is None or is_shipped(model) else Path(model).resolve()


def on_this_node(model: Path | str | None, share: Share, backend: str) -> Any:  # noqa: ANN401 - a Tagger, imported lazily
    """The tagger of an actor.

    Raises:
        ModelError: This node doesn't have the model or the backend.
    """
    import torch

    from lawgov_nlp.model.tagger import Tagger

    torch.set_num_threads(share.threads)
    return Tagger.from_pretrained(model, share.device, backend)


@contextmanager
def quiet() -> Iterator[None]:
    """Ray Data without its reports of what goes well; warnings and errors are still said."""
    levels = {"ray.data": logging.WARNING, "ray.data._internal.progress": logging.ERROR}  # "no bars", as was asked for
    before = {name: logging.getLogger(name).level for name in levels}
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
    try:
        yield
    finally:
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)


def reason(error: BaseException) -> str:
    """What went wrong at the bottom of an error of Ray's, without the tracebacks of other machines."""
    texts = [str(error).strip()]
    while (cause := getattr(error, "cause", None) or error.__cause__) is not None:
        error = cause
        texts.append(str(error).strip())
    texts = [text for text in reversed(texts) if text]  # Ray Data adds causes that say nothing
    # in the text of an actor that failed to start stands the traceback that it ended with
    raised = [line for text in texts for line in _RAISED.findall(text)[-1:]]
    return next(iter([*raised, *(text.splitlines()[0] for text in texts)]), type(error).__name__)
