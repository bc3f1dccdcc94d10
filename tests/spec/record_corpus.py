"""Records starlark-go's answers: `python tests/spec/record_corpus.py` asks again for every case of corpus/*.json.

To add cases, append {"kind": "expression" or "program", "source": ...} to a file and run it.
"""

import json
from pathlib import Path

from ask_starlark import answer

CORPUS = Path(__file__).with_name("corpus")


def record(path: Path) -> None:
    cases = json.loads(path.read_text())
    recorded = [{"kind": case["kind"], "source": case["source"], **answer(case)} for case in cases]
    path.write_text(json.dumps(recorded, indent=1, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    for each in sorted(CORPUS.glob("*.json")):
        record(each)
