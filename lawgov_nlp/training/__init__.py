"""Train a tagger: turn annotated reports into a folder with weights, calibrated and measured."""
