"""Which instance records which gateway: lease, election, quorum, the registry of instances, probes."""
