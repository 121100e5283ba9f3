"""Sphinx builds the site from these pages: `python -m sphinx -W docs site`, after `pip install -e '.[docs]'`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # where `facts` lies
os.environ["COLUMNS"] = "100"  # the width of what `--help` says

project, author = "raykd", "the authors of raykd"
html_title = "raykd"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "facts.directives"]
html_theme = "furo"
html_copy_source = False

highlight_language = "none"  # an indented block is a formula
myst_heading_anchors = 3
default_role = "code"  # docstrings have one backtick where reStructuredText has two
autodoc_typehints = "none"  # shapes are longer than what they say; they stand in the code
autodoc_class_signature = "mixed"
autodoc_member_order = "bysource"
napoleon_use_rtype = False
