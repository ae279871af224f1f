"""How good the results are: scores of a tagger, agreement of two codings, plots, and a page that shows them."""
