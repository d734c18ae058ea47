"""How fast the references are; run as commands, imported by nothing."""
