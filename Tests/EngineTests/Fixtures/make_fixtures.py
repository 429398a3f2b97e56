"""Makes the fixtures of this folder with the original authors' code, or checks those that are here against it.

Each case takes its inputs (`in.*`) from the file that is here, or draws new ones of the same shapes with --seed, and
computes every output (`out.*`) again. `check` compares within the tolerances of manifest.json and exits 1 where one is
missed; `write` replaces the outputs in the files and the sums in the manifest.

    python make_fixtures.py check --sources DIR [CASE ...]
    python make_fixtures.py write --sources DIR [--seed N] [CASE ...]

DIR holds checkouts of the repositories whose code is in no package, at the commits the manifest names:
gptq (IST-DASLab/gptq), llm-awq (mit-han-lab/llm-awq), smoothquant (mit-han-lab/smoothquant), hqq (mobiusml/hqq).
From PyPI: torch, safetensors, compressed-tensors, bitsandbytes, gguf. A case whose source is not there is named and
left alone. Single functions are read out of the authors' files, so that what else these import is not needed.
"""

import argparse
import ast
import hashlib
import importlib.util
import json
import math
import pathlib
import sys
import time
import types
import typing

import numpy
import torch
from safetensors.torch import load_file, save_file

HERE = pathlib.Path(__file__).parent
torch.set_num_threads(1)
torch.set_grad_enabled(False)


class Missing(Exception):
    """A source that a case needs is not there."""


