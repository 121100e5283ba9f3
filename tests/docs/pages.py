"""The pages that people read, and the snippets in them."""

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_BLOCK = re.compile(
    r"(?:<!-- (?P<mark>[^\n]*) -->\n)?^(?P<indent> *)```(?P<language>[\w{}-]*)[^\n]*\n(?P<text>.*?)^ *```$", re.M | re.S
)


class Snippet(NamedTuple):
    """A block of code: its page, the line that it begins on, and what a comment right above it says."""

    page: Path
    line: int
    mark: str
    text: str

    @property
    def where(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def snippets(language: str, pages: list[Path] = PAGES) -> list[Snippet]:
    """All blocks in a language, in order."""
    found: list[Snippet] = []
    for page in pages:
        text = page.read_text()
        for match in _BLOCK.finditer(text):
            if match["language"] == language:
                line = text.count("\n", 0, match.start("text"))
                found.append(Snippet(page, line, match["mark"] or "", match["text"]))
    return found


def spans(page: Path) -> list[str]:
    """What stands between single backticks, outside of blocks."""
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", _BLOCK.sub("", page.read_text()))
