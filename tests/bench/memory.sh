#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What a connection costs in memory: the bytes the kernel has set aside for the connection table,
# divided by the records that may be in use when the table is called full. Prints
# "bytes-per-record NUMBER".
# Usage: memory.sh CONNECTIONS
set -eu
here=$(dirname "$0")
. "$here/lab.sh"

trap lab_end EXIT
trap 'exit 1' HUP INT TERM
topology xlvs
xlvsd_start --connections "$1"

id=$(xdp_id d0)
maps=$(bpftool prog show id "$id" | sed -n 's/.*map_ids \([0-9,]*\).*/\1/p' | tr , ' ')
for map in $maps; do
	shown=$(bpftool map show id "$map")
	case $shown in
	*'name xlvs_conns '*)
		bytes=$(echo "$shown" | sed -n 's/.*memlock \([0-9]*\)B.*/\1/p')
		;;
	*'name xlvs_runtime '*)
		records=$(bpftool map dump id "$map" | sed -n 's/.*"conn_limit": \([0-9]*\).*/\1/p')
		;;
	esac
done
if [ -z "${bytes:-}" ] || [ -z "${records:-}" ]; then
	fail "no connection table among the maps of the program on d0"
fi
awk "BEGIN { printf \"bytes-per-record %.1f\n\", $bytes / $records }"
