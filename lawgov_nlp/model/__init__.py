"""A report becomes a tagged report: windows, the encoder and its heads, decoding."""

MODEL_TYPE = "lawgov-tagger"
"""What a tagger's config.json has under `model_type`."""
