#!/usr/bin/env python3
"""large_gguf.py NIBBLE [FOLDER]: time and memory of `inspect`, `plan` and `plan --layers` on a GGUF file of the shape of Llama 3 70B.

The file is sparse: its header is whole, with 128 256 tokens and as many merges as the real one has, its data holes. Types are those of a
Q4_K_M file. Prints seconds and resident megabytes of five runs each; the least of each counts.
"""

import os
import struct
import subprocess
import sys

BLOCKS, WIDTH, INNER, HEADS, KV, HEAD, VOCAB = 80, 8192, 28672, 64, 8, 128, 128256
TYPES = {"F32": (0, 1, 4), "Q4_K": (12, 256, 144), "Q6_K": (14, 256, 210)}


def text(value):
    return struct.pack("<Q", len(value)) + value


def entry(key, kind, value):
    return text(key.encode()) + struct.pack("<I", kind) + value


def strings(values):
    return struct.pack("<IQ", 8, len(values)) + b"".join(map(text, values))


def metadata():
    u32 = lambda key, value: entry(key, 4, struct.pack("<I", value))
    a = "llama."
    tokens = [b"t%d" % i for i in range(VOCAB)]
    merges = [b"t%d t%d" % (i % 1000, i // 1000 % 1000) for i in range(280147)]
    return [
        entry("general.architecture", 8, text(b"llama")), u32("general.file_type", 15),
        u32(a + "block_count", BLOCKS), u32(a + "embedding_length", WIDTH), u32(a + "feed_forward_length", INNER),
        u32(a + "attention.head_count", HEADS), u32(a + "attention.head_count_kv", KV), u32(a + "context_length", 8192),
        u32(a + "vocab_size", VOCAB), u32(a + "rope.dimension_count", HEAD),
        entry(a + "attention.layer_norm_rms_epsilon", 6, struct.pack("<f", 1e-5)),
        entry(a + "rope.freq_base", 6, struct.pack("<f", 500000.0)),
        entry("tokenizer.ggml.model", 8, text(b"gpt2")), entry("tokenizer.ggml.pre", 8, text(b"llama-bpe")),
        entry("tokenizer.ggml.tokens", 9, strings(tokens)), entry("tokenizer.ggml.merges", 9, strings(merges)),
        entry("tokenizer.ggml.token_type", 9, struct.pack("<IQ", 5, VOCAB) + struct.pack("<i", 1) * VOCAB),
    ]


def tensors():
    yield "token_embd.weight", "Q4_K", [WIDTH, VOCAB]
    yield "output_norm.weight", "F32", [WIDTH]
    yield "output.weight", "Q6_K", [WIDTH, VOCAB]
    for block in range(BLOCKS):
        p = f"blk.{block}."
        more = "Q6_K" if block % 8 in (0, 1, 2, 7) else "Q4_K"
        yield p + "attn_norm.weight", "F32", [WIDTH]
        yield p + "ffn_norm.weight", "F32", [WIDTH]
        yield p + "attn_q.weight", "Q4_K", [WIDTH, WIDTH]
        yield p + "attn_k.weight", "Q4_K", [WIDTH, KV * HEAD]
        yield p + "attn_v.weight", more, [WIDTH, KV * HEAD]
        yield p + "attn_output.weight", "Q4_K", [WIDTH, WIDTH]
        yield p + "ffn_gate.weight", "Q4_K", [WIDTH, INNER]
        yield p + "ffn_up.weight", "Q4_K", [WIDTH, INNER]
        yield p + "ffn_down.weight", more, [INNER, WIDTH]


def write(path):
    entries, listed, end = metadata(), list(tensors()), 0
    infos = b""
    for name, kind, shape in listed:
        number, elements, size = TYPES[kind]
        count = 1
        for dimension in shape:
            count *= dimension
        infos += text(name.encode()) + struct.pack("<I", len(shape)) + struct.pack(f"<{len(shape)}Q", *shape)
        infos += struct.pack("<IQ", number, end)
        end += (count // elements * size + 31) // 32 * 32
    head = b"GGUF" + struct.pack("<IQQ", 3, len(listed), len(entries)) + b"".join(entries) + infos
    start = (len(head) + 31) // 32 * 32
    with open(path, "wb") as file:
        file.write(head)
        file.truncate(start + end)
    print(f"{path}: {(start + end) / 1e9:.1f} GB, header of {len(head) / 1e6:.1f} MB, {len(listed)} tensors")


def measure(command):
    best = None
    for _ in range(5):
        ran = subprocess.run(["/usr/bin/env", "time", "-f", "%e %M", *command], capture_output=True, text=True)
        if ran.returncode:
            return ran.stderr.strip()
        seconds, kilobytes = map(float, ran.stderr.strip().split("\n")[-1].split())
        best = min(best or (9e9, 9e9), (seconds, kilobytes / 1000))
    return f"{best[0]:.2f} s, {best[1]:.0f} MB"


nibble, folder = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "/tmp"
path = os.path.join(folder, "nibble-70b.gguf")
write(path)
for words in (["inspect"], ["inspect", "--json"], ["plan"], ["plan", "--layers"]):
    print(f"{' '.join(words):16} {measure([nibble, words[0], path, *words[1:]])}")
os.remove(path)
