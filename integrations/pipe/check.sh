#!/bin/sh
# Asks the Portcullis gate before a step acts: `portcullis check` in POSIX sh and curl. The same question, exit codes and
# last line: 0 proceed, 10 stop, 11 wait, 12 ticket refused or over, 20 no answer, 2 wrong usage or the caller is refused.
# Usage: sh check.sh --action ACTION [--environment ENV] [--variable NAME]... [--reason TEXT] [--wait DURATION]
#   [--on-error block|allow] [--repository PROJECT/SLUG] [--commit SHA] [--branch B|--tag T] [--pull-request ID] [--run URL]
# Reads PORTCULLIS_URL, BITBUCKET_STEP_OIDC_TOKEN or PORTCULLIS_TOKEN, and in a step the other BITBUCKET_* variables.
set +vxa -fu; export LC_ALL=C # `sh -x` would print the token
refuse() { printf 'portcullis: %s\n' "$1" >&2; exit 2; }
for program in curl date sed tr; do command -v "$program" >/dev/null || refuse "\`$program\` is not installed"; done
controls=$(for o in 1 2 3 4 5 6 7 10 11 13 14 15 16 17 20 21 22 23 24 25 26 27 30 31 32 33 34 35 36 37; do
  printf 's/%b/\\\\u%04x/g\n' "\\0$o" "0$o"; done)
json() { # a text as a JSON string; the dot keeps line feeds at its end
  printf '"%s"' "$(printf '%s.\n' "$1" | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e "$controls" \
    | sed -e :a -e '$!{' -e N -e ba -e '}' -e 's/\n/\\n/g' -e 's/\.$//')"
}
number() { case $1 in '' | *[!0-9]* | ????????????????????*) printf null ;; *) printf %s "$1" | sed 's/^0*\(.\)/\1/' ;; esac; }
claim() { if [ -n "$step" ] && [ -n "$2" ]; then "$1" "$2"; else printf null; fi; }
step=${BITBUCKET_STEP_OIDC_TOKEN-} token=${BITBUCKET_STEP_OIDC_TOKEN:-${PORTCULLIS_TOKEN-}}
unset BITBUCKET_STEP_OIDC_TOKEN PORTCULLIS_TOKEN
action=null run=null reason=null variables='' wait=0 on_error=block seen=' '
repository=$(claim json "${BITBUCKET_REPO_FULL_NAME-}") environment=$(claim json "${BITBUCKET_DEPLOYMENT_ENVIRONMENT-}")
commit=$(claim json "${BITBUCKET_COMMIT-}") branch=$(claim json "${BITBUCKET_BRANCH-}") tag=$(claim json "${BITBUCKET_TAG-}")
pipeline=$(claim json "${BITBUCKET_PIPELINE_UUID-}") its_step=$(claim json "${BITBUCKET_STEP_UUID-}")
pull=$(claim number "${BITBUCKET_PR_ID-}") build=$(claim number "${BITBUCKET_BUILD_NUMBER-}")
while [ $# -gt 0 ]; do
  flag=${1%%=*}
  case $1 in --*=*) value=${1#*=} ;; *) case ${2--x} in -?*) refuse "\`$1\` wants a value" ;; *) value=$2; shift ;; esac ;; esac
  case $flag$seen in --variable\ *) ;; *" $flag "*) refuse "\`$flag\` is given twice" ;; *) seen="$seen$flag " ;; esac
  case $flag in
    --action | --environment | --repository | --commit | --branch | --tag | --run | --reason)
      eval "${flag#--}=\$(json \"\$value\")" ;;
    --variable) variables="$variables${variables:+,}$(json "$value")" ;;
    --pull-request) pull=$(number "$value"); [ "$pull" != null ] || refuse "\`$value\` is not a number" ;;
    --on-error) on_error=$value; case $value in block | allow) ;; *) refuse '--on-error is block or allow' ;; esac ;;
    --wait) case $value in ???????????*) ;; *s) wait=1 ;; *m) wait=60 ;; *h) wait=3600 ;; *d) wait=86400 ;; esac
      wait=$((wait * $(number "${value%?}" | sed s/null/0/))); [ "$wait" -gt 0 ] || refuse "\`$value\` is no time such as \`15m\`" ;;
    *) refuse "\`$flag\` is not an argument" ;;
  esac
  shift
done
case $action$seen in null*) refuse '--action is missing' ;;
  *' --branch '*'--tag '* | *' --tag '*'--branch '*) refuse '--branch or --tag, not both' ;; esac
question='{"action":'$action',"repository":'$repository',"environment":'$environment',"variables":['$variables'],"step":{"commit":'\
$commit',"branch":'$branch',"tag":'$tag',"pull_request":'$pull',"pipeline":'$pipeline',"step":'$its_step',"build":'$build',"run":'\
$run'},"reason":'$reason'}'
gate=${PORTCULLIS_URL-}
while [ "$gate" != "${gate%/}" ]; do gate=${gate%/}; done
case $gate in *[!!-~]* | *@*) gate='' ;; esac
case $gate in https://?* | http://localhost | http://localhost:* | http://127.0.0.1 | http://127.0.0.1:* | http://\[::1\]*) ;;
  *) refuse 'PORTCULLIS_URL must be the address of the gate, such as https://gate.example.com; http only on this machine' ;; esac
