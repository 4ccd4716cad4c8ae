# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# What the measurements of a whole director have in common; sourced. Runs in a network namespace
# nothing else uses, which becomes the director:
#
#           +------------- director --------------+
#   g0 ---- d0     VIP 192.0.2.1 on lo         x0 | dummy: counts what it gets and frees it
#           |  servers 203.0.113.1-10, and 203.0.113.253, the way to the clients 198.18.0.0/15
#           +-------------------------------------+
#
# Frames are sent into g0. The kernel forwards to x0; XDP cannot send to a dummy, so xlvs sends back
# through d0, and g0 drops what it gets.
#
# Set by who runs this: BENCH, the folder of the harness and its objects; XLVS, the folder of xlvsd
# and ipvsadm.
: "${BENCH:=.}" "${XLVS:=.}"
vip=192.0.2.1
xlvsd_pid=
bench_pid=

fail() {
	echo "$(basename "$0"): $*" >&2
	exit 1
}

set_sysctl() { # NAME=VALUE below /proc/sys/net
	echo "${1#*=}" >"/proc/sys/net/${1%=*}"
}

# Addresses, routes and neighbours behind interface $1.
outside() {
	ip address add 203.0.113.254/24 dev "$1"
	for i in 1 2 3 4 5 6 7 8 9 10 253; do
		ip neigh add "203.0.113.$i" lladdr "02:00:00:00:01:$(printf %02x "$i")" nud permanent dev "$1"
	done
	ip route add 198.18.0.0/15 via 203.0.113.253
}

topology() { # kernel|xlvs
	set_sysctl ipv6/conf/all/disable_ipv6=1 # no packet but ours
	set_sysctl ipv6/conf/default/disable_ipv6=1
	set_sysctl ipv4/ip_forward=1
	ip link set lo up
	ip link add d0 type veth peer name g0
	[ "$1" = xlvs ] || ip link add x0 type dummy
	for link in all d0; do
		set_sysctl "ipv4/conf/$link/rp_filter=0"
	done
	ip link set g0 up
	ip link set d0 up
	ip address add "$vip/32" dev lo
	ethtool -K d0 gro on
	mac=$(ip -o link show d0 | sed 's/.*ether \([^ ]*\).*/\1/')
	case $1 in
	kernel)
		ip link set x0 up
		outside x0
		;;
	xlvs) outside d0 ;;
	esac
}

xdp() { # INTERFACE PROGRAM: one of base.bpf.c
	ip -force link set "$1" xdp object "$BENCH/base.bpf.o" program "$2"
}

# The number of the XDP program on interface $1.
xdp_id() {
	ip -d link show "$1" | sed -n 's/.*prog\/xdp id \([0-9]*\).*/\1/p'
}

xlvsd_start() { # OPTION...
	log=$(mktemp)
	"$XLVS/xlvsd" -i d0 "$@" >"$log" 2>&1 &
	xlvsd_pid=$!
	tries=0
	until grep -q 'ready$' "$log"; do
		tries=$((tries + 1))
		if ! kill -0 "$xlvsd_pid" 2>/dev/null || [ "$tries" -gt 300 ]; then
			cat "$log" >&2
			fail "xlvsd did not become ready"
		fi
		sleep 0.1
	done
}

lab_end() {
	for pid in $bench_pid $xlvsd_pid; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	rm -f "${log:-}"
}

service() { # COMMAND PORT SCHEDULER METHOD DESTINATIONS
	"$1" -A -t "$vip:$2" -s "$3" || return 1
	for i in $(seq "$5"); do
		"$1" -a -t "$vip:$2" -r "203.0.113.$i:$2" "$4" || return 1
	done
}

# One service of every kind that is measured. What the director does not have is left out, and said:
# $served becomes the list of KIND:PORT.
services() { # COMMAND SCHEDULER...
	command=$1
	shift
	served=
	serve dr 80 rr -g 10
	serve nat 81 rr -m 1
	serve tun 82 rr -i 10
	[ "$command" = ipvsadm ] || serve_fullnat 83
	port=90
	for scheduler; do
		serve "new-$scheduler" "$port" "$scheduler" -g 10
		port=$((port + 1))
	done
}

# As after the server's first data: until then packets tell it the client's address.
serve_fullnat() { # PORT
	serve fullnat "$1" rr -b 1
	"$command" -e -t "$vip:$1" -r "203.0.113.1:$1" -b --toa-kind none
}

serve() { # KIND PORT SCHEDULER METHOD DESTINATIONS
	if service "$command" "$2" "$3" "$4" "$5"; then
		served="$served $1:$2"
	else
		echo "$(basename "$0"): $1 is left out" >&2
	fi
}
