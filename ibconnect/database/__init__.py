"""Everything between the rooms and Postgres: connections, the embedded server, migrations, named SQL."""