for token in $token; do :; done # without the white space around it
case $token in *[!A-Za-z0-9._~+/=-]*) refuse 'the token holds a character that no token has' ;; '') refuse "there is no step token. \
Add \`oidc: audiences: [\"$gate\"]\` to the step, or in another CI set PORTCULLIS_TOKEN to a service token" ;; esac

# Sends a request: path, seconds, curl's other arguments. `all` is the answer, where \001 to \006 stand for the brackets,
# quotes and backslashes of its texts; `top` its own members, or nothing if it is no object; `ticket` those of its ticket.
quotes=$(printf 's/\\\\\\\\/\006/g\ns/\\\\"/\005/g') brackets=$(printf 's/ //g\nn\ns/\\[/\001/g\ns/]/\002/g\ns/{/\003/g\ns/}/\004/g')
send() {
  all=$(path=$1 most=$2; shift 2; { curl -qgsS --proto "=${gate%%:*}" --noproxy localhost,127.0.0.1,::1 --connect-timeout 5 \
    --max-time "$most" --max-filesize 1048576 -A portcullis-check.sh -K - -w ' %{http_code}' "$@" "$gate$path" <<END
header = "Authorization: Bearer $token"
END
    printf ' %s' "$?"; } | tr '\000-\037\177' ' ')
  ended=${all##* } all=${all% *}; status=${all##* }
  all=$(printf '%s\n' "${all% *}" | sed "$quotes" | tr '"' '\n' | sed "$brackets" | tr '\n' '"')
  top=$(printf '%s\n' "${all%?}" | sed -e :a -e 's/\[[^][]*]/0/g' -e ta)
  ticket=$(printf '%s\n' "$top" | sed -n 's/.*"ticket":{\([^{}]*\)}.*/\1/p')
  top=$(printf '%s\n' "$top" | sed -E -e '/^\{.*\}$/!d' -e 's/^\{(.*)\}$/\1,/' -e :a -e 's/\{[^{}]*\}/0/g' -e ta \
    -e '/^(,|("[^"]*":("[^"]*"|[-+.0-9A-Za-z]+),)+)$/!d')
  case $ended$status$top in 02???*) ;; *) return 1 ;; esac
}
unseen=$(printf 's/\302[\200-\237]/ /g') # of UTF-8; a control character is shown as a space
plain() { sed -e 's/\\[bfnrt]/ /g;s/\\u00[0189]./ /g;s/\\u007[fF]/ /g;s/\\//g' -e "$unseen" | tr '\001-\006' '[]{}"\134'; }
of() { printf '%s\n' "$1" | sed -n 's/.*"'"$2"'":"\([^"]*\)".*/\1/p' | plain; }
give_up() {
  why=$(of "$top" detail); why="$status: ${why:-no reason given}"
  case $status in 2?? | 404) why="$status and no answer of a gate: is PORTCULLIS_URL its public address, without a path?" ;; esac
  case $ended$status in 04??) refuse "the gate refused the question: $why" ;; 0*) ;; *) why="curl ended with $ended" ;; esac
  printf 'portcullis: no answer from %s: %s\n' "$gate" "$why" >&2
  [ "$on_error" = block ] || { printf "The gate gave no answer; this goes on because --on-error is \`allow\`: %s\n" "$gate"; exit 0; }
  printf 'The gate gave no answer, so this stops here; try again, or ask whoever runs %s\n' "$gate"; exit 20
}
until=$(($(date +%s) + wait)) state=granted
while [ "$state" = granted ]; do # at first there is nothing to wait for; later the gate is asked again
  send /v1/check 15 -H 'Content-Type: application/json' --data-binary "$question" || give_up
  effect=$(of "$top" effect) verdict=$(of "$top" verdict | tr '[:lower:]' '[:upper:]') binds=$(of "$top" binds)
  text=$(printf '%s\n' "$all" | tr '}' '\n' | sed -En 's/.*"(reason|text)":"([^"]*)".*/  \2/p' | plain)
  id=$(of "$ticket" id | tr -cd 0-9a-f-) state=$(of "$ticket" state) why=$(of "$ticket" why) link=$(of "$ticket" url)
  last="$(of "$top" reason) ${link:-$(of "$top" narrative)}"
  if [ "$wait" = 0 ] || [ "$effect" != wait ] || [ -z "$id" ]; then break; fi
  printf 'portcullis: %s\n' "$last" >&2
  while state=asked left=$((until - $(date +%s))); [ "$left" -gt 0 ]; do
    send "/v1/tickets/$id?wait=$((left < 30 ? left : 30))s" $((left < 30 ? left + 15 : 45)) || give_up
    state=$(of "$top" state) why=$(of "$top" why); [ "$state" = asked ] || break
  done
done
printf '%s\n' "${verdict:-?} → ${effect:-?} (${binds:-?})" ${text:+"$text"} ${why:+"  $why"} "$last"
case $effect/$state in proceed/*) exit 0 ;; stop/*) exit 10 ;; wait/refused | wait/expired | wait/revoked | wait/spent) exit 12 ;;
  wait/*) exit 11 ;; *) exit 20 ;; esac
