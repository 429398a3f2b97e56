#!/usr/bin/env python3
"""unicode_tables.py: writes what Sources/Tokenizers knows of Unicode, and the fixture that checks it.

  python unicode_tables.py

makes, from Python's own unicodedata and (for scripts) the package `regex`:
  Sources/Tokenizers/Normalization/NormalizationData.swift   decompositions, combining classes, exclusions
  Sources/Tokenizers/Patterns/ScriptRanges.swift             the scripts that splitting patterns name
  Tests/TokenizersTests/Fixtures/normalization.json          short texts in all four forms, and digests
"""

import base64
import json
import os
import random
import unicodedata

import regex

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
FORMS = ["NFC", "NFD", "NFKC", "NFKD"]


def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def is_hangul(code):
    return 0xAC00 <= code <= 0xD7A3


def tables():
    codes = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
    out = bytearray()
    # Runs of one combining class.
    runs = []
    for code in codes:
        combining = unicodedata.combining(chr(code))
        if not combining:
            continue
        if runs and runs[-1][1] + 1 == code and runs[-1][2] == combining:
            runs[-1][1] = code
        else:
            runs.append([code, code, combining])
    out += varint(len(runs))
    last = 0
    for first, end, combining in runs:
        out += varint(first - last) + varint(end - first) + bytes([combining])
        last = end
    # One step of the canonical decompositions; whether the pair composes again.
    entries = []
    for code in codes:
        text = unicodedata.decomposition(chr(code))
        if text and text[0] != "<":
            entries.append((code, [int(part, 16) for part in text.split()]))
    out += varint(len(entries))
    last = 0
    for code, parts in entries:
        composes = unicodedata.normalize("NFC", chr(code)) == chr(code)
        out += varint((code - last) << 2 | composes << 1 | (len(parts) == 2))
        for part in parts:
            out += varint(part)
        last = code
    # Full compatibility decompositions, where they differ from the canonical ones; runs that count up together.
    entries = []
    for code in codes:
        full = unicodedata.normalize("NFKD", chr(code))
        if full != unicodedata.normalize("NFD", chr(code)) and not is_hangul(code):
            entries.append((code, [ord(c) for c in full]))
    groups = []
    for code, parts in entries:
        group = groups[-1] if groups else None
        if (group and len(parts) == 1 and len(group[2]) == 1 and group[0] + group[1] == code
                and group[2][0] + group[1] == parts[0]):
            group[1] += 1
        else:
            groups.append([code, 1, parts])
    out += varint(len(groups))
    last = 0
    for code, count, parts in groups:
        out += varint(code - last) + varint(count) + varint(len(parts))
        for part in parts:
            out += varint(part)
        last = code
    return bytes(out)


def write_data():
    text = base64.b64encode(tables()).decode()
    lines = [text[i:i + 114] for i in range(0, len(text), 114)]
    path = os.path.join(ROOT, "Sources/Tokenizers/Normalization/NormalizationData.swift")
    with open(path, "w") as file:
        file.write(f"""/// Decompositions, combining classes and composition exclusions of Unicode {unicodedata.unidata_version}.
///
/// Written by Tests/Peers/unicode_tables.py, in Base64: runs of combining classes, steps of canonical
/// decompositions, full compatibility decompositions; numbers of seven bits a byte, lowest first.
enum NormalizationData {{
  static let base64 = \"\"\"
""")
        for line in lines[:-1]:
            file.write(f"    {line}\\\n")
        file.write(f"    {lines[-1]}\n    \"\"\"\n}}\n")


def write_scripts():
    path = os.path.join(ROOT, "Sources/Tokenizers/Patterns/ScriptRanges.swift")
    with open(path, "w") as file:
        file.write("""/// Characters of the scripts that splitting patterns name (Unicode Standard Annex 24).
///
/// Written by Tests/Peers/unicode_tables.py.
enum ScriptRanges {
  /// First and last scalar of each run, by the script's name in lower case.
  static let all: [String: [ClosedRange<UInt32>]] = [
""")
        for name in ["Han", "Hangul", "Hiragana", "Katakana", "Thai"]:
            pattern = regex.compile(r"\p{Script=%s}" % name)
            runs = []
            for code in range(0x110000):
                if 0xD800 <= code <= 0xDFFF or not pattern.match(chr(code)):
                    continue
                if runs and runs[-1][1] + 1 == code:
                    runs[-1][1] = code
                else:
                    runs.append([code, code])
            words = [f"0x{a:x}...0x{b:x}" for a, b in runs]
            file.write(f"    \"{name.lower()}\": [\n")
            line = "     "
            for word in words:
                if len(line) + len(word) + 2 > 100:
                    file.write(line + "\n")
                    line = "     "
                line += " " + word + ","
            file.write(line + "\n    ],\n")
        file.write("  ]\n}\n")


def digest(values):
    result = 0
    for value in values:
        result = (result * 0x100000001B3 + value + 1) % 2 ** 64
    return "%016x" % result


def write_fixture():
    special = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF and (
        unicodedata.combining(chr(c)) or unicodedata.normalize("NFKD", chr(c)) != chr(c))]
    # Every special character alone, and between letters that may compose with it.
    digests = {}
    for form in FORMS:
        bytes_ = bytearray()
        for code in special:
            bytes_ += unicodedata.normalize(form, "a" + chr(code) + "\u0301" + chr(code) + "\u0323").encode()
        digests[form] = digest(bytes_)
    generator = random.Random(15)
    seconds = sorted({ord(unicodedata.normalize("NFD", chr(c))[-1]) for c in special})
    marks = [c for c in special if unicodedata.combining(chr(c))]
    jamo = list(range(0x1100, 0x1113)) + list(range(0x1161, 0x1176)) + list(range(0x11A7, 0x11C3)) + [0xAC00, 0xAC01]
    tibetan = [0xF71, 0xF72, 0xF73, 0xF74, 0xF75, 0xF80, 0xF81, 0xF40]
    pools = [special, seconds, marks, jamo, tibetan, [0x41, 0x61, 0x65, 0x6F, 0x915, 0x1025, 0x20, 0x3A9]]
    texts = []
    while len(texts) < 300:
        pool = generator.sample(pools, 2)
        text = "".join(chr(generator.choice(generator.choice(pool))) for _ in range(generator.randint(2, 7)))
        if any(unicodedata.normalize(form, text) != text for form in FORMS):
            texts.append([text] + [unicodedata.normalize(form, text) for form in FORMS])
    path = os.path.join(ROOT, "Tests/TokenizersTests/Fixtures/normalization.json")
    with open(path, "w") as file:
        json.dump({"unicode": unicodedata.unidata_version, "special": len(special), "digests": digests,
                   "texts": texts}, file, ensure_ascii=True, separators=(",", ":"))
        file.write("\n")


write_data()
write_scripts()
write_fixture()
