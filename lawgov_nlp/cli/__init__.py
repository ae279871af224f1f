"""The commands of `lawgov`, one module each; `lawgov_nlp.cli.main` registers them.

The commands import heavy libraries inside their functions, so that `lawgov --help` is fast.
"""
