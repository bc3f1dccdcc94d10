// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Partitions and loss between a caller and a service's ports, for new connections and for those that exist.
 *
 * A caller's own packets are marked when they leave it, and dropped by steer_ingress when they arrive on `lo`: a drop on
 * the way out would be told to the caller, who is not to know. What is sent to a caller is dropped when it reaches its
 * socket, which tells nobody.
 */
#include "faultbox.h"

LICENSED;

#define DROP 0
#define PASS 1

#define MILLION 1000000

enum direction { FROM_CALLER, TO_CALLER };

/* `ppm` of a million packets are lost: those that the draw of (seed, number of the packet) says. `lost`: how many were. */
struct cut {
	__u64 world;
	__u64 seed;
	__u64 packets;
	__u64 ppm;
	__u64 lost;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct end);
	__type(value, struct cut);
} cuts SEC(".maps");

#define CALLER(level) bpf_skb_ancestor_cgroup_id(skb, level)

/* splitmix64 (Steele, Lea, Flood 2014). */
INLINE __u64 draw(__u64 seed, __u64 number)
{
	__u64 mixed = seed + number * 0x9e3779b97f4a7c15;

	mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
	mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
	return mixed ^ (mixed >> 31);
}

INLINE int lost(struct cut *cut)
{
	__u64 number = __sync_fetch_and_add(&cut->packets, 1);

	if (cut->ppm < MILLION && draw(cut->seed, number) % MILLION >= cut->ppm)
		return 0;
	__sync_fetch_and_add(&cut->lost, 1);
	return 1;
}

INLINE struct cut *find(struct __sk_buff *skb, enum direction direction)
{
	struct end end = { .kind = direction };
	struct packet packet;
	__u32 own;

	if (!read_packet(skb, 0, &packet))
		return 0;
	end.port = direction == FROM_CALLER ? packet.to : packet.from;
	own = direction == FROM_CALLER ? packet.own_to : packet.own_from;
	return FIND_UPWARDS(cuts, &end, own, CALLER);
}

SEC("cgroup_skb/egress")
int cut_egress(struct __sk_buff *skb)
{
	struct cut *cut = find(skb, FROM_CALLER);

	if (cut && lost(cut))
		skb->mark = MARK_CUT;
	return PASS;
}

SEC("cgroup_skb/ingress")
int cut_ingress(struct __sk_buff *skb)
{
	struct cut *cut = find(skb, TO_CALLER);

	return cut && lost(cut) ? DROP : PASS;
}
