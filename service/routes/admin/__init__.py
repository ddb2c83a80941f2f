"""Routes that run and describe the service: jobs, keys, health, metrics, pages."""
