#!/usr/bin/python3
"""bench/ledger.py [--quick] [--long] [--write]: what durable appends cost, and how a log grows.

Runs bench/ledger_bench.cc: the ledger, SQLite and a bare loop of write and fdatasync in turn, in one
process, medians of five rounds; then one log that grows to a million entries (--long: to ten
million, 3 GB, removed afterwards), opened, proven and verified at each size in a process of its own.
--write puts the tables into docs/benchmarks-ledger.md and draws the growth. Timing is never part of
a pass or fail.
"""
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tempfile

from cedar import draw, say, table

TOP = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("WRIT_LEDGER_BENCH", TOP / "build/release/bin/ledger_bench"))
WRITERS = ("1", "8", "64", "512")


def run(*argv):
    done = subprocess.run([PROGRAM, *map(str, argv)], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def appends(place, quick):
    measured = run("appends", place, 0.2 if quick else 1)
    for writers in WRITERS:
        side = measured["writers"][writers]
        say(f"  {writers} writers: {side['ledger']['rate']:,.0f} /s, SQLite {side['sqlite']['rate']:,.0f} /s")
    return measured


def growth(place, quick, long):
    """One log, looked at whenever it has grown to the next size."""
    sizes = [1000, 10_000, 100_000] + ([] if quick else [1_000_000]) + ([10_000_000] if long else [])
    looks, rate = [], 0
    for size in sizes:
        grown = run("grow", place / "log", size)
        rate = grown["appended"] / grown["millis"] * 1000
        looks.append(run("look", place / "log"))
        say(f"  {size:,} entries: opened in {looks[-1]['open']:.1f} ms, proven in {looks[-1]['prove_p50']:.0f} µs, "
            f"verified in {looks[-1]['verify'] / 1000:.2f} s")
    return looks, rate


def millis(micros):
    return f"{micros / 1000:.2f}"


def rows(measured, looks):
    """The rows for docs/benchmarks.md."""
    out = []
    for writers, budget in (("1", "≥ 1"), ("64", "≥ 10, and 50,000 /s")):
        side = measured["writers"][writers]
        mine, theirs = side["ledger"], side["sqlite"]
        out.append((f"durable ledger appends, {writers} writer{'s' if writers != '1' else ''} (docs/benchmarks-ledger.md)",
                    f"{mine['rate']:,.0f} /s, p50 {millis(mine['p50'])} ms",
                    f"SQLite WAL FULL {theirs['rate']:,.0f} /s, p50 {millis(theirs['p50'])} ms",
                    f"{mine['rate'] / theirs['rate']:.2f}", budget))
    provable = measured["writers"]["64"]["provable"]
    out.append(("from an append until it is provable under a signed head, while 64 writers go on",
                f"p50 {provable['p50']:.1f} ms, worst {provable['worst']:.1f} ms", "-", "-", "≤ 100 ms"))
    out.append(("hashing entries into the tree, one core", f"{measured['hashed'] / 1e6:.2f} M entries/s", "-", "-",
                "≥ 1.5 M"))
    last = looks[-1]
    out.append((f"a log of {last['entries']:,} entries: open, prove one, verify all",
                f"{last['open']:.1f} ms, {last['prove_p50'] / 1000:.2f} ms, {last['verify'] / 1000:.1f} s in "
                f"{last['memory'] / 1024:.0f} MiB", "-", "-", "≤ 1 s, ≤ 1 ms, bounded"))
    return out


PAGE = """# Benchmarks of the ledger

Written by `./dev bench --write`{long}. Ratios count; absolute figures are those of one machine on one day, and
of its disk most of all.

Machine: {cores} cores, Linux {kernel}, commit {commit}.

## Durable appends

Entries of 400 bytes, each acknowledged when it is on the disk. In turn, five rounds, medians: the ledger; SQLite (WAL,
`synchronous=FULL`, one connection, one commit an entry); and, as the limit of one writer, a bare loop of write and
`fdatasync`. "Provable": from an append until its head is signed, while the writers go on.

{appends}

A lone append is one `pwrite` into room that holds zeros already, `flock` and its release, two small reads (has a sync
failed in this boot, has somebody else appended) and one `fdatasync`, in which most of its time goes. The length
of the file is not asked for: on kernels that give a file whose times were looked at a new one with its next write,
`fstat` made the sync after it 40 µs slower, because the inode had to be written as well.

One thread hashes {hashed:.2f} million such entries a second into the tree.

## Growth

One log of runs of a hundred events, {length:.0f} bytes an entry: the shortest there are, for a log of ours holds
nothing else. Appended without waiting for the disk, {rate:,.0f} a second, with a head every 100,000.

![Time by the number of entries](ledger-growth-time.svg)

{growth}

"After a restart" counts making the tiles since the oldest segment anew. Memory is all of the process that verifies:
the program, one bundle, and about 100 bytes for each run.

![Bytes on the disk for one entry](ledger-growth-bytes.svg)

Bytes on the disk count whole blocks of bundles, tiles, segments and the megabyte set aside; a small log is
mostly what is allocated beforehand.
"""


def page(measured, looks, rate, long):
    first = [[n, f"{s['ledger']['rate']:,.0f}", millis(s["ledger"]["p50"]), millis(s["ledger"]["p99"]),
              f"{s['sqlite']['rate']:,.0f}", millis(s["sqlite"]["p50"]), millis(s["sqlite"]["p99"]),
              f"{s['ledger']['rate'] / s['sqlite']['rate']:.2f}", f"{s['bare']['rate']:,.0f}",
              f"{s['provable']['p50']:.1f} ({s['provable']['worst']:.1f})"]
             for n in WRITERS for s in [measured["writers"][n]]]
    second = [[f"{g['entries']:,}", f"{g['open']:.1f}", f"{g['restarted']:.0f}", f"{g['prove_p50']:.0f}",
               f"{g['prove_p99']:.0f}", f"{g['verify'] / 1000:.2f}", f"{g['entries'] / g['verify'] / 1000:.2f}",
               f"{g['memory'] / 1024:.0f}", f"{g['bytes'] / g['entries']:.0f}"] for g in looks]
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TOP, capture_output=True, text=True)
    (TOP / "docs/benchmarks-ledger.md").write_text(PAGE.format(
        long=" `--long`" if long else "", cores=os.cpu_count(), kernel=platform.release(), commit=commit.stdout.strip(),
        hashed=measured["hashed"] / 1e6, length=looks[-1]["length"], rate=rate,
        appends=table(["writers", "ledger /s", "p50, ms", "p99, ms", "SQLite /s", "p50, ms", "p99, ms", "ratio",
                       "bare loop /s", "provable, ms: p50 (worst)"], first),
        growth=table(["entries", "open, ms", "after a restart, ms", "one proof: p50, µs", "p99, µs", "verify, s",
                      "M entries/s", "its memory, MiB", "bytes an entry on disk"], second)))

    def line(label, kind, figure):
        return label, kind, [(g["entries"], figure(g)) for g in looks]

    draw(TOP / "docs/ledger-growth-time.svg", "One log, by the number of its entries", "entries",
         [line("verify all", "c", lambda g: g["verify"] * 1e6), line("one proof, p50", "b", lambda g: g["prove_p50"] * 1e3),
          line("open", "a", lambda g: g["open"] * 1e6)])
    draw(TOP / "docs/ledger-growth-bytes.svg", "Bytes on the disk for one entry", "entries",
         [line("on the disk", "a", lambda g: g["bytes"] / g["entries"]), line("the entry", "b", lambda g: g["length"])],
         unit=lambda bytes: f"{bytes:g} B")


def measure(quick, write, long):
    """The rows for docs/benchmarks.md; none when the program is not built."""
    if not PROGRAM.exists():
        return []
    say("ledger: durable appends, growth")
    place = pathlib.Path(tempfile.mkdtemp(prefix="writ-bench.", dir="/tmp"))
    try:
        if long and shutil.disk_usage(place).free < 8 << 30:
            say("  ten million entries want 8 GB of free disk: a million then")
            long = False
        measured = appends(place, quick)
        looks, rate = growth(place, quick, long)
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if write:
        page(measured, looks, rate, long)
    return rows(measured, looks)


if __name__ == "__main__":
    for one in measure("--quick" in sys.argv, "--write" in sys.argv, "--long" in sys.argv):
        print(" | ".join(one))
