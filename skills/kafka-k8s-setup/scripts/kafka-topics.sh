# WANTED has a line for each topic: name, partitions. One start of the tool reads what is there,
# one more is needed for each change. Says: created|raised|lowered NAME HAVE WANT.
set -eu
export tool=/opt/kafka/bin/kafka-topics.sh
described=$("$tool" --bootstrap-server "$BOOTSTRAP" --describe --exclude-internal)
declare -A have
while IFS= read -r line; do
  if [[ $line =~ ^Topic:\ ([^[:space:]]+).*PartitionCount:\ ([0-9]+) ]]; then
    have[${BASH_REMATCH[1]}]=${BASH_REMATCH[2]}
  fi
done <<<"$described"

changes=() lowered=0
while read -r name want; do
  now=${have[$name]:-0}
  if ((now > want)); then
    echo "lowered $name $now $want"
    lowered=1
  elif ((now == 0)); then
    changes+=("created $name $now $want")
  elif ((now < want)); then
    changes+=("raised $name $now $want")
  fi
done <<<"$WANTED"
((lowered == 0)) || exit 3
((${#changes[@]})) || exit 0

# two at a time: each is a JVM
printf '%s\n' "${changes[@]}" | xargs -P 2 -n 4 bash -c '
  action=--create
  [[ $0 == created ]] || action=--alter
  "$tool" --bootstrap-server "$BOOTSTRAP" "$action" --topic "$1" --partitions "$3" >/dev/null &&
    echo "$0 $1 $2 $3"'
