#!/bin/sh
# One night of a wheelhouse: everything is verified, a sample is rebuilt, and the
# signers' certificates are looked at.
#
#   nightly.sh DIR OUT COUNT [SERIES]
#
# In:  DIR with its policy. COUNT wheels are rebuilt, chosen by SERIES and the day, so
#      that successive nights reach every wheel. XDG_CACHE_HOME is kept between nights:
#      tools and wheels that were built lie there.
# Out: OUT/audit.* as JSON, HTML, JUnit and Markdown, OUT/nights/DAY.json, and
#      OUT/history.html of all nights that are there.
#
# What is wrong comes first on standard output, each difference with its cause. The exit
# code is that of the audit, or of certs where the audit passes.
set -u
[ $# -ge 3 ] || { echo "usage: nightly.sh DIR OUT COUNT [SERIES]" >&2; exit 2; }
dir=$1 out=$2 count=$3 series=${4:-}
night=${NIGHT:-$(date -u +%Y-%m-%d)}
wheelproof=${WHEELPROOF:-wheelproof}
mkdir -p "$out/nights" || exit 3
# A report of another night must not be taken for tonight's.
rm -f "$out"/audit.* "$out/certs.json"

"$wheelproof" audit "$dir" --sample "$count" --seed "$series$night" --reuse-results --quiet \
    --report "$out/audit.json" --report "$out/audit.html" \
    --report "$out/audit.xml" --report "$out/audit.md"
audit=$?
"$wheelproof" certs "$dir" --quiet --report "$out/certs.json"
certs=$?

if [ -f "$out/audit.json" ]; then
    cp "$out/audit.json" "$out/nights/$night.json"
    # A page that cannot be drawn changes no verdict.
    "$wheelproof" history "$out"/nights/*.json --output "$out/history.html"
fi
echo "night $night: audit $audit, certs $certs (0 is a pass)"
[ "$audit" -ne 0 ] && exit "$audit"
exit "$certs"
