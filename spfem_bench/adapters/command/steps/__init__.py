"""The steps that turn a clip of the harness into what a model asked for."""
