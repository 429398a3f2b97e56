#!/usr/bin/env python3
"""Writes Corpus: small sound files of every kind that is read, and some that were wrong in a way of their own.

Run from here; needs nothing but the checkout. What a fuzzer finds is added by hand under a name that says what it is, and stays;
so do `run/small` and `receipt/sound`, a run of the built-in model with one entry of each list, and `resume/kept`, as a killed run left it.
"""
import json, os, struct

HERE = os.path.dirname(os.path.abspath(__file__))
TESTS = os.path.dirname(HERE)
ROOT = os.path.dirname(TESTS)


def put(reader, name, data):
    folder = os.path.join(HERE, "Corpus", reader)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data if isinstance(data, bytes) else data.encode())


def bundle(files):
    return b"\n".join(b"@@ " + name.encode() + b"\n" + (data if isinstance(data, bytes) else data.encode()) for name, data in files)


def read(*parts):
    with open(os.path.join(*parts), "rb") as file:
        return file.read()


def safetensors(tensors, metadata=None):
    header, data = ({"__metadata__": metadata} if metadata else {}), b""
    for name, dtype, shape, content in tensors:
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(data), len(data) + len(content)]}
        data += content
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def gguf(metadata, tensors, alignment=32):
    def string(text):
        return struct.pack("<Q", len(text.encode())) + text.encode()

    def value(item):
        if isinstance(item, bool): return 7, struct.pack("<?", item)
        if isinstance(item, int): return 4, struct.pack("<I", item)
        if isinstance(item, float): return 6, struct.pack("<f", item)
        if isinstance(item, str): return 8, string(item)
        kind = value(item[0])[0]
        return 9, struct.pack("<IQ", kind, len(item)) + b"".join(value(one)[1] for one in item)

    out = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    for key, item in metadata.items():
        kind, data = value(item)
        out += string(key) + struct.pack("<I", kind) + data
    data = b""
    for name, shape, kind, content in tensors:
        out += string(name) + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", n) for n in shape) + struct.pack("<IQ", kind, len(data))
        data += content + b"\0" * (-len(content) % alignment)
    return out + b"\0" * (-len(out) % alignment) + data


def floats(*values):
    return struct.pack(f"<{len(values)}f", *values)


small = safetensors([("a", "F32", [2, 2], floats(1, 2, 3, 4)), ("b", "BF16", [3], b"\0\x3f" * 3), ("c", "F8_E4M3", [2], b"\1\2")], {"format": "pt"})
put("safetensors", "sound", small)
put("safetensors", "empty-tensor", safetensors([("a", "I64", [0, 4], b"")]))
put("safetensors", "long-header", struct.pack("<Q", 1 << 62) + b"{}")
put("safetensors", "backwards", struct.pack("<Q", 58) + b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}    ' + b"\0" * 4)
index = {"metadata": {"total_size": 16}, "weight_map": {"a": "a.safetensors", "b": "b.safetensors"}}
one = safetensors([("a", "F32", [2], floats(1, 2))]); two = safetensors([("b", "F32", [2], floats(1, 2))])
put("index", "sound", bundle([("model.safetensors.index.json", json.dumps(index)), ("a.safetensors", one), ("b.safetensors", two)]))
put("index", "outside", bundle([("model.safetensors.index.json", json.dumps({"weight_map": {"a": "../a.safetensors"}}))]))

