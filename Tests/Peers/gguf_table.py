#!/usr/bin/env python3
"""What quantized files of one model hold and lost: label, true bits a weight, KL to the base, the worst layer, the kernel.

Needs Python with numpy, gguf and llama-cpp-python. From a GGUF file of any types an F16 copy is made, which is the base;
llama.cpp's own quantizer writes the others from it. Each is opened as it is and held against the base on the same windows;
llama.cpp reads the same files on the same windows for its own perplexity. Directories of quantized checkpoints may follow.

    python3 Tests/Peers/gguf_table.py MODEL.gguf TEXT --folder DIR [--nibble PATH] [--windows N] [CHECKPOINT ...]
"""
import argparse
import json
import math
import os
import subprocess

import gguf
import llama_cpp
import numpy

KINDS = {"Q8_0": 7, "Q6_K": 18, "Q5_K_M": 17, "Q4_K_M": 15, "Q4_0": 2, "Q3_K_M": 12, "IQ4_XS": 30}
WINDOW = 512
# llama.cpp prints a line a tensor without being asked.
QUIET = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(QUIET, None)


def float_copy(source, target):
    """The model of `source` with matrices in F16 and norms in F32."""
    if os.path.exists(target):
        return
    reader = gguf.GGUFReader(source)
    architecture = reader.fields["general.architecture"].contents()
    writer = gguf.GGUFWriter(target + ".new", architecture)
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in ("general.architecture", "general.file_type", "general.quantization_version"):
            continue
        kind = field.types[0]
        writer.add_key_value(name, field.contents(), kind, field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None)
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_F16)
    for tensor in reader.tensors:
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, values.astype(numpy.float32 if values.ndim == 1 else numpy.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.rename(target + ".new", target)


def quantize(source, target, kind):
    """Writes `target` by llama.cpp's quantizer."""
    if os.path.exists(target):
        return
    parameters = llama_cpp.llama_model_quantize_default_params()
    parameters.ftype = KINDS[kind]
    parameters.nthread = 2
    if llama_cpp.llama_model_quantize(source.encode(), (target + ".new").encode(), parameters) != 0:
        raise RuntimeError(f"{kind}: llama.cpp could not write {target}")
    os.rename(target + ".new", target)


def perplexity(path, text, windows):
    """Of llama.cpp itself, the second half of each window scored, as llama-perplexity does."""
    model = llama_cpp.Llama(model_path=path, n_ctx=WINDOW, n_batch=WINDOW, n_threads=2, n_threads_batch=2, logits_all=True, verbose=False)
    adds = llama_cpp.llama_vocab_get_add_bos(llama_cpp.llama_model_get_vocab(model.model))
    ids = model.tokenize(text.encode(), add_bos=False, special=False)
    loss, count = 0.0, 0
    for window in range(windows):
        part = list(ids[window * WINDOW:(window + 1) * WINDOW])
        if adds:
            part[0] = model.token_bos()
        model.reset()
        model.eval(part)
        for place in range(WINDOW // 2, WINDOW - 1):
            logits = model.scores[place].astype(numpy.float64)
            top = logits.max()
            loss += top + math.log(numpy.exp(logits - top).sum()) - logits[part[place + 1]]
            count += 1
    return math.exp(loss / count)


def ask(arguments, *words):
    found = subprocess.run([arguments.nibble, *words, "--json"], check=True, capture_output=True, text=True)
    return json.loads(found.stdout)


def row(arguments, label, path, base):
    measured = ["--text", arguments.text, "--windows", str(arguments.windows)]
    quality = ask(arguments, "evaluate", path, "--against", base, *measured)
    layers = [layer for layer in ask(arguments, "layers", path, "--against", base)["layers"] if layer.get("weightError") is not None]
    worst = max(layers, key=lambda layer: layer["weightError"])
    shape = ask(arguments, "inspect", path)
    kernels = {kernel["kernel"] for kernel in ask(
        arguments, "bench", path, "--no-baseline", "--prompt", "16", "--generate", "4", "--repetitions", "1")["kernels"]
        if kernel["kernel"].startswith("linear")}
    theirs = perplexity(path, open(arguments.text, encoding="utf-8").read(), arguments.windows) if path.endswith(".gguf") else None
    kinds = {kind["type"]: kind["parameters"] for kind in shape["stored"]["shares"]}
    whole = sum(kinds.values())
    held = ", ".join(f"{100 * count / whole:.0f} % {kind}" for kind, count in sorted(kinds.items(), key=lambda item: -item[1])
                     if count * 100 >= whole)
    ours = quality["perplexity"]
    peer = "" if theirs is None else f"{theirs:.3f} ({100 * (ours / theirs - 1):+.2f} %)"
    kl = f"{quality['kl']['mean']:.5f} ± {quality['kl']['error']:.5f}"
    place = f"{worst['block']}.{worst['projection']} {100 * math.sqrt(worst['weightError']):.1f} %"
    print(f"| {label} | {held} | {shape['shape'].get('storedBits', 16):.2f} | {ours:.3f} | {peer} | {kl} | {place} | "
          f"{', '.join(sorted(kernels))} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model")
    parser.add_argument("text")
    parser.add_argument("checkpoints", nargs="*", help="LABEL=DIRECTORY=BASE")
    parser.add_argument("--folder", required=True)
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--windows", type=int, default=8)
    arguments = parser.parse_intermixed_args()
    os.makedirs(arguments.folder, exist_ok=True)
    base = os.path.join(arguments.folder, "F16.gguf")
    float_copy(arguments.model, base)
    print("| file | holds | bits a weight | perplexity | llama.cpp's | KL to the base | worst layer, weights | kernels |")
    print("|---|---|---|---|---|---|---|---|")
    for kind in KINDS:
        path = os.path.join(arguments.folder, f"{kind}.gguf")
        quantize(base, path, kind)
        row(arguments, kind, path, base)
    for named in arguments.checkpoints:
        label, path, against = named.split("=")
        row(arguments, label, path, against)


if __name__ == "__main__":
    main()
