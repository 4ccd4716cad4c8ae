#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What XDP programs cost, ours and those it is compared with, side by side: prints bench.c's lines.
# Usage: programs.sh count|time
#   count  for a counting guest: many paths, few flows
#   time   for a real machine: the fast path at one, ten thousand and a million flows
set -eu
here=$(dirname "$0")
. "$here/lab.sh"

established() { # NAME PORT WORDS
	echo "$1 id:$id dev=d0 frame=ack warm=syn,ack dst=$vip:$2 $3"
}

both_ways() { # NAME PORT WORDS
	words="id:$id dev=d0 frame=ack warm=syn,synack,ack dst=$vip:$2 $3"
	echo "$1 $words from=client"
	echo "$1-reply $words from=server"
}

count() {
	cat <<-EOF
		pass        $BENCH/base.bpf.o:pass        expect=pass
		mac_swap    $BENCH/base.bpf.o:mac_swap
		parse_swap  $BENCH/base.bpf.o:parse_swap
		ipip        $BENCH/base.bpf.o:ipip
		hash_swap   $BENCH/hash.bpf.o:hash_swap   flows=10000 warm=ack
		lru_ipip    $BENCH/lru.bpf.o:lru_ipip     flows=10000 warm=ack
		lru_insert  $BENCH/lru.bpf.o:lru_ipip     flows=new frame=syn
		fib_forward $BENCH/forward.bpf.o:forward  flows=10000 dst=203.0.113.1:80 dev=d0
	EOF
	[ -z "$id" ] || xlvs_count
}

xlvs_count() {
	echo "none id:$id dev=d0 dst=192.0.2.99:80 expect=pass"
	for kind in $served; do
		port=${kind#*:}
		case ${kind%:*} in
		dr | tun) established "${kind%:*}" "$port" flows=1000 ;;
		nat) both_ways nat "$port" "flows=1000 server=203.0.113.1:$port" ;;
		fullnat) both_ways fullnat "$port" "flows=1000 server=learn" ;;
		# Few: all of them stay in the table, and unproven.
		new-*) echo "${kind%:*} id:$id dev=d0 frame=syn flows=new packets=6000 dst=$vip:$port" ;;
		esac
	done
}

time_() {
	for flows in 1 10000 1000000; do
		for touch in 0 8; do
			echo "lru_ipip-$flows-$touch $BENCH/lru.bpf.o:lru_ipip" \
				"entries=2000000 warm=ack flows=$flows touch=$touch"
			[ -z "$id" ] || established "dr-$flows-$touch" 80 "flows=$flows touch=$touch"
		done
	done
}

trap lab_end EXIT
trap 'exit 1' HUP INT TERM
topology xlvs
id=
if [ -x "$XLVS/xlvsd" ]; then
	# Counting, a small table: the expiry visits all of it every second, in the time of our packets.
	case $1 in
	count) xlvsd_start --connections 131072 ;;
	time) xlvsd_start --connections 1000000 ;;
	esac
	services "$XLVS/ipvsadm" rr wrr sh mh
	id=$(xdp_id d0)
fi
case $1 in
count) count | "$BENCH/bench" -r "${ROUNDS:-5}" -n "${PACKETS:-40000}" & ;;
# Each of ten thousand flows comes sixty times a round: the caches are as warm as its traffic makes
# them, not as the program before left them.
time) time_ | "$BENCH/bench" -r "${ROUNDS:-15}" -n "${PACKETS:-600000}" & ;;
esac
bench_pid=$! # in the background: a signal ends the waiting at once
wait "$bench_pid"
bench_pid=
