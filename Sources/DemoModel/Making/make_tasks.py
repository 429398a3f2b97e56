#!/usr/bin/env python3
"""make_tasks.py > ../tales-5M/tasks.jsonl: questions on new tales, for `nibble evaluate --tasks built-in`.

Tales of the evaluation split by another seed, none of which is in evaluation.txt or calibration.txt. Half of the items are
choices: the answer's first telling word (a colour, a name, a number, ...) against three others of its bank; half are answers to
be written out. A line is an item: {"id", "context", "choices", "answer"} or {"id", "context", "expected", "until", "max_tokens"}.
"""

import json
import os
import random
import re
import sys

import tales

CHOICES, ANSWERS, SEED = 60, 30, 14
FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tales-5M")
BANKS = dict(tales.BANKS)
BANKS["girl"], BANKS["boy"] = tales.GIRLS, tales.BOYS
BANKS["number"] = tales.UNITS[2:10]
USED = ["colour", "girl", "boy", "number", "day", "month", "fruit", "wild", "tree", "pet", "bird", "toy"]


def known():
    found = set()
    for name in ("evaluation.txt", "calibration.txt"):
        with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
            found |= {part.strip() for part in file.read().split(tales.END)}
    return found


def pairs(text):
    """Tale up to `Answer:` and the answer, for each question asked in it."""
    for match in re.finditer(r"\n\nQuestion: [^\n]+\nAnswer:([^\n]+)", text):
        yield text[: match.start(1)], match.group(1).strip()


def choice(rng, context, answer):
    """The answer with one telling word changed; nil where no bank has a word of it."""
    for bank in USED:
        for word in BANKS[bank]:
            place = re.search(r"\b%s\b" % re.escape(word), answer)
            if place and word in context[: context.rindex("Question:")]:
                others = rng.sample([other for other in BANKS[bank] if other != word], 3)
                words = [word] + others
                rng.shuffle(words)
                lead, tail = answer[: place.start()], answer[place.end():]
                text = (context + " " + lead).rstrip()
                return {"context": text, "choices": [other + tail for other in words], "answer": words.index(word)}
    return None


def main():
    rng = random.Random(SEED)
    seen, items, counts = known(), [], {"choice": 0, "answer": 0}
    for text in tales.documents(SEED, 4000, "evaluation"):
        if counts == {"choice": CHOICES, "answer": ANSWERS}:
            break
        if text.strip() in seen or len(text) > 1200:
            continue
        for context, answer in list(pairs(text))[:1]:
            kind = "choice" if counts["choice"] < 2 * counts["answer"] + 2 else "answer"
            item = choice(rng, context, answer) if kind == "choice" else {
                "context": context, "expected": answer, "until": ["\n"], "max_tokens": 24}
            if item is None or counts[kind] >= (CHOICES if kind == "choice" else ANSWERS):
                continue
            counts[kind] += 1
            items.append({"id": "%s-%d" % (kind, counts[kind]), **item})
    assert counts == {"choice": CHOICES, "answer": ANSWERS}, counts
    for item in items:
        sys.stdout.write(json.dumps(item, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
