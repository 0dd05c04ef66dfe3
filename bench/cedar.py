#!/usr/bin/python3
"""bench/cedar.py [--quick] [--write]: what Cedar decisions cost, and how that grows.

Runs bench/cedar_bench.cc and, alternating with it, the official engine's WebAssembly build on Node
(tests/differential has it) on the same set; both must decide alike. Medians of five processes, on
one processor, with real-time priority where that may be had, so that other work on the machine
disturbs little. --write puts the tables into docs/benchmarks-cedar.md and draws the growth. Timing
is never part of a pass or fail.
"""
import json
import math
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = pathlib.Path(os.environ.get("WRIT_CEDAR_BENCH", TOP / "build/release/bin/cedar_bench"))
PACKAGES = TOP / "tests/differential"
SET = (3, 10, 100, 1000)
BUDGET = {3: 2, 10: 2, 100: 5, 1000: 10}  # µs
ENTITIES = 142
UID = "62011"  # no account uses it; a stranger's package does not run as root

# Other engines' own published or recorded figures, in µs: see FOREIGN_NOTE.
GO = {3: (5.3, 8.7), 10: (14.0, 15.0), 100: (60, 87), 1000: (720, 1080)}
RUST = {"4 policies": (5.7, 5.8), "5 policies": (5.1, 5.8), "8 policies": (10.7, 11.3)}


def say(text):
    print(text, file=sys.stderr, flush=True)


def urgent():
    """The prefix that puts a measurement before other work, where that is allowed."""
    allowed = shutil.which("chrt") and subprocess.run(["chrt", "-f", "20", "true"], capture_output=True).returncode == 0
    return ["chrt", "-f", "20"] if allowed else []


URGENT = urgent()
# One processor for our one thread. Not for Node: its compiler works in threads of its own.
ONE = ["taskset", "-c", str(max(os.sched_getaffinity(0)))] if shutil.which("taskset") else []


def run(argv):
    return subprocess.run([*URGENT, *map(str, argv)], check=True, stdout=subprocess.PIPE, text=True).stdout


def ours(policies, entities):
    return json.loads(run([*ONE, PROGRAM, "time", policies, entities]))


def node():
    """The Node that tests/differential uses, or None when it or the engine is not installed."""
    found = subprocess.run([PACKAGES / "node-program"], capture_output=True, text=True)
    installed = (PACKAGES / "node_modules/@cedar-policy/cedar-wasm").is_dir()
    return found.stdout.strip() if found.returncode == 0 and installed else None


def theirs(program, folder, rounds):
    drop = ["setpriv", f"--reuid={UID}", f"--regid={UID}", "--clear-groups"] if os.getuid() == 0 else []
    return json.loads(run([*drop, program, TOP / "bench/cedar_wasm.mjs", PACKAGES, folder, rounds]))


def median(results, *path):
    values = []
    for result in results:
        for key in path:
            result = result[key]
        values.append(result)
    return statistics.median(values)


def micros(nanos):
    value = nanos / 1000
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def side_by_side(quick):
    """{policies: (our results, their results)}: one process of each side, in turn."""
    program = node()
    if program is None:
        say("  the official engine is not here (./dev deps): its column stays empty")
    out = {}
    for policies in SET:
        mine, wasm = [], []
        with tempfile.TemporaryDirectory(prefix="writ-bench.", dir="/tmp") as folder:
            os.chmod(folder, 0o755)
            run([PROGRAM, "dump", policies, ENTITIES, folder])
            for _ in range(2 if quick else 5):
                mine.append(ours(policies, ENTITIES))
                if program is not None:
                    wasm.append(theirs(program, folder, 3 if quick else 25))
        out[policies] = (mine, wasm)
        say(f"  {policies} policies: p50 {median(mine, 'indexed', 'p50'):.0f} ns, "
            f"p99 {median(mine, 'indexed', 'p99'):.0f} ns" +
            (f"; WebAssembly {median(wasm, 'reached', 'p50') / 1000:.0f} µs" if wasm else ""))
    return out


