"""From a report to a tagged report: windows, the encoder and its heads, decoding."""

MODEL_TYPE = "lawgov-tagger"
"""The value of `model_type` in a tagger's config.json."""
