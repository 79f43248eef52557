"""Families of language models by their names: a model that judges its own kin favours it.

"LLM Evaluators Recognize and Favor Their Own Generations" (arXiv 2404.13076).
"""

from __future__ import annotations

import re
from typing import Any

FAMILIES = {
    "OpenAI": "gpt|chatgpt|davinci|o[1345]",
    "Google": "gemini|gemma|palm|bison",
    "Anthropic": "claude",
    "Meta": "llama|codellama",
    "Qwen": "qwen|qwq|qvq",
    "Mistral": "mistral|mixtral|ministral|codestral|magistral|devstral|pixtral",
    "DeepSeek": "deepseek",
    "Hugging Face": "smollm|zephyr",
    "Microsoft": "phi|orca|wizardlm",
    "Cohere": "command|aya|c4ai",
    "Ai2": "olmo|olmoe|tulu|molmo",
    "IBM": "granite",
    "NVIDIA": "nemotron|minitron",
    "TII": "falcon",
    "BigScience": "bloom|bloomz",
    "OpenLLM-France": "lucie|claire",
    "CroissantLLM": "croissant|croissantllm",
    "xAI": "grok",
    "Zhipu": "glm|chatglm",
    "01.AI": "yi",
    "EleutherAI": "pythia",
}
"""Maker -> names of its models."""
_TABLE = {
    family: re.compile(rf"(?<![a-z])(?:{names})(?![a-z])") for family, names in FAMILIES.items()
}
_PLAIN = {"model", "models", "base", "checkpoint", "final", "my", "the", "tiny", "test", "judge"}
"""First words that tell nothing."""


def families(name: str) -> frozenset[str]:
    """Return the families that a model's name tells; several for a distilled or merged model.

    A name that the table does not know is its own family, by its first word.

    Args:
        name: Such as "google_genai:gemini-2.5-flash", a hub id, or a package reference.
    """
    whole = name.partition("#")[0].lower()
    last = re.split(r"[/:]", whole.rstrip("/"))[-1]
    for text in (last, whole):
        found = frozenset(family for family, names in _TABLE.items() if names.search(text))
        if found:
            return found
    words = [word for word in re.findall("[a-z]+", last) if word not in _PLAIN]
    return frozenset(words[:1])


def models_in(parameters: Any) -> list[str]:
    """Return the models that a plugin's parameters name, however deep, in their order."""
    found: list[str] = []
    if isinstance(parameters, dict):
        for name, value in parameters.items():
            texts = value if isinstance(value, list | tuple) else [value]
            is_named = name in ("model", "models", "panel")
            if is_named and all(isinstance(text, str) for text in texts):
                found += [text for text in texts if text]
            else:
                found += models_in(value)
    elif isinstance(parameters, list | tuple):
        for value in parameters:
            found += models_in(value)
    return list(dict.fromkeys(found))
