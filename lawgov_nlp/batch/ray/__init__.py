"""Tag reports on a cluster with Ray Data: a folder or bucket in parts, or a dataset of texts, bytes or paths.

    tag_folder("s3://county/reports", Path("out"))          like `lawgov_nlp.tag_folder`: resumable, each file once
    tag_dataset(ray.data.read_parquet("texts"))             from a dataset of reports to one with a row per paragraph

This needs the extra `ray`, and lawgov_nlp with the same model on every node.
"""

from lawgov_nlp.batch.ray.dataset import tag_dataset
from lawgov_nlp.batch.ray.folder import tag_folder

__all__ = ["tag_dataset", "tag_folder"]
