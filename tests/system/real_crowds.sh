# Real software, much of it at once: a pipeline of 200 commands, a program with 1,000 threads, and a
# make with 32 processes. Each does its work, nothing is denied, every exec is recorded.
[ -x /usr/bin/python3 ] || skip python3
[ -x /usr/bin/make ] || skip make
init
mkdir -p out
execs() { "$WRIT" ledger show --last --json | grep -o '"kind":"exec"' | wc -l; }
limits='tasks = 2048'
base() { # RULES FILES
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = ["base"]\n%s\n[files]\n%s\n[limits]\nwall = "4m"\n%s\n' "$1" "$2" "$limits"
}

# Numbers go through 200 processes; each adds a letter to every line.
{
  printf 'seq 1 100'
  for i in $(seq 199); do printf ' | sed "s/$/x/"'; done
  echo ' >out/piped'
} >pipeline.sh
issue pipeline < <(base "[[exec]]
program = \"/bin/sh\"
script = \"pipeline.sh\"" 'write = ["out"]')
under pipeline /bin/sh pipeline.sh
expect_status 0
expect_err ' 0 denied'
[ "$(sed -n 100p out/piped)" = "100$(printf 'x%.0s' $(seq 199))" ] || fail "the pipeline's output: $(head -c 300 out/piped)"
[ "$(execs)" = 201 ] || fail "$(execs) execs recorded, not 201"

# All of them alive at the same time.
cat >threads.py <<'PY'
import threading
threading.stack_size(65536)
together = threading.Barrier(1001)
done = []
def work(i):
    together.wait(120)
    done.append(i)
threads = [threading.Thread(target=work, args=(i,)) for i in range(1000)]
for one in threads:
    one.start()
together.wait(120)
for one in threads:
    one.join()
print("threads", len(set(done)))
PY
issue threads < <(printf '%s\n' "$(base "[[exec]]
program = \"/usr/bin/python3\"
script = \"threads.py\"" '')" | sed 's/sets = \["base"\]/sets = ["base", "python"]/')
under threads /usr/bin/python3 threads.py
expect_status 0
expect_out 'threads 1000'
expect_err ' 0 denied'

# 96 targets, 32 at a time, and the sum of what they made.
{
  printf 'all: out/sum\nparts := $(addprefix out/part-,%s)\n' "$(seq -s ' ' 96)"
  printf 'out/sum: $(parts)\n\tcat $(parts) | sort -n | tail -n 1 >out/sum\n'
  printf 'out/part-%%:\n\techo $* >$@\n\tsleep 0.05\n'
} >Makefile
issue make < <(printf '%s\n' "$(base "" 'read = ["Makefile"]
write = ["out"]')" | sed 's/sets = \["base"\]/sets = ["base", "c-build"]/')
under make /usr/bin/make -s -j32
expect_status 0
expect_err ' 0 denied'
[ "$(cat out/sum)" = 96 ] || fail "the sum is $(cat out/sum)"
verified
