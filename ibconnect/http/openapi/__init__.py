"""The description of the API, made of the resources: the OpenAPI document, its schemas and examples."""
