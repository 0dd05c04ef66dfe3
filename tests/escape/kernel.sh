# Kernel interfaces outside the allow-list, foreign entries, own filters, sysctl and device files:
# nothing of it is reached from inside a run. The control: ungoverned, an ordinary user reaches most.
family=kernel
attack=$PROGRAMS/attack_kernel
controls='unshare_nothing set_namespace keys_control keys_add keys_request ring_setup
  ring_enter handle_of steal_descriptor read_memory write_memory descriptor_table open_how change_mode
  file_pages shared_directory entry_i386 exec_i386 own_allow own_listener oom_score own_name'
prepare() {
  mkdir -p w
  grant '' w
}
before=$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory)
escape
case $together in *'entry_i386: refused: killed by signal 31'*) ;; *) fail "the 32-bit entry does not kill" ;; esac
[ "$(cat /proc/sys/kernel/core_pattern /proc/sys/vm/overcommit_memory)" = "$before" ] || fail "a sysctl was written"
