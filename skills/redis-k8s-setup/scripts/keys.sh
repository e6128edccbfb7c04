# WORK is some of: set get del. 100 keys that expire after 10 minutes, whatever happens to us.
set -u
count=100
cli() { redis-cli -e -h "$HOST" -p "$PORT" "$@" 2>&1; }
for work in $WORK; do
  case $work in
    set)
      for ((i = 0; i < count; i++)); do echo "SET $PREFIX-$i value-$i EX 600"; done >/tmp/sets
      said=$(cli </tmp/sets) || { echo "$said" | sort | uniq -c | tail -3; exit 1; }
      said="$count keys are set" ;;
    get)
      for ((i = 0; i < count; i++)); do echo "GET $PREFIX-$i"; done >/tmp/gets
      cli </tmp/gets >/tmp/got || { sort /tmp/got | uniq -c | tail -3; exit 1; }
      for ((i = 0; i < count; i++)); do echo "value-$i"; done >/tmp/wanted
      diff /tmp/wanted /tmp/got >/tmp/differences ||
        { echo "$(grep -c '^<' /tmp/differences) of $count keys are lost or changed"; exit 1; }
      said="$count keys came back" ;;
    del) # shellcheck disable=SC2046
      cli DEL $(seq -f "$PREFIX-%.0f" 0 $((count - 1))) >/tmp/deleted || { cat /tmp/deleted; exit 1; } ;;
  esac
done
echo "$said"
