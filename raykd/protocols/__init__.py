"""Everything that one can plug in: methods, networks, data sets, teachers, and the epochs that a run hands on."""
