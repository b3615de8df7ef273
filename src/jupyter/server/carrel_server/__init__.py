"""Runs the Jupyter server of one Carrel workspace. docs/development/server.md is its contract."""
