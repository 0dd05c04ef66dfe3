# The "agent": runs the tests, mends what fails, runs them again.
set -u
if make -s test; then
  exit 0
fi
echo "agent: the even case fails; mending src/stats.c"
sed -i 's|^  return values\[count / 2\];|  return (values[count / 2 - 1] + values[count / 2]) / 2;|' src/stats.c
exec make -s test
