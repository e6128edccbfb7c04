#!/bin/bash
# Start a class of Kafka's; the KAFKA_*_OPTS variables mean what they mean upstream.
: "${KAFKA_HEAP_OPTS:=-Xmx256M}"
: "${KAFKA_LOG4J_OPTS:=-Dlog4j2.configurationFile=/etc/kafka/docker/tools-log4j2.yaml}"
: "${KAFKA_JVM_PERFORMANCE_OPTS:=-XX:+UseG1GC}"
jars=(/opt/kafka/libs/*.jar) # in a fixed order, which the archives of loaded classes need
IFS=: classpath="${jars[*]}"
unset IFS
# shellcheck disable=SC2086
exec java $KAFKA_HEAP_OPTS -XX:MaxGCPauseMillis=20 -XX:InitiatingHeapOccupancyPercent=35 \
    -XX:+ExplicitGCInvokesConcurrent -Djava.awt.headless=true $KAFKA_JVM_PERFORMANCE_OPTS \
    $KAFKA_GC_LOG_OPTS $KAFKA_LOG4J_OPTS $KAFKA_OPTS -cp "$classpath" "$@"
