"""From files of other programs to artefacts."""
