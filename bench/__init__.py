"""The benchmarks: one script per figure, each measuring its reference in the same run.

``python -m bench`` runs all of them and writes ``RESULTS.md`` and ``results.json`` beside this file;
``python -m bench record`` runs one; ``--large`` adds the ones that need minutes. Method and findings:
docs/performance.md.
"""
