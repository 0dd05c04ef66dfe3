# The governor itself: flooded with requests, its askers killed and stopped, its memory readers led astray,
# its listener closed, other filters on top; then the forbidden program is tried. What must not run would
# leave a mark; a governor that hangs or dies would be seen by its exit status.
family=governor
attack=$PROGRAMS/attack_governor
controls='flood no_processor killed_asking stopped_asking link_storm many_links link_loop longest_path path_of_steps
  pipe_as_program path_at_edge path_that_vanishes bad_pointers everything_closed no_descriptors no_limits_left
  own_filter_allows own_filter_logs own_filters_many signals_rain not_dumpable already_traced thread_herd
  leader_gone huge_block'
# One run each: a run may end for what it tried.
batch=no
arguments=("$PWD/r/forbidden" "$PWD/w/mark" "$PWD/w")
prepare() {
  mkdir r w
  cp "$PROGRAMS/mark" r/forbidden
  grant r w
}
fresh() {
  rm -rf w
  mkdir w
}
harmed() { [ -e w/mark ] && echo 'the forbidden program ran'; }
escape
