#!/usr/bin/env python3
"""lm_eval_tasks.py NIBBLE MODEL TASKS.jsonl FOLDER: accuracy by lm-evaluation-harness and by nibble, item by item.

  pip install lm-eval torch transformers datasets
  python lm_eval_tasks.py .build/release/nibble /models/SmolLM2-135M Sources/DemoModel/tales-5M/tasks.jsonl /tmp/work

Writes a task of the harness on the choices of TASKS, runs it with the harness' own Python interface (one thread, float32, batch 1,
no downloads), logs its samples, and has nibble ask both the plain file and the harness' log. Accuracy and accuracy by length are to
be equal, and so are the choices of each item; log-probabilities differ by some 0.1 nats at most, since nibble multiplies in BF16.
Items whose context ends in white space are compared in the harness' log alone: the harness puts a second space there, the plain form none.
"""

import json
import os
import subprocess
import sys

program, model, tasks, folder = sys.argv[1:5]
os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
os.makedirs(folder, exist_ok=True)
with open(tasks, encoding="utf-8") as file:
    items = [item for item in map(json.loads, file) if "choices" in item]
data = os.path.join(folder, "items.jsonl")
with open(data, "w", encoding="utf-8") as file:
    file.writelines(json.dumps(item) + "\n" for item in items)
with open(os.path.join(folder, "nibble_tasks.yaml"), "w", encoding="utf-8") as file:
    file.write(f"""task: nibble_tasks
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: multiple_choice
doc_to_text: "{{{{context}}}}"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: answer
metric_list:
  - metric: acc
  - metric: acc_norm
""")

import torch  # noqa: E402
from lm_eval import simple_evaluate  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

torch.set_num_threads(1)
found = simple_evaluate(
    model=HFLM(pretrained=model, dtype="float32", batch_size=1, device="cpu", prefix_token_id=0), tasks=["nibble_tasks"],
    task_manager=TaskManager(include_path=folder, include_defaults=False), log_samples=True, bootstrap_iters=0)
samples = sorted(found["samples"]["nibble_tasks"], key=lambda sample: sample["doc_id"])
log = os.path.join(folder, "samples.jsonl")
with open(log, "w", encoding="utf-8") as file:
    for sample in samples:
        pairs = {f"gen_args_{place}": {"arg_0": pair[0], "arg_1": pair[1]} for place, pair in enumerate(sample["arguments"])} \
            if isinstance(sample["arguments"], list) else sample["arguments"]
        file.write(json.dumps({**sample, "arguments": pairs}, default=str) + "\n")
scores = found["results"]["nibble_tasks"]
print("lm_eval", {name: value for name, value in scores.items() if name.startswith("acc")})

faults = 0
for name, path in (("plain", data), ("logged", log)):
    ran = subprocess.run(
        [program, "evaluate", model, "--windows", "2", "--window", "64", "--tasks", path, "--json", "--threads", "1"],
        capture_output=True, text=True, check=True)
    report = json.loads(ran.stdout)["tasks"]
    shares = {score["name"]: score["baseline"]["share"] for score in report["scores"]}
    print(name, shares)
    apart, other = 0.0, []
    for sample, item, asked in zip(samples, report["items"], items):
        if name == "plain" and asked["context"][-1].isspace():
            continue
        theirs = [float(reply[0][0] if isinstance(reply[0], (list, tuple)) else reply[0]) for reply in sample["resps"]]
        ours = item["baseline"]["scores"]
        apart = max(apart, *(abs(a - b) for a, b in zip(theirs, ours)))
        if bool(sample["acc"]) != item["baseline"]["isRight"] or bool(sample["acc_norm"]) != item["baseline"]["isRightByLength"]:
            other.append(item["id"])
    print(f"  largest difference of a log-probability {apart:.4f} nats; items judged otherwise: {other or 'none'}")
    faults += bool(other)
    if name == "logged":
        faults += shares["accuracy"] != scores["acc,none"] or shares["accuracy by length"] != scores["acc_norm,none"]
sys.exit(1 if faults else 0)
