#!/usr/bin/env python3
"""tokenizer_reference.py SHARED: writes fixtures of TokenizersTests with Hugging Face's `tokenizers`.

  pip install tokenizers
  python tokenizer_reference.py ../shared

makes in Tests/TokenizersTests/Fixtures:
  split-patterns.json   where the splitting patterns of public models cut short texts, stage by stage
  tiny-unigram.json, tiny-unigram-bytes.json, unigram-ids.json   Unigram models, and ids of the same texts
  cases.json            count and hash of ids of the texts of SHARED/cases by their own tokenizers
"""

import json
import os
import sys

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, trainers

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FIXTURES = os.path.join(ROOT, "Tests/TokenizersTests/Fixtures")

UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
ENDS = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
BLANKS = r"|\s*[\r\n]+|\s+(?!\S)|\s+"


def o200k(ends, digits):
    return (r"[^\r\n\p{L}\p{N}]?" + UPPER + "*" + LOWER + "+" + ends + r"|[^\r\n\p{L}\p{N}]?" + UPPER + "+" + LOWER
            + "*" + ends + "|" + digits + r"| ?[^\s\p{L}\p{N}]+[\r\n/]*" + BLANKS)


HAN_UPPER, HAN_LOWER = UPPER[:-1] + r"&&[^\p{Han}]]", LOWER[:-1] + r"&&[^\p{Han}]]"
GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"

# Name, then stages: pattern, behavior, inverted.
PATTERNS = {
    "tekken": [(o200k("", r"\p{N}"), "isolated", False)],
    "o200k": [(o200k(ENDS, r"\p{N}{1,3}"), "isolated", False)],
    "o200k kept": [(o200k(ENDS, r"\p{N}{1,3}"), "removed", True)],
    "cl100k": [(r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
                + r"|\s*[\r\n]|\s+(?!\S)|\s+", "isolated", False)],
    "deepseek-v3": [
        (r"\p{N}{1,3}", "isolated", False),
        ("[一-龥\u3040-ゟ゠-ヿ]+", "isolated", False),
        (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
         + r"| ?[\p{P}\p{S}]+[\r\n]*" + BLANKS, "isolated", False)],
    "deepseek-llm": [
        (r"[\r\n]", "isolated", False),
        (r"\s?[A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅ]+", "isolated",
         False),
        (r"\s?[!-/:-~！-／：-～‘-‟　-。]+", "isolated", False),
        (r"\s+$", "isolated", False),
        ("[一-龥ࠀ-一가-퟿]+", "isolated", False)],
    "kimi": [(r"[\p{Han}]+|[^\r\n\p{L}\p{N}]?" + HAN_UPPER + "*" + HAN_LOWER + "+" + ENDS + r"|[^\r\n\p{L}\p{N}]?"
              + HAN_UPPER + "+" + HAN_LOWER + "*" + ENDS + r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*" + BLANKS,
              "isolated", False)],
    "bloom": [(r" ?[^(\s|[.,!?…。，、।۔،])]+", "isolated", False)],
    "falcon digits": [(GPT2, "isolated", False), ("[0-9][0-9][0-9]", "isolated", False)],
    "qwen marks": [(r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*"
                    + BLANKS, "isolated", False)],
    "words and marks": [(r"\w+|[^\w\s]+", "removed", True)],
    "signs removed": [(r"[\p{P}\p{S}]+", "removed", False)],
    "signs before": [(r"[\p{P}\p{S}]", "merged_with_previous", False)],
    "signs after": [(r"[\p{P}\p{S}]", "merged_with_next", False)],
    "signs joined": [(r"[\p{P}\p{S}]", "contiguous", False)],
    "signs apart": [(r"\P{P}+?", "contiguous", True)],
    "lazy and counted": [(r"\p{L}+?x|a{2}|\d{2,}|[^\S\n]+|(?:b|bc)(?:d|)|\x{61}\u0062", "isolated", False)],
}

EXTRA = [
    "McDonald's HELLOworld iPhone15 ǅungla ʰaʰ STRASSE straße İstanbul ıI'LL i'Ve'Re x'ſ",
    "a/b//c\r\n/\n//  \t/ path/to/文件.txt 中文English混排 한글한자漢字 カナかな漢字",
    "e\u0301e\u0301 \u0301a\u0301 \u0e33\u0e33 ก็ नमस्ते\u200d क्ष ①②③ Ⅷ ½ ٣٤٥٦٧ 1234567",
    "aabcdxabd bcd bd aaa 12 3 xx axbx [x] (y) {z} \\ ^ $ . , ! ? … 。 、 ।",
]


