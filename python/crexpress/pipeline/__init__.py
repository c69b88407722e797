"""What only a pipeline run asks: sweeps laid out as runs, code and machine checked, costs of a model."""
