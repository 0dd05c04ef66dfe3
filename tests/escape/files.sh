# Files: read trees stay as they are in every respect, nothing outside the grant is reached by any
# name, nothing with power over others is left in a write tree, the run's own space is bounded.
family=files
attack=$PROGRAMS/attack_files
controls='read_open read_create read_temporary read_mode read_mode_fd read_times read_times_fd
  read_reopen read_reopen_path read_lease read_notify read_append read_truncate read_open_truncate read_directory
  read_link read_node read_remove read_rename read_take read_put outside outside_by_steps
  outside_by_descriptor outside_by_link outside_by_proc outside_by_moving set_uid set_uid_fd set_uid_at
  set_uid_at2_fd set_uid_open set_uid_open_high set_uid_creat set_uid_openat2 set_uid_node set_gid_file
  set_gid_directory set_uid_temporary way_is_sealed read_hard_link read_exchange outside_by_ring own_key
  own_key_by_link own_key_by_proc own_key_linked own_ledger input_reopened input_mode input_mapped'
apart='input_reopened input_mode input_mapped'
stdin=r/file
arguments=("$PWD/r" "$PWD/w" "$PWD/outside" "$WRIT_HOME/config/keys/runner.pem" "$WRIT_HOME/state/new")
secret=secret-$RANDOM$RANDOM
look() { stat -c '%n %a %u %g %s %Y %h %i' r r/* && find r -type f -exec sha256sum {} + && getfattr -d r/file; } 2>/dev/null
fresh() {
  chmod -R u+rwx r w 2>/dev/null
  rm -rf r w w.new elsewhere "$WRIT_HOME/state/new"
  mkdir r w
  echo content >r/file
  chmod 640 r/file
  touch -d '2020-01-02 03:04:05' r/file r
  echo own >w/own
  before=$(look)
}
prepare() {
  fresh
  echo "$secret" >outside
  grant r w
}
harmed() {
  case $out in *"$secret"* | *'PRIVATE KEY'*) echo 'what lies outside was read' && return 0 ;; esac
  [ -e "$WRIT_HOME/state/new" ] && echo "written among Writ's own files" && return 0
  [ "$(look)" != "$before" ] && printf 'the read tree changed: %s\nbefore: %s\n' "$(look)" "$before" && return 0
  find w -perm /6000 -o -type c -o -type b | grep . && return 0
  [ -e w/linked ] || [ -e w/taken ] || [ ! -d w ] && echo 'a file crossed a border'
}
escape
