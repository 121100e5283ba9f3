"""The site builds without a warning: every link leads somewhere, every name of the API is there."""

import subprocess
import sys
from pathlib import Path

from pages import DOCS, PAGES, ROOT

import raykd


def test_the_site_builds_without_a_warning(tmp_path: Path):
    build = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet", str(DOCS), str(tmp_path)]
    ended = subprocess.run(build, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    for page in PAGES[1:]:
        assert (tmp_path / page.relative_to(DOCS)).with_suffix(".html").is_file()
    api = (tmp_path / "api.html").read_text()
    assert [name for name in raykd.__all__ if f'id="raykd.{name}"' not in api] == []
    quest = (tmp_path / "methods/quest.html").read_text()
    assert "p(k|u) = softmax_k(-|f_T(u) - v_k|^2 / temperature)" in quest
    assert "16 to 8192 (log)" in quest
    assert "--keep-teacher-outputs SIZE" in (tmp_path / "commands.html").read_text()
