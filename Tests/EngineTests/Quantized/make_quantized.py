#!/usr/bin/env python3
"""Makes tiny quantized checkpoints of one random Llama, each with its logits by transformers in float32 on the decoded weights.

Needs torch, transformers, compressed-tensors 0.20 and bitsandbytes 0.50 (PyPI). GPTQ and AWQ are packed here by their documented
layouts. Run: python3 make_quantized.py FOLDER
"""
import json, os, sys
import numpy as np
import torch
from safetensors.torch import save_file
from transformers import LlamaConfig, LlamaForCausalLM

OUT = sys.argv[1]
torch.manual_seed(7)
CONFIG = dict(vocab_size=40, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
              num_key_value_heads=2, head_dim=16, max_position_embeddings=64, rms_norm_eps=1e-5, tie_word_embeddings=False,
              bos_token_id=0, eos_token_id=1)
model = LlamaForCausalLM(LlamaConfig(**CONFIG)).float().eval()
for name, p in model.named_parameters():
    if p.dim() == 2: torch.nn.init.normal_(p, std=0.2)
    else: torch.nn.init.normal_(p, mean=1.0, std=0.1)
    p.data = p.data.bfloat16().float()
STATE = {k: v.clone() for k, v in model.state_dict().items()}
LAYERS = [k[:-len(".weight")] for k in STATE if k.endswith("proj.weight")]
IDS = torch.tensor([[0, 3, 17, 39, 5, 5, 22, 8, 31, 2, 14, 9]])


def write(name, tensors, quantization, decoded):
    """tensors: what is stored of each layer; decoded: its float32 weight."""
    folder = os.path.join(OUT, name)
    os.makedirs(folder, exist_ok=True)
    state = dict(STATE)
    state.update({k + ".weight": v.float() for k, v in decoded.items()})
    model.load_state_dict(state)
    with torch.no_grad(): logits = model(IDS).logits[0]
    stored = {k: v.bfloat16() for k, v in STATE.items() if k[:-len(".weight")] not in decoded}
    stored.update(tensors)
    save_file({k: v.contiguous() for k, v in stored.items()}, os.path.join(folder, "model.safetensors"), {"format": "pt"})
    save_file({"ids": IDS[0].to(torch.int32), "logits": logits.contiguous()}, os.path.join(folder, "reference.safetensors"))
    config = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_act": "silu", **CONFIG,
              "rope_parameters": {"rope_theta": 10000.0, "rope_type": "default"}, "quantization_config": quantization}
    json.dump(config, open(os.path.join(folder, "config.json"), "w"), indent=1)


def rtn(w, bits, group, symmetric):
    """Codes, scales and zeros by rounding to nearest, [rows, columns] and [rows, groups]."""
    rows, columns = w.shape
    g = w.reshape(rows, -1, group)
    top = 2 ** bits - 1
    if symmetric:
        scale = (g.abs().amax(-1) / (top / 2)).half().float()
        zero = torch.full_like(scale, 2 ** (bits - 1))
    else:
        low, high = g.amin(-1).clamp(max=0), g.amax(-1).clamp(min=0)
        scale = ((high - low) / top).half().float()
        zero = torch.round(-low / scale).clamp(1, top)
    codes = torch.round(g / scale[..., None] + zero[..., None]).clamp(0, top).reshape(rows, columns)
    return codes.to(torch.int64), scale, zero.to(torch.int64)