def words(tokenizer, text):
    """The ends of the words of `text` in bytes of what is kept of it."""
    ends, end = [], 0
    for word, _ in tokenizer.pre_tokenize_str(text):
        end += len(word.encode("utf-8"))
        ends.append(end)
    return ends


def split_patterns(texts):
    out = []
    for name, stages in PATTERNS.items():
        splitter = pre_tokenizers.Sequence(
            [pre_tokenizers.Split(Regex(p), behavior, invert=inverted) for p, behavior, inverted in stages])
        json_stages = [json.loads(json.dumps(s)) for s in json.loads(
            tokenizer_with(splitter).to_str())["pre_tokenizer"]["pretokenizers"]]
        out.append({"name": name, "stages": json_stages, "ends": [words(splitter, text) for text in texts]})
    return out


def tokenizer_with(splitter):
    tokenizer = tokenizers.Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = splitter
    return tokenizer


def unigram(prose, fallback):
    tokenizer = tokenizers.Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Sequence([normalizers.NFKC()])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    special = ["<unk>", "<s>", "</s>"] + ([f"<0x{b:02X}>" for b in range(256)] if fallback else [])
    tokenizer.train_from_iterator([prose], trainers.UnigramTrainer(
        vocab_size=200 + len(special), special_tokens=special, unk_token="<unk>", show_progress=False))
    state = json.loads(tokenizer.to_str())
    state["model"]["byte_fallback"] = fallback
    if fallback:
        # Byte pieces are no special tokens: they are met in the decoder alone.
        state["added_tokens"] = state["added_tokens"][:3]
        state["decoder"] = {"type": "Sequence", "decoders": [
            {"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}]}
    state["model"]["vocab"] = [[piece, round(score, 4)] for piece, score in state["model"]["vocab"]]
    return state


def digest(ids):
    result = 0
    for value in ids:
        result = (result * 0x100000001B3 + value + 1) % 2 ** 64
    return "%016x" % result


def write(name, value):
    with open(os.path.join(FIXTURES, name), "w", encoding="utf-8") as file:
        json.dump(value, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


def main(shared):
    with open(os.path.join(FIXTURES, "samples.json"), encoding="utf-8") as file:
        texts = json.load(file)["texts"] + EXTRA
    write("split-patterns.json", {"texts": texts, "patterns": split_patterns(texts)})

    prose = ("the cat sat by the harbour wall and watched the boats come in; nobody knew whose cat it was. "
             "each evening the keeper brought it a herring, and each morning the bones lay on the step. "
             "die Katze saß an der Hafenmauer. 고양이가 항구 담장에 앉아 배들이 들어오는 것을 보았다. 1887 14 boats") * 4
    answers = {}
    for name, fallback in [("tiny-unigram.json", False), ("tiny-unigram-bytes.json", True)]:
        write(name, unigram(prose, fallback))
        tokenizer = tokenizers.Tokenizer.from_file(os.path.join(FIXTURES, name))
        more = texts + ["<unk> <s>x</s> <0x41> ☃☃☃ snow☃man ﬁ ﬁn Å ①"]
        ids = [tokenizer.encode(text, add_special_tokens=False).ids for text in more]
        answers[name] = {"texts": more, "ids": ids,
                         "decoded": [tokenizer.decode(i, skip_special_tokens=False) for i in ids]}
    write("unigram-ids.json", answers)

    cases = []
    for name in ["tekken-pattern", "nfc-tibetan", "pad-beyond-vocab", "bos-minus-one"]:
        folder = os.path.join(shared, "cases", name)
        tokenizer = tokenizers.Tokenizer.from_file(os.path.join(folder, "tokenizer.json"))
        ids = tokenizer.encode(
            open(os.path.join(folder, "text.txt"), encoding="utf-8", newline="").read(), add_special_tokens=False).ids
        cases.append({"case": name, "count": len(ids), "ids": digest(ids)})
    write("cases.json", cases)


main(os.path.abspath(sys.argv[1]))
