"""What a calibration promises, compared with what came of queries that the catalogue never saw."""
