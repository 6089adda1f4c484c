"""The embedded Postgres: a server of our own under ``DATA_DIR``: directories, account, cluster, server."""
