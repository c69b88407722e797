"""Links: what is known of an element and a gene (evidence), and models of it that say how probable a link is."""