def growth(quick):
    """Two lists of (size, median result)."""
    times = 1 if quick else 3
    by_policies = (10, 100, 1000) if quick else (10, 30, 100, 300, 1000, 3000, 10_000)
    by_entities = (10, 1000) if quick else (10, 100, 1000, 10_000, 100_000)

    def measured(policies, entities):
        say(f"  {policies} policies, {entities} entities")
        results = [ours(policies, entities) for _ in range(times)]
        return {(a, b): median(results, a, b) for a in ("indexed", "one_by_one", "spread") for b in ("p50", "p99")} | {
            key: median(results, key) for key in ("parse", "index", "validate", "load", "bytes_per_policy",
                                                  "bytes_per_entity")}

    return ([(n, measured(n, ENTITIES)) for n in by_policies], [(n, measured(100, n)) for n in by_entities])


# --- drawing ---

STYLE = """  <style>
    text { font: 13px system-ui, sans-serif; fill: #24292f; }
    .title { font-weight: 600; font-size: 15px; }
    .grid { stroke: #d0d7de; stroke-width: 1; }
    .line { fill: none; stroke-width: 2.5; }
    .a { stroke: #0969da; fill: #0969da; } .b { stroke: #8250df; fill: #8250df; } .c { stroke: #bc4c00; fill: #bc4c00; }
    .line.a, .line.b, .line.c { fill: none; }
    .back { fill: #ffffff; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .grid { stroke: #3d444d; }
      .back { fill: #0d1117; }
      .a { stroke: #58a6ff; fill: #58a6ff; } .b { stroke: #bc8cff; fill: #bc8cff; } .c { stroke: #f0883e; fill: #f0883e; }
      .line.a, .line.b, .line.c { fill: none; }
    }
  </style>
"""
WIDTH, HEIGHT, LEFT, RIGHT, TOP_EDGE, BOTTOM = 720, 400, 72, 150, 48, 52


def named(nanos):
    return f"{nanos:g} ns" if nanos < 1000 else f"{nanos / 1000:g} µs" if nanos < 1e6 else (
        f"{nanos / 1e6:g} ms" if nanos < 1e9 else f"{nanos / 1e9:g} s")


def draw(path, title, axis, lines, unit=named):
    """lines: [(label, class, [(x, nanoseconds)])], both axes logarithmic; `unit` words a value."""
    xs = [x for _, _, points in lines for x, _ in points]
    ys = [y for _, _, points in lines for _, y in points]
    x0, x1 = math.log10(min(xs)), math.log10(max(xs))
    y0, y1 = math.floor(math.log10(min(ys))), math.ceil(math.log10(max(ys)))

    def px(x):
        return LEFT + (math.log10(x) - x0) / (x1 - x0) * (WIDTH - LEFT - RIGHT)

    def py(y):
        return HEIGHT - BOTTOM - (math.log10(y) - y0) / (y1 - y0) * (HEIGHT - TOP_EDGE - BOTTOM)

    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" '
           f'height="{HEIGHT}" role="img" aria-label="{title}">\n', STYLE,
           f'  <rect class="back" width="{WIDTH}" height="{HEIGHT}"/>\n',
           f'  <text class="title" x="{LEFT}" y="26">{title}</text>\n']
    for power in range(y0, y1 + 1):
        y = py(10 ** power)
        out.append(f'  <line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>\n'
                   f'  <text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{unit(10 ** power)}</text>\n')
    for power in range(math.ceil(x0), math.floor(x1) + 1):
        x = px(10 ** power)
        out.append(f'  <line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP_EDGE}" y2="{HEIGHT - BOTTOM}"/>\n'
                   f'  <text x="{x:.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">{10 ** power:,}</text>\n')
    out.append(f'  <text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{axis}</text>\n')
    ends = sorted(((py(points[-1][1]), label, kind) for label, kind, points in lines))
    last = -100.0
    for y, label, kind in ends:
        last = max(y, last + 17)  # labels do not lie on each other
        out.append(f'  <text x="{WIDTH - RIGHT + 10}" y="{last + 4:.1f}">{label}</text>\n')
    for label, kind, points in lines:
        path_text = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in points)
        out.append(f'  <polyline class="line {kind}" points="{path_text}"/>\n')
        out += [f'  <circle class="{kind}" cx="{px(x):.1f}" cy="{py(y):.1f}" r="3.5"/>\n' for x, y in points]
    out.append("</svg>\n")
    path.write_text("".join(out))