LESSON = """number = 0
minutes = 5
source = "en"

[sizes]
windows = 4

[[stop]]
id = "hello"
kind = "say"
screen = "target"

[[stop]]
id = "more-context"
kind = "do"
screen = "target"
check = "workload.context >= 4096"
way = ["e", "backspace", "backspace", "backspace", "backspace", "4096", "enter"]
keep = { weights = "plan.memory.weights" }

[[stop]]
id = "guess"
kind = "predict"
guess = "choice"
choices = ["yes", "no"]
answer = "least(kept.kl, 0.02)"

[[stop]]
id = "measure"
kind = "measure"
screen = "quality"
recipe = "weights=rtn:4:64"
jobs = ["quantize", "evaluate"]
keep = { kl = "evaluate.kl.mean" }
reveals = ["guess"]

[[stop]]
id = "why"
kind = "ask"
choices = ["smaller", "exact"]
answer = "'smaller'"
"""
TEXT = """# A lesson
language: en
revision: 1
about: What a lesson can do.

## hello
The weights of this model take {{plan.memory.weights|bytes}}. Say what the learner sees.
### notes
What you want to say in the room: `nibble lessons notes` shows it, the learner never sees it.

## more-context
Give every request room for **4096** tokens or more.
### hint
`e` types a value into the field under the cursor.
### done
The context is {{workload.context|grouped}} now; the weights still take {{kept.weights|bytes}}.

## guess
Will 4-bit weights stay below a KL of 0.02?
### yes
Yes
### no
No

## measure
The model is quantized and held against itself in full precision.
### done
The KL is {{kept.kl}} nats.

## why
What do 4-bit weights give?
### smaller
A smaller file

Right: about a quarter of the bytes.
### exact
The same numbers

No: each weight is rounded.
"""

words = ["<unk>", "<s>", "</s>"] + [f"<0x{n:02X}>" for n in range(256)] + ["\u2581a", "b"]
llama = {"general.architecture": "llama", "general.alignment": 32, "llama.block_count": 1, "llama.context_length": 64, "llama.embedding_length": 32,
         "llama.feed_forward_length": 32, "llama.attention.head_count": 2, "llama.attention.head_count_kv": 1, "llama.rope.dimension_count": 16,
         "llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.vocab_size": len(words), "tokenizer.ggml.model": "llama", "tokenizer.ggml.tokens": words,
         "tokenizer.ggml.scores": [0.0] * len(words), "tokenizer.ggml.token_type": [2, 3, 3] + [6] * 256 + [1, 1], "tokenizer.ggml.bos_token_id": 1}
plain = {"general.architecture": "llama", "general.name": "x", "general.flag": True}
put("gguf", "sound", gguf(llama, [("token_embd.weight", [32, len(words)], 8, b"\0" * 34 * len(words)), ("blk.0.attn_q.weight", [32, 1], 8, b"\0" * 34)]))
put("gguf", "small", gguf(plain, [("a", [4], 0, floats(1, 2, 3, 4))]))
put("gguf", "no-alignment", gguf(dict(plain, **{"general.alignment": 0}), []))
put("gguf", "many", b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 1 << 60))

for name in ["ct-int-4", "gptq-4-zeros", "awq-4"]:
    folder = os.path.join(TESTS, "EngineTests", "Quantized", name)
    put("model", name, bundle([("config.json", read(folder, "config.json")), ("model.safetensors", read(folder, "model.safetensors"))]))
