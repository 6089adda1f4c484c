"""The command line: ``main`` holds the parser; verbs of more than a few lines have a module each."""
