#!/usr/bin/env python3
"""gguf_blocks.py: what the PyPI package `gguf` makes of ggml's blocks, and the grids of its IQ types.

  pip install gguf
  python gguf_blocks.py

writes Tests/CheckpointsTests/Fixtures/gguf-blocks.json (random blocks of each type, the values of the first and a hash
of the bits of all) and Sources/Checkpoints/GGUF/GGUFGrids.swift (the points that IQ codes choose from).
"""

import base64
import json
import os

import gguf.quants as quants
import numpy as np
from gguf import GGML_QUANT_SIZES, GGMLQuantizationType as Type

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
# Type: offsets of its 16-bit floats, which must be finite.
TYPES = {
    Type.Q4_0: [0], Type.Q4_1: [0, 2], Type.Q5_0: [0], Type.Q5_1: [0, 2], Type.Q8_0: [0],
    Type.Q2_K: [80, 82], Type.Q3_K: [108], Type.Q4_K: [0, 2], Type.Q5_K: [0, 2], Type.Q6_K: [208],
    Type.IQ4_NL: [0], Type.IQ4_XS: [0], Type.TQ1_0: [52], Type.TQ2_0: [64], Type.MXFP4: [], Type.NVFP4: [],
    Type.IQ2_XXS: [0], Type.IQ2_XS: [0], Type.IQ2_S: [0], Type.IQ3_XXS: [0], Type.IQ3_S: [0], Type.IQ1_S: [0],
    Type.IQ1_M: [],
}
BLOCKS = 12


def digest(data):
    result = 0
    for value in data:
        result = (result * 0x100000001B3 + value + 1) % 2 ** 64
    return "%016x" % result


def blocks(kind, generator):
    size = GGML_QUANT_SIZES[kind][1]
    data = generator.integers(0, 256, (BLOCKS, size), dtype=np.uint8)
    for place in TYPES[kind]:
        scale = generator.normal(0, 0.3, BLOCKS).astype(np.float16)
        scale[1], scale[2], scale[3] = 6e-8, 0, 65504
        data[:, place:place + 2] = scale.view(np.uint8).reshape(BLOCKS, 2)
    if kind == Type.MXFP4:
        data[:, 0] = [127, 0, 1, 2, 3, 120, 130, 253, 254, 255, 100, 128]
    if kind == Type.NVFP4:
        data[0, :4], data[1, :4], data[2, :4] = [0, 1, 7, 8], [0x7E, 0x7F, 0x80, 0xFF], [0x38, 0x40, 0x30, 0x3F]
    if kind == Type.IQ1_M:
        # The scale is the upper four bits of four words.
        scale = generator.normal(0, 0.3, BLOCKS).astype(np.float16).view(np.uint16)
        words = data[:, 48:56].copy().view(np.uint16)
        for part in range(4):
            words[:, part] = words[:, part] & 0x0FFF | (scale >> (4 * part) & 15) << 12
        data[:, 48:56] = words.view(np.uint8)
    return data


def fixture():
    generator = np.random.default_rng(39)
    out = []
    with np.errstate(all="ignore"):
        for kind in TYPES:
            data = blocks(kind, generator)
            floats = quants.dequantize(data, kind).astype("<f4").reshape(-1)
            first = floats[:GGML_QUANT_SIZES[kind][0]]
            out.append({
                "type": kind.name, "blocks": base64.b64encode(data.tobytes()).decode(),
                "first": base64.b64encode(first.tobytes()).decode(), "bits": digest(floats.tobytes())})
    folder = os.path.join(ROOT, "Tests/CheckpointsTests/Fixtures")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "gguf-blocks.json"), "w") as file:
        json.dump(out, file, separators=(",", ":"))
        file.write("\n")


def packed(kind):
    """The points of a grid: four levels in two bits, or eight in four, the first lowest."""
    kind.init_grid()
    levels = list(kind.grid_map)
    codes = np.searchsorted(levels, kind.grid.reshape(kind.grid_shape))
    bits = 2 if len(levels) == 3 else 4
    per_byte = 8 // bits
    codes = codes.reshape(-1, per_byte)
    shifts = np.array([bits * i for i in range(per_byte)])
    return base64.b64encode((codes << shifts).sum(axis=1).astype(np.uint8).tobytes()).decode()


def grids():
    path = os.path.join(ROOT, "Sources/Checkpoints/GGUF/GGUFGrids.swift")
    with open(path, "w") as file:
        file.write('''import FoundationEssentials

/// The points that the codes of ggml's IQ types choose from: four or eight numbers each.
///
/// From `ggml-common.h` by way of the PyPI package `gguf`; written by Tests/Peers/gguf_blocks.py, two or four bits a
/// number in Base64.
enum GGUFGrids {
''')
        for name, kind in [("iq2XXS", quants.IQ2_XXS), ("iq2XS", quants.IQ2_XS), ("iq2S", quants.IQ2_S),
                           ("iq3XXS", quants.IQ3_XXS), ("iq3S", quants.IQ3_S), ("iq1", quants.IQ1_S)]:
            rows, width = kind.grid_shape
            bits = 2 if len(kind.grid_map) == 3 else 4
            levels = ", ".join(str(level) for level in kind.grid_map)
            text = packed(kind)
            lines = [text[i:i + 112] for i in range(0, len(text), 112)]
            file.write(f"  /// Points of {name.upper()}, `[{rows}, {width}]`.\n  static let {name} = unpack(\n    bits: {bits}, levels: [{levels}],\n    \"\"\"\n")
            for line in lines[:-1]:
                file.write(f"    {line}\\\n")
            file.write(f"    {lines[-1]}\n    \"\"\")\n\n")
        file.write('''  private static func unpack(bits: Int, levels: [Float], _ base64: String) -> [Float] {
    let mask = UInt8(1 << bits - 1)
    return (Data(base64Encoded: base64) ?? Data()).flatMap { byte in
      stride(from: 0, to: 8, by: bits).map { levels[Int(byte >> UInt8($0) & mask)] }
    }
  }
}
''')


fixture()
grids()
