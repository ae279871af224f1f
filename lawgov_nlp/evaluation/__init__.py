"""How good it is: scores of a tagger, agreement of two codings, pictures and a page of them."""
