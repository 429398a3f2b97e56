"""Makes the tiny models of this folder and what transformers computes with them in float32.

Each folder holds config.json and model.safetensors (BF16, random), and reference.safetensors: `ids` and
`logits` [tokens, vocabulary]. Weights are drawn so that logits are a few units wide and every optional
part (biases, norms of heads, windows, scaled rotary embeddings, untied heads) changes them.

    python make_reference.py            the folders beside this script
    python make_reference.py NAME...    some of them
    python make_reference.py DIR MODEL  the reference of a model that is there already, to DIR
"""

import json
import pathlib
import sys

import torch
import transformers
from safetensors.torch import save_file

HERE = pathlib.Path(__file__).parent
TOKENS = 200
COMMON = {
    "vocab_size": 64, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
    "num_attention_heads": 4, "num_key_value_heads": 2, "max_position_embeddings": 256,
    "rms_norm_eps": 1e-5, "hidden_act": "silu", "bos_token_id": 0, "eos_token_id": [1, 2],
    "torch_dtype": "bfloat16",
}
CASES = {
    # The rope of Llama 3.1 as its own file spells it; biases everywhere; a head of its own.
    "llama3-scaling": COMMON | {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": 10000.0,
        "rope_scaling": {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
                         "high_freq_factor": 4.0, "original_max_position_embeddings": 64},
        "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": False},
    # The oldest spelling of a scaled rope.
    "llama-linear": COMMON | {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": 500.0,
        "rope_scaling": {"type": "linear", "factor": 4.0}, "tie_word_embeddings": True},
    "mistral-window": COMMON | {
        "model_type": "mistral", "architectures": ["MistralForCausalLM"], "sliding_window": 40,
        "num_key_value_heads": 1, "tie_word_embeddings": False},
    # A window in the second block only.
    "qwen2": COMMON | {
        "model_type": "qwen2", "architectures": ["Qwen2ForCausalLM"], "rope_theta": 1000000.0,
        "use_sliding_window": True, "sliding_window": 70, "max_window_layers": 1,
        "tie_word_embeddings": True},
    # The newest spelling of the rope; heads wider than hidden / heads.
    "qwen3": COMMON | {
        "model_type": "qwen3", "architectures": ["Qwen3ForCausalLM"], "head_dim": 16,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000.0},
        "use_sliding_window": False, "attention_bias": False, "tie_word_embeddings": False},
    # Every second block without positions; the window only there; biases everywhere.
    "smollm3": COMMON | {
        "model_type": "smollm3", "architectures": ["SmolLM3ForCausalLM"], "rope_theta": 5000.0,
        "num_hidden_layers": 3, "no_rope_layers": [1, 0, 1], "attention_bias": True,
        "mlp_bias": True, "use_sliding_window": True, "sliding_window": 50,
        "layer_types": ["full_attention", "sliding_attention", "full_attention"],
        "pad_token_id": None, "tie_word_embeddings": True},
    # Windows of 24 tokens by the pattern of the first files, two rotary embeddings of which the global one is scaled,
    # heads wider than hidden / heads, a scale of scores that is not that of the heads, capped logits.
    "gemma3": {key: value for key, value in COMMON.items() if key != "hidden_act"} | {
        "model_type": "gemma3_text", "architectures": ["Gemma3ForCausalLM"], "head_dim": 16,
        "num_hidden_layers": 3, "num_key_value_heads": 1, "sliding_window": 24,
        "sliding_window_pattern": 3, "rope_theta": 20000.0, "rope_local_base_freq": 300.0,
        "rope_scaling": {"rope_type": "linear", "factor": 4.0}, "query_pre_attn_scalar": 23,
        "hidden_activation": "gelu_pytorch_tanh", "final_logit_softcapping": 6.0,
        "pad_token_id": None, "tie_word_embeddings": True},
    # Rotation by YaRN, its ramp within the pairs of a head, cosines and sines multiplied.
    "llama-yarn": COMMON | {
        "model_type": "llama", "architectures": ["LlamaForCausalLM"], "rope_theta": 1000.0,
        "head_dim": 16, "rope_scaling": {"rope_type": "yarn", "factor": 4.0,
                                         "original_max_position_embeddings": 64},
        "tie_word_embeddings": True},
    # Norms after each half alone, one over all heads of queries, one over those of keys.
    "olmo2": COMMON | {
        "model_type": "olmo2", "architectures": ["Olmo2ForCausalLM"], "rope_theta": 5000.0,
        "attention_bias": True, "pad_token_id": None, "tie_word_embeddings": False},
    # All four multipliers.
    "granite": COMMON | {
        "model_type": "granite", "architectures": ["GraniteForCausalLM"], "rope_theta": 10000.0,
        "embedding_multiplier": 3.0, "attention_multiplier": 0.2, "residual_multiplier": 0.6,
        "logits_scaling": 2.0, "attention_bias": False, "mlp_bias": True, "pad_token_id": None,
        "tie_word_embeddings": True},
    # Joined tensors, half of a head's channels turn, by longrope; the text is longer than the context of training.
    "phi3": COMMON | {
        "model_type": "phi3", "architectures": ["Phi3ForCausalLM"], "rope_theta": 10000.0,
        "hidden_size": 64, "num_attention_heads": 4, "partial_rotary_factor": 0.5,
        "original_max_position_embeddings": 64, "sliding_window": 90, "pad_token_id": None,
        "rope_scaling": {"type": "longrope", "short_factor": [1.0, 1.1, 1.2, 1.3],
                         "long_factor": [1.0, 1.5, 2.5, 4.0]},
        "tie_word_embeddings": False},
    # Layer norms, a table of positions, weights with inputs first, q, k and v in one.
    "gpt2": {
        "model_type": "gpt2", "architectures": ["GPT2LMHeadModel"], "vocab_size": 64, "n_embd": 32,
        "n_layer": 2, "n_head": 4, "n_positions": 256, "n_inner": None, "layer_norm_epsilon": 1e-4,
        "activation_function": "gelu_new", "bos_token_id": 0, "eos_token_id": 1,
        "torch_dtype": "bfloat16", "tie_word_embeddings": True},
    # ReLU without a gate, biases everywhere, positions that begin at row 2.
    "opt": {
        "model_type": "opt", "architectures": ["OPTForCausalLM"], "vocab_size": 64,
        "hidden_size": 32, "word_embed_proj_dim": 32, "ffn_dim": 80, "num_hidden_layers": 2,
        "num_attention_heads": 4, "max_position_embeddings": 256, "activation_function": "relu",
        "do_layer_norm_before": True, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 3,
        "torch_dtype": "bfloat16", "tie_word_embeddings": True},
    # The best two of four experts.
    "mixtral": COMMON | {
        "model_type": "mixtral", "architectures": ["MixtralForCausalLM"], "rope_theta": 10000.0,
        "num_local_experts": 4, "num_experts_per_tok": 2, "sliding_window": None,
        "tie_word_embeddings": False},
    # The best three of six small experts, their weights as they are; the first block is dense.
    "qwen3-moe": COMMON | {
        "model_type": "qwen3_moe", "architectures": ["Qwen3MoeForCausalLM"], "head_dim": 16,
        "rope_theta": 10000.0, "num_experts": 6, "num_experts_per_tok": 3,
        "moe_intermediate_size": 24, "mlp_only_layers": [0], "decoder_sparse_step": 1,
        "norm_topk_prob": False, "tie_word_embeddings": False},
    # Capped scores and logits, windows of 30 tokens in every second block.
    "gemma2": {key: value for key, value in COMMON.items() if key != "hidden_act"} | {
        "model_type": "gemma2", "architectures": ["Gemma2ForCausalLM"], "head_dim": 16,
        "num_hidden_layers": 3, "sliding_window": 30, "rope_theta": 5000.0,
        "query_pre_attn_scalar": 5, "attn_logit_softcapping": 2.0, "final_logit_softcapping": 6.0,
        "hidden_activation": "gelu_pytorch_tanh", "pad_token_id": None,
        "tie_word_embeddings": True},
    # Sinks, a gate whose bounds bind, windows of 24 tokens in the first block, YaRN without rounding, biases everywhere;
    # experts in MXFP4 as OpenAI publishes them, and as plain numbers.
    "gpt-oss": (GPT_OSS := COMMON | {
        "model_type": "gpt_oss", "architectures": ["GptOssForCausalLM"], "head_dim": 16,
        "intermediate_size": 32, "num_local_experts": 4, "num_experts_per_tok": 2,
        "sliding_window": 24, "layer_types": ["sliding_attention", "full_attention"],
        "rope_theta": 1000.0, "attention_bias": True, "swiglu_limit": 1.0, "pad_token_id": None,
        "rope_scaling": {"rope_type": "yarn", "factor": 4.0, "beta_fast": 8.0, "beta_slow": 1.0,
                         "truncate": False, "original_max_position_embeddings": 64},
        "tie_word_embeddings": False}),
    "gpt-oss-mxfp4": GPT_OSS | {
        "quantization_config": {"quant_method": "mxfp4", "modules_to_not_convert": [
            "model.layers.*.self_attn", "model.layers.*.mlp.router", "model.embed_tokens",
            "lm_head"]}},
}


