"""How a tagger learns: from annotated reports to a folder with weights, calibrated and measured."""
