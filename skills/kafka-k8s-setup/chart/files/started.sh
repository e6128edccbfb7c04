#!/usr/bin/env bash
# Has this broker come back? It answers, and it is in sync for every partition that it holds: only
# then may a rolling restart go on to the next one. Asked until it is true for the first time.
bash "$(dirname "$0")/alive.sh" || exit 1
[[ $SKILL_BROKERS != 1 ]] || exit 0

shopt -s nullglob
held=0
for folder in "$KAFKA_LOG_DIRS"/*-[0-9]*; do
  [[ $folder == */__cluster_metadata-0 ]] || held=$((held + 1))
done
((held)) || exit 0

# One partition that cannot catch up must not keep the others from their broker for ever.
# Of this start of the container: /tmp outlives it.
since=/tmp/answers-since-$(stat -c %Y /proc/1)
printf -v now '%(%s)T' -1
[[ -s $since ]] || echo "$now" >"$since"
((now - $(<"$since") < 180)) || exit 0

export KAFKA_HEAP_OPTS="-Xmx96m"
export KAFKA_JVM_PERFORMANCE_OPTS="-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:SharedArchiveFile=/opt/kafka/kafka.jsa"
under=$(timeout 20 /opt/kafka/bin/kafka-topics.sh --bootstrap-server localhost:9092 \
  --describe --under-replicated-partitions 2>/dev/null) || exit 1
while IFS= read -r line; do
  [[ $line =~ Leader:\ [0-9]+ ]] || continue # without a leader there is nobody to follow
  [[ $line =~ Replicas:\ ([0-9,]*) ]] && replicas=",${BASH_REMATCH[1]},"
  [[ $line =~ Isr:\ ([0-9,]*) ]] && in_sync=",${BASH_REMATCH[1]},"
  if [[ $replicas == *",$KAFKA_NODE_ID,"* && $in_sync != *",$KAFKA_NODE_ID,"* ]]; then
    echo "not yet in sync: $line"
    exit 1
  fi
done <<<"$under"