class Sources:
    """The authors' code."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder) if folder else None

    def path(self, name):
        if self.folder is None or not (self.folder / name).exists():
            raise Missing(f"{name} (--sources)")
        return self.folder / name

    def module(self, name):
        """A file that imports nothing but torch."""
        path = self.path(name)
        spec = importlib.util.spec_from_file_location(path.stem, path)
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        return module

    def functions(self, name, *wanted, **given):
        """Some top-level functions or classes of a file, without the rest of it."""
        path = self.path(name)
        tree = ast.parse(path.read_text())
        nodes = [n for n in tree.body if getattr(n, "name", None) in wanted]
        if len(nodes) != len(wanted):
            raise Missing(f"{wanted} in {path}")
        scope = {"torch": torch, "nn": torch.nn, "math": math, "Tensor": torch.Tensor, **given}
        exec(compile(ast.Module(nodes, []), str(path), "exec"), scope)
        return [scope[w] for w in wanted]


def grouped(weight, group):
    """Rows cut into groups of columns: [rows * groups, group]."""
    return weight.reshape(-1, weight.shape[1] if group in (-1, "channel") else group)


# One function a family: (sources, inputs by name without "in.", case) -> outputs by name without "out.".


def gptq_grid(sources, inputs, case):
    quant = sources.module("gptq/quant.py")
    params, weight, out = case["params"], inputs["W"], {}
    levels = 2 ** params["bits"] - 1
    if params.get("mse"):
        q = quant.Quantizer()
        q.configure(params["bits"], perchannel=True, sym=params["symmetric"], mse=True, norm=params["norm"],
                    grid=params["grid"], maxshrink=params["maxshrink"])
        q.find_params(weight, weight=True)
        codes = torch.clamp(torch.round(weight / q.scale) + q.zero, 0, levels)
        return {"scale": q.scale, "zero": q.zero, "codes": codes.to(torch.uint8)}
    for name in params["granularities"]:
        group = {"tensor": None, "channel": -1}.get(name) if name[0] != "g" else int(name[1:])
        rows = weight if group is None else grouped(weight, group)
        q = quant.Quantizer()
        q.configure(params["bits"], perchannel=group is not None, sym=params["symmetric"], mse=False)
        q.find_params(rows, weight=True)
        scale, zero = q.scale, q.zero
        codes = torch.clamp(torch.round(rows / scale) + zero, 0, levels)
        shape = (weight.shape[0], -1)
        out[f"{name}.scale"] = scale.reshape(shape)
        out[f"{name}.zero"] = zero.reshape(shape)
        out[f"{name}.codes"] = codes.to(torch.uint8).reshape(weight.shape)
        out[f"{name}.dequant"] = quant.quantize(rows, scale, zero, torch.tensor(levels)).reshape(weight.shape)
    return out


def gptq(sources, inputs, case):
    quant = sources.module("gptq/quant.py")
    torch.cuda.synchronize = lambda *_: None
    (solver,) = sources.functions("gptq/gptq.py", "GPTQ", transformers=types.SimpleNamespace(Conv1D=()),
                                  DEBUG=False, quantize=quant.quantize,
                                  time=time)
    params, weight, hessian = case["params"], inputs["W"], inputs["H"]
    rows, columns = weight.shape
    group, levels = params["gs"], 2 ** params["bits"] - 1
    layer = torch.nn.Linear(columns, rows, bias=False)
    layer.weight.data = weight.clone()

    # The solver keeps neither scales nor its printed error: both are seen from outside.
    found, printed = [], []

    class Watched(quant.Quantizer):
        def find_params(self, x, weight=False):
            super().find_params(x, weight=weight)
            found.append((self.scale.clone().flatten(), self.zero.clone().flatten()))

    run = solver.__new__(solver)
    run.layer, run.dev, run.rows, run.columns = layer, weight.device, rows, columns
    run.H, run.nsamples = hessian.clone(), params["nseq"]
    run.quantizer = Watched()
    run.quantizer.configure(params["bits"], perchannel=True, sym=params["sym"], mse=params["mse"])
    solver.fasterquant.__globals__["print"] = lambda *a: printed.append(a)
    run.fasterquant(blocksize=params["bs"], percdamp=params["damp"], groupsize=group, actorder=params["act"])
    grids = found[1:] if len(found) > 1 else found
    result = layer.weight.data.float()
    order = torch.argsort(torch.diag(hessian), descending=True) if params["act"] else torch.arange(columns)
    index = torch.empty(columns, dtype=torch.int32)
    index[order] = (torch.arange(columns) // (group if group > 0 else columns)).to(torch.int32)
    scale = torch.stack([g[0] for g in grids], 1)
    zero = torch.stack([g[1] for g in grids], 1)
    at = index.long()
    codes = torch.clamp(torch.round(result / scale[:, at]) + zero[:, at], 0, levels)
    plain = quant.Quantizer()
    plain.configure(params["bits"], perchannel=True, sym=params["sym"], mse=False)

    def loss(other):
        difference = (weight - other).double()
        return (difference @ hessian.double() * difference).sum().reshape(1)

    pieces = []
    for first in range(0, columns, group):
        part = weight[:, first:first + group]
        plain.find_params(part, weight=True)
        pieces.append(quant.quantize(part, plain.scale, plain.zero, torch.tensor(levels)))
    name = case["id"].removeprefix("gptq_tail_")
    total = next(a[1] for a in printed if a and a[0] == "error")
    return {f"{name}.codes": codes.to(torch.uint8), f"{name}.scale": scale, f"{name}.zero": zero,
            f"{name}.g_idx": index, f"{name}.proxy_loss": loss(result), f"{name}.rtn_proxy_loss": loss(torch.cat(pieces, 1)),
            f"{name}.sum_losses": torch.tensor([total], dtype=torch.float64)}


def awq_grid(sources, inputs, case):
    (quantize,) = sources.functions("llm-awq/awq/quantize/quantizer.py", "pseudo_quantize_tensor")
    weight, out = inputs["W"], {}
    for bits in case["params"]["bits"]:
        for group in case["params"]["group"]:
            size = -1 if group == "channel" else group
            result, scale, zero = quantize(weight.clone(), n_bit=bits, zero_point=True, q_group_size=size,
                                           get_scale_zp=True)
            rows = grouped(result, size)
            codes = torch.round(rows / scale.reshape(-1, 1)) + zero.reshape(-1, 1)
            name = f"b{bits}.g{group}"
            out[f"{name}.scale"], out[f"{name}.zero"] = scale, zero
            out[f"{name}.codes"] = codes.to(torch.uint8).reshape(weight.shape)
    return out


def absmax(weight, bits, group):
    """Symmetric rounding by the largest magnitude of a group, as AutoAWQ and SmoothQuant have it: scale, codes."""
    rows = grouped(weight, group)
    most = 2 ** (bits - 1) - 1
    scale = rows.abs().amax(1, keepdim=True).clamp(min=1e-5) / most
    codes = torch.clamp(torch.round(rows / scale), -most - 1, most)
    return scale.reshape(weight.shape[0], -1), codes.to(torch.int8).reshape(weight.shape)


def absmax_groups(sources, inputs, case):
    out = {}
    for bits in case["params"]["bits"]:
        for group in case["params"]["group"]:
            out[f"b{bits}.g{group}.scale"], out[f"b{bits}.g{group}.codes"] = absmax(inputs["W"], bits, group)
    return out


def ties(sources, inputs, case):
    (eight,) = sources.functions("smoothquant/smoothquant/fake_quant.py", "quantize_weight_per_channel_absmax")
    scale, codes = absmax(inputs["W4"], 4, -1)
    return {"W4.scale": scale, "W4.codes": codes, "W4.dequant": codes * scale,
            "W8.dequant": eight(inputs["W8"].clone(), n_bits=8)}


def hqq(sources, inputs, case):
    search = sources.functions("hqq/hqq/core/optimize.py", "optimize_weights_proximal_legacy", "shrink_lp_op",
                               "optimize_weights_proximal_legacy_step", np=numpy, Union=typing.Union, float16=torch.float16,
                               float32=torch.float32)[0]
    weight, out = inputs["W"], {}
    for name in {n.removeprefix("out.").rsplit(".", 1)[0] for n in case["tensors"] if n.startswith("out.")}:
        bits, axis, group = (int(part.lstrip("abgxis")) for part in name.split("."))
        levels = 2 ** bits - 1
        rows = weight.reshape(-1, group) if axis == 1 else weight.reshape(group, -1)
        low, high = rows.amin(axis, keepdim=True), rows.amax(axis, keepdim=True)
        scale = (levels / (high - low)).clamp(max=2e4)
        codes, scale, zero = search(tensor=rows, scale=scale, zero=-low * scale, min_max=[0, levels], axis=axis,
                                    device="cpu")
        out[f"{name}.codes"] = codes.to(torch.uint8).reshape(weight.shape)
        out[f"{name}.scale"], out[f"{name}.zero"] = (1.0 / scale).flatten(), zero.flatten()
    return out


def int8_dynamic(sources, inputs, case):
    from compressed_tensors.quantization import QuantizationArgs
    from compressed_tensors.quantization.lifecycle.forward import quantize
    from compressed_tensors.quantization.utils import calculate_qparams, compute_dynamic_scales_and_zp
    weight, x = inputs["W"], inputs["X"]
    by_row = QuantizationArgs(num_bits=8, type="int", strategy="channel", symmetric=True)
    scale, zero = calculate_qparams(weight.amin(1, keepdim=True), weight.amax(1, keepdim=True), by_row)
    codes = quantize(weight, scale, zero, by_row, dtype=torch.int8)
    out = {"weight": codes, "weight_scale": scale}
    for name, symmetric in (("x", True), ("xasym", False)):
        form = QuantizationArgs(num_bits=8, type="int", strategy="token", symmetric=symmetric, dynamic=True)
        # A token's own scale asks for [batch, tokens, features].
        s, z = compute_dynamic_scales_and_zp(x[None], form, torch.nn.Module())
        q = quantize(x[None], s, z, form, dtype=torch.int8)[0]
        s, z = s.reshape(-1, 1), z.reshape(-1, 1)
        out[f"{name}_scale"], out[f"{name}_codes"] = s, q
        if not symmetric:
            out["xasym_zp"] = z.to(torch.int8)
    total = out["x_codes"].to(torch.int32) @ codes.to(torch.int32).T
    runtime = x.abs().amax(1, keepdim=True).clamp(min=1e-5) / 127
    return out | {"acc_int32": total, "y": total.double().mul(out["x_scale"]).mul(scale.T).float(),
                  "runtime127.x_scale": runtime, "runtime127.x_codes": torch.round(x / runtime).to(torch.int8)}


def llm_int8(sources, inputs, case):
    import bitsandbytes.functional as functional
    x, weight, threshold = inputs["X"], inputs["W"], case["params"]["threshold"]
    CB, SCB, _ = functional.int8_vectorwise_quant(weight)
    out = {"CB": CB, "SCB": SCB.float()}
    operators = torch.ops.bitsandbytes
    for name, limit in (("t6", threshold), ("t0", 0.0)):
        CA, SCA, columns = functional.int8_vectorwise_quant(x, threshold=limit)
        # The two branches of MatMul8bitLt.forward; `matmul` itself takes another way on a CPU.
        y = (operators.int8_mixed_scaled_mm(x, CA, CB, SCA, SCB, columns, None)[0] if limit > 0
             else operators.int8_scaled_mm.default(CA, CB, SCA, SCB, bias=None, dtype=x.dtype))
        if columns is not None:
            CA = CA.clone()
            CA[:, columns.long()] = 0
        out |= {f"{name}.CA": CA, f"{name}.SCA": SCA.float(), f"{name}.y": y.float()}
    wide = (x.abs() >= threshold).any(0)
    out["outlier_cols"] = wide.nonzero().flatten().to(torch.int32)
    exact, narrow = x.double(), weight.double()
    a, b = exact.clone(), narrow.clone()
    a[:, wide] = 0
    b[:, wide] = 0
    ca, cb = a.abs().amax(1, keepdim=True) / 127, b.abs().amax(1, keepdim=True) / 127
    split = (torch.round(a / ca) @ torch.round(b / cb).T) * ca * cb.T
    out["paper.y"] = (split + exact[:, wide] @ narrow[:, wide].T).float()
    return out


def smoothquant(sources, inputs, case):
    (smooth,) = sources.functions("smoothquant/smoothquant/smooth.py", "smooth_ln_fcs_llama_like",
                                  LlamaRMSNorm=torch.nn.RMSNorm, MistralRMSNorm=torch.nn.RMSNorm,
                                  MixtralRMSNorm=torch.nn.RMSNorm)
    by_row, by_tensor, per_token, per_tensor = sources.functions(
        "smoothquant/smoothquant/fake_quant.py", "quantize_weight_per_channel_absmax",
        "quantize_weight_per_tensor_absmax", "quantize_activation_per_token_absmax",
        "quantize_activation_per_tensor_absmax")
    x, weight = inputs["X"], inputs["W"]
    norm = torch.nn.RMSNorm(x.shape[1])
    norm.weight.data = inputs["ln_weight"].clone()
    layers = []
    for part in weight.split(case["params"]["fc_out_features"]):
        layer = torch.nn.Linear(part.shape[1], part.shape[0], bias=False)
        layer.weight.data = part.clone()
        layers.append(layer)
    smooth(norm, layers, x.abs().amax(0), case["params"]["alpha"])
    moved = torch.cat([layer.weight.data for layer in layers])
    scale = inputs["ln_weight"] / norm.weight.data
    out = {"s": scale, "ln_weight": norm.weight.data, "W_smoothed": moved}
    for kind, w, a in (("naive", weight, x), ("smooth", moved, x / scale)):
        for name, weights, acts in (("per_channel.per_token", by_row, per_token),
                                    ("per_tensor.per_tensor", by_tensor, per_tensor)):
            out[f"y.{kind}.{name}"] = (acts(a.clone()) @ weights(w.clone()).T)[:64]
    return out


def fp8_table(sources, inputs, case):
    out = {}
    for name, kind, most in (("e4m3fn", torch.float8_e4m3fn, 448), ("e5m2", torch.float8_e5m2, 57344)):
        out[name] = inputs["x"].clamp(-most, most).to(kind).view(torch.uint8)
        all_codes = torch.arange(256, dtype=torch.int32).to(torch.uint8).view(kind).float()
        out[f"{name}_decode_all"] = torch.nan_to_num(all_codes, nan=0, posinf=0, neginf=0)
    return out


def kv_rows(sources, inputs, case):
    import gguf
    keys, queries = inputs["K"], inputs["q"]
    width = keys.shape[-1]
    hadamard = torch.ones(1, 1)
    while hadamard.shape[0] < width:
        hadamard = torch.cat([torch.cat([hadamard, hadamard], 1), torch.cat([hadamard, -hadamard], 1)])
    hadamard = hadamard / math.sqrt(width)
    out = {"K_rot": keys @ hadamard}
    for name, kind in (("q8_0", gguf.GGMLQuantizationType.Q8_0), ("q4_0", gguf.GGMLQuantizationType.Q4_0)):
        for way, k, q in (("plain", keys, queries), ("rot", keys @ hadamard, queries @ hadamard)):
            # Heads of a token lie together in a row of the cache.
            blocks = gguf.quants.quantize(k.contiguous().numpy(), kind)
            back = torch.from_numpy(gguf.quants.dequantize(blocks, kind)).reshape(k.shape)
            out[f"{name}.{way}.blocks"] = torch.from_numpy(blocks.flatten().copy())
            out[f"{name}.{way}.scores"] = torch.einsum("htd,hd->ht", back, q)
    return out


def kivi(sources, inputs, case):
    """Window and grids as the manifest's notes state them (jy-yuan/KIVI, quant/new_pack.py and llama_kivi.py)."""
    keys, values, queries, p = inputs["K"], inputs["V"], inputs["q_last"], case["params"]
    bits, group, window, prefill = p["bits"], p["group"], p["residual_length"], p["prefill"]
    tokens, levels = keys.shape[2], 2 ** p["bits"] - 1

    def grid(x, axis):
        """Along the last axis of `x` in groups, or along tokens: codes, scale, smallest."""
        cut = x.unflatten(axis, (-1, group))
        low, high = cut.amin(axis + 1, keepdim=True), cut.amax(axis + 1, keepdim=True)
        scale = (high - low) / levels
        codes = torch.round(((cut - low) / scale).clamp(0, levels))
        return (codes.flatten(axis, axis + 1), scale.squeeze(axis + 1), low.squeeze(axis + 1),
                (codes * scale + low).flatten(axis, axis + 1))

    def packed(codes, axis):
        words = codes.to(torch.int64).unflatten(axis, (-1, 32 // bits))
        shifts = (torch.arange(32 // bits) * bits).reshape([-1] + [1] * (codes.dim() - axis - 1))
        word = (words << shifts).sum(axis + 1)
        return torch.where(word >= 2 ** 31, word - 2 ** 32, word).to(torch.int32)

    first_key, first_value = prefill // window * window, max(0, prefill - window)
    # Codes and grids are shown of the tokens that fill whole windows of keys.
    k_codes, k_scale, k_low, _ = grid(keys[:, :, :first_key], 2)
    v_codes, v_scale, v_low, _ = grid(values[:, :, :first_key], 3)
    counted, trace = (first_key, first_value), []
    for length in range(prefill + 1, tokens + 1):
        k_done, v_done = counted
        trace.append([k_done, length - k_done, v_done, length - v_done])
        last = counted
        counted = (length if length - k_done == window else k_done, max(v_done, length - window))
    k_done, v_done = last
    k_seen = torch.cat([grid(keys[:, :, :k_done], 2)[3], keys[:, :, k_done:]], 2)
    v_seen = torch.cat([grid(values[:, :, :v_done], 3)[3], values[:, :, v_done:]], 2)
    repeats = queries.shape[1] // keys.shape[1]
    k_wide, v_wide = (x.repeat_interleave(repeats, 1) for x in (k_seen, v_seen))
    scores = queries @ k_wide.transpose(2, 3) / math.sqrt(keys.shape[3])
    return {"k.code": packed(k_codes, 2), "k.scale": k_scale, "k.mn": k_low,
            "v.code": packed(v_codes, 3), "v.scale": v_scale, "v.mn": v_low,
            "trace_kq_kfull_vq_vfull": torch.tensor(trace, dtype=torch.int32),
            "state_after": torch.tensor([counted[0], tokens - counted[0], counted[1], tokens - counted[1]],
                                        dtype=torch.int32),
            "K_eff_last": k_seen, "V_eff_last": v_seen, "attn_out_last": scores.softmax(-1) @ v_wide}


FAMILIES = [("rtn_gptqgrid", gptq_grid), ("gptq_tail", gptq), ("rtn_awqgrid", awq_grid),
            ("rtn_absmax", absmax_groups), ("rtn_ties", ties), ("hqq", hqq), ("ct_int8", int8_dynamic),
            ("llmint8", llm_int8), ("smoothquant", smoothquant), ("fp8_cast_table", fp8_table),
            ("kv_ggml_rows", kv_rows), ("kivi", kivi)]
# Inputs that mean something as they are (ties, tables of every code): no seed draws them.
FIXED = ("rtn_ties", "fp8_cast_table")


def drawn(inputs, seed):
    """New numbers of the same shapes and column by column of the same spread; what is built from others is kept."""
    generator = torch.Generator().manual_seed(seed)
    out = {}
    for name, old in sorted(inputs.items()):
        noise = torch.randn(old.shape, generator=generator)
        if name == "H":
            x = torch.randn(4 * old.shape[0], old.shape[0], generator=generator) * old.diag().clamp(min=0).sqrt() / 2
            out[name] = (x.T @ x / old.shape[0]).to(old.dtype)
        else:
            out[name] = (noise * old.float().std(-2, keepdim=True) if old.dim() > 1
                         else old.float().abs() * (1 + noise / 8)).to(old.dtype).contiguous()
    return out


def misses(found, expected, tolerance):
    """What is wrong with an output; nothing where it is within the tolerance."""
    if found.shape != expected.shape:
        return f"shape {list(found.shape)}, expected {list(expected.shape)}"
    a, b, kind = found.double(), expected.double(), tolerance["kind"]
    if kind == "exact":
        return None if torch.equal(a, b) else f"{int((a != b).sum())} of {a.numel()} differ"
    if kind == "allclose":
        off = (a - b).abs() - tolerance["atol"] - tolerance["rtol"] * b.abs()
        return None if off.max() <= 0 else f"{int((off > 0).sum())} of {a.numel()} are off"
    if kind == "int_mismatch":
        share, most = (a != b).double().mean(), (a - b).abs().max()
        return None if share <= tolerance["max_frac"] and most <= tolerance["max_abs"] else f"{share:.4f} differ"
    if kind == "rel_fro":
        error = (a - b).norm() / b.norm()
        return None if error <= tolerance["value"] else f"relative error {error:.2e}"
    if kind == "scalar_rel":
        return None if ((a - b).abs() <= tolerance["rtol"] * b.abs()).all() else f"{a.tolist()} for {b.tolist()}"
    return f"a tolerance of an unknown kind, {kind}"


def outputs(case):
    return [k.removeprefix("out.") for k in case["tensors"] if k.startswith("out.")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("action", choices=["check", "write"])
    parser.add_argument("--sources", help="folder with checkouts of gptq, llm-awq, smoothquant and hqq")
    parser.add_argument("--seed", type=int, help="draw new inputs (write only)")
    parser.add_argument("cases", nargs="*", help="ids; all without any")
    options = parser.parse_intermixed_args()
    if options.seed is not None and options.action == "check":
        parser.error("--seed goes with write")
    sources = Sources(options.sources)
    manifest = json.loads((HERE / "manifest.json").read_text())
    failed, written = 0, {}
    for case in manifest["cases"]:
        name = case["id"]
        if options.cases and name not in options.cases:
            continue
        family = next((f for prefix, f in FAMILIES if name.startswith(prefix)), None)
        if family is None:
            print(f"{name}: no function of this script makes it")
            failed += 1
            continue
        tensors = written.get(case["file"]) or load_file(HERE / case["file"])
        inputs = {k[3:]: v for k, v in tensors.items() if k.startswith("in.")}
        if options.seed is not None and case["file"] not in written and name not in FIXED:
            inputs = drawn(inputs, options.seed)
            tensors |= {f"in.{k}": v for k, v in inputs.items()}
        try:
            made = family(sources, inputs, case)
        except (Missing, ImportError) as missing:
            print(f"{name}: left alone, needs {missing}")
            continue
        wrong = []
        wanted = {k: case["tolerance"].get(k, case["tolerance"].get("*")) for k in outputs(case)}
        for key, tolerance in wanted.items():
            if tolerance is None:
                continue
            if key not in made:
                wrong.append(f"{key} is not made")
            elif options.action == "check":
                told = misses(made[key], tensors[f"out.{key}"], tolerance)
                wrong += [f"{key}: {told}"] if told else []
        failed += bool(wrong)
        print(f"{name}: {'; '.join(wrong) or 'as here' if options.action == 'check' else 'made'}")
        if options.action == "write" and not wrong:
            for key in made:
                if f"out.{key}" in tensors:
                    tensors[f"out.{key}"] = made[key].to(tensors[f"out.{key}"].dtype).contiguous()
            written[case["file"]] = tensors
    for file, tensors in written.items():
        save_file(tensors, HERE / file)
        digest = hashlib.sha256((HERE / file).read_bytes()).hexdigest()
        for case in manifest["cases"]:
            if case["file"] == file:
                case["sha256"] = digest
    if written:
        (HERE / "manifest.json").write_text(json.dumps(manifest, indent=1) + "\n")
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