def draw_growth(by_policies, by_entities):
    def line(label, kind, series, *key):
        return (label, kind, [(n, result[key]) for n, result in series])

    draw(TOP / "docs/cedar-growth-policies.svg", "One decision, by the number of policies (142 entities)",
         "policies", [line("every scope, p50", "c", by_policies, "one_by_one", "p50"),
                      line("indexed, p99", "b", by_policies, "indexed", "p99"),
                      line("indexed, p50", "a", by_policies, "indexed", "p50")])
    draw(TOP / "docs/cedar-growth-entities.svg", "One decision, by the number of entities (100 policies)",
         "entities", [line("4,096 requests, p99", "c", by_entities, "spread", "p99"),
                      line("4,096 requests, p50", "b", by_entities, "spread", "p50"),
                      line("8 requests, p50", "a", by_entities, "indexed", "p50")])


# --- tables ---

def table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def decisions(sides):
    rows = []
    for policies, (mine, wasm) in sides.items():
        p50 = median(mine, "indexed", "p50")
        rows.append([str(policies), micros(p50), micros(median(mine, "indexed", "p99")), f"≤ {BUDGET[policies]}",
                     f"{median(mine, 'indexed', 'allocations'):.0f}",
                     micros(median(mine, "one_by_one", "p50")),
                     f"{median(mine, 'one_by_one', 'p50') / policies / 1000:.3f}",
                     *([f"{micros(median(wasm, kind, 'p50'))} ({median(wasm, kind, 'p50') / p50:,.0f} ×)"
                        for kind in ("reached", "all")] if wasm else ["-", "-"])])
    return table(["policies", "p50, µs", "p99, µs", "budget p50", "allocations", "every scope looked at: p50, µs",
                  "a policy, µs", "WebAssembly p50, µs, entities that are reached", "the same, all entities"], rows)


def recorded(sides):
    rows = []
    for policies, (mine, _) in sides.items():
        p50 = median(mine, "indexed", "p50") / 1000
        low, high = GO[policies]
        rows.append([f"cedar-go, {policies} policies", f"{low:g}-{high:g}", f"{p50:.2f} ({policies} policies)",
                     f"{low / p50:,.0f}-{high / p50:,.0f} ×"])
    ten = median(sides[10][0], "indexed", "p50") / 1000
    for name, (low, high) in RUST.items():
        rows.append([f"Rust engine 4.10, {name}", f"{low:g}-{high:g}", f"{ten:.2f} (10 policies)",
                     f"{low / ten:,.0f}-{high / ten:,.0f} ×"])
    return table(["engine", "its p50, µs", "here, µs", "ratio"], rows)


def grown(by_policies, by_entities):
    first = table(["policies", "p50, µs", "p99, µs", "every scope: p50, µs", "parse, ms", "index, ms", "validate, ms",
                   "bytes a policy"],
                  [[f"{n:,}", micros(r["indexed", "p50"]), micros(r["indexed", "p99"]),
                    micros(r["one_by_one", "p50"]), f"{r['parse'] / 1e6:.2f}", f"{r['index'] / 1e6:.3f}",
                    f"{r['validate'] / 1e6:.2f}", f"{r['bytes_per_policy']:,.0f}"] for n, r in by_policies])
    second = table(["entities", "8 requests: p50, µs", "p99, µs", "4,096 requests: p50, µs", "p99, µs",
                    "load from JSON, ms", "bytes an entity"],
                   [[f"{n:,}", micros(r["indexed", "p50"]), micros(r["indexed", "p99"]),
                     micros(r["spread", "p50"]), micros(r["spread", "p99"]),
                     f"{r['load'] / 1e6:.2f}", f"{r['bytes_per_entity']:,.0f}"] for n, r in by_entities])
    return first, second


