"""All that bends Ray Tune, and nothing outside this folder imports it: this page says what it leans on, and why.

What is public in Ray 2.60 is used as it is documented. What is not is named below, by the file that touches it, with
the test of `tests/cluster/` that fails first when a new Ray or Optuna changes it. `tests/cluster/test_private_names.py`
holds this page against the code, and tells what to do when the installed Ray is newer than the one that was tested.

ended_trials.py: Tune has no way to forget a trial, and saves all of them each second, so that every trial would make a
search slower.
    TuneController._stopped_trials, TuneController._trials_to_cache, TuneController._trial_metadata
        where Tune keeps a trial beside what get_trials() and get_live_trials() give, which are its own list and set.
        tuner/test_ended_trials.py::test_a_trial_that_has_ended_leaves_tune_once_there_is_a_record_of_it

scheduler.py: a scheduler is what sees all trials at each step, and is the first to see those of a resumed search.
    TrialRunnerWrapper._tune_controller
        the controller, of which a scheduler gets a wrapper that warns of all but a few methods.
        tuner/test_scheduler.py::test_the_first_trial_that_waits_is_run_next
    AsyncHyperBandScheduler knows a trial by its `trial_id` alone, so that one that has left Tune can be told again.
        tuner/test_scheduler.py::test_a_resumed_search_knows_the_trials_before_it

saved_parts.py: Tune saves trials, searcher and callbacks in a file each, which a killed driver leaves out of step.
    TuneController writes all attributes that it does not know into the file of its trials, and brings them back.
        tuner/test_saved_parts.py::test_a_new_search_brings_nothing_back_and_the_next_what_was_known_when_it_was_saved

experiment_state.py: Tune goes on from an old state when a clock has gone back, and from none after a torn write.
    It goes on from the `experiment_state-*.json` whose name comes last.
        tuner/test_experiment_state.py::test_the_newest_comes_before_all_that_follow_it
    It calls save_to_dir of its search algorithm when it has written a state, and restore_from_dir when it has copied
    the one that it goes on from.
        tuner/test_experiment_state.py::test_what_tune_saves_is_kept_and_gone_on_from

suggestions.py: a resumed search may be given more trials and other slots, and Tune brings the old numbers back.
    SearchGenerator.get_state() has `total_samples`, `finished` and `counter`.
        tuner/test_suggestions.py::test_a_finished_search_is_given_more_trials_and_other_slots
    Trial.relative_logdir and Trial.storage.trial_dir_name, once set, stay: trial_dirname_creator would be given another
    name for each trial all the same.
        tuner/test_suggestions.py::test_all_trials_share_one_folder_of_tunes

callback.py: what Tune knows of a trial that was cut off is in no public result.
    Callback.on_experiment_end gets all trials that Tune still has, also of a search that was interrupted.
        tuner/test_callback.py::test_what_tune_leaves_is_found_when_it_ends
    Ctrl-C ends Tuner.fit() as the last trial would; Tuner.restore() unpickles searcher, scheduler and callbacks as they
    were made, without what they have learnt since.
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
        tuner/test_sampler.py::test_a_study_that_is_saved_does_not_grow
"""
