"""Writes the fixtures of TokenizersTests with the reference libraries `tokenizers` and `sentencepiece`.

  python make_reference.py SHARED

makes, beside itself, the small tokenizers (llama3-split.json, qwen2-split.json, tiny-bpe.model,
tiny-unigram.model), samples.json (short texts and what each tokenizer makes of them) and
reference.json (count and hash of the ids of whole texts under SHARED, which is not part of a checkout).
"""

import glob
import json
import os
import sys
import tempfile

import numpy as np
import sentencepiece
import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

HERE = os.path.dirname(os.path.abspath(__file__))

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
QWEN2 = LLAMA3.replace("{1,3}", "")

# Contractions, blanks of every kind, numbers of several scripts, composed and decomposed letters, letters
# without case, joined emoji, control characters, special tokens, source code, long runs.
SAMPLES = [
    "",
    " ",
    "   ",
    "\n",
    "\r\n\r\n \t\n x",
    "Hello, world!",
    "  It's we'LL they'Re I'VE o'clock 'S 'T x'd 'ſ '",
    "tabs\t\tand\u00a0no-break\u3000ideographic \u2028 line \u0085 next\u2003",
    "1234567 12 3 ٣٤٥٦ ½ Ⅷ 一二三 12a34 3.14 1,000,000",
    "caf\u00e9 cafe\u0301 \u1100\u1161\u11a8 \uac01 A\u030a \u212b e\u0323\u0307 q\u0307\u0323 \u0958 \ufb01",
    "нещо на български, ещё и по-русски; ελληνικά ς Σ",
    "កាន់តែពិសេស ไทย हिन्दी में தமிழ் မြန်မာ",
    "我想在apple工作1314151天～ こんにちは世界。カタカナ",
    "안녕하세요 여러분, 오늘은 날씨가 좋습니다! ㄱㄴㄷ",
    "مرحبا بالعالم שלום עולם",
    "🚀 (normal) 😶\u200d🌫️ 👨\u200d👩\u200d👧 🇰🇷 \U0001d54f \U00020000 \u200b\ufeff\u00ad",
    "<|endoftext|>once <|endoftext|><|endoftext|> upon<|end_of_text|> <s></s><unk> <sep> the cat  the cats",
    "a" * 70 + " !!!!!!????....___ a_b -- --- ==",
    "    if x == 1:\n\t\treturn {\"a\": [1, 2]}  // note\r\n\r\n\r\n   end   ",
    "nul \x00 one \x01 del \x7f replacement \ufffd last \uffff",
    "The old lighthouse keeper's daughter wasn't afraid of storms; she'd seen hundreds.",
]

PROSE = """The cat sat by the harbour wall and watched the boats come in. Nobody knew whose cat it was.
Each evening the keeper brought it a herring, and each morning the herring's bones lay on the step.
"You're early," he'd say, when the lamp wasn't lit. In 1887 the storm took 14 boats and 2,300 tiles.
고양이가 항구 담장에 앉아 배들이 들어오는 것을 보았다. 아무도 그 고양이의 주인을 몰랐다.
Die Katze saß an der Hafenmauer; über ihr kreisten Möwen. Кошка сидела у стены и смотрела на лодки.
猫は港の壁に座り、船が入るのを見ていた。没有人知道那是谁的猫。
    for boat in boats:\n        print(boat.name, boat.length)\n
""" * 3


def trained(pattern, normalizer, beginning):
    tokenizer = tokenizers.Tokenizer(models.BPE(ignore_merges=beginning))
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(pattern), "isolated", invert=False),
        pre_tokenizers.ByteLevel(add_prefix_space=False, trim_offsets=False, use_regex=False),
    ])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=500, show_progress=False, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=["<|begin_of_text|>", "<|end_of_text|>"])
    tokenizer.train_from_iterator([PROSE], trainer)
    if beginning:
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(
                single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A <|begin_of_text|> $B",
                special_tokens=[("<|begin_of_text|>", 0)]),
        ])
    return tokenizer


