# Real software: git clones a repository over HTTP, fetches what is new, and what it made is whole.
[ -x /usr/bin/python3 ] || skip python3
[ -x /usr/bin/git ] || skip git
[ -x /usr/lib/git-core/git-remote-http ] || skip "git's HTTP client"
init
mkdir -p w server
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
git_here() { git -c user.name=a -c user.email=a@b -c init.defaultBranch=main -c gc.auto=0 "$@" >>git.log 2>&1 || fail "git $*: $(tail -n 3 git.log)"; }
git_here init source
for i in 1 2 3; do
  head -c 20000 /dev/urandom >"source/file-$i"
  git_here -C source add -A
  git_here -C source commit -m "commit $i"
done
git_here clone --bare source server/it.git
git_here -C server/it.git update-server-info
/usr/bin/python3 "$(dirname "$PROGRAMS")/files_over_http.py" server >port 2>/dev/null &
server=$!
trap 'kill $server 2>/dev/null' EXIT
eventually 10 test -s port || fail "the server does not start"
url=http://127.0.0.1:$(cat port)/it.git
request_for() { # PORTS
  cat <<EOF
subject = "agent/test"
audience = ["default"]
ttl = "1h"
sets = ["base"]
env = ["GIT_EXEC_PATH=/usr/lib/git-core", "GIT_DIR=$PWD/w/it/.git", "GIT_PREFIX", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null"]
[[exec]]
programs = ["/usr/bin/git", "/usr/lib/git-core/git", "/usr/lib/git-core/git-remote-http"]
args = ["{rest}"]
[[connect]]
host = "127.0.0.1/32"
ports = [$1]
[files]
read = ["/usr/share/git-core"]
write = ["w"]
[limits]
wall = "2m"
tasks = 64
EOF
}
request_for "$(cat port)" >p.toml
must permit issue --no-store -o p.permit p.toml
cd w || exit 1
writ run --permit ../p.permit -- git clone "$url" it
expect_status 0
expect_err ' 0 denied'
cd .. || exit 1
git_here -C w/it fsck --full
[ "$(git -C w/it rev-parse HEAD)" = "$(git -C source rev-parse HEAD)" ] || fail "another commit was cloned"
echo more >source/more
git_here -C source add -A
git_here -C source commit -m more
git_here -C source push "$PWD/server/it.git" HEAD
git_here -C server/it.git update-server-info
cd w/it || exit 1
GIT_DIR=$PWD/.git writ run --permit ../../p.permit -- git fetch origin
expect_status 0
expect_err ' 0 denied'
cd ../.. || exit 1
[ "$(git -C w/it rev-parse origin/main)" = "$(git -C source rev-parse HEAD)" ] || fail "what is new was not fetched"
must ledger show --tree --last
expect_out "connect tcp:127.0.0.1:$(cat port)"

# Another port is another grant: without it the run's own loopback is meant, where nobody listens.
request_for 1 >q.toml
must permit issue --no-store -o q.permit q.toml
rm -rf w/it
cd w || exit 1
writ run --permit ../q.permit -- git clone "$url" it
[ "$status" != 0 ] || fail "cloned without a grant"
expect_err 'connect'
[ ! -e it/file-1 ] || fail "cloned without a grant"
cd .. || exit 1
verified
