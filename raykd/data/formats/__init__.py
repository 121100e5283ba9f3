"""How files of data sets are read, without running code."""
