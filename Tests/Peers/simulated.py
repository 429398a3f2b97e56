#!/usr/bin/env python3
"""KL of caches and INT8 methods beside a simulation of each in transformers, float32, on windows anyone can choose.

Needs Python with torch and transformers. MODEL is a Hugging Face directory of a Llama model. The simulation rounds keys, values,
inputs and weights as the papers say and multiplies in float32; Nibble runs its kernels, on the same text.

    python3 Tests/Peers/simulated.py MODEL TEXT [--skip CHARACTERS] [--window 512] [--windows 2] [--seed 0] [--nibble PATH]
"""
import argparse
import json
import math
import os
import subprocess
import tempfile

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.models.llama import modeling_llama

PASS = 32  # Tokens of a pass through a quantized cache here.


# Caches: each takes [heads, tokens, channels] after the rotary embedding and gives back what is read.

def groups(x, group, rounded):
    """`rounded` on groups of channels of one token."""
    parts = x.reshape(*x.shape[:-1], x.shape[-1] // group, group)
    return rounded(parts).reshape(x.shape)


def int8(x):
    """A scale of 16 bits for 32 channels, as llama.cpp's q8_0."""
    def rounded(parts):
        scale = (parts.abs().amax(-1, keepdim=True) / 127).half().float()
        return torch.where(scale > 0, (parts / scale).round().clamp(-127, 127), 0) * scale
    return groups(x, 32, rounded)


def int4(x):
    """A scale of 16 bits for 32 channels with the sign of the largest, as llama.cpp's q4_0."""
    def rounded(parts):
        largest = parts.gather(-1, parts.abs().argmax(-1, keepdim=True))
        scale = (largest / -8).half().float()
        return torch.where(scale != 0, ((parts / scale) + 8.5).floor().clamp(0, 15) - 8, 0) * scale
    return groups(x, 32, rounded)


def hadamard(size, seed):
    """A Hadamard matrix with random signs, orthonormal."""
    matrix = torch.ones(1, 1)
    while matrix.shape[0] < size:
        matrix = torch.cat([torch.cat([matrix, matrix], 1), torch.cat([matrix, -matrix], 1)])
    signs = torch.randint(0, 2, (size,), generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return matrix * signs / math.sqrt(size)


def rotated(rounded, seed):
    def through(x):
        matrix = hadamard(x.shape[-1], seed)
        return rounded(x @ matrix.T) @ matrix
    return through


def fp8(x):
    """E4M3 with a scale for each token and head."""
    scale = x.abs().amax(-1, keepdim=True) / 448
    return torch.where(scale > 0, (x / scale).to(torch.float8_e4m3fn).float(), 0) * scale


def codebook(bits, size):
    """Lloyd's levels for a coordinate of a random unit vector, on a fine grid of its density."""
    x = torch.linspace(-1, 1, 400_001, dtype=torch.float64)[1:-1]
    weight = (1 - x * x) ** ((size - 3) / 2)
    total, first = weight.cumsum(0), (weight * x).cumsum(0)
    spread = 1 / math.sqrt(size)
    levels = torch.linspace(-2.5 * spread, 2.5 * spread, 2 ** bits, dtype=torch.float64)
    for _ in range(20_000):
        ends = torch.searchsorted(x, (levels[1:] + levels[:-1]) / 2).clamp(1, len(x) - 1)
        cuts = torch.cat([torch.zeros(1, dtype=torch.long), ends, torch.tensor([len(x) - 1])])
        mass, moment = total[cuts].diff(), first[cuts].diff()
        moved = torch.where(mass > 0, moment / mass, levels)
        done = (moved - levels).abs().max() < 1e-9
        levels = moved
        if done:
            break
    return levels.float()


def turboquant(bits, seed):
    books = {}

    def through(x):
        size = x.shape[-1]
        if size not in books:
            books[size] = codebook(bits, size)
        levels, matrix = books[size], hadamard(size, seed)
        norm = x.norm(dim=-1, keepdim=True)
        unit = torch.where(norm > 0, x / norm, 0) @ matrix.T
        near = torch.bucketize(unit, (levels[1:] + levels[:-1]) / 2)
        return norm.half().float() * (levels[near] @ matrix)
    return through


def minmax(parts, bits, dim):
    low, high = parts.amin(dim, keepdim=True), parts.amax(dim, keepdim=True)
    step = ((high - low) / (2 ** bits - 1)).half().float()
    low = low.half().float()
    codes = torch.where(step > 0, ((parts - low) / step).round().clamp(0, 2 ** bits - 1), 0)
    return codes * step + low


def kivi_keys(x, bits):
    heads, tokens, channels = x.shape
    return minmax(x.reshape(heads, tokens // 32, 32, channels), bits, 2).reshape(x.shape)


def kivi_values(x, bits):
    return groups(x, 32, lambda parts: minmax(parts, bits, -1))


class Cache:
    """What attention reads in place of the keys and values of a pass: the same everywhere, or KIVI with its window."""

    def __init__(self, rounded=None, kivi=None, window=128):
        self.rounded, self.kivi, self.window = rounded, kivi, window

    def attend(self, query, key, value, scale):
        """Of one sequence: [heads, tokens, channels], keys and values already repeated for their queries' heads."""
        tokens = query.shape[1]
        if self.kivi is None:
            return self.read(query, self.rounded(key), self.rounded(value), scale, 0)
        whole = tokens // self.window * self.window
        keys = torch.cat([kivi_keys(key[:, :whole], self.kivi), key[:, whole:]], 1)
        values = kivi_values(value, self.kivi)
        out = []
        for start in range(0, tokens, PASS):
            end = min(tokens, start + PASS)
            # What a pass reads was quantized before it began.
            cut, left = start // self.window * self.window, max(0, start - self.window)
            out.append(self.read(
                query[:, start:end], torch.cat([keys[:, :cut], key[:, cut:end]], 1),
                torch.cat([values[:, :left], value[:, left:end]], 1), scale, start))
        return torch.cat(out, 1)

    @staticmethod
    def read(query, key, value, scale, start):
        scores = query @ key.transpose(1, 2) * scale
        rows = torch.arange(query.shape[1])[:, None] + start
        scores = scores.masked_fill(torch.arange(key.shape[1])[None] > rows, -math.inf)
        return scores.softmax(-1) @ value


PLAIN = modeling_llama.eager_attention_forward


def use(cache):
    def attention(module, query, key, value, mask, scaling, dropout=0.0, **rest):
        repeat = query.shape[1] // key.shape[1]
        out = [
            cache.attend(q, k.repeat_interleave(repeat, 0), v.repeat_interleave(repeat, 0), scaling)
            for q, k, v in zip(query, key, value)]
        return torch.stack(out).transpose(1, 2).contiguous(), None
    modeling_llama.eager_attention_forward = attention if cache else PLAIN
    if hasattr(modeling_llama, "ALL_ATTENTION_FUNCTIONS"):
        modeling_llama.ALL_ATTENTION_FUNCTIONS["eager"] = modeling_llama.eager_attention_forward


# Activations: each takes inputs [tokens, in] and weights [out, in].

def rows127(x):
    scale = x.abs().amax(-1, keepdim=True) / 127
    return torch.where(scale > 0, (x / scale).round().clamp(-127, 127), 0) * scale


def w8a8(x, w):
    return rows127(x) @ rows127(w).T


def whole127(x):
    scale = x.abs().max() / 127
    return (x / scale).round().clamp(-127, 127) * scale


def per_tensor(x, w):
    return whole127(x) @ whole127(w).T


def fixed(scales):
    """One scale a layer for all tokens, from the largest input of a calibration text; weights a scale a row."""
    def multiply(x, w):
        scale = scales[w.data_ptr()]
        return (x / scale).round().clamp(-127, 127) * scale @ rows127(w).T
    return multiply


def input_scales(model, ids):
    """The scale of the inputs of each linear layer of the blocks, by its weight."""
    scales, hooks = {}, []
    for layer in model.model.layers:
        for child in list(layer.self_attn.children()) + list(layer.mlp.children()):
            if isinstance(child, torch.nn.Linear):
                def see(module, inputs):
                    scales[module.weight.data_ptr()] = inputs[0].abs().max() / 127
                hooks.append(child.register_forward_pre_hook(see))
    model(ids)
    for hook in hooks:
        hook.remove()
    return scales


def llm_int8(x, w):
    outliers = (x.abs() >= 6).any(0)
    kept, rest = x.clone(), x.clone()
    rest[:, outliers] = 0
    kept[:, ~outliers] = 0
    inside = w.clone()
    inside[:, outliers] = 0
    return rows127(rest) @ rows127(inside).T + kept @ w.T


def fp8_rows(x):
    scale = x.abs().amax(-1, keepdim=True) / 448
    return torch.where(scale > 0, (x / scale).clamp(-448, 448).to(torch.float8_e4m3fn).float(), 0) * scale


def w8a8_fp8(x, w):
    return fp8_rows(x) @ fp8_rows(w).T


class Simulated(torch.nn.Module):
    def __init__(self, linear, multiply):
        super().__init__()
        self.weight, self.multiply = linear.weight, multiply

    def forward(self, x):
        return torch.cat([self.multiply(part, self.weight)[None] for part in x])


def replaced(model, multiply):
    """Puts the simulation into every linear layer of the blocks; what takes it out again."""
    before = []
    for layer in model.model.layers:
        for part in (layer.self_attn, layer.mlp):
            for name, child in list(part.named_children()):
                if isinstance(child, torch.nn.Linear):
                    before.append((part, name, child))
                    setattr(part, name, Simulated(child, multiply))
    return lambda: [setattr(part, name, child) for part, name, child in before]


def smoothed(model, ids, alpha):
    """SmoothQuant: ranges of inputs on `ids`, moved into norms and weights (q, k, v and gate, up); what undoes it."""
    largest, hooks = {}, []
    for index, layer in enumerate(model.model.layers):
        for name, part in (("attention", layer.self_attn.q_proj), ("mlp", layer.mlp.gate_proj)):
            def see(module, inputs, key=(index, name)):
                seen = inputs[0].abs().amax((0, 1))
                largest[key] = torch.maximum(largest[key], seen) if key in largest else seen
            hooks.append(part.register_forward_pre_hook(see))
    model(ids)
    for hook in hooks:
        hook.remove()
    saved = []
    for index, layer in enumerate(model.model.layers):
        attention, mlp = layer.self_attn, layer.mlp
        for name, norm, parts in (
                ("attention", layer.input_layernorm, (attention.q_proj, attention.k_proj, attention.v_proj)),
                ("mlp", layer.post_attention_layernorm, (mlp.gate_proj, mlp.up_proj))):
            weights = torch.stack([part.weight.abs().amax(0) for part in parts]).amax(0).clamp(min=1e-5)
            scale = (largest[index, name] ** alpha / weights ** (1 - alpha)).clamp(min=1e-5)
            for tensor, factor in [(norm.weight, 1 / scale)] + [(part.weight, scale) for part in parts]:
                saved.append((tensor, tensor.data.clone()))
                tensor.data *= factor
    return lambda: [tensor.data.copy_(before) for tensor, before in saved]


def kl(base, other):
    base, other = base.double().log_softmax(-1), other.double().log_softmax(-1)
    return (base.exp() * (base - other)).sum(-1)


def logits(model, windows):
    with torch.no_grad():
        return [model(window[None]).logits[0, :-1] for window in windows]


def simulate(model, windows, base, cache=None, multiply=None):
    restore = replaced(model, multiply) if multiply else None
    use(cache)
    values = torch.cat([kl(b, o) for b, o in zip(base, logits(model, windows))])
    use(None)
    if restore:
        restore()
    return values.mean().item()


def ours(arguments, text, recipe):
    command = [arguments.nibble, "evaluate", arguments.model, "--json", "--text", text, "--protocol", "paper", "--window", str(arguments.window)]
    command += ["--windows", str(arguments.windows), "--baseline", "f32"] + recipe
    return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["kl"]["mean"]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("--skip", type=int, default=0, help="characters of the text left out at its head")
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--windows", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0, help="of the rotations on this side")
    parser.add_argument("--only", default="", help="names with this in them")
    parser.add_argument("--nibble", default=".build/release/nibble")
    arguments = parser.parse_args()

    with open(arguments.text, encoding="utf-8") as file:
        text = file.read()[arguments.skip:]
    tokenizer = AutoTokenizer.from_pretrained(arguments.model)
    needed = arguments.window * arguments.windows
    ids = torch.tensor(tokenizer(text[:needed * 16], add_special_tokens=False)["input_ids"])
    assert len(ids) >= needed, f"expected at least {needed} tokens, found {len(ids)}"
    windows = ids[:needed].reshape(arguments.windows, arguments.window)
    model = AutoModelForCausalLM.from_pretrained(arguments.model, dtype=torch.float32, attn_implementation="eager").eval()
    # Calibrated on a part that is not measured.
    place = tempfile.mkdtemp(prefix="nibble-simulated-")
    path, calibration = os.path.join(place, "text.txt"), os.path.join(place, "calibration.txt")
    tail = tokenizer.decode(ids[needed:needed + 2048]) if len(ids) >= needed + 2048 else tokenizer.decode(ids[:2048])
    for name, content in ((path, text), (calibration, tail)):
        with open(name, "w", encoding="utf-8") as file:
            file.write(content)
    tail = torch.tensor(tokenizer(tail, add_special_tokens=False)["input_ids"])[:1024]
    with torch.no_grad():
        base = logits(model, windows)

        def smooth():
            undo = smoothed(model, tail[None], 0.5)
            value = simulate(model, windows, base, multiply=w8a8)
            undo()
            return value

        seed = arguments.seed
        rows = [
            ("KV int8", ["--kv", "int8"], lambda: simulate(model, windows, base, Cache(int8))),
            ("KV int4", ["--kv", "int4"], lambda: simulate(model, windows, base, Cache(int4))),
            ("KV int4 rotated", ["--kv", "int4", "--set", "kv.rotate=true"],
             lambda: simulate(model, windows, base, Cache(rotated(int4, seed)))),
            ("KV fp8", ["--kv", "fp8"], lambda: simulate(model, windows, base, Cache(fp8))),
            ("KV kivi:4", ["--kv", "kivi:4"], lambda: simulate(model, windows, base, Cache(kivi=4))),
            ("KV kivi:2", ["--kv", "kivi:2"], lambda: simulate(model, windows, base, Cache(kivi=2))),
            ("KV turboquant:4", ["--kv", "turboquant:4"],
             lambda: simulate(model, windows, base, Cache(turboquant(4, seed)))),
            ("KV turboquant:3", ["--kv", "turboquant:3"],
             lambda: simulate(model, windows, base, Cache(turboquant(3, seed)))),
            ("activations int8", ["--activations", "int8"], lambda: simulate(model, windows, base, multiply=w8a8)),
            ("activations int8, a scale for the tensor",
             ["--activations", "int8", "--set", "activations.scaling=tensor", "--set", "activations.weights=tensor"],
             lambda: simulate(model, windows, base, multiply=per_tensor)),
            ("activations int8, static",
             ["--activations", "int8", "--set", "activations.scaling=static", "--calibration", calibration, "--samples", "1",
              "--sample-length", "1024"],
             lambda: simulate(model, windows, base, multiply=fixed(input_scales(model, tail[None])))),
            ("activations llm.int8", ["--activations", "llm.int8"],
             lambda: simulate(model, windows, base, multiply=llm_int8)),
            ("activations fp8", ["--activations", "fp8"], lambda: simulate(model, windows, base, multiply=w8a8_fp8)),
            ("activations smoothquant",
             ["--activations", "smoothquant", "--calibration", calibration, "--samples", "1", "--sample-length", "1024"], smooth),
        ]
        print(f"{arguments.windows} windows of {arguments.window} tokens from character {arguments.skip:,} of {os.path.basename(arguments.text)}")
        print("| recipe | KL here | KL simulated | ratio |\n|---|---|---|---|", flush=True)
        for name, recipe, simulation in rows:
            if arguments.only not in name:
                continue
            here, there = ours(arguments, path, recipe), simulation()
            print(f"| {name} | {here:.6f} | {there:.6f} | {here / there:.2f} |", flush=True)


if __name__ == "__main__":
    main()