def randomize(model, seed):
    # Gemma stores what is added to 1.
    middle = 0 if "gemma" in model.config.model_type else 1
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in model.named_parameters():
        noise = torch.randn(tensor.shape, generator=generator)
        if tensor.dim() == 1 and name.endswith(".weight"):
            tensor.data = middle + 0.3 * noise
        elif name.endswith(".bias"):
            tensor.data = 0.3 * noise
        elif "embed" in name or "wte" in name or "wpe" in name:
            tensor.data = 0.5 * noise
        else:
            inputs = tensor.shape[0 if model.config.model_type == "gpt2" else -1]
            tensor.data = 1.5 * noise / inputs ** 0.5
        tensor.data = tensor.data.bfloat16().float()


E2M1 = torch.tensor([0, .5, 1, 1.5, 2, 3, 4, 6])


def to_mxfp4(weight):
    """Codes [.., columns], exponents [.., columns / 32] and the numbers they stand for."""
    groups = weight.reshape(*weight.shape[:-1], -1, 32)
    largest = groups.abs().amax(-1, keepdim=True).clamp(min=2.0 ** -100)
    exponent = torch.floor(torch.log2(largest)) - 2
    scaled = groups / 2 ** exponent
    magnitude = (scaled.abs()[..., None] - E2M1).abs().argmin(-1)
    codes = magnitude + 8 * (scaled < 0)
    decoded = E2M1[magnitude] * torch.where(scaled < 0, -1.0, 1.0) * 2 ** exponent
    return codes.reshape(weight.shape), (exponent[..., 0] + 127).to(torch.uint8), \
        decoded.reshape(weight.shape)


