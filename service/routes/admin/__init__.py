"""Routes that run and describe the service: jobs, checkpoints, health, metrics, pages."""
