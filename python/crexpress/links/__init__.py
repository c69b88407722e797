"""Links: what is known of an element and a gene (evidence), and models of it that say how probable a link is."""

from crexpress.core.calls import make_callable

make_callable(__name__, "crexpress.api:links")
