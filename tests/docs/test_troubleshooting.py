"""The lines of docs/troubleshooting.md are raykd's: each is what some message in the source may say."""

import ast
import re
from functools import cache

import pytest
from pages import DOCS, ROOT, Snippet, snippets

LINES = snippets("text", [DOCS / "troubleshooting.md"])


@cache
def messages() -> list[re.Pattern[str]]:
    """Every text in the package with words enough to tell it from others; what it is filled with may be anything."""
    found: list[re.Pattern[str]] = []
    for path in sorted((ROOT / "raykd").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [text if isinstance(text := getattr(part, "value", None), str) else None for part in parts]
            if sum(len(text) for text in texts if text) >= 11:
                pattern = "".join(".*" if text is None else re.escape(text) for text in texts)
                found.append(re.compile(pattern))
    return found


def is_said(line: str) -> bool:
    return any(message.fullmatch(line) for message in messages())


@pytest.mark.parametrize("snippet", LINES, ids=lambda snippet: snippet.text[:40].strip())
def test_a_line_is_in_the_source(snippet: Snippet):
    (line,) = snippet.text.splitlines()
    assert is_said(line)


def test_a_line_that_nobody_says_is_found():
    assert len(LINES) > 20
    assert not is_said("batch_size: 256 is no multiple of the 3 processes")
