#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What one packet costs on its whole path through a director: prints "NAME NANOSECONDS" lines, each
# the sum of sending a live frame, the veth, the director and the sink. In a counting guest
# nanoseconds are instructions.
# Usage: path.sh floor|kernel|xlvs
set -eu
here=$(dirname "$0")
. "$here/lab.sh"
: "${ROUNDS:=9}" "${PACKETS:=20000}" "${FLOWS:=1000}"

live() { "$BENCH/live" "$@" "mac=$mac"; }

# How many packets have come out at the end: of x0, or to g0 and its program.
came_out() {
	case $sink in
	x0) sed -n 's/^ *x0://p' /proc/net/dev | tr -s ' ' | cut -d ' ' -f 11 ;;
	g0) ethtool -S g0 | awk '/rx_queue_[0-9]+_xdp_drops/ { n += $2 } END { print n }' ;;
	none) echo 0 ;;
	esac
}

measure() { # NAME WORD...
	name=$1
	shift
	before=$(came_out)
	cost=$(live -r "$ROUNDS" -n "$PACKETS" g0 "$@")
	came=$(($(came_out) - before))
	[ "$sink" = none ] || [ "$came" = $((ROUNDS * PACKETS)) ] ||
		fail "$name: $((ROUNDS * PACKETS)) packets sent, $came came out"
	echo "$name $cost"
}

# Frames from the server of a NAT service to its clients.
from_server() { # PORT COMMAND...
	port=$1
	shift
	"$@" "flows=$FLOWS" "src=203.0.113.1:$port" dst=198.18.0.0:1024 vary=dst
}

# A connection of each flow, then packets of these; of NAT in both directions.
established() { # NAME PORT
	live -w g0 frame=syn "flows=$FLOWS" "dst=$vip:$2"
	[ "$1" != nat ] || from_server "$2" live -w g0 frame=synack
	live -w g0 frame=ack "flows=$FLOWS" "dst=$vip:$2"
	measure "$1" frame=ack "flows=$FLOWS" "dst=$vip:$2"
	[ "$1" != nat ] || from_server "$2" measure nat-reply frame=ack
}

# New connections: all of them stay in the table, and unproven.
few() { # COMMAND...
	all=$PACKETS
	PACKETS=$((PACKETS / 8))
	"$@"
	PACKETS=$all
}

measure_served() {
	for kind in $served; do
		port=${kind#*:}
		case ${kind%:*} in
		new-*) few measure "${kind%:*}" frame=syn flows=new "dst=$vip:$port" ;;
		fullnat) ;; # the kernel has nothing to compare it with
		*) established "${kind%:*}" "$port" ;;
		esac
	done
}

floor() {
	topology kernel
	sink=none
	xdp d0 drop
	measure drop frame=ack "flows=$FLOWS"
	sink=g0
	xdp g0 drop
	xdp d0 mac_swap
	measure mac_swap frame=ack "flows=$FLOWS"
	ip link set d0 xdp off
	ip link set g0 xdp off
	sink=x0
	measure forward frame=ack "flows=$FLOWS" dst=203.0.113.1:80
}

kernel() {
	topology kernel
	sink=x0
	services ipvsadm rr sh mh wlc
	measure_served
}

xlvs() {
	topology xlvs
	sink=g0
	xdp g0 drop
	xlvsd_start --connections 131072
	services "$XLVS/ipvsadm" rr sh mh wlc
	measure_served
}

trap lab_end EXIT
trap 'exit 1' HUP INT TERM
"$1"
