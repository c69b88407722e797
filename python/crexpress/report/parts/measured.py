"""Parts whose sections are made elsewhere in this room; their tiles and sentences stand in findings.py."""

from crexpress.report import about, accuracy, card, classes, linkage
from crexpress.report.parts import loci
from crexpress.report.parts.part import Part

EXPRESSION = Part(accuracy.expression)
CLASSES = Part(classes.classes)
CHANGE = Part(accuracy.change)
TRUST = Part(linkage.links)
LOCI = Part(loci.section)
DATA = Part(about.data)
CARD = Part(card.reached)
TRAINING = Part(about.training)
PROVENANCE = Part(about.provenance)