config = json.loads(read(TESTS, "EngineTests", "Quantized", "awq-4", "config.json"))
put("config", "awq", json.dumps(config))
config.pop("quantization_config", None)
put("config", "plain", json.dumps(config))
put("config", "rope", json.dumps(dict(config, rope_scaling={"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64})))
put("config", "odd-numbers", json.dumps(dict(config, num_attention_heads=0, num_hidden_layers=10**9, hidden_size=-1)))
matrix = {"general.type": "imatrix", "imatrix.datasets": ["t"], "imatrix.chunk_count": 2, "imatrix.chunk_size": 8}
put("imatrix", "sound", gguf(matrix, [("a.weight.in_sum2", [4], 0, floats(1, 2, 0, 4)), ("a.weight.counts", [1], 0, floats(16))]))
put("imatrix", "experts", gguf(matrix, [("e.in_sum2", [2, 2], 0, floats(1, 2, 3, 4)), ("e.counts", [1, 2], 0, floats(16, 0))]))
put("logits", "sound", b"_logits_" + struct.pack("<3i", 4, 2, 1) + struct.pack("<4i", 0, 1, 0, 1) + b"\0" * 12)
put("logits", "huge", b"_logits_" + struct.pack("<3i", 1 << 24, 1 << 24, 1 << 24))

fixtures = os.path.join(TESTS, "TokenizersTests", "Fixtures")
for name in ["tiny-unigram.json", "tiny-unigram-bytes.json"]: put("tokenizer", name, read(fixtures, name))
bpe = {"version": "1.0", "added_tokens": [{"id": 6, "content": "<s>", "special": True, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False}],
       "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"}]},
       "pre_tokenizer": {"type": "Split", "pattern": {"String": "\u2581"}, "behavior": "MergedWithNext", "invert": False},
       "post_processor": None, "decoder": {"type": "ByteFallback"},
       "model": {"type": "BPE", "dropout": None, "unk_token": "u", "fuse_unk": True, "byte_fallback": False, "vocab": {"u": 0, "a": 1, "b": 2, "ab": 3, "\u2581": 4, "\u2581ab": 5}, "merges": ["a b", ["\u2581", "ab"]]}}
put("tokenizer", "bpe.json", json.dumps(bpe))
put("tokenizer", "deep.json", "[" * 3000)
put("sentencepiece", "unigram", read(fixtures, "tiny-unigram.model"))
put("sentencepiece", "bpe", read(fixtures, "tiny-bpe.model"))
put("sentencepiece", "group", b"\x0b" * 2000)
put("template", "chat", "{%- for m in messages -%}<|{{ m.role }}|>{{ m['content'] | trim }}{% if not loop.last %}\n{% endif %}{%- endfor %}{{ '<|a|>' if add_generation_prompt }}")
put("template", "macro", "{% macro f(x, y=1) %}{{ x ~ y }}{% endmacro %}{% set ns = namespace(n=0) %}{% for i in range(3) %}{% set ns.n = ns.n + i %}{% endfor %}{{ f(ns.n) }}{{ [1, 2][::-1] }}{{ {'a': 1}.items() | list }}")
put("template", "deep", "{{ " + "(" * 500 + "1" + ")" * 500 + " }}")

head = {"nibble": "session", "format": 2, "program": "0.1.0", "size": {"width": 100, "height": 30}, "theme": "dark", "title": "t", "kind": "session", "language": "en"}
lines = [{"at": 1, "message": {"launch": {}}}, {"at": 2, "message": {"tick": {"milliseconds": 2}}}, {"at": 3, "message": {"input": {"event": {"key": {"press": "2"}}}}},
         {"at": 4, "message": {"job": {"event": {"progressed": {"id": {"number": 1}, "progress": {"done": 0, "peakResidentBytes": 1, "phase": "p", "rateUnit": "", "secondsElapsed": 0.5, "total": 1, "unit": "models"}}}}}},
         {"at": 5, "marker": "m"}, {"at": 6, "note": "n"}, {"at": 7, "task": {"text": "Go.", "goal": {"screen": "method"}}},
         {"at": 8, "question": {"text": "Why?", "choices": ["a", "b"], "answer": 1, "why": "w"}}, {"at": 9, "part": {"index": 0, "count": 2, "text": "{\"ti"}},
         {"at": 9, "part": {"index": 1, "count": 2, "text": "ck\":{\"milliseconds\":9}}"}}]
text = "\n".join(json.dumps(line, separators=(",", ":")) for line in [head] + lines) + "\n"
put("session", "all", text)
put("session", "torn", text[:-9])
put("session", "keys", "\n".join(json.dumps(line, separators=(",", ":")) for line in [head] + [{"at": n, "message": {"input": {"event": {"key": {"press": key}}}}} for n, key in enumerate(["1", "2", "3", "4", "5", "6", "7", "8", "9", "?", "esc", "tab", "enter", ":", "x", "down", "ctrl+c", "q"])]) + "\n")
put("lesson", "small", bundle([("lesson.toml", LESSON), ("en.md", TEXT), ("ko.md", TEXT.replace("language: en", "language: ko").replace("revision", "of"))]))
put("theme", "small", 'name = "dusk"\ninherits = "dark"\n[palette]\nsea = "#5ccfb8"\n[roles]\naccent = "sea bold"\n[heat]\nstops = ["#101014", "sea", "#ffffff"]\n')
put("recipe", "small", 'layers = ["*.v=8", "5.down=fp"]\nhead = "4:128"\n\n[rotate]\nseed = 0\n\n[weights]\nmethod = "rtn"\nbits = 4\ngroup = 128\n\n[kv]\nmethod = "int8"\n')
put("recipe", "dates", "b = [1e9, 0x1F, inf, nan, '''x''', \"\"\"y\\\n z\"\"\"]\nc.d.e = {f = [{g = true}]}\n")
put("machine", "small", '[[machine]]\nname = "M"\nmemory-gb = 80\nbandwidth-gbs = 3350\nfp32-tflops = 67\nbf16-tflops = 989\nsource = "s"\n')
for reader in ["theme", "recipe", "machine", "class"]:
    put(reader, "return", "[\rm]\n")
    put(reader, "date", "a = 1979-05-27T/\n")
    put(reader, "mark", b"\xef\xbb\xbf[.a]\n")
    put(reader, "deep", "[" + "a." * 3000 + "a]\n")
    put(reader, "nameless", "a = 1\n[.a]\n")
    put(reader, "brackets", "a = " + "[" * 3000 + "\n")
put("lesson", "deep", bundle([("lesson.toml", "[" + "a." * 3000 + "a]\n")]))
put("class", "small", 'name = "Group 3"\nlessons = ["targets", "decide"]\nlanguage = "ko"\nseed = 7\nminutes = 10\n[limits]\ntargets = 12\n[[machine]]\nname = "class laptop"\nmemory-gb = 16\nbandwidth-gbs = 40\nfp32-tflops = 0.6\nint8-tops = 2.4\n')
kept = {"targets": {"language": "en", "isFinished": True, "stops": {"one": {"isRight": True, "isDone": True, "isSkipped": False, "isRecorded": False, "figures": {}}}}}
put("learner", "sheet", json.dumps({"format": 1, "learner": "ada", "program": "0.1.0", "lessons": kept}))
put("learner", "nameless", json.dumps({"format": 1, "learner": "", "program": "", "lessons": {"": kept["targets"], "a/b": kept["targets"]}}))
put("learner", "progress", json.dumps({"format": 1, "lessons": kept}))
put("json", "small", '{"a":[1,-2.5e3,true,null,"\\u00e9\\ud83d\\ude80"],"b":{}}')
put("json", "surrogate", '["\\ud800"]')
put("resume", "state", bundle([("unfinished-run-of-nibble", "x"), ("state.json", '{"blocks":2,"checksum":"0","done":[],"identity":{"facts":[{"name":"recipe","value":"x"}]},"stream":"s","streamChecksum":"0","version":2}')]))
put("resume", "older", bundle([("state.json", '{"blocks":2,"done":[],"identity":{"facts":[]},"stream":"s","version":1}')]))
put("tasks", "plain", '{"id":"a","context":"Once upon","choices":["a time","no"],"answer":0}\n{"id":2,"context":"x","expected":"y","until":["\\n"],"max_tokens":2}\n')
put("tasks", "harness", '{"doc_id":0,"target":"0","arguments":{"gen_args_0":{"arg_0":"Once","arg_1":" upon"},"gen_args_1":{"arg_0":"Once","arg_1":" no"}}}\n')
put("trace", "azure", "TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03.9799600,374,44\n2023-11-16 18:17:04.0319600,396,109\n")
put("trace", "seconds", "TIMESTAMP,ContextTokens,GeneratedTokens\n0.0,10,5\n0.25,12,7\n")
put("trace", "mooncake", '{"timestamp":0,"input_length":600,"output_length":9,"hash_ids":[1,2]}\n{"timestamp":20,"input_length":700,"output_length":3,"hash_ids":[1,3]}\n')
put("receipt", "small", '{"nibble":"receipt","format":1,"program":"0.1.0"}')

print(sum(os.path.getsize(os.path.join(base, name)) for base, _, names in os.walk(os.path.join(HERE, "Corpus")) for name in names), "bytes")
