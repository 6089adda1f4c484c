"""What is served: one module per resource, with its routes and handlers, its schemas, and its examples beside it.

A new one is a module with a ``RESOURCE``, its queries in ``sql/http/``, and its lines in the registry.
"""
