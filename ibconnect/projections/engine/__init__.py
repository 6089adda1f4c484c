"""What every projection shares: the runner, the rebuild, reading ahead, views and rights, events set aside."""