PAGE = """# Benchmarks of Cedar decisions

Written by `./dev bench --write`. Medians of {processes}; one thread, entities loaded,
{priority}, because other work on the machine must not count. The
clock's own cost, {clock:.0f} ns, is in every figure. Ratios count; absolute figures are those of one machine on one day,
and differ by up to twice from one hour to another, as its other processor is busy or not.

Machine: {cores} cores, Linux {kernel}, commit {commit}.

The set: policies with a role, an action and a folder in their scopes and a short condition, every tenth a
`forbid`; {entities} entities (12 roles, a tree of 30 folders, users in two roles, documents); 8 requests. "Every
scope looked at" is the same without the scope index. Both engines made the same decisions, for the same
number of reasons.

## One decision

{decisions}

In the WebAssembly build, run in turn with the above, the policies are parsed beforehand, but every call carries
its entities and context as JSON: its figures are the price of that interface more than of its evaluation.

## Against recorded figures

Not of the same run, so these ratios are orders of magnitude.

{recorded}

- cedar-go: ranges of four runs on a machine of this kind (2 cores, AMD EPYC 2.6 GHz) in November 2026, of a set made
  in the same way; it evaluates every policy. It publishes no absolute figures of its own.
- Rust engine 4.10: `is_authorized` alone, medians published by sapl.io, which reran the scenarios of the
  language's OOPSLA 2024 paper (Google Drive: 5 policies, GitHub: 8, TinyTodo: 4) on an i9-13900KS at 4.0 GHz; other
  policies and a faster machine than here.

## Growth

![One decision by the number of policies](cedar-growth-policies.svg)

{by_policies}

`index` is the time to build the scope index, once for a set. Bytes count the policies, their syntax trees
and the index.

![One decision by the number of entities](cedar-growth-entities.svg)

Few requests find their entities in the processor's caches; 4,096 different ones, spread over the store, do not.

{by_entities}
"""


def measure(quick, write):
    """The row for docs/benchmarks.md; None when the program is not built."""
    if not PROGRAM.exists():
        return None
    say("Cedar decisions")
    sides = side_by_side(quick)
    mine, wasm = sides[100]
    p50 = median(mine, "indexed", "p50")
    if write:
        by_policies, by_entities = growth(quick)
        draw_growth(by_policies, by_entities)
        first, second = grown(by_policies, by_entities)
        commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=TOP, capture_output=True, text=True)
        (TOP / "docs/benchmarks-cedar.md").write_text(PAGE.format(
            processes="two processes (of one where growth is shown)" if quick
            else "five processes (of three where growth is shown)",
            priority="with real-time priority (`chrt -f 20`)" if URGENT else "with ordinary priority",
            clock=median(mine, "clock"), cores=os.cpu_count(), kernel=platform.release(), commit=commit.stdout.strip(),
            entities=mine[0]["entities"], decisions=decisions(sides), recorded=recorded(sides),
            by_policies=first, by_entities=second))
    against = f"WebAssembly build {micros(median(wasm, 'reached', 'p50'))} µs" if wasm else "-"
    ratio = f"1 : {median(wasm, 'reached', 'p50') / p50:,.0f}" if wasm else "-"
    if "--write" not in sys.argv:
        print(decisions(sides))
    return ("Cedar decision, 100 policies (docs/benchmarks-cedar.md)",
            f"p50 {micros(p50)} µs, p99 {micros(median(mine, 'indexed', 'p99'))} µs", against, ratio, "p50 ≤ 5 µs")


if __name__ == "__main__":
    measure("--quick" in sys.argv, "--write" in sys.argv)
