"""A module of Hugging Face's `evaluate`, as a user writes one: F1 of the words two texts share."""

import datasets
import evaluate


class SharedWords(evaluate.Metric):
    def _info(self):
        text = datasets.Value("string")
        features = datasets.Features({"predictions": text, "references": text})
        return evaluate.MetricInfo(
            description="words that are shared", citation="", inputs_description="two texts",
            features=features,
        )  # fmt: skip

    def _compute(self, predictions, references, weight=1.0):
        f1, missed = 0.0, 0
        for one, two in zip(predictions, references, strict=True):
            mine, theirs = set(one.lower().split()), set(two.lower().split())
            both = len(mine & theirs)
            f1 += 2 * both / max(1, len(mine) + len(theirs))
            missed += len(theirs - mine)
        return {"shared_f1": weight * f1 / len(predictions), "missed": missed / len(predictions)}
