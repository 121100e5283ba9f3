"""How good a trained network's embeddings are, measured as the papers do; `evaluate` gives all of it in one table.

Information flow trains without labels, so that its student has no classifier to be judged by: images are retrieved
by it, classified by the nearest centroid, or by a linear classifier on what the frozen network says (`retrieval`,
`centroid`, `probe`). RCO is judged on faces of people that nobody trained on (`identification`). An embedding is
the output of the last stage, averaged over its places. Accuracies are in `raykd.evaluation.accuracy`.
"""

from raykd.evaluation.report import MEASURES, evaluate

__all__ = ["MEASURES", "evaluate"]
