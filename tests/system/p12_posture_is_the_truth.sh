# P12: tier and mechanisms stand in every admission and are those that doctor found by trying.
probe=$PROGRAMS/probe
init
must doctor
expect_out sandbox
issue p < <(request "$(rule "$probe" '"{rest}"')")
under p "$probe" cat /proc/self/status
expect_status 0
# What the kernel says of the process itself: one filter, no new privileges, no capabilities.
expect_out 'NoNewPrivs:	1'
expect_out 'Seccomp:	2'
expect_out 'CapEff:	0000000000000000'
expect_out 'CapBnd:	0000000000000000'
must ledger show --json --last
expect_out '"tier":"sandbox"'
expect_out landlock
expect_out seccomp
verified
