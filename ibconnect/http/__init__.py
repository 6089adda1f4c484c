"""The REST server: the only importer of ``aiohttp.web``. Reads the snapshot tables and the events, writes nothing
but the wish for a refresh.

A request goes through :mod:`ibconnect.http.server.pipeline`; :mod:`ibconnect.http.routes` is the table of everything
served, from which requests are validated and the OpenAPI document is made. :func:`ibconnect.http.server.app.create_app`
composes it all.
"""