def round_experts(model):
    """Makes the experts' weights numbers that MXFP4 holds; what the published files hold, by name."""
    stored = {}
    for name, tensor in model.named_parameters():
        if not name.endswith(("experts.gate_up_proj", "experts.down_proj")):
            continue
        codes, exponents, decoded = to_mxfp4(tensor.data.transpose(1, 2).contiguous())
        tensor.data = decoded.transpose(1, 2).contiguous()
        pairs = codes.reshape(*codes.shape[:-1], -1, 16, 2).to(torch.uint8)
        stored[name + "_blocks"] = (pairs[..., 0] | pairs[..., 1] << 4).contiguous()
        stored[name + "_scales"] = exponents.contiguous()
    return stored


def logits_of(folder, ids):
    model = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()
    scale = getattr(model.get_input_embeddings(), "embed_scale", None)
    if scale is not None:
        # As transformers rounds it when the model runs in the type it is stored in.
        scale.data = scale.data.bfloat16().float()
    with torch.no_grad():
        return model(ids[None]).logits[0].float()


def make(name, config, seed):
    folder = HERE / name
    folder.mkdir(exist_ok=True)
    plain = {key: value for key, value in config.items() if key != "quantization_config"}
    (folder / "config.json").write_text(json.dumps(plain, indent=1) + "\n")
    model = transformers.AutoModelForCausalLM.from_config(
        transformers.AutoConfig.from_pretrained(folder), dtype=torch.float32)
    model.tie_weights()
    randomize(model, seed)
    packed = round_experts(model) if config["model_type"] == "gpt_oss" else {}
    if "moe" in config["model_type"] or "mixtral" in config["model_type"]:
        # In memory the experts are one tensor; files have one an expert.
        model.to(torch.bfloat16).save_pretrained(folder)
        (folder / "generation_config.json").unlink(missing_ok=True)
        (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        save_reference(folder, folder, ids_for(config, seed))
        return
    state = {key: value.bfloat16().contiguous() for key, value in model.state_dict().items()
             if not (config["tie_word_embeddings"] and key == "lm_head.weight")}
    if config["model_type"] == "gpt_oss":
        ids = ids_for(config, seed)
        with torch.no_grad():
            logits = model.eval()(ids[None]).logits[0].float()
        save_file({"ids": ids.int(), "logits": logits.contiguous()},
                  folder / "reference.safetensors")
        print(f"{folder}: logits of standard deviation {logits.std():.3f}, {tuple(logits.shape)}")
        if "quantization_config" in config:
            state = {key: value for key, value in state.items()
                     if not key.endswith(("experts.gate_up_proj", "experts.down_proj"))} | packed
            (folder / "config.json").write_text(json.dumps(config, indent=1) + "\n")
        save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
        return
    save_file(state, folder / "model.safetensors", metadata={"format": "pt"})
    save_reference(folder, folder, ids_for(config, seed))


def ids_for(config, seed):
    return torch.randint(
        0, config["vocab_size"], (TOKENS,), generator=torch.Generator().manual_seed(seed + 1))


def save_reference(target, folder, ids):
    logits = logits_of(folder, ids)
    save_file({"ids": ids.int(), "logits": logits.contiguous()}, target / "reference.safetensors")
    print(f"{folder}: logits of standard deviation {logits.std():.3f}, {tuple(logits.shape)}")


if len(sys.argv) == 3 and sys.argv[1] not in CASES:
    target, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    target.mkdir(parents=True, exist_ok=True)
    vocabulary = json.loads((folder / "config.json").read_text())["vocab_size"]
    count = min(700, json.loads((folder / "config.json").read_text())["max_position_embeddings"])
    save_reference(target, folder, torch.randint(
        0, vocabulary, (count,), generator=torch.Generator().manual_seed(3)))
else:
    for seed, (name, config) in enumerate(CASES.items()):
        if len(sys.argv) == 1 or name in sys.argv[1:]:
            make(name, config, seed * 10)
