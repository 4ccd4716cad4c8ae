#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# What XDP programs cost, ours and those it is compared with, side by side: prints the lines of bench.c.
# Usage: programs.sh count|time
#   count  for a counting guest: many paths, few flows
#   time   for a real machine: the fast path at one, ten thousand and a million flows
set -eu
here=$(dirname "$0")
. "$here/lab.sh"
schedulers='rr wrr sh mh'

established() { # NAME PORT WORD...
	echo "$1 id:$id dev=d0 frame=ack warm=syn,ack dst=$vip:$2 $3"
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
	established dr 80 flows=10000
	established tun 82 flows=10000
	established nat 81 flows=10000
	echo "nat-reply id:$id dev=d0 frame=ack src=203.0.113.1:81 dst=198.18.0.0:1024 vary=dst flows=10000"
	if [ "$fullnat" ]; then
		established fullnat 83 flows=1000
		established fullnat-reply 83 'flows=1000 learn=ack'
	fi
	port=90
	for scheduler in $schedulers; do
		echo "new-$scheduler id:$id dev=d0 frame=syn flows=new dst=$vip:$port"
		port=$((port + 1))
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
fullnat=
if [ -x "$XLVS/xlvsd" ]; then
	xlvsd_start --connections 2000000
	# shellcheck disable=SC2086
	services "$XLVS/ipvsadm" $schedulers
	id=$(xdp_id d0)
	"$XLVS/ipvsadm" -A -t "$vip:83" -s rr
	! "$XLVS/ipvsadm" -a -t "$vip:83" -r 203.0.113.1:83 -b 2>/dev/null || fullnat=yes
fi
case $1 in
count) count | "$BENCH/bench" -r "${ROUNDS:-5}" -n "${PACKETS:-20000}" ;;
time) time_ | "$BENCH/bench" -r "${ROUNDS:-41}" -n "${PACKETS:-60000}" ;;
esac
