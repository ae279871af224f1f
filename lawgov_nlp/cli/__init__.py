"""The commands of `lawgov`, one module each; `lawgov_nlp.cli.main` registers them.

They load what is heavy inside the function, so that `lawgov --help` stays quick.
"""
