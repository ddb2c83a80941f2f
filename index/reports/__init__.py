"""Reports of a season that a team sends: a page, tables, Darwin Core, capture histories."""
