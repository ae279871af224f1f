"""Tagging on a cluster, with Ray Data: a folder or bucket of reports in parts, or any dataset of texts, bytes or paths.

    tag_folder("s3://county/reports", Path("out"))          as `lawgov_nlp.tag_folder`, resumable, exactly once
    tag_dataset(ray.data.read_parquet("texts"))             dataset in, dataset out: a row per paragraph

Needs the extra `ray`, and lawgov_nlp with the same model on every node.
"""

from lawgov_nlp.batch.ray.dataset import tag_dataset
from lawgov_nlp.batch.ray.folder import tag_folder

__all__ = ["tag_dataset", "tag_folder"]
