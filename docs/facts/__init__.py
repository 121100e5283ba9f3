"""What the pages take from the code and from the records of benchmarks; `facts.directives` puts it there."""
