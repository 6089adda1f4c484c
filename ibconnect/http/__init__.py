"""The REST server: the only importer of ``aiohttp.web``. Reads the snapshot tables and the events, writes nothing
but the request for a refresh.

``server``: how requests are received, admitted and answered. ``openapi``: the description of what is served.
``resources``: what is served, one module each, with its routes, schemas and examples; the registry names them all.
:func:`ibconnect.http.app.create_app` composes these.
"""
