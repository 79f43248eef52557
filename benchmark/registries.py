"""What is built in, kind by kind: a new plugin is one line here."""

from __future__ import annotations

from benchmark.registry import Registry

METRICS = Registry(
    "metric",
    "benchmark.metrics",
    {
        "levenshtein": "benchmark.metrics.levenshtein:Levenshtein",
        "hamming": "benchmark.metrics.hamming:Hamming",
        "exact_match": "benchmark.metrics.exact_match:ExactMatch",
        "token_f1": "benchmark.metrics.token_f1:TokenF1",
        "bleu": "benchmark.metrics.bleu:Bleu",
        "chrf": "benchmark.metrics.chrf:ChrF",
        "rouge": "benchmark.metrics.rouge:Rouge",
        "meteor": "benchmark.metrics.meteor:Meteor",
        "tfidf": "benchmark.metrics.tfidf:TfIdf",
        "length": "benchmark.metrics.length:Length",
        "repetition": "benchmark.metrics.repetition:Repetition",
        "bertscore": "benchmark.metrics.bertscore:BertScore",
        "embedding": "benchmark.metrics.embedding:Embedding",
        "perplexity": "benchmark.metrics.perplexity:Perplexity",
        "evaluate": "benchmark.metrics.bridge:Evaluate",
        "citation_accuracy": "benchmark.metrics.citation:CitationAccuracy",
        "citation_accuracy_beyond_prompt": "benchmark.metrics.citation_beyond:CitationBeyondPrompt",
        "citations": "benchmark.metrics.citations:Citations",
    },
)
BACKENDS = Registry(
    "backend",
    "benchmark.backends",
    {
        "hf": "benchmark.backends.hf:HuggingFace",
        "echo": "benchmark.backends.control:Echo",
        "oracle": "benchmark.backends.control:Oracle",
        "shuffled": "benchmark.backends.control:Shuffled",
        "openai": "benchmark.backends.openai:OpenAI",
        "langchain": "benchmark.backends.langchain:LangChain",
        "replay": "benchmark.backends.replay:Replay",
    },
)
DATASETS = Registry(
    "dataset",
    "benchmark.datasets",
    {
        "legi": "benchmark.datasets.legi:Legi",
        "files": "benchmark.datasets.files:Files",
        "jsonl": "benchmark.datasets.jsonl:JsonLines",
        "hub": "benchmark.datasets.hub:Hub",
    },
)
JUDGES = Registry(
    "judge",
    "benchmark.judges",
    {
        "rubric": "benchmark.judges.rubric:Graded",
        "same_facts": "benchmark.judges.same_facts:SameFacts",
        "coherence": "benchmark.judges.coherence:Coherence",
        "criteria": "benchmark.judges.criteria:Criteria",
        "pairwise": "benchmark.judges.pairwise:Pairwise",
        "ragas": "benchmark.judges.ragas:Ragas",
        "fixed": "benchmark.judges.fixed:Fixed",
    },
)
REPORTERS = Registry(
    "reporter",
    "benchmark.reporters",
    {
        "console": "benchmark.reporters.console:Console",
        "json": "benchmark.reporters.json_file:JsonFile",
        "markdown": "benchmark.reporters.markdown:Markdown",
        "html": "benchmark.reporters.html:Html",
        "junit": "benchmark.reporters.junit:JUnit",
    },
)
EXECUTORS = Registry(
    "executor",
    "benchmark.executors",
    {
        "local": "benchmark.executors.local:Local",
        "ray": "benchmark.executors.ray:Ray",
    },
)
REGISTRIES: dict[str, Registry] = {
    "metrics": METRICS,
    "judges": JUDGES,
    "backends": BACKENDS,
    "datasets": DATASETS,
    "reporters": REPORTERS,
    "executors": EXECUTORS,
}
