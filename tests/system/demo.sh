# The demo tells its story to the end, and every scene comes out as promised.
for tool in cc make python3; do command -v $tool >/dev/null || skip $tool; done
writ demo --json
expect_status 0
expect_out '"ok":true}'
[ -z "$(ls -d "$SCRATCH"/writ-demo.* 2>/dev/null)" ] || fail "the demo left its home behind"
