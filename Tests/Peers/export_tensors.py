#!/usr/bin/env python3
"""What `nibble quantize` writes as safetensors, decoded by the formats' own rules and held against Nibble's own numbers.

Needs Python with numpy, torch, safetensors, gguf and compressed-tensors. Each recipe is written twice: in its format, and as
`gguf:F32`, which has the numbers that Nibble itself decodes. compressed-tensors files are decompressed by that library, GPTQ and AWQ
files by their documented formulas; tensor by tensor both must be the same numbers in the type of the scales. Ends with 1 where one is
not.

    python3 Tests/Peers/export_tensors.py FOLDER [--nibble PATH] [--model MODEL]
"""
import argparse
import glob
import json
import os
import shutil
import subprocess
import sys

import gguf
import numpy
import torch
from safetensors.torch import load_file

RUNS = [("compressed-tensors", f"rtn:{bits}:{group}", extra) for bits in (2, 3, 4, 8) for group, extra in ((64, []), ("channel", ["--asymmetric"]))]
RUNS += [("compressed-tensors", "rtn:4:64", ["--asymmetric"]), ("compressed-tensors", "rtn:8:channel", ["--activations", "int8"]),
         ("compressed-tensors", None, ["--activations", "fp8"]),
         ("compressed-tensors:nvfp4", None, []), ("compressed-tensors:mxfp4", None, [])]
RUNS += [("gptq", f"rtn:{bits}:64", extra) for bits in (2, 3, 4, 8) for extra in ([], ["--asymmetric"])]
RUNS += [("gptq:v2", "gptq:4:64", []), ("awq", "rtn:4:64", []), ("awq", "awq:4:64", []), ("awq", "rtn:4:64", ["--asymmetric"])]


def words(values, bits, count):
    """Fields of `bits` bits of a little-endian stream along the last axis of I32 words."""
    raw = numpy.ascontiguousarray(values.astype(numpy.uint32)).view(numpy.uint8)
    stream = numpy.unpackbits(raw.reshape(values.shape[0], -1), axis=1, bitorder="little")[:, :count * bits]
    return (stream.reshape(values.shape[0], count, bits).astype(numpy.int64) << numpy.arange(bits)).sum(-1)


def gptq(state, name, own):
    """[rows, columns] in float32."""
    stored, zeros = state[name + ".qweight"].numpy(), state[name + ".qzeros"].numpy()
    scales, index = state[name + ".scales"].float().numpy(), state[name + ".g_idx"].numpy()
    rows, columns = stored.shape[1], index.shape[0]
    bits = stored.shape[0] * 32 // columns
    codes = words(stored.T, bits, columns)
    zero = words(zeros, bits, rows) + (1 if own["checkpoint_format"] == "gptq" else 0)
    assert own.get("dynamic") or (own["bits"] == bits and own["desc_act"] is False)
    return (scales.T[:, index] * (codes - zero.T[:, index])).astype(numpy.float32)


def awq(state, name, own):
    order = [0, 4, 1, 5, 2, 6, 3, 7]
    def unpack(stored):
        fields = words(stored, 4, stored.shape[1] * 8).reshape(stored.shape[0], -1, 8)
        return fields[..., order].reshape(stored.shape[0], -1)
    codes, zero = unpack(state[name + ".qweight"].numpy()), unpack(state[name + ".qzeros"].numpy())
    size = own["group_size"] if own["group_size"] > 0 else codes.shape[0]
    index = numpy.arange(codes.shape[0]) // size
    return (state[name + ".scales"].float().numpy()[index] * (codes - zero[index])).T.astype(numpy.float32)


def compressed(state, name, own):
    from compressed_tensors.compressors.base import BaseCompressor
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    group = own["config_groups"]["group_0"]
    form = own["format"]
    scheme = QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(**group["weights"]), format=form)
    parts = {key[len(name) + 1:]: value for key, value in state.items() if key.startswith(name + ".")}
    made = BaseCompressor.get_value_from_registry(form).decompress(dict(parts), scheme)
    return made["weight"] if isinstance(made, dict) else made


def write(arguments, target, recipe, form, extra):
    shutil.rmtree(target, ignore_errors=True)
    weights = ["--weights", recipe] if recipe else []
    model = [arguments.model] if arguments.model else []
    subprocess.run([arguments.nibble, "quantize", *model, "-o", target, *weights, *extra, "--samples", "2", "--sample-length", "64",
                    "--format", form], check=True, capture_output=True)


def ours(path, heads, kv_heads):
    """Layers of a GGUF file under Hugging Face's names, rows of queries and keys in their order."""
    names = {"attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj", "attn_output": "self_attn.o_proj",
             "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj"}
    found = {}
    for tensor in gguf.GGUFReader(path).tensors:
        parts = tensor.name.split(".")
        if parts[0] != "blk" or parts[2] not in names:
            continue
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        if parts[2] in ("attn_q", "attn_k"):
            count = heads if parts[2] == "attn_q" else kv_heads
            values = values.reshape(count, values.shape[0] // count // 2, 2, -1).swapaxes(1, 2).reshape(values.shape)
        found[f"model.layers.{parts[1]}.{names[parts[2]]}"] = values
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--model")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    os.makedirs(arguments.folder, exist_ok=True)
    failed = False
    for form, recipe, extra in RUNS:
        one, other = arguments.folder + "/one", arguments.folder + "/other"
        write(arguments, one, recipe, form, extra)
        config = json.load(open(one + "/config.json"))
        own = config["quantization_config"]
        state = {}
        for path in glob.glob(one + "/*.safetensors"):
            state.update(load_file(path))
        weights = [part for part in extra if part not in ("--activations", "int8", "fp8")]
        if recipe:
            write(arguments, other, recipe, "gguf:F32", weights)
            known = ours(other + "/model.gguf", config["num_attention_heads"], config["num_key_value_heads"])
        elif extra:
            # FP8 layers are multiplied out here: what is shown is that the library reads the file.
            known = {name[:-len(".weight")]: (value.float() * state[name + "_scale"].float().reshape(-1, 1)).numpy()
                     for name, value in state.items() if value.dtype == torch.float8_e4m3fn}
        else:
            # 4-bit floats are opened by Nibble again, as a file of somebody else's, and written as F32.
            json.dump({key: value for key, value in config.items() if key != "nibble"}, open(one + "/config.json", "w"))
            shutil.rmtree(other, ignore_errors=True)
            subprocess.run([arguments.nibble, "quantize", one, "-o", other, "--format", "gguf:F32"], check=True, capture_output=True)
            known = ours(other + "/model.gguf", config["num_attention_heads"], config["num_key_value_heads"])
        decode = {"gptq": gptq, "awq": awq}.get(own["quant_method"], compressed)
        differing = 0
        for name, values in known.items():
            theirs = decode(state, name, own)
            if isinstance(theirs, torch.Tensor):
                mine = torch.from_numpy(numpy.array(values)).to(theirs.dtype)
                differing += int((mine != theirs).sum())
            else:
                differing += int((values != theirs).sum())
        failed |= differing > 0 or not known
        kind = own.get("format", own.get("checkpoint_format", own.get("version")))
        print(f"{form:26} {recipe or '-':14} {' '.join(extra):24} {kind:20} {len(known)} layers, {differing} numbers differ", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
