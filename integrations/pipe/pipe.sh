#!/bin/sh
# The pipe: its variables become the arguments of check.sh, which stands beside it. Bitbucket hands a list over as
# VARIABLES_COUNT, VARIABLES_0, VARIABLES_1 and so on.
set -fu
[ -n "${ACTION-}" ] || { echo 'portcullis: the variable ACTION of the pipe is missing' >&2; exit 2; }
set -- "--action=$ACTION"
[ -z "${ENVIRONMENT-}" ] || set -- "$@" "--environment=$ENVIRONMENT"
[ -z "${REASON-}" ] || set -- "$@" "--reason=$REASON"
[ -z "${WAIT-}" ] || set -- "$@" "--wait=$WAIT"
[ -z "${ON_ERROR-}" ] || set -- "$@" "--on-error=$ON_ERROR"
[ -z "${VARIABLES-}" ] || set -- "$@" "--variable=$VARIABLES"
case ${VARIABLES_COUNT:-0} in ???* | *[!0-9]*) echo 'portcullis: VARIABLES is a list of at most 99 names' >&2; exit 2 ;; esac
at=0 name=''
while [ "$at" -lt "${VARIABLES_COUNT:-0}" ]; do
  eval "name=\${VARIABLES_$at-}"
  set -- "$@" "--variable=$name"
  at=$((at + 1))
done
here=${0%/*}
[ "$here" != "$0" ] || here=.
exec sh "$here/check.sh" "$@"
