// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Steering of TCP connections on a world's `lo`, by who calls.
 *
 * Egress still knows the socket that sends, hence its cgroup: it marks the SYN. Ingress finds the mark, notes on this
 * processor what is to happen, and sk_lookup, which the stack runs for that same packet right after, carries it out.
 * sk_lookup rather than bpf_sk_assign() in ingress: an assigned SYN skips the stack's handling of TIME_WAIT, and is
 * dropped as a duplicate where its four-tuple was used before (seen on Linux 6.18).
 */
#include "faultbox.h"

LICENSED;


enum kind { STEERED, REFUSED };

/* `world`: the cgroup id of the world it belongs to, so that the runner can clear up behind a dead one. `met`: SYNs. */
struct edge {
	__u64 world;
	__u32 slot;
	__u32 met;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct end);
	__type(value, struct edge);
} edges SEC(".maps");

/* Who has which slot; only user space reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, __u64);
} slots SEC(".maps");

/* The proxies' listeners: slot * 2, and one more for IPv6. A listener that closes leaves by itself. */
struct {
	__uint(type, BPF_MAP_TYPE_SOCKHASH);
	__uint(max_entries, 16384);
	__type(key, __u32);
	__type(value, __u64);
} listeners SEC(".maps");

/* What ingress decided about the SYN that this processor is about to deliver. */
struct verdict {
	__u32 kind;
	__u32 listener;
	__u16 from;
	__u16 to;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct verdict);
} verdicts SEC(".maps");

INLINE struct verdict *verdict(void)
{
	__u32 only = 0;

	return bpf_map_lookup_elem(&verdicts, &only);
}

#define SENDER(level) bpf_skb_ancestor_cgroup_id(skb, level)

SEC("tc")
int steer_egress(struct __sk_buff *skb)
{
	struct packet packet;
	struct end end = {};
	struct edge *edge;

	if (!read_packet(skb, ETH_HLEN, &packet) || !packet.opens || (skb->mark & MARK_KIND) == MARK_CUT)
		return TC_ACT_UNSPEC;
	end.port = packet.to;
	end.kind = REFUSED;
	edge = FIND_UPWARDS(edges, &end, packet.own_to, SENDER);
	if (edge) {
		skb->mark = MARK_REFUSE;
	} else {
		end.kind = STEERED;
		edge = FIND_UPWARDS(edges, &end, packet.own_to, SENDER);
		if (!edge)
			return TC_ACT_UNSPEC;
		skb->mark = MARK_STEER | (edge->slot & MARK_SLOT);
	}
	__sync_fetch_and_add(&edge->met, 1);
	return TC_ACT_UNSPEC;
}

/* Whether the service itself listens where the SYN goes to. With no sender in it, the tuple finds listeners only. */
INLINE int listened_to(struct __sk_buff *skb, const struct packet *packet)
{
	void *data = (void *)(long)skb->data, *limit = (void *)(long)skb->data_end;
	struct bpf_sock_tuple tuple = {};
	struct bpf_sock *sk;
	__u32 size;

	if (packet->version == 4) {
		struct iphdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > limit)
			return 0;
		tuple.ipv4.daddr = ip->daddr;
		tuple.ipv4.dport = bpf_htons(packet->to);
		size = sizeof(tuple.ipv4);
	} else {
		struct ipv6hdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > limit)
			return 0;
		__builtin_memcpy(tuple.ipv6.daddr, &ip->daddr, sizeof(tuple.ipv6.daddr));
		tuple.ipv6.dport = bpf_htons(packet->to);
		size = sizeof(tuple.ipv6);
	}
	sk = bpf_sk_lookup_tcp(skb, &tuple, size, BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

SEC("tc")
int steer_ingress(struct __sk_buff *skb)
{
	__u32 kind = skb->mark & MARK_KIND;
	struct verdict *said;
	struct packet packet;
	struct bpf_sock *sk;
	__u32 listener;
	int listening;

	if (kind == MARK_CUT)
		return TC_ACT_SHOT;
	if (!read_packet(skb, ETH_HLEN, &packet) || !packet.opens)
		return TC_ACT_UNSPEC;
	said = verdict();
	if (!said)
		return TC_ACT_SHOT;
	said->kind = 0;
	if (kind != MARK_STEER && kind != MARK_REFUSE)
		return TC_ACT_UNSPEC;
	if (kind == MARK_STEER) {
		if (!listened_to(skb, &packet))
			return TC_ACT_UNSPEC; /* refused by the stack, as without us */
		listener = (skb->mark & MARK_SLOT) * 2 + (packet.version == 6);
		sk = bpf_map_lookup_elem(&listeners, &listener);
		if (!sk)
			return TC_ACT_SHOT; /* its proxy is dead: never past it */
		listening = sk->state == BPF_TCP_LISTEN;
		bpf_sk_release(sk);
		if (!listening)
			return TC_ACT_SHOT;
		said->listener = listener;
	}
	said->from = packet.from;
	said->to = packet.to;
	said->kind = kind;
	return TC_ACT_UNSPEC;
}

SEC("sk_lookup")
int steer_lookup(struct bpf_sk_lookup *ctx)
{
	struct verdict *said = verdict();
	struct bpf_sock *sk;
	long failed;

	if (!said || !said->kind || ctx->protocol != IPPROTO_TCP)
		return SK_PASS;
	if (ctx->local_port != said->to || bpf_ntohs(ctx->remote_port) != said->from)
		return SK_PASS;
	if (said->kind == MARK_REFUSE)
		return SK_DROP; /* no socket found: the stack answers with RST */
	sk = bpf_map_lookup_elem(&listeners, &said->listener);
	said->kind = 0;
	if (!sk)
		return SK_DROP;
	failed = bpf_sk_assign(ctx, sk, 0);
	bpf_sk_release(sk);
	return failed ? SK_DROP : SK_PASS;
}
