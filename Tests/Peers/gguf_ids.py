#!/usr/bin/env python3
"""gguf_ids.py FILE.gguf FOLDER TEXT...: writes each text to FOLDER, and next to it the ids that transformers' tokenizer of the file makes.

  python gguf_ids.py model.gguf /tmp/ids wikitext2-test.txt korean-gsd.txt
  NIBBLE_GGUF=model.gguf NIBBLE_GGUF_IDS=/tmp/ids ./test --filter GGUFModelTests
"""

import os
import sys

import numpy as np
from transformers import AutoTokenizer

folder, name = os.path.split(os.path.abspath(sys.argv[1]))
tokenizer = AutoTokenizer.from_pretrained(folder, gguf_file=name)
os.makedirs(sys.argv[2], exist_ok=True)
for path in sys.argv[3:]:
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    stem = os.path.join(sys.argv[2], os.path.splitext(os.path.basename(path))[0])
    with open(stem + ".txt", "w", encoding="utf-8", newline="") as file:
        file.write(text)
    np.array(tokenizer(text).input_ids, dtype="<i4").tofile(stem + ".ids")
    print(path, os.path.getsize(stem + ".ids") // 4, "ids")
