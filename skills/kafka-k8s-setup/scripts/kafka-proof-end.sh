/opt/kafka/bin/kafka-topics.sh --bootstrap-server "$BOOTSTRAP" --delete --if-exists --topic "$TOPIC"
