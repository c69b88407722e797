"""From users' files to artefacts, one public function per tool: elements, motifs, signals, expression, loops."""
