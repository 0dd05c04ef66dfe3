# Interactive programs have a terminal of their own, and the caller's is as it was afterwards.
# What happens on a terminal is in tests/lib/terminal.py, a scenario each.
driver=$(dirname "$WRIT")/terminal.py
mkdir w
init
{
  printf 'subject = "agent/test"\naudience = ["default"]\nttl = "1h"\nsets = ["base"]\n'
  rule /usr/bin/bash '"{rest}"'
  rule /usr/bin/sh '"{rest}"'
  rule /usr/bin/stty '"{rest}"'
  rule /usr/bin/script '"{rest}"'
  rule "$PROGRAMS/attack_kernel" '"{rest}"'
  printf '[files]\nwrite = ["w"]\n[limits]\nwall = "5m"\ntasks = 128\n'
} | issue p
for scenario in is_terminal error_apart pipes size interrupt suspend nobody_to_stop_for jobs_inside ends full typed_late \
  refusals attacks inner; do
  began=$SECONDS
  /usr/bin/python3 "$driver" "$scenario" || fail "$scenario"
  echo "$scenario: $((SECONDS - began)) s"
done
# --terminal wants one.
writ run --terminal --permit p.permit -- /usr/bin/true
expect_status 2
expect_err 'not both a terminal'
writ run --terminal --no-terminal --permit p.permit -- /usr/bin/true
expect_status 2
# Without a terminal there is none inside.
under p /usr/bin/bash -c 'test -t 0 || test -t 1 || test -e /dev/pts || test -e /dev/tty || echo none'
expect_status 0
expect_out none
verified
