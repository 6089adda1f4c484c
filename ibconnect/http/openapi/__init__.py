"""The description of the API, made of the table of routes: the OpenAPI document, its schemas and examples, the page."""
