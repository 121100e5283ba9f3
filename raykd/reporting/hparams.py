"""Records for TensorBoard's HParams tab: one that tells what a search draws, and two around each trial.

The tab reads three kinds of records, each a summary without numbers whose metadata carries a protocol buffer:

* the experiment: every hyperparameter with its range, and the metrics to show as columns, written once at the
  start, so that conditional hyperparameters have their columns before any trial has drawn them;
* a session's start: the values of one trial, so that a trial stands in the tab while it runs;
* a session's end: how it went. A trial without one is shown as of unknown status: it runs, or was killed.

TensorBoard's own helpers for these (`tensorboard.plugins.hparams.summary`) import TensorFlow, so the buffers are
built here. The tab knows no logarithmic ranges: the hyperparameter's description says so instead.
"""

# TensorBoard ships its protocol buffers without types.
# pyright: reportAttributeAccessIssue=false

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from google.protobuf.struct_pb2 import Value
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from tensorboard.compat.proto.summary_pb2 import Summary, SummaryMetadata
from tensorboard.plugins.hparams import metadata
from tensorboard.plugins.hparams.api_pb2 import (
    DATA_TYPE_BOOL,
    DATA_TYPE_FLOAT64,
    DATA_TYPE_STRING,
    STATUS_FAILURE,
    STATUS_SUCCESS,
    Experiment,
    HParamInfo,
    Interval,
    MetricInfo,
    MetricName,
)
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData, SessionEndInfo, SessionStartInfo

from raykd.space.ranges import describe

SHOWN = 5  # columns that the tab ticks by itself
Hyperparameter: TypeAlias = bool | int | float | str | None


def experiment(ranges: Mapping[str, BaseDistribution], metrics: Iterable[str], created: float) -> Summary:
    """The record of a search.

    Args:
        ranges: every hyperparameter that a trial may have, by path, those that matter most first.
        metrics: tags of the scalars to show beside the hyperparameters, such as `val/accuracy`.
        created: seconds since 1970.
    """
    record = Experiment(
        hparam_infos=[_info(name, ranges[name], number < SHOWN) for number, name in enumerate(ranges)],
        metric_infos=[MetricInfo(name=MetricName(tag=tag)) for tag in metrics],
        time_created_secs=created,
    )
    return _summary(metadata.EXPERIMENT_TAG, HParamsPluginData(experiment=record))


def session_start(values: Mapping[str, Hyperparameter], group: str, started: float) -> Summary:
    """The record of a trial's beginning.

    Args:
        values: the trial's hyperparameters, by path; those of choices that it did not take are left out.
        group: the trial's name; runs of the same name stand in one row.
        started: seconds since 1970.
    """
    record = SessionStartInfo(group_name=group, start_time_secs=started)
    for name, value in values.items():
        record.hparams[name].CopyFrom(_value(value))
    return _summary(metadata.SESSION_START_INFO_TAG, HParamsPluginData(session_start_info=record))


def session_end(succeeded: bool, ended: float) -> Summary:
    """The record of a trial's end; `ended` in seconds since 1970."""
    record = SessionEndInfo(status=STATUS_SUCCESS if succeeded else STATUS_FAILURE, end_time_secs=ended)
    return _summary(metadata.SESSION_END_INFO_TAG, HParamsPluginData(session_end_info=record))


def _summary(tag: str, data: HParamsPluginData) -> Summary:
    data.version = metadata.PLUGIN_DATA_VERSION
    plugin = SummaryMetadata.PluginData(plugin_name=metadata.PLUGIN_NAME, content=data.SerializeToString())
    value = Summary.Value(tag=tag, metadata=SummaryMetadata(plugin_data=plugin), tensor=metadata.NULL_TENSOR)
    return Summary(value=[value])


def _info(name: str, distribution: BaseDistribution, is_shown: bool) -> HParamInfo:
    # The tab sorts columns by whether they are said to differ, and then by their names.
    info = HParamInfo(name=name, description=describe(distribution), type=DATA_TYPE_FLOAT64, differs=is_shown)
    if isinstance(distribution, CategoricalDistribution):
        info.type = _data_type(distribution.choices)
        info.domain_discrete.values.extend(_value(choice) for choice in distribution.choices)
    else:
        assert isinstance(distribution, FloatDistribution | IntDistribution)
        info.domain_interval.CopyFrom(Interval(min_value=distribution.low, max_value=distribution.high))
    return info


def _data_type(choices: Sequence[Hyperparameter]) -> int:
    kinds = {type(choice) for choice in choices}
    if kinds == {bool}:
        return DATA_TYPE_BOOL
    return DATA_TYPE_FLOAT64 if kinds <= {int, float} else DATA_TYPE_STRING


def _value(value: Hyperparameter) -> Value:
    if isinstance(value, bool):  # before the numbers: True is an int
        return Value(bool_value=value)
    if isinstance(value, int | float):
        return Value(number_value=value)
    return Value(string_value="none" if value is None else value)
