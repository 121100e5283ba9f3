"""The page put together: one file of HTML, with its style, its script and Plotly's inside."""

import base64
import functools
import gzip
import time
from collections.abc import Iterable, Sequence
from importlib.resources import files

import jinja2
from plotly.offline import get_plotlyjs

from raykd.page import commands, first_screen
from raykd.page.evidence import Evidence
from raykd.page.importance import Importance
from raykd.page.looking import NOTHING_SEEN, Looks
from raykd.page.sections import sections
from raykd.runs.shown import HEADS, cells, title


def page(
    evidence: Evidence, mattered: Sequence[Importance], types: Iterable[type] = (), looks: Looks = NOTHING_SEEN
) -> str:
    """The whole page as HTML.

    Args:
        mattered: how much each hyperparameter did.
        types: classes of a study's own that may stand in the search's recipes.
        looks: what was seen of its networks.
    """
    assets = files("raykd.page") / "assets"
    made = jinja2.Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined)
    found = evidence.confirmed
    return made.from_string((assets / "page.html").read_text()).render(
        evidence=evidence,
        headline=first_screen.headline(evidence),
        verdict=first_screen.verdict(evidence),
        facts=list(first_screen.facts(evidence)),
        picture=first_screen.picture(evidence),
        confirmation=None if found is None else {"title": title(found), "heads": HEADS, "rows": cells(found)},
        use=list(commands.how_to_use(evidence)),
        sections=sections(evidence, mattered, tuple(types), looks),
        repeats=functools.partial(commands.repeats, evidence),
        style=(assets / "page.css").read_text(),
        script=(assets / "page.js").read_text(),
        plotly=_plotly(),
        when=time.strftime("%Y-%m-%d %H:%M %Z"),
    )


@functools.cache
def _plotly() -> str:
    """Plotly's JavaScript, compressed: 2 MB instead of 4.8, which the page's script unpacks."""
    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), 9, mtime=0)).decode()
