# A stranger's program reads the log: Go's golang.org/x/mod/sumdb (note, tlog), nothing of ours. It
# checks the head's signature, every entry and tile, and proofs made from the tiles.
init
issue p < <(request "$(rule "$PROGRAMS/probe" '"{rest}"')")
for word in one two three; do under p "$PROGRAMS/probe" say "$word"; done
log=$WRIT_HOME/state/ledger
vkey=$(cat "$log/vkey")
"$PROGRAMS/log_reader" "$log" "$vkey" >go.out || fail "Go does not take the log"
entries=$(awk '{print $1}' go.out)
[ "$entries" = "$(sed -n 2p "$log/checkpoint")" ] || fail "Go saw $entries entries"
[ "$entries" -gt 12 ] || fail "too few entries for three runs: $entries"
# It can say no: an altered entry, an altered tile, another key.
for file in tile/entries tile/0; do
  cp -r "$log" bent
  one=$(find "bent/$file" -type f -name "$entries")
  printf '\377' | dd of="$one" bs=1 seek=40 conv=notrunc 2>/dev/null
  "$PROGRAMS/log_reader" bent "$vkey" 2>/dev/null && fail "Go takes a log with an altered $file"
  rm -r bent
done
case $vkey in *A) bent=${vkey%?}B ;; *) bent=${vkey%?}A ;; esac
"$PROGRAMS/log_reader" "$log" "$bent" 2>/dev/null && fail "Go takes another key"
exit 0
