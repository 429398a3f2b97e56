#!/usr/bin/env python3
"""lm_eval_tasks.py NIBBLE MODEL TASKS.jsonl FOLDER: accuracy by lm-evaluation-harness and by nibble, item by item.

  pip install lm-eval torch transformers datasets
  python lm_eval_tasks.py .build/release/nibble /models/SmolLM2-135M Sources/DemoModel/tales-5M/tasks.jsonl /tmp/work

Makes two tasks of the harness of TASKS, one of its choices and one of its answers to be written, runs them with the harness' own
Python interface (one thread, float32, batch 1, no downloads), logs its samples, and has nibble ask both the plain file and the
harness' log. From the log, accuracy, accuracy by length and exact answers are to be equal, and every item is to be judged alike;
log-probabilities differ by some 0.1 nats at most, since nibble multiplies in BF16. Items whose context ends in white space are
compared in the log alone: the harness puts a second space there, the plain form none.
"""

import json
import os
import subprocess
import sys

program, model, tasks, folder = sys.argv[1:5]
os.environ.update(HF_DATASETS_OFFLINE="1", HF_HUB_OFFLINE="1", OMP_NUM_THREADS="1")
os.makedirs(folder, exist_ok=True)
with open(tasks, encoding="utf-8") as file:
    every = [json.loads(line) for line in file if line.strip()]
KINDS = {
    "choices": ([item for item in every if "choices" in item], """output_type: multiple_choice
doc_to_choice: "{{choices}}"
doc_to_target: answer
metric_list:
  - metric: acc
  - metric: acc_norm
"""),
    "answers": ([item for item in every if "expected" in item], """output_type: generate_until
doc_to_target: expected
generation_kwargs:
  until: %s
  max_gen_toks: %d
  do_sample: false
filter_list:
  - name: strip
    filter:
      - function: remove_whitespace
      - function: take_first
metric_list:
  - metric: exact_match
"""),
}
MEASURES = {"accuracy": "acc,none", "accuracy by length": "acc_norm,none", "exact answers": "exact_match,strip"}


def path(name):
    return os.path.join(folder, name)


kinds = {kind: items for kind, (items, _) in KINDS.items() if items}
for kind, items in kinds.items():
    settings = KINDS[kind][1]
    if kind == "answers":
        settings %= (json.dumps(items[0].get("until", ["\n"])), items[0].get("max_tokens", 32))
    with open(path(kind + ".jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(item) + "\n" for item in items)
    with open(path(kind + ".yaml"), "w", encoding="utf-8") as file:
        file.write(f"""task: {kind}
dataset_path: json
dataset_kwargs:
  data_files:
    test: {path(kind + ".jsonl")}
test_split: test
doc_to_text: "{{{{context}}}}"
{settings}""")

import torch  # noqa: E402
from lm_eval import simple_evaluate  # noqa: E402
from lm_eval.models.huggingface import HFLM  # noqa: E402
from lm_eval.tasks import TaskManager  # noqa: E402

torch.set_num_threads(1)
found = simple_evaluate(
    model=HFLM(pretrained=model, dtype="float32", batch_size=1, device="cpu", prefix_token_id=0), tasks=list(kinds),
    task_manager=TaskManager(include_path=folder, include_defaults=False), log_samples=True, bootstrap_iters=0)


def nibble(file):
    ran = subprocess.run(
        [program, "evaluate", model, "--windows", "2", "--window", "64", "--tasks", file, "--json", "--threads", "1"],
        capture_output=True, text=True)
    if ran.returncode:
        sys.exit(ran.stderr)
    return json.loads(ran.stdout)["tasks"]


faults = 0
for kind, items in kinds.items():
    samples = sorted(found["samples"][kind], key=lambda sample: sample["doc_id"])
    with open(path(kind + ".logged.jsonl"), "w", encoding="utf-8") as file:
        file.writelines(json.dumps(sample, default=str) + "\n" for sample in samples)
    print(f"{kind} by lm_eval:", {name: found["results"][kind][name] for name in MEASURES.values() if name in found["results"][kind]})
    for name in ("", ".logged"):
        report = nibble(path(kind + name + ".jsonl"))
        shares = {score["name"]: score["baseline"]["share"] for score in report["scores"]}
        apart, other = 0.0, []
        for sample, item, asked in zip(samples, report["items"], items):
            if not name and asked["context"][-1].isspace():
                continue
            side = item["baseline"]
            if kind == "choices":
                apart = max(apart, *(abs(a[0][0] - b) for a, b in zip(sample["resps"], side["scores"])))
                alike = (bool(sample["acc"]), bool(sample["acc_norm"])) == (side["isRight"], side["isRightByLength"])
            else:
                alike = bool(sample["exact_match"]) == side["isRight"]
            if not alike:
                other.append(item["id"])
        print(f"  by nibble, {'plain' if not name else 'the log'}:", shares)
        print(f"    largest difference of a log-probability {apart:.4f} nats; items judged otherwise: {other or 'none'}")
        faults += bool(other)
        if name:
            faults += any(abs(found["results"][kind][MEASURES[measure]] - share) > 1e-9 for measure, share in shares.items())
sys.exit(1 if faults else 0)
