"""What the page shows of a finished search, for TensorBoard: the pictures, and the report as text.

They stand in the search's own run (`raykd.storage.layout.BOARD_OF_SEARCH`), made once, when the page is.
"""

# TensorBoard ships its protocol buffers without types.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable
from pathlib import Path

from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_pb2 import TensorProto
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.compat.proto.types_pb2 import DT_STRING
from tensorboard.plugins.image.metadata import create_summary_metadata
from tensorboard.plugins.text.summary_v2 import text_pb

from raykd.page.drawing import Exhibit
from raykd.reporting.tensorboard import EVENTS, event_bytes, write_events
from raykd.storage.layout import BOARD_OF_SEARCH

FILE = f"{BOARD_OF_SEARCH}/{EVENTS}.pictures"


def write_board(folder: Path, exhibits: Iterable[Exhibit], report: str) -> None:
    """Writes them, in place of those that are there.

    Args:
        folder: of the search.
        report: in Markdown.
    """
    values = [_image(each) for each in exhibits]
    summary = Summary(value=values)
    summary.value.extend(text_pb("report", report).value)
    file = folder / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    write_events(file, event_bytes(step=0, summary=summary))


def _image(made: Exhibit) -> Summary.Value:
    """TensorBoard's own helper for this, `image.summary_v2`, imports TensorFlow, and packs raw pixels."""
    about = create_summary_metadata(display_name=made.title, description=made.text)
    content = [str(made.width).encode(), str(made.height).encode(), made.png]
    shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=len(content))])
    tensor = TensorProto(dtype=DT_STRING, string_val=content, tensor_shape=shape)
    return Summary.Value(tag=made.tag, metadata=about, tensor=tensor)
