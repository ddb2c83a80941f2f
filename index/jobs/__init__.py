"""Long work that outlives a process: what was asked, how far it is, what went wrong with which file."""
