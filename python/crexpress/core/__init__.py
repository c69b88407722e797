"""What everything stands on: artefacts, chromosomes, splits, devices, errors, messages."""
