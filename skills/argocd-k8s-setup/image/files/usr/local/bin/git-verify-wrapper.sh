#!/bin/bash
# Argo CD asks for the signature of a commit, or of the tag that names it. What git says of a missing
# or a bad signature (code 1) is an answer, not a failure; of a tag without one it is no answer.
[[ $# -ge 1 ]] || { echo "usage: ${0##*/} REVISION" >&2; exit 1; }
kind=commit
git describe --exact-match "$1" &>/dev/null && kind=tag
said=$(git "verify-$kind" "$1" 2>&1)
code=$?
((code <= 1)) || { echo "$said" >&2; exit "$code"; }
[[ $code == 1 && $kind == tag && $said == error:* ]] && said=
echo "$said"