def stream(values, bits):
    """Unsigned codes along the last axis as a little-endian stream of I32 words."""
    values = np.asarray(values, dtype=np.uint64)
    total = values.shape[-1] * bits
    out = np.zeros(values.shape[:-1] + ((total + 31) // 32,), dtype=np.uint64)
    for i in range(values.shape[-1]):
        word, shift = i * bits // 32, i * bits % 32
        wide = values[..., i] << np.uint64(shift)
        out[..., word] |= wide & np.uint64(0xffffffff)
        if shift + bits > 32: out[..., word + 1] |= wide >> np.uint64(32)
    return torch.from_numpy(out.astype(np.uint32).view(np.int32).copy())


def gptq(name, bits, group, symmetric, version, act_order=False):
    tensors, decoded = {}, {}
    for layer in LAYERS:
        w = STATE[layer + ".weight"]
        columns = w.shape[1]
        size = columns if group < 0 else group
        order = torch.randperm(columns) if act_order else torch.arange(columns)
        codes, scale, zero = rtn(w[:, order], bits, size, symmetric)
        index = torch.empty(columns, dtype=torch.int64)
        index[order] = torch.arange(columns) // size
        unordered = torch.empty_like(codes)
        unordered[:, order] = codes
        decoded[layer] = scale[:, index] * (unordered - zero[:, index]).float()
        stored = (zero - (1 if version == "gptq" else 0)) % 2 ** bits
        tensors[layer + ".qweight"] = stream(unordered, bits).T
        tensors[layer + ".qzeros"] = stream(stored.T, bits)
        tensors[layer + ".scales"] = scale.T.half()
        tensors[layer + ".g_idx"] = index.to(torch.int32)
    write(name, tensors, {"quant_method": "gptq", "bits": bits, "group_size": group, "sym": symmetric, "desc_act": act_order,
                          "checkpoint_format": version}, decoded)


def awq(name):
    order, tensors, decoded = [0, 2, 4, 6, 1, 3, 5, 7], {}, {}
    for layer in LAYERS:
        codes, scale, zero = rtn(STATE[layer + ".weight"], 4, 32, False)
        decoded[layer] = scale.repeat_interleave(32, 1) * (codes - zero.repeat_interleave(32, 1)).float()
        pack = lambda v: stream(v.T.reshape(v.shape[1], -1, 8)[..., order].reshape(v.shape[1], -1), 4)
        tensors[layer + ".qweight"], tensors[layer + ".qzeros"] = pack(codes), pack(zero)
        tensors[layer + ".scales"] = scale.T.half()
    write(name, tensors, {"quant_method": "awq", "version": "gemm", "bits": 4, "group_size": 32, "zero_point": True,
                          "modules_to_not_convert": None}, decoded)


def compressed(name, form, inputs=None, **weights):
    from compressed_tensors.compressors.base import BaseCompressor
    from compressed_tensors.compressors.nvfp4.helpers import unpack_fp4_from_uint8
    from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
    from compressed_tensors.quantization.utils import calculate_qparams, generate_gparam
    from compressed_tensors.quantization.lifecycle.forward import fake_quantize
    args = QuantizationArgs(**weights)
    scheme = QuantizationScheme(targets=["Linear"], weights=args, format=form)
    tensors, decoded = {}, {}
    for layer in LAYERS:
        w = STATE[layer + ".weight"]
        rows, columns = w.shape
        strategy = args.strategy if isinstance(args.strategy, str) else args.strategy.value
        if strategy == "tensor": parts = w.reshape(1, -1)
        elif strategy == "channel": parts = w
        elif strategy == "block":
            h, v = args.block_structure
            padded = torch.nn.functional.pad(w, (0, -columns % v, 0, -rows % h))
            parts = padded.reshape(padded.shape[0] // h, h, -1, v).transpose(1, 2).flatten(2)
        else: parts = w.reshape(rows, -1, args.group_size)
        extra = {}
        if strategy == "tensor_group":
            extra["weight_global_scale"] = generate_gparam(w.amin().reshape(1), w.amax().reshape(1))
        scale, zero = calculate_qparams(parts.amin(-1), parts.amax(-1), args, global_scale=extra.get("weight_global_scale"))
        if strategy == "channel": scale, zero = scale.reshape(rows, 1), zero.reshape(rows, 1)
        scale, zero = scale.float(), zero
        if args.group_size == 32 and args.type == "float":  # MX: powers of two
            scale = 2.0 ** torch.floor(torch.log2(scale))
        state = {"weight": w, "weight_scale": scale, **extra}
        if not args.symmetric: state["weight_zero_point"] = zero
        compressor = BaseCompressor.get_value_from_registry(form)
        stored = compressor.compress(dict(state), scheme)
        stored = {k: v for k, v in stored.items() if v is not None}
        if strategy == "tensor_group":
            # Codes were chosen with scales that were not rounded yet: the library's codes, with the scales that are stored.
            values = unpack_fp4_from_uint8(stored["weight_packed"], rows, columns, dtype=torch.float32)
            full = stored["weight_scale"].float() / extra["weight_global_scale"]
            decoded[layer] = values * full.repeat_interleave(args.group_size, 1)
        else:
            decoded[layer] = fake_quantize(w, scale, zero if not args.symmetric else torch.zeros_like(scale), args).float()
        for k, v in stored.items(): tensors[layer + "." + k] = v
    config = {"quant_method": "compressed-tensors", "format": form, "quantization_status": "compressed", "ignore": ["lm_head"],
              "kv_cache_scheme": None, "config_groups": {"group_0": {"targets": ["Linear"], "input_activations": inputs,
              "output_activations": None, "weights": json.loads(args.model_dump_json())}}}
    write(name, tensors, config, decoded)


def block_fp8(name):
    tensors, decoded = {}, {}
    for layer in LAYERS:
        w = STATE[layer + ".weight"]
        rows, columns = w.shape
        h, v = 48, 32
        scale = torch.empty((rows + h - 1) // h, (columns + v - 1) // v)
        full = torch.empty_like(w)
        for i in range(scale.shape[0]):
            for j in range(scale.shape[1]):
                part = w[i * h:(i + 1) * h, j * v:(j + 1) * v]
                scale[i, j] = part.abs().max() / 448
                full[i * h:(i + 1) * h, j * v:(j + 1) * v] = scale[i, j]
        codes = (w / full).to(torch.float8_e4m3fn)
        tensors[layer + ".weight"], tensors[layer + ".weight_scale_inv"] = codes, scale
        decoded[layer] = codes.float() * full
    write(name, tensors, {"quant_method": "fp8", "fmt": "e4m3", "activation_scheme": "dynamic", "weight_block_size": [48, 32]}, decoded)


def bnb8(name):
    tensors, decoded = {}, {}
    for layer in LAYERS:
        w = STATE[layer + ".weight"]
        top = w.abs().amax(1)
        codes = torch.round(w * (127 / top)[:, None]).to(torch.int8)
        tensors[layer + ".weight"], tensors[layer + ".SCB"] = codes, top
        tensors[layer + ".weight_format"] = torch.tensor(0, dtype=torch.uint8)
        decoded[layer] = codes.float() * (top / 127)[:, None]
    write(name, tensors, {"quant_method": "bitsandbytes", "load_in_8bit": True, "load_in_4bit": False, "llm_int8_threshold": 6.0}, decoded)


def bnb4(name, kind, nested):
    import bitsandbytes.functional as F
    tensors, decoded = {}, {}
    for layer in LAYERS:
        w = STATE[layer + ".weight"]
        codes, state = F.quantize_4bit(w, blocksize=64, quant_type=kind, compress_statistics=nested)
        tensors[layer + ".weight"] = codes
        parts = state.as_dict(packed=True)
        for k, v in parts.items(): tensors[layer + ".weight." + k] = v
        top = parts["absmax"]
        if nested:
            told = json.loads(bytes(parts["quant_state.bitsandbytes__" + kind].tolist()))
            outer = parts["nested_absmax"].repeat_interleave(told["nested_blocksize"])[:top.numel()]
            top = parts["nested_quant_map"][top.long()] * outer + told["nested_offset"]
        levels = parts["quant_map"][torch.stack([codes.flatten() >> 4, codes.flatten() & 15], 1).flatten().long()]
        decoded[layer] = (levels.reshape(-1, 64) * top[:, None]).reshape(w.shape)
        # The library's own decoding on a CPU is wrong for rows shorter than a block.
        if w.shape[1] % 64 == 0: assert torch.equal(decoded[layer], F.dequantize_4bit(codes, state))
    write(name, tensors, {"quant_method": "bitsandbytes", "load_in_8bit": False, "load_in_4bit": True, "bnb_4bit_quant_type": kind,
                          "bnb_4bit_use_double_quant": nested, "bnb_4bit_compute_dtype": "float32"}, decoded)


gptq("gptq-2", 2, 32, True, "gptq")
gptq("gptq-3-v2", 3, 32, False, "gptq_v2")
gptq("gptq-4-zeros", 4, 32, False, "gptq")
gptq("gptq-4-order", 4, 16, False, "gptq_v2", act_order=True)
gptq("gptq-8-channel", 8, -1, True, "gptq")
awq("awq-4")
group = dict(type="int", strategy="group", group_size=32)
compressed("ct-pack-4-zeros", "pack-quantized", num_bits=4, symmetric=False, **group)
compressed("ct-pack-3", "pack-quantized", num_bits=3, symmetric=True, type="int", strategy="channel")
compressed("ct-pack-6", "pack-quantized", num_bits=6, symmetric=True, **group)
compressed("ct-int-4", "int-quantized", num_bits=4, symmetric=True, type="int", strategy="channel")
compressed("ct-int-8-block", "int-quantized", num_bits=8, symmetric=True, type="int", strategy="block", block_structure=[16, 32])
compressed("ct-float-block", "float-quantized", num_bits=8, symmetric=True, type="float", strategy="block", block_structure=[32, 32])
compressed("ct-float-channel", "float-quantized", num_bits=8, symmetric=True, type="float", strategy="channel")
compressed("ct-float-group", "float-quantized", num_bits=8, symmetric=True, type="float", strategy="group", group_size=16)
compressed("ct-nvfp4", "nvfp4-pack-quantized", num_bits=4, symmetric=True, type="float", strategy="tensor_group", group_size=16,
           inputs={"num_bits": 4, "type": "float", "strategy": "tensor_group", "group_size": 16, "dynamic": "local", "symmetric": True})
compressed("ct-mxfp4", "mxfp4-pack-quantized", num_bits=4, symmetric=True, type="float", strategy="group", group_size=32)
compressed("ct-mxfp8", "mxfp8-quantized", num_bits=8, symmetric=True, type="float", strategy="group", group_size=32)
block_fp8("fp8-block")
bnb8("bnb-8")
bnb4("bnb-nf4", "nf4", True)
bnb4("bnb-fp4", "fp4", False)
