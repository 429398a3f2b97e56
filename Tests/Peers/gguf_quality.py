#!/usr/bin/env python3
"""gguf_quality.py FILE.gguf TEXT [WINDOWS] [--begin]: perplexity of the numbers that a GGUF file stands for, by transformers in float32.

  pip install torch transformers accelerate gguf
  python gguf_quality.py model.gguf wikitext2-test.txt 40
  nibble evaluate model.gguf --text wikitext2-test.txt --windows 40 --baseline f32

Windows of 512 tokens, the second half scored, as llama-perplexity does; with --begin the first token of each is the BOS.
"""

import math
import os
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

begins = "--begin" in sys.argv
words = [word for word in sys.argv[1:] if word != "--begin"]
path, text = os.path.abspath(words[0]), open(words[1], encoding="utf-8").read()
most = int(words[2]) if len(words) > 2 else 1 << 30
torch.set_num_threads(1)
folder, name = os.path.split(path)
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
model = AutoModelForCausalLM.from_pretrained(folder, gguf_file=name, torch_dtype=torch.float32).eval()
ids = tokenizer(text, return_tensors="pt", add_special_tokens=begins).input_ids[0]
length, loss, scored = 512, 0.0, 0
for window in range(min(len(ids) // length, most)):
    part = ids[window * length:(window + 1) * length].clone()
    if begins:
        part[0] = tokenizer.bos_token_id
    with torch.no_grad():
        logits = model(part[None]).logits[0].double()
    scores = torch.log_softmax(logits[length // 2:length - 1], -1)
    loss -= scores.gather(1, part[length // 2 + 1:, None]).sum().item()
    scored += length - 1 - length // 2
print(f"{len(ids)} ids, {scored} scored, perplexity {math.exp(loss / scored):.6f}")
