"""What the driver of a search bears: 100,000 candidates on 1,000 simulated workers.

Real are evolution, journal (fsync included), history, hall of fame, MLflow's embedded store, and
what is encoded and decoded for workers. Only training is simulated, by the seconds, statuses
and scores of trainings that were measured (results/mnist1d_search/first), times a
factor for larger networks: `--seconds` is a training's mean.

Time is virtual. It moves on by what the driver works (its processor time, and what it
waits for the disk) and, while it waits for workers, to the next cohort's end. So workers
that wait for a busy driver are seen as idle. Breeding (`ask` and `tell` of the evolution)
is counted apart from the rest.

    python benchmarks/scale.py [--quick] [--only replay surrogate mailbox] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from hardware import cores, processor
from scale_mailbox import mailbox_section
from scale_replay import Replay

SECTIONS = ("replay", "surrogate", "mailbox")
PARTS = ("breeding", "journal", "disk", "hall of fame", "MLflow", "console", "sending", "loop")


def main() -> None:
    """Measure, and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="1,000 candidates on 50 workers")
    parser.add_argument("--only", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--candidates", type=int, default=100_000)
    parser.add_argument("--workers", type=int, default=1000)
    parser.add_argument("--cohort", type=int, default=12)
    parser.add_argument("--seconds", type=float, default=60.0, help="mean of a training")
    parser.add_argument("--json", type=Path, help="write all numbers to this file")
    options = parser.parse_args()
    count, workers = (1000, 50) if options.quick else (options.candidates, options.workers)
    print(f"{processor()}, {cores()} cores\n")
    result: dict[str, Any] = {"cpu": processor(), "cores": cores()}
    replay = Replay(count, workers, options.cohort, options.seconds)
    if "replay" in options.only:
        result["replay"] = _shown(replay, "bred without the surrogate")
    if "surrogate" in options.only:
        fewer = Replay(max(500, count // 20), workers // 10, options.cohort, options.seconds, "on")
        result["surrogate"] = _shown(fewer, "bred with the surrogate")
    if "mailbox" in options.only:
        result["mailbox"] = mailbox_section(quick=options.quick)
    if options.json:
        options.json.write_text(json.dumps(result, indent=1))


def _shown(replay: Replay, how: str) -> dict[str, Any]:
    """Run a replay in a process of its own, whose memory is the search's; print its tables."""
    call = [sys.executable, str(Path(__file__).with_name("scale_replay.py")), replay.to_json()]
    print(f"{replay.candidates:,} candidates on {replay.workers:,} workers, steady state, cohorts "
          f"of {replay.cohort}, trainings of {replay.seconds:g} s, {how}; ms "
          "a candidate\n")  # fmt: skip
    print(f"| candidates | {' | '.join(PARTS)} | all but breeding | MiB |")
    print("|" + "---:|" * (len(PARTS) + 3))
    with subprocess.Popen(call, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        rows = [json.loads(line) for line in process.stdout if _told(line)]
    if process.returncode:
        raise SystemExit(process.returncode)
    end = rows.pop()
    print(f"\nThroughput {end['an_hour']:,.0f} candidates an hour of virtual time; workers busy "
          f"{end['busy']:.1%} of it; journal {end['journal']:.0f} MiB; driver at most "
          f"{end['memory']:.0f} MiB, busy {end['driver_busy']:.0%}. By driver work a candidate of "
          f"{end['each']:.2f} ms ({end['rest']:.2f} besides breeding) it is saturated by "
          f"{end['saturated']:,.0f} workers with trainings of {replay.seconds:g} s.\n",
          flush=True)  # fmt: skip
    return {**end, "growth": rows}


def _told(line: str) -> bool:
    row = json.loads(line)
    if "parts" in row:
        parts = row["parts"]
        cells = [parts[name] for name in PARTS]
        values = " | ".join(f"{value:.2f}" for value in (*cells, row["rest"]))
        print(f"| {row['candidates']:,} | {values} | {row['memory']:.0f} |", flush=True)
    return True


if __name__ == "__main__":
    main()
