#!/usr/bin/env python3
"""What `nibble quantize --format onnx` writes, run by ONNX Runtime: each layer's product next to that of the layer's numbers.

Needs Python with numpy, onnxruntime and safetensors. The same recipe is written as ONNX and, with BF16 scales and all, as
compressed-tensors; here both are only asked for the numbers of their layers: MatMulNBits multiplies random inputs, and so does
numpy the weights that `nibble` writes as GGUF F32. Ends with 1 where an output is off by more than 1e-4 of the largest.

    python3 Tests/Peers/export_onnx.py ONNX_DIRECTORY GGUF_F32_FILE
"""
import sys

import numpy
import onnxruntime


def weights(path):
    import gguf
    reader = gguf.GGUFReader(path)
    return {tensor.name: gguf.dequantize(tensor.data, tensor.tensor_type) for tensor in reader.tensors}


def main():
    session = onnxruntime.InferenceSession(sys.argv[1] + "/model.onnx", providers=["CPUExecutionProvider"])
    generator = numpy.random.default_rng(0)
    feeds = {entry.name: generator.standard_normal((3, entry.shape[1])).astype(numpy.float32) for entry in session.get_inputs()}
    names = [entry.name for entry in session.get_outputs()]
    outputs = session.run(names, feeds)
    known = weights(sys.argv[2]) if len(sys.argv) > 2 else {}
    stems = {"self_attn.v_proj": "attn_v", "self_attn.o_proj": "attn_output", "mlp.gate_proj": "ffn_gate", "mlp.up_proj": "ffn_up",
             "mlp.down_proj": "ffn_down"}
    worst = 0.0
    checked = 0
    for name, output in zip(names, outputs):
        block, stem = name.removeprefix("model.layers.").removesuffix(".output").split(".", 1)
        weight = known.get(f"blk.{block}.{stems.get(stem)}.weight")
        # Rows of queries and keys lie in another order in GGUF files.
        if weight is None:
            continue
        expected = feeds[f"input_{weight.shape[1]}"].astype(numpy.float64) @ weight.astype(numpy.float64).T
        worst = max(worst, float(abs(output - expected).max() / abs(expected).max()))
        checked += 1
    print(f"{len(names)} layers ran in ONNX Runtime {onnxruntime.__version__}; {checked} compared, off by {worst:.2e} at the most")
    sys.exit(0 if worst < 1e-4 else 1)


if __name__ == "__main__":
    main()
