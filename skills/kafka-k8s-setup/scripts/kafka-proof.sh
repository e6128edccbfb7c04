# Messages with keys go into a topic of their own and come back; then the topic goes.
set -eu
cd /tmp
bin=/opt/kafka/bin
topics() { "$bin/kafka-topics.sh" --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC" "$@"; }
drop() { topics --delete >/dev/null || echo "topic $TOPIC could not be deleted"; }
trap drop EXIT
topics --create --partitions 3 >/dev/null
echo producing

# ten keys: all messages of a key are in one partition, so they must come back in order
messages() {
  for ((i = 0; i < COUNT; i++)); do
    echo "key-$((i % 10)):message-$i-$TOPIC"
    [[ $PAUSE == 0 ]] || sleep "$PAUSE"
  done
}
messages | tee sent | "$bin/kafka-console-producer.sh" --bootstrap-server "$BOOTSTRAP" \
  --topic "$TOPIC" --command-property acks=all --command-property retries=2147483647 \
  --reader-property parse.key=true \
  --reader-property key.separator=: >produced 2>&1 &
producer=$!
# one group for all proofs: a new one each time would stay behind for a week
"$bin/kafka-console-consumer.sh" --bootstrap-server "$BOOTSTRAP" --topic "$TOPIC" \
  --group skill-proof --command-property group.protocol=consumer \
  --command-property auto.offset.reset=earliest --max-messages "$COUNT" --timeout-ms 60000 \
  --formatter-property print.key=true --formatter-property key.separator=: \
  >received 2>consumed || cat consumed
wait "$producer" || { cat produced; exit 1; }
if grep -q 'ERROR' produced; then cat produced; exit 1; fi

sort -s -t: -k1,1 sent >sent.sorted
sort -s -t: -k1,1 received >received.sorted
if ! cmp -s sent.sorted received.sorted; then
  echo "sent $(wc -l <sent), received $(wc -l <received); first differences:"
  diff sent.sorted received.sorted | head -5
  exit 1
fi
trap - EXIT
drop
echo "$(wc -l <received) of $COUNT messages came back"
