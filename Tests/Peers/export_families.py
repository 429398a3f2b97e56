#!/usr/bin/env python3
"""Families that GGUF files spell in their own way, run by llama.cpp: its logits next to those of transformers.

Needs two Pythons: this one with torch and transformers makes tiny models with random weights, --llama names one with numpy and
llama-cpp-python. Each is written by `nibble quantize --format gguf:F32` (and Q8_0), which llama.cpp loads and runs on the same
ids, its cache in float32. Ends with 1 where logits differ by more than 1e-4, the root of the mean square over that of the logits (Q8_0:
0.1; 0.5 where a rounded input sends tokens to other experts).

    python3 Tests/Peers/export_families.py --folder DIR --llama PYTHON [--nibble PATH] [--only NAME ...]
"""
import argparse
import json
import os
import shutil
import subprocess
import sys

SIZES = dict(vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
             num_key_value_heads=2, max_position_embeddings=256, bos_token_id=0, eos_token_id=1, pad_token_id=None,
             tie_word_embeddings=False)
SCRIPT = """
import json, sys
import llama_cpp, numpy
quiet = llama_cpp.llama_log_callback(lambda level, text, data: None)
llama_cpp.llama_log_set(quiet, None)
ids = json.loads(sys.argv[2])
context = int(sys.argv[4])
model = llama_cpp.Llama(model_path=sys.argv[1], n_ctx=context, n_batch=context, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False,
                        type_k=0, type_v=0)
model.eval(ids)
numpy.save(sys.argv[3], numpy.array(model.scores[:len(ids)]))
"""


def families():
    import transformers as t
    yarn = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=64, rope_theta=10000.0)
    llama3 = dict(rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=64,
                  rope_theta=10000.0)
    long = dict(rope_type="longrope", short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.7], rope_theta=10000.0,
                long_factor=[1.0, 1.5, 2.5, 4.0, 5.0, 6.0, 7.0, 8.0], original_max_position_embeddings=256)
    def plain(theta=10000.0):
        return dict(rope_type="default", rope_theta=theta)
    yield "mixtral", t.MixtralConfig(**SIZES, num_local_experts=4, num_experts_per_tok=2, sliding_window=None, rope_parameters=plain())
    yield "qwen3_moe", t.Qwen3MoeConfig(**SIZES, head_dim=16, num_experts=6, num_experts_per_tok=3, moe_intermediate_size=32,
                                        norm_topk_prob=True, decoder_sparse_step=1, mlp_only_layers=[], rope_parameters=plain())
    yield "phi3", t.Phi3Config(**SIZES, original_max_position_embeddings=256, rope_parameters=plain())
    yield "phi3-longrope", t.Phi3Config(**{**SIZES, "max_position_embeddings": 1024}, original_max_position_embeddings=256,
                                         rope_parameters=long)
    yield "llama-yarn", t.LlamaConfig(**SIZES, rope_parameters=yarn)
    yield "llama3", t.LlamaConfig(**SIZES, rope_parameters=llama3)


def main():
    import numpy
    import torch
    import transformers
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", required=True)
    parser.add_argument("--llama", required=True)
    parser.add_argument("--nibble", default="nibble")
    parser.add_argument("--only", nargs="*")
    arguments = parser.parse_args()
    os.makedirs(arguments.folder, exist_ok=True)
    torch.set_num_threads(1)
    failed = False
    print("| family | written as | tokens | llama.cpp differs by |\n|---|---|---|---|", flush=True)
    for name, config in families():
        if arguments.only and name not in arguments.only:
            continue
        torch.manual_seed(1)
        config.initializer_range = 0.2
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).eval()
        source = os.path.join(arguments.folder, name)
        shutil.rmtree(source, ignore_errors=True)
        model.save_pretrained(source)
        # Longrope changes with the length: llama.cpp by the context it was made for, transformers by the sequence.
        lengths = [(200, 256), (300, 512)] if "longrope" in name else [(200, 256)]
        for kind, bound in (("F32", 1e-4), ("Q8_0", 0.5 if "moe" in name or "mix" in name else 0.1)):
            target = os.path.join(arguments.folder, f"{name}-{kind}")
            shutil.rmtree(target, ignore_errors=True)
            made = subprocess.run([arguments.nibble, "quantize", source, "-o", target, "--format", "gguf:" + kind],
                                  capture_output=True, text=True)
            if made.returncode:
                print(f"| {name} | {kind} | - | {made.stderr.strip().splitlines()[-1]} |", flush=True)
                failed = True
                continue
            for count, context in lengths:
                ids = [(37 * index + 5) % 64 for index in range(count)]
                with torch.no_grad():
                    ours = model(torch.tensor([ids])).logits[0].numpy()
                out = os.path.join(arguments.folder, "logits.npy")
                ran = subprocess.run([arguments.llama, "-c", SCRIPT, os.path.join(target, "model.gguf"), json.dumps(ids), out,
                                      str(context)], capture_output=True, text=True)
                if ran.returncode:
                    print(f"| {name} | {kind} | {count} | {ran.stderr.strip().splitlines()[-1]} |", flush=True)
                    failed = True
                    continue
                theirs = numpy.load(out)
                apart = float(numpy.sqrt(((theirs - ours) ** 2).mean() / (ours ** 2).mean()))
                failed |= not apart <= bound
                print(f"| {name} | {kind} | {count} | {apart:.2e} |", flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
