"""The processes of the service and what they are composed of: started, supervised, ended."""
