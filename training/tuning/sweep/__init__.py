"""A hyperparameter sweep: its space, study, trials and report."""
