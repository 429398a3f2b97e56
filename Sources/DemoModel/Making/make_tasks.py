#!/usr/bin/env python3
"""make_tasks.py > ../tales-5M/tasks.jsonl: tasks on new tales, for `nibble evaluate --tasks built-in`.

Tales of the evaluation split by another seed, none of which is in evaluation.txt or calibration.txt. Four in five items are
choices: the sentence that comes next in a tale against three of other tales. The rest are answers to be written out, to what a
reader of the tale could be asked. A line is an item: {"id", "context", "choices", "answer"} or
{"id", "context", "expected", "until", "max_tokens"}.
"""

import json
import os
import random
import re
import sys

import tales

CHOICES, ANSWERS, SEED, LONGEST = 80, 20, 14, 700
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tales-5M")


def known():
    found = set()
    for name in ("evaluation.txt", "calibration.txt"):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            found |= {part.strip() for part in file.read().split(tales.END)}
    return found


def sentences(body):
    parts = [part for part in body.split("\n\n") if len(part) > 60]
    return [found.strip() for part in parts for found in re.findall(r'[^.!?]+[.!?]"?(?= |$)', part)]


def is_fit(sentence):
    return 20 <= len(sentence) <= 90 and sentence.count('"') % 2 == 0


def choice(rng, place, told):
    """The next sentence of tale `place` against three of others; None where the tale has no fit one."""
    body, lines = told[place]
    fit = [index for index in range(4, len(lines) - 1) if is_fit(lines[index]) and body.count(lines[index]) == 1]
    if not fit:
        return None
    right = lines[rng.choice(fit)]
    context = body[: body.index(right)].rstrip()
    if len(context) > LONGEST:
        context = context[-LONGEST:]
        context = context[context.index(" ") + 1:]
    choices = [right]
    while len(choices) < 4:
        other = rng.randrange(len(told))
        line = rng.choice(told[other][1][2:])
        if other != place and is_fit(line) and line not in choices and line not in body:
            choices.append(line)
    rng.shuffle(choices)
    return {"context": context, "choices": choices, "answer": choices.index(right)}


def main():
    rng = random.Random(SEED)
    seen, told, asked = known(), [], []
    for text in tales.documents(SEED, 500, "evaluation"):
        if text.strip() in seen or len(text) > 1400:
            continue
        question = re.search(r"\n\nQuestion: [^\n]+\nAnswer:([^\n]+)", text)
        if question and len(asked) < ANSWERS and len(text) < 1000:
            asked.append({
                "context": text[: question.start(1)], "expected": question.group(1).strip(),
                "until": ["\n", tales.END], "max_tokens": 24})
            continue
        body = text.split("\n\nQuestion:")[0]
        if len(sentences(body)) >= 8:
            told.append((body, sentences(body)))
        if len(told) >= 2 * CHOICES:
            break
    chosen = [item for item in (choice(rng, place, told) for place in range(len(told))) if item][:CHOICES]
    assert (len(chosen), len(asked)) == (CHOICES, ANSWERS), (len(chosen), len(asked))
    for kind, items in (("next", chosen), ("answer", asked)):
        for number, item in enumerate(items, 1):
            sys.stdout.write(json.dumps({"id": "%s-%d" % (kind, number), **item}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
