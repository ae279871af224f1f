"""A report becomes a tagged report: windows, the encoder and its heads, decoding."""
