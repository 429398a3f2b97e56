"""Models of known shapes with random weights for llama.cpp, what is timed through llama-cpp-python, and rows of a table."""
import os
import statistics
import time

import gguf
import numpy

SHAPES = {
    "tinyllama-1.1b": dict(blocks=22, hidden=2048, ffn=5632, heads=32, kv_heads=4, vocabulary=32000, tied=False),
    "smollm2-135m": dict(blocks=30, hidden=576, ffn=1536, heads=9, kv_heads=3, vocabulary=49152, tied=True),
}
# Weights and bytes of a block, and where its FP16 factors stand in it.
BLOCKS = {"Q4_0": (32, 18, [0]), "Q5_0": (32, 22, [0]), "Q8_0": (32, 34, [0]), "Q4_K": (256, 144, [0, 2]), "Q6_K": (256, 210, [208])}


def compared(ours, theirs):
    """Ratios of two lists of rates that were taken in the same rounds."""
    return [a / b for a, b in zip(ours, theirs)]


def number(value):
    for factor, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= factor:
            return f"{value / factor:.3g} {letter}"
    return f"{value:.4g} "


def show(what, ours, unit, peer, theirs, ratios, floor):
    """Prints a row: medians of both sides, the median and the range of the ratios, and whether it reaches the floor."""
    ratio = statistics.median(ratios)
    other = "" if theirs is None else f" {number(statistics.median(theirs))}{unit}"
    verdict = "" if floor is None else f"  {'reaches' if ratio >= floor else 'MISSES'} {floor}"
    print(f"{what:46} {number(statistics.median(ours))}{unit:6} of {peer}{other}: {ratio:.2f}x "
          f"({min(ratios):.2f} to {max(ratios):.2f}, {len(ratios)} rounds){verdict}", flush=True)


def random_rows(generator, kind, rows, columns):
    """Rows of random weights in the layout of `kind`, and the type to store them as."""
    if kind == "BF16":
        values = (generator.standard_normal((rows, columns), dtype=numpy.float32) * 0.02).view(numpy.uint32) >> 16
        return values.astype(numpy.uint16).view(numpy.uint8).reshape(rows, columns * 2), gguf.GGMLQuantizationType.BF16
    weights, size, factors = BLOCKS[kind]
    data = generator.integers(0, 256, (rows * columns // weights, size), dtype=numpy.uint8)
    # Blocks of 256 have scales of their own next to the factor, which is smaller therefore.
    factor = numpy.array([0.002 if weights == 32 else 0.00002], dtype=numpy.float16).view(numpy.uint8)
    for place in factors:
        data[:, place:place + 2] = factor
    return data.reshape(rows, columns // weights * size), gguf.GGMLQuantizationType[kind]


# What llama.cpp takes where rows are no whole number of blocks of 256.
SMALLER = {"Q4_K": "Q5_0", "Q6_K": "Q8_0"}


def kind_of(name, block, blocks, kind, columns):
    """The type of one matrix: `Q4_K_M` is llama.cpp's mix, more bits for the head and half of the values and outputs."""
    kind = mixed(name, block, blocks) if kind == "Q4_K_M" else kind
    return SMALLER.get(kind, kind) if columns % 256 else kind


def mixed(name, block, blocks):
    eighth = blocks // 8
    more = block is not None and (block < eighth or block >= 7 * eighth or (block - eighth) % 3 == 2)
    return "Q6_K" if name == "output.weight" or more and name.endswith(("attn_v.weight", "ffn_down.weight")) else "Q4_K"


def write_gguf(path, shape, kind, context=65536):
    """Writes a Llama of a known shape, all matrices, embedding and head in `kind`; an existing file is kept."""
    if os.path.exists(path):
        return
    s = SHAPES[shape]
    generator = numpy.random.default_rng(0)
    writer = gguf.GGUFWriter(path + ".part", "llama")
    dimension = s["hidden"] // s["heads"]
    writer.add_block_count(s["blocks"])
    writer.add_context_length(context)
    writer.add_embedding_length(s["hidden"])
    writer.add_feed_forward_length(s["ffn"])
    writer.add_head_count(s["heads"])
    writer.add_head_count_kv(s["kv_heads"])
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(dimension)
    writer.add_vocab_size(s["vocabulary"])
    writer.add_tokenizer_model("none")

    def matrix(name, rows, columns, block=None):
        data, dtype = random_rows(generator, kind_of(name, block, s["blocks"], kind, columns), rows, columns)
        writer.add_tensor(name, data, raw_dtype=dtype)

    def ones(name):
        writer.add_tensor(name, numpy.ones(s["hidden"], dtype=numpy.float32))

    matrix("token_embd.weight", s["vocabulary"], s["hidden"])
    ones("output_norm.weight")
    if not s["tied"]:
        matrix("output.weight", s["vocabulary"], s["hidden"])
    for block in range(s["blocks"]):
        name = f"blk.{block}."
        ones(name + "attn_norm.weight")
        ones(name + "ffn_norm.weight")
        matrix(name + "attn_q.weight", s["hidden"], s["hidden"])
        matrix(name + "attn_k.weight", s["kv_heads"] * dimension, s["hidden"])
        matrix(name + "attn_v.weight", s["kv_heads"] * dimension, s["hidden"], block)
        matrix(name + "attn_output.weight", s["hidden"], s["hidden"])
        matrix(name + "ffn_gate.weight", s["ffn"], s["hidden"])
        matrix(name + "ffn_up.weight", s["ffn"], s["hidden"])
        matrix(name + "ffn_down.weight", s["hidden"], s["ffn"], block)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    os.replace(path + ".part", path)


class LlamaCpp:
    """One model in llama.cpp with its cache."""

    def __init__(self, path, threads, context, cache="F16", batch=512):
        import llama_cpp

        kinds = {"F16": llama_cpp.GGML_TYPE_F16, "Q8_0": llama_cpp.GGML_TYPE_Q8_0, "Q4_0": llama_cpp.GGML_TYPE_Q4_0}
        self.llama = llama_cpp.Llama(
            model_path=path, n_ctx=context, n_threads=threads, n_threads_batch=threads, n_batch=batch, n_ubatch=batch,
            type_k=kinds[cache], type_v=kinds[cache], flash_attn=True, verbose=False)

    @staticmethod
    def load_seconds(path, threads, context):
        """Seconds from opening a file to the first token of a prompt of one token."""
        start = time.perf_counter()
        peer = LlamaCpp(path, threads, context)
        peer.llama.eval([1])
        seconds = time.perf_counter() - start
        peer.llama.close()
        return seconds

    def tokens(self, count):
        return [3 + i * 7919 % 20000 for i in range(count)]

    def fill(self, depth):
        """Reads tokens up to a depth."""
        self.llama.n_tokens = 0
        self.llama.eval(self.tokens(depth))

    def decode_rate(self, depth, steps):
        """Tokens a second of `steps` single tokens behind `depth`, which must be filled."""
        self.llama.n_tokens = depth
        self.llama.eval([1])
        start = time.perf_counter()
        for token in self.tokens(steps):
            self.llama.eval([token])
        return steps / (time.perf_counter() - start)

    def prefill_rate(self, tokens):
        """Tokens a second of a prompt into an empty cache."""
        self.llama.n_tokens = 0
        start = time.perf_counter()
        self.llama.eval(self.tokens(tokens))
        return tokens / (time.perf_counter() - start)
