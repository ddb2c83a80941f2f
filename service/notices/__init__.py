"""Notices of resightings, by a webhook or by e-mail, sent beside the acts."""
