"""What the metric tests share: examples, a little French corpus, a tiny encoder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmark.records import Example, Message

REFERENCES = (
    "L'employeur prend les mesures nécessaires pour assurer la sécurité des travailleurs "
    "(Article L4121-1).",
    "Le salarié a deux mois pour contester la décision, selon l'Article R1234-5.",
    "Le juge annule l'arrêté lorsque la procédure prévue à l'Article L211-2 n'a pas été suivie.",
    "Les congés payés s'acquièrent à raison de deux jours et demi par mois : Article L3141-3.",
)
ANSWERS = (
    "L'employeur doit assurer la sécurité des salariés, selon l'Article L4121-1.",
    "Le délai pour contester est de deux mois (Article R1234-5).",
    "L'arrêté est annulé si la procédure n'est pas suivie.",
    "Article L3141-3 : deux jours et demi de congés par mois de travail.",
)


def example(*references: str, name: str = "e") -> Example:
    """Return an example with these references."""
    return Example(id=name, prompt=(Message(role="user", content="?"),), references=references)


def examples(references: Sequence[str]) -> list[Example]:
    """Return one example a reference."""
    return [example(text, name=str(number)) for number, text in enumerate(references)]


def build_encoder(folder: Path, *, layers: int = 3, positions: int = 64) -> Path:
    """Write a random BERT and a WordPiece tokenizer trained on the corpus above."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    words = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    words.normalizer = normalizers.BertNormalizer(lowercase=True)
    words.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=special, show_progress=False)
    words.train_from_iterator([*REFERENCES, *ANSWERS], trainer)
    words.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        # bert-score itself overflows without it; the metric must not need it.
        model_max_length=positions,
    )
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=words.get_vocab_size(),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=positions,
    )
    BertModel(config).save_pretrained(folder)
    return folder
