# Bad input: over-long files are refused unread, empty, truncated and nested ones get an error that
# names file, place and reason; no refusal takes more than 64 MiB of memory.
probe=$PROGRAMS/probe
init
issue p < <(request "$(rule "$probe" '"{rest}"')")
refused() { # FILE COMMAND...: refused with the file's name, within the memory limit
  local file=$1 peak
  shift
  if [ -x /usr/bin/time ]; then
    /usr/bin/time -f 'peak %M' -o peak "$WRIT" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null
    status=$?
    peak=$(sed -n 's/^peak //p' peak)
    case $(readelf -d "$WRIT" 2>/dev/null) in
      *libasan*) ;; # the sanitizer's own memory says nothing about ours
      *) [ "$peak" -le 65536 ] || fail "took $peak KiB to refuse $file" ;;
    esac
  else
    "$WRIT" "$@" >"$SCRATCH/out" 2>"$SCRATCH/err" </dev/null
    status=$?
  fi
  out=$(head -c 2000 "$SCRATCH/out" | tr -d '\0')
  err=$(head -c 2000 "$SCRATCH/err" | tr -d '\0')
  [ "$status" = 1 ] || [ "$status" = 2 ] || [ "$status" = 126 ] || fail "refusing $file: status $status"
  expect_err "$file"
}
truncate -s 1100000 big.permit
truncate -s 5000000 big.toml
: >empty.permit
head -c 100 p.permit >cut.permit
head -c 200000 /dev/zero | tr '\0' '\201' >nested.permit
printf 'subject = "x\n' >broken.toml
: >empty.toml
{ printf 'a = '; head -c 100000 /dev/zero | tr '\0' '['; } >nested.toml
printf 'subject = "x"\nfrobnicate = 1\n' >unknown.toml
for file in big empty cut nested; do
  refused $file.permit run --permit $file.permit -- "$probe" say no
  refused $file.permit permit verify $file.permit
done
for file in big broken empty nested unknown; do
  refused $file.toml permit issue $file.toml
done
expect_err frobnicate
expect_err unknown.toml:2
refused missing.permit run --permit missing.permit -- "$probe"
refused . permit show .
mkfifo pipe.permit
refused pipe.permit permit show pipe.permit
verified
