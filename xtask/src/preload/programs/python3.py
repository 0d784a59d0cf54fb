"""A program of many small objects: records, text and JSON, on four threads."""
import json
import re
import threading

class Record:
    def __init__(self, number):
        self.number = number
        self.name = f"record {number}"
        self.tags = [f"t{number % n}" for n in range(2, 9)]

    def plain(self):
        return {"number": self.number, "name": self.name, "tags": self.tags}

def work(seed, results):
    records = [Record(seed * 1000 + n) for n in range(4000)]
    text = json.dumps([record.plain() for record in records])
    back = json.loads(text)
    by_tag = {}
    for entry in back:
        for tag in entry["tags"]:
            by_tag.setdefault(tag, []).append(entry["name"].upper())
    words = re.findall(r"\w+", text)
    parts = "".join(sorted(words, reverse=True))
    big = [bytearray(1000 * n) for n in range(200)]
    results[seed] = (len(text), len(by_tag), len(words), len(parts), sum(map(len, big)))

results = {}
for _ in range(2):
    threads = [threading.Thread(target=work, args=(n, results)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
for key in sorted(results):
    print(key, results[key])