def make_tokenizers():
    for name, pattern, normalizer, beginning in [
        ("llama3-split", LLAMA3, None, True), ("qwen2-split", QWEN2, normalizers.NFC(), False)]:
        text = json.loads(trained(pattern, normalizer, beginning).to_str())
        write(name + ".json", text)
    with tempfile.TemporaryDirectory() as folder:
        # The name becomes part of the model, a path would, too.
        os.chdir(folder)
        rules = "rules.tsv"
        # Full-width letters and blanks to ASCII, a ligature, a sequence, and something that vanishes.
        table = {"～": "~", "，": ",", "　": " ", "\u00a0": " ", "\t": " ", "\n": " ", "\ufb01": "fi",
                 "e\u0301": "\u00e9", "e\u0323\u0307": "\u1eb9\u0307", "\u200b": ""}
        with open(rules, "w", encoding="utf-8") as file:
            for source, target in table.items():
                file.write(" ".join("%X" % ord(c) for c in source) + "\t"
                           + " ".join("%X" % ord(c) for c in target) + "\n")
        common = dict(
            normalization_rule_tsv=rules, hard_vocab_limit=False, minloglevel=2,
            user_defined_symbols=["<sep>", "the cat"], character_coverage=0.98)
        for kind, size, fallback in [("bpe", 520, True), ("unigram", 260, False)]:
            # Written through a file object, so that no path becomes part of the model.
            with open(os.path.join(HERE, "tiny-" + kind + ".model"), "wb") as file:
                sentencepiece.SentencePieceTrainer.train(
                    sentence_iterator=iter(PROSE.splitlines()), model_writer=file, model_type=kind,
                    vocab_size=size, byte_fallback=fallback, **common)


def write(name, value):
    with open(os.path.join(HERE, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


def load(path):
    if path.endswith(".model"):
        model = sentencepiece.SentencePieceProcessor(model_file=path)
        return model.encode, model.decode
    tokenizer = tokenizers.Tokenizer.from_file(path)
    # A limit on length belongs to batches.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return (
        lambda text: tokenizer.encode(text, add_special_tokens=False).ids,
        lambda ids: tokenizer.decode(ids, skip_special_tokens=False))


def digest(ids):
    """sum of (id + 1) * P^(n - 1 - i) modulo 2^64"""
    values = np.array(ids, dtype=np.uint64) + np.uint64(1)
    powers = np.full(len(values), 0x100000001B3, dtype=np.uint64)
    powers[:1] = 1
    powers = np.cumprod(powers, dtype=np.uint64)[::-1]
    return "%016x" % int((values * powers).sum(dtype=np.uint64))


def main(shared):
    make_tokenizers()
    small = {name: os.path.join(HERE, name) for name in [
        "llama3-split.json", "qwen2-split.json", "tiny-bpe.model", "tiny-unigram.model"]}
    small["demo"] = os.path.join(shared, "demo-model/tokenizer.json")
    samples = {"texts": SAMPLES, "tokenizers": {}}
    for name, path in small.items():
        encode, decode = load(path)
        ids = [encode(text) for text in SAMPLES]
        samples["tokenizers"][name] = {"ids": ids, "decoded": [decode(i) if i else "" for i in ids]}
    write("samples.json", samples)

    streams = []
    for path in ["tokenizers/gpt2-tokenizer.json", "tokenizers/smollm2-tokenizer.json",
                 "demo-model/tokenizer.json", "tokenizers/llama2-tokenizer.model",
                 "models/stories279K/tokenizer.model"] + [
                     "Fixtures/llama3-split.json", "Fixtures/qwen2-split.json", "Fixtures/tiny-bpe.model"]:
        encode, decode = load(path.replace("Fixtures", HERE) if "Fixtures" in path
                              else os.path.join(shared, path))
        for text in sorted(glob.glob(os.path.join(shared, "text", "*.txt"))):
            ids = encode(open(text, encoding="utf-8", newline="").read())
            back = decode(ids).encode("utf-8")
            streams.append({
                "tokenizer": path, "text": "text/" + os.path.basename(text), "count": len(ids),
                "ids": digest(ids), "decoded": digest(np.frombuffer(back, dtype=np.uint8))})
    write("reference.json", streams)


main(os.path.abspath(sys.argv[1]))
