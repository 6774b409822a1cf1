"""From input to twin: the jobs that desktop and command line share."""
