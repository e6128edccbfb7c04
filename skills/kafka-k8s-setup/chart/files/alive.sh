#!/usr/bin/env bash
# Does the broker answer a request? ApiVersions (key 18, version 0) goes through its network and
# request threads and needs nothing else; it takes milliseconds, where a Java tool takes a second.
# https://kafka.apache.org/protocol
{ exec 3<>/dev/tcp/localhost/9092; } 2>/dev/null || { echo "port 9092 is not open yet"; exit 1; }
printf '\x00\x00\x00\x0a\x00\x12\x00\x00\x00\x00\x00\x07\xff\xff' >&3
# size, correlation id 7, error code 0
answer=$(timeout 4 head -c 10 <&3 | od -An -v -tx1 | tr -d ' \n')
[[ ${answer:8} == 000000070000 ]] || { echo "no answer to ApiVersions: '$answer'"; exit 1; }
