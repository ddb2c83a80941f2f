"""JSON in and out, and the OpenAPI document made of it."""
