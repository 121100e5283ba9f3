"""Every command that a page shows is one: raykd's own are parsed as typed, the programs of the others are known."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import PAGES, ROOT, Snippet, snippets, spans

from raykd.__main__ import COMMANDS, parser
from raykd.commands import parse

OTHERS = {".", "./check", "conda", "git", "kubectl", "mlflow", "pip", "python", "python3", "ray", "sbatch", "ssh"}
OTHERS |= {"chgrp", "find", "umask"}
SHELL = {"&&", ";", "|", "||"}
LINES = snippets("bash")
NAMES = {command.__name__.rpartition(".")[2] for command in COMMANDS}


def commands(text: str) -> Iterator[list[str]]:
    """The words of each simple command, comments left out."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if word in SHELL:
                yield from [words] if words else []
                words = []
            else:
                words.append(word)


def ours(words: list[str]) -> list[str] | None:
    """What raykd's parser is given: of `raykd ...`, `python launch/NAME.py ...` and what Ray runs on a cluster."""
    if words[0] == "raykd":
        return words[1:]
    for place, word in enumerate(words):
        if (script := re.fullmatch(r"launch/(\w+)\.py", word)) and words[0] in ("python", "ray"):
            assert (ROOT / word).is_file()
            return [script[1], *(other for other in words[place + 1 :] if other != "--")]
    return None


def check(words: list[str], where: str) -> None:
    if (arguments := ours(words)) is None:
        assert words[0] in OTHERS, f"{where}: {words[0]}"
        return
    if arguments[-1] == "--help":
        arguments = arguments[:-1]
    try:
        parse(parser(), arguments)
    except ValueError as error:
        pytest.fail(f"{where}: {' '.join(words)}: {error}")


@pytest.mark.parametrize("snippet", LINES, ids=lambda snippet: snippet.where)
def test_a_block_of_commands_can_be_typed(snippet: Snippet):
    found = list(commands(snippet.text))
    assert found
    for words in found:
        check(words, snippet.where)


def test_what_stands_within_a_sentence_can_be_typed_too():
    checked = 0
    for page in PAGES:
        for span in spans(page):
            words = shlex.split(span) if span.startswith("raykd ") else []
            if len(words) > 2 and words[1] in NAMES:
                check([word for word in words if word != "..."], str(page))
                checked += 1
    assert checked >= 5


def test_a_mistyped_option_is_found():
    with pytest.raises(pytest.fail.Exception, match="unknown option --trails"):
        check(["raykd", "tune", "--trails", "4"], "a page")
    with pytest.raises(AssertionError, match="a page: rakyd"):
        check(["rakyd", "tune"], "a page")


def test_every_command_is_on_the_page_of_commands():
    page = (ROOT / "docs/commands.md").read_text()
    assert re.findall(r"^```\{help\} (\w+)$", page, re.M) == [c.__name__.rpartition(".")[2] for c in COMMANDS]


def test_the_first_two_commands_are_those_of_the_project():
    first, second, *_ = snippets("bash", [Path(ROOT / "README.md")])
    assert first.text == "python3 -m venv .venv && . .venv/bin/activate && pip install -e . && python launch/tune.py\n"
    assert "python3 -m venv .venv-dev && . .venv-dev/bin/activate && pip install -e '.[dev]' && ./check" in "".join(
        snippet.text for snippet in snippets("bash", [ROOT / "README.md"])
    )
    assert second
