"""All that bends Ray Tune, and nothing outside this folder imports it: this page says what it leans on, and why.

What is public in Ray 2.60 is used as it is documented. What is not is named below, by the file that touches it, with
the test of `tests/cluster/` that fails first when a new Ray or Optuna changes it. `tests/cluster/test_private_names.py`
holds this page against the code, and tells what to do when the installed Ray is newer than the one that was tested.

ended_trials.py: Tune has no way to forget a trial, and looks through all of them at each step, so that every trial
would make a search slower.
    TuneController._stopped_trials, TuneController._trials_to_cache, TuneController._trial_metadata
        where Tune keeps a trial beside what get_trials() and get_live_trials() give, which are its own list and set.
        tuner/test_ended_trials.py::test_a_trial_that_has_ended_leaves_tune_once_there_is_a_record_of_it

scheduler.py: a scheduler is what sees all trials at each step.
    TrialRunnerWrapper._tune_controller
        the controller, of which a scheduler gets a wrapper that warns of all but a few methods.
        tuner/test_scheduler.py::test_the_first_trial_that_waits_is_run_next
    AsyncHyperBandScheduler knows a trial by its `trial_id` alone, so that one that has left Tune can be told again.
        tuner/test_scheduler.py::test_a_resumed_search_knows_the_trials_before_it

suggestions.py: Tune is told how many trials there are, and no more than that is ever wanted of a search.
    SearchGenerator.get_state() has `total_samples`; a search that is saved is pickled by `__getstate__`.
        tuner/test_suggestions.py::test_no_more_at_a_time_than_slots_and_no_more_at_all_than_wanted
    Trial.relative_logdir and Trial.storage.trial_dir_name, once set, stay: trial_dirname_creator would be given another
    name for each trial all the same.
        tuner/test_suggestions.py::test_all_trials_share_one_folder_of_tunes

callback.py: how a search that is cut off ends is in no document.
    Ctrl-C ends Tuner.fit() as the last trial would, and tells no callback that the trials which it cuts off have ended.
        test_resume.py::test_killed_then_stopped_by_ctrl_c_then_finished

quiet.py: Tune's reporter remembers every trial.
    Tune adds none of its own where a TrialProgressCallback is among the callbacks, as long as RAY_AIR_NEW_OUTPUT is 0.
        tuner/test_quiet.py::test_tune_adds_no_reporter_that_remembers_every_trial

sampler.py: Optuna's TPE reads all trials for each draw, and its memory keeps all of them.
    Study._get_trials
        what TPESampler asks a study for.
        tuner/test_sampler.py::test_a_short_search_draws_as_with_optunas_own
    Study._storage, Study._study_id, InMemoryStorage._studies
        where the trials of a study in memory lie.
        tuner/test_sampler.py::test_a_study_does_not_grow
    TPESampler._rng, TPESampler._random_sampler, LazyRandomState.rng
        its two streams, which are seeded by a trial's number, so that a draw needs none of those before it.
        tuner/test_sampler.py::test_a_short_search_draws_as_with_optunas_own
    optuna.search_space.group_decomposed._GroupDecomposedSearchSpace
        the groups of parameters, whose order is that in which trials have ended; here that of their numbers.
        tuner/test_sampler.py::test_the_groups_are_the_same_in_whatever_order_trials_end
"""
