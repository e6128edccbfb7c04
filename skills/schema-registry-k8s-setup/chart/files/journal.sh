#!/usr/bin/env bash
# Refuse topics from which Kafka deletes. A journal that is compacted or expires loses schemas, and a
# registry that reads it starts and is never ready. Asks the broker by its own protocol, since the
# image has no tools of Kafka's: DescribeConfigs (key 32, version 1).
# https://kafka.apache.org/protocol#The_Messages_DescribeConfigs
set -eu
server=$APICURIO_KAFKASQL_BOOTSTRAP_SERVERS
topics=("$APICURIO_KAFKASQL_TOPIC" "$APICURIO_KAFKASQL_SNAPSHOTS_TOPIC" "$APICURIO_EVENTS_KAFKA_TOPIC")
declare -A wanted=([cleanup.policy]=delete [retention.ms]=-1 [retention.bytes]=-1)

hex() { od -An -v -tx1 | tr -d ' \n'; }
text() { printf '%04x' "${#1}" && printf %s "$1" | hex; } # with its length before it
connect() { { exec 3<>"/dev/tcp/${server%:*}/${server##*:}"; } 2>/dev/null; }
ask() { # TOPIC SETTING: its value, in an answer that is a size and then the message
  # key, version, correlation id, client id; one resource of kind 2, a topic; one key; no synonyms
  local request size answer value
  request=0020000100000007$(text registry)0000000102$(text "$1")00000001$(text "$2")00
  printf '%b' "$(printf '%08x%s' $((${#request} / 2)) "$request" | sed 's/../\\x&/g')" >&3
  size=$(timeout 20 head -c 4 <&3 | hex)
  answer=$(timeout 20 head -c "$((16#$size))" <&3 | hex)
  value=${answer#*"$(printf %s "$2" | hex)"}
  [[ $value == "$answer" ]] || printf '%b' "$(sed 's/../\\x&/g' <<<"${value:4:2*16#${value:0:4}}")"
}

for ((tries = 1; ; tries++)); do
  connect && break
  ((tries < 60)) || { echo "Kafka, where the schemas are kept, does not answer at $server"; exit 1; }
  ((tries != 5)) || echo "waiting for Kafka at $server"
  sleep 1
done
for topic in "${topics[@]}"; do
  for setting in "${!wanted[@]}"; do
    found=$(ask "$topic" "$setting") # empty: the registry has not made the topic yet
    [[ -z $found || $found == "${wanted[$setting]}" ]] || {
      echo "Kafka deletes schemas: topic $topic has $setting=$found; set it to" \
        "${wanted[$setting]}, and register again what is missing"
      exit 1
    }
  done
done
echo "Kafka keeps all of ${#topics[@]} topics for ever"
