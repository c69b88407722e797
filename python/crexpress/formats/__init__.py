"""Readers of users' files: everything that parses a samplesheet, a table, loops, motifs or reads."""
