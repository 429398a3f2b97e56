#!/usr/bin/env python3
"""Blocks that ggml's own quantizer makes under an importance matrix, as a fixture, or held against a file of Nibble's.

Needs Python with numpy, gguf and llama-cpp-python, whose library ggml_quantize_chunk is called. Without MODEL the fixture is
written: rows of numbers, what each channel counts, and the bytes of every type (`weighed.Q4_K`, and `plain.Q4_K` without a
matrix). With MODEL, a GGUF file in F32 or F16, each type is written by `nibble quantize --imatrix` and its tensors are
compared with what ggml makes of the same numbers, byte for byte. Ends with 1 where any differ.

    python3 Tests/Peers/importance_blocks.py --fixture Tests/CheckpointsTests/Fixtures/ggml-importance.safetensors
    python3 Tests/Peers/importance_blocks.py MODEL IMATRIX --folder DIR [--nibble PATH] [--types T ...]
"""
import argparse
import ctypes
import glob
import json
import os
import shutil
import struct
import subprocess
import sys

import gguf
import llama_cpp
import numpy

TYPES = ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "IQ4_NL", "IQ4_XS"]
# Only of these does ggml do without a matrix what its reference does, which the writer follows.
PLAIN = ["Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"]


def library():
    found = glob.glob(os.path.join(os.path.dirname(llama_cpp.__file__), "lib", "libggml-base.so"))
    base = ctypes.CDLL(found[0])
    base.ggml_quantize_chunk.restype = ctypes.c_size_t
    base.ggml_quantize_chunk.argtypes = [ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p] + [ctypes.c_int64] * 3 + [ctypes.c_void_p]
    return base


def encode(base, numbers, kind, importance=None):
    """`numbers` [rows, columns] as blocks."""
    numbers = numpy.ascontiguousarray(numbers, dtype=numpy.float32)
    block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[kind]]
    out = numpy.zeros(numbers.size // block * size, dtype=numpy.uint8)
    pointer = None
    if importance is not None:
        importance = numpy.ascontiguousarray(importance, dtype=numpy.float32)
        pointer = importance.ctypes.data
    rows, columns = numbers.shape
    done = base.ggml_quantize_chunk(int(gguf.GGMLQuantizationType[kind]), numbers.ctypes.data, out.ctypes.data, 0, rows, columns, pointer)
    assert done == out.size, (done, out.size)
    return out


def fixture(base, path):
    random = numpy.random.default_rng(16)
    numbers = random.standard_normal((4, 512)).astype(numpy.float32) * 0.05
    # Sub-blocks of zeros, of one number, of numbers so small that their scale becomes 0; a row with a long tail.
    numbers[1, :32] = 0
    numbers[1, 32:64] = 0.03
    numbers[1, 64:96] *= 1e-4
    numbers[2, :256] = 0
    numbers[2, 300:332] *= 1e-5
    numbers[3] = (random.standard_t(2, 512) * 0.02).astype(numpy.float32)
    importance = random.lognormal(0, 1.5, 512).astype(numpy.float32)
    importance[7] = importance[100] = 0
    tensors = {"in.W": numbers, "in.importance": importance}
    for kind in TYPES:
        tensors["weighed." + kind] = encode(base, numbers, kind, importance)
    for kind in PLAIN:
        tensors["plain." + kind] = encode(base, numbers, kind)
    header, data = {}, b""
    for name, tensor in sorted(tensors.items()):
        raw = tensor.tobytes()
        header[name] = dict(dtype="F32" if tensor.dtype == numpy.float32 else "U8", shape=list(tensor.shape),
                            data_offsets=[len(data), len(data) + len(raw)])
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)
    print(path, os.path.getsize(path), "bytes")


def means(path):
    reader = gguf.GGUFReader(path)
    found = {tensor.name: tensor.data for tensor in reader.tensors}
    return {name[:-8]: data.reshape(-1) / found[name[:-8] + ".counts"].reshape(-1)[0]
            for name, data in found.items() if name.endswith(".in_sum2")}


def compare(base, arguments):
    os.makedirs(arguments.folder, exist_ok=True)
    weights = means(arguments.imatrix)
    numbers = {tensor.name: tensor.data.astype(numpy.float32) for tensor in gguf.GGUFReader(arguments.model).tensors}
    failed = False
    print("| type | tensors | bytes | that differ | searched without the matrix they would |\n|---|---|---|---|---|", flush=True)
    for kind in arguments.types:
        target = os.path.join(arguments.folder, kind)
        shutil.rmtree(target, ignore_errors=True)
        subprocess.run([arguments.nibble, "quantize", arguments.model, "-o", target, "--format", "gguf:" + kind, "--imatrix",
                        arguments.imatrix], check=True, capture_output=True, text=True)
        count = total = apart = plain = 0
        for tensor in gguf.GGUFReader(os.path.join(target, "model.gguf")).tensors:
            if tensor.name not in weights or not tensor.name.endswith("weight"):
                continue
            theirs = encode(base, numbers[tensor.name], tensor.tensor_type.name, weights[tensor.name])
            ours = tensor.data.reshape(-1).view(numpy.uint8)
            count, total, apart = count + 1, total + ours.size, apart + int((ours != theirs).sum())
            plain += int((ours != encode(base, numbers[tensor.name], tensor.tensor_type.name)).sum())
        failed |= apart > 0 or count == 0
        print(f"| {kind} | {count} | {total} | {apart} | {plain} |", flush=True)
        shutil.rmtree(target)
    sys.exit(1 if failed else 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?")
    parser.add_argument("imatrix", nargs="?")
    parser.add_argument("--fixture")
    parser.add_argument("--folder")
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--types", nargs="*", default=TYPES)
    arguments = parser.parse_args()
    base = library()
    if arguments.fixture:
        return fixture(base, arguments.fixture)
    compare(base, arguments)


if __name__ == "__main__":
    main()
