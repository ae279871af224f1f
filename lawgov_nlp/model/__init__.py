"""From a report to a tagged report: windows, the encoder and its heads, decoding."""

MODEL_TYPE = "lawgov-tagger"
"""The value of `model_type` in a tagger's config.json."""

TAGS = ("O", "B-VALUE", "I-VALUE", "B-NAME", "I-NAME")
"""The labels of tokens, in the order of their logits."""
