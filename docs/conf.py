"""Sphinx configuration. The texts that the compiler makes (`how_it_works`, `errors`, `language`, `rules`, `elsewhere`)
are made while building, by the directives in `_ext/`, so that no page can say what the code no longer does."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
# the directives; the function of how_it_works.md; tests/, whose tables the pages show
sys.path[:0] = [str(HERE / "_ext"), str(HERE), str(HERE.parent)]

project = "srcad"
author = "the srcad developers"
project_copyright = "2026, the srcad developers"
extensions = ["myst_parser", "sphinx.ext.autodoc", "executed", "stages", "tables"]
exclude_patterns = ["_build", "_ext"]
myst_heading_anchors = 3
nitpicky = True
# type variables; the types of annotations that are not ours: their documentation is not at hand
nitpick_ignore_regex = [
    ("py:.*", r"srcad\.[\w.]+\.[TF]"),
    ("py:class", r"srcad\.options\.Choices"),  # the options, which the page lists
    ("py:.*", r"srcad\.insertion\.Insertion"),  # the context manager that `insert_gradient_of` gives
    ("py:.*", r"(?!srcad\.).*"),
]
autodoc_member_order = "bysource"
smartquotes = False  # headings quote code
html_theme = "furo"
html_title = "srcad"
