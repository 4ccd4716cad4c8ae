#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What one packet costs on its whole path through a director: prints "NAME NANOSECONDS" lines, each the sum of
# sending a live frame, the veth, the director and the sink. In a counting guest nanoseconds are instructions.
# Usage: path.sh kernel|xlvs      in a network namespace of its own; BENCH is the folder of live and the objects
#
#            +--------------- dir ----------------+
#   g0 ----- d0    VIP 192.0.2.1 on lo         x0 | dummy: counts what is sent and frees it
#            |                  203.0.113.1-10, and the way to the clients 198.18.0.0/15
#            +------------------------------------+
#
# The kernel's director sends to x0. XDP cannot send to a dummy: an XDP program sends back through d0, and g0
# drops what it gets.
set -eu
director=$1
: "${BENCH:=.}" "${ROUNDS:=9}" "${PACKETS:=20000}" "${FLOWS:=1000}"
vip=192.0.2.1
namespace=bn-dir

in_dir() { nsenter --net="/run/netns/$namespace" "$@"; }

clean_up() {
	ip netns del "$namespace" 2>/dev/null || :
	ip link del g0 2>/dev/null || :
}

# Addresses, routes and neighbours behind one interface of the director.
outside() {
	in_dir ip address add 203.0.113.254/24 dev "$1"
	for i in 1 2 3 4 5 6 7 8 9 10 253; do
		in_dir ip neigh add "203.0.113.$i" lladdr "02:00:00:00:01:$(printf %02x "$i")" \
			nud permanent dev "$1"
	done
	in_dir ip route add 198.18.0.0/15 via 203.0.113.253
}

topology() {
	ip netns add "$namespace"
	ip link add g0 type veth peer name d0 netns "$namespace"
	in_dir ip link add x0 type dummy
	ip link set g0 addrgenmode none up
	in_dir ip link set lo up
	for link in d0 x0; do
		in_dir ip link set "$link" addrgenmode none up # no packet but ours
	done
	for setting in ip_forward=1 conf/all/rp_filter=0 conf/default/rp_filter=0 conf/d0/rp_filter=0; do
		in_dir sh -c "echo ${setting#*=} > /proc/sys/net/ipv4/${setting%=*}"
	done
	in_dir ip address add "$vip/32" dev lo
	in_dir ethtool -K d0 gro on
	mac=$(in_dir ip -o link show d0 | sed 's/.*ether \([^ ]*\).*/\1/')
}

xdp() { # OBJECT:PROGRAM [INTERFACE]
	in_dir ip -force link set d0 xdp object "$BENCH/${1%:*}.bpf.o" program "${1#*:}"
	ip -force link set g0 xdp object "$BENCH/base.bpf.o" program drop
}

no_xdp() {
	in_dir ip link set d0 xdp off
	ip link set g0 xdp off
}

live() { "$BENCH/live" "$@" "mac=$mac"; }

sunk() { in_dir sed -n 's/^ *x0://p' /proc/net/dev | { read -r _ _ _ _ _ _ _ _ _ sent _; echo "$sent"; }; }

# measure NAME WORD...: what one packet costs; with SINK=1 all of them must have come out.
measure() {
	name=$1
	shift
	before=$(sunk)
	cost=$(live -r "$ROUNDS" -n "$PACKETS" g0 "$@")
	came=$(($(sunk) - before))
	if [ "${SINK:-}" ] && [ "$came" != $((ROUNDS * PACKETS)) ]; then
		echo "path: $name: $((ROUNDS * PACKETS)) packets sent, $came came out" >&2
		exit 1
	fi
	echo "$name $cost"
}

# established NAME PORT: a connection each flow, then packets of these.
established() {
	live -w g0 frame=syn "flows=$FLOWS" "dst=$vip:$2"
	live -w g0 frame=ack "flows=$FLOWS" "dst=$vip:$2"
	measure "$1" frame=ack "flows=$FLOWS" "dst=$vip:$2"
}

kernel_service() { # PORT SCHEDULER METHOD DESTINATIONS
	in_dir ipvsadm -A -t "$vip:$1" -s "$2"
	for i in $(seq "$4"); do
		in_dir ipvsadm -a -t "$vip:$1" -r "203.0.113.$i:$1" "$3"
	done
}

kernel() {
	outside x0
	xdp base:drop
	measure drop frame=ack "flows=$FLOWS"
	xdp base:mac_swap
	measure mac_swap frame=ack "flows=$FLOWS"
	xdp base:ipip
	measure ipip frame=ack "flows=$FLOWS"
	no_xdp

	SINK=1
	measure forward frame=ack "flows=$FLOWS" dst=203.0.113.1:80
	kernel_service 80 rr -g 10
	kernel_service 81 rr -m 1
	kernel_service 82 rr -i 10
	established dr 80
	established nat 81
	measure nat-reply frame=ack "flows=$FLOWS" src=203.0.113.1:81 dst=198.18.0.0:1024 vary=dst
	established tun 82
	port=90
	for scheduler in rr sh mh wlc; do
		kernel_service "$port" "$scheduler" -g 10
		measure "new-$scheduler" frame=syn flows=new "dst=$vip:$port"
		port=$((port + 1))
	done
}

trap clean_up EXIT
trap 'exit 1' HUP INT TERM
topology
"$director"
