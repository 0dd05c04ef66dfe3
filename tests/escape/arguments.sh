# Arguments and environment: a granted program, started with others than its rule says, or with ones that
# change after they were looked at. It tells the world what it was started with.
family=arguments
attack=$PROGRAMS/attack_arguments
controls='one_more one_more_empty one_fewer empty twice beginning longer space_behind joined other_case
  line_behind line_before no_text option_before other_name empty_name name_is_argument no_name very_long very_many
  loader_preload loader_path loader_audit loader_tunables character_sets locales shell bash bash_function python
  perl ruby node java git resolver nameless valueless huge_variable many_variables letter_flipped pointer_flipped
  length_flipped environment_flipped'
# A run ends at once for a race.
apart='letter_flipped pointer_flipped length_flipped environment_flipped'
batch=no
arguments=("$PROGRAMS/tell")
prepare() {
  mkdir w
  grant '' w "$(rule "$PROGRAMS/tell" '"granted"')"
}
fresh() { rm -f w/told; }
harmed() { [ -e w/told ] && grep -avxF '[tell][granted]' w/told | cut -c1-200 | grep -a .; }
escape
