// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Steering of UDP, by who calls: the hooks of a world's cgroup on socket addresses. A datagram's answer must come from
 * the address that it was sent to, so the destination is replaced when it is given, and put back when it is shown.
 */
#include "faultbox.h"

LICENSED;

#define ALLOW 1
#define REFUSE 0
#define ECONNREFUSED 111

/* The proxy's ports on 127.0.0.1 and ::1; 0 for none. `world`: as in steer.bpf.c. */
struct datagrams {
	__u64 world;
	__u16 port4;
	__u16 port6;
	__u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct end);
	__type(value, struct datagrams);
} edges SEC(".maps");

/* Whom a socket meant when it was led to a proxy's port. The cookie is unique on the host; a socket of IPv6 may send by
 * IPv4, whose addresses are kept as mapped ones. */
struct sent {
	__u64 cookie;
	__u32 version;
	__u32 port;
};

struct meant {
	__be32 address[4];
	__u32 port;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct sent);
	__type(value, struct meant);
} senders SEC(".maps");

#define CALLER(level) bpf_get_current_ancestor_cgroup_id(level)

INLINE struct datagrams *find(struct bpf_sock_addr *ctx, __u32 own)
{
	struct end end = { .port = bpf_ntohs(ctx->user_port) };

	return FIND_UPWARDS(edges, &end, own, CALLER);
}

INLINE int refuse(void)
{
	bpf_set_retval(-ECONNREFUSED);
	return REFUSE;
}

INLINE int bound(struct bpf_sock_addr *ctx, struct bpf_sock_tuple *tuple, __u32 size)
{
	struct bpf_sock *sk = bpf_sk_lookup_udp(ctx, tuple, size, BPF_F_CURRENT_NETNS, 0);

	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* Whether the service itself is there: if not, its absence is what the caller is to meet. */
INLINE int bound4(struct bpf_sock_addr *ctx, __be32 address)
{
	struct bpf_sock_tuple tuple = { .ipv4 = { .daddr = address, .dport = ctx->user_port } };

	return bound(ctx, &tuple, sizeof(tuple.ipv4));
}

INLINE int bound6(struct bpf_sock_addr *ctx, const __be32 address[4])
{
	struct bpf_sock_tuple tuple = { .ipv6 = { .dport = ctx->user_port } };

	__builtin_memcpy(tuple.ipv6.daddr, address, sizeof(tuple.ipv6.daddr));
	return bound(ctx, &tuple, sizeof(tuple.ipv6));
}

INLINE __u32 version(const __be32 address[4])
{
	return is_mapped4(address) ? 4 : 6;
}

INLINE void remember(struct bpf_sock_addr *ctx, __u16 port, const __be32 address[4])
{
	struct sent sent = { .cookie = bpf_get_socket_cookie(ctx), .version = version(address), .port = port };
	struct meant meant = { .port = ctx->user_port };

	__builtin_memcpy(meant.address, address, sizeof(meant.address));
	bpf_map_update_elem(&senders, &sent, &meant, BPF_ANY);
}

INLINE int lead4(struct bpf_sock_addr *ctx)
{
	__be32 to = ctx->user_ip4 ?: bpf_htonl(INADDR_LOOPBACK), meant[4] = { 0, 0, bpf_htonl(0xffff), to };
	struct datagrams *edge;

	if (ctx->protocol != IPPROTO_UDP || !is_here4(to))
		return ALLOW;
	edge = find(ctx, own4(to));
	if (!edge || !bound4(ctx, to))
		return ALLOW;
	if (!edge->port4)
		return refuse();
	remember(ctx, edge->port4, meant);
	ctx->user_ip4 = bpf_htonl(INADDR_LOOPBACK);
	ctx->user_port = bpf_htons(edge->port4);
	return ALLOW;
}

INLINE int lead6(struct bpf_sock_addr *ctx)
{
	__be32 to[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };
	int mapped = is_mapped4(to);
	struct datagrams *edge;
	__u32 own = mapped ? own4(to[3]) : own6(to);
	__u16 port;

	if (ctx->protocol != IPPROTO_UDP)
		return ALLOW;
	if (mapped ? !is_here4(to[3]) : !is_here6(to) && !own)
		return ALLOW;
	if (!mapped && !to[0] && !to[3])
		to[3] = bpf_htonl(1);
	edge = find(ctx, own);
	if (!edge || !(mapped ? bound4(ctx, to[3]) : bound6(ctx, to)))
		return ALLOW;
	port = mapped ? edge->port4 : edge->port6;
	if (!port)
		return refuse();
	remember(ctx, port, to);
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = mapped ? bpf_htonl(0xffff) : 0;
	ctx->user_ip6[3] = mapped ? bpf_htonl(INADDR_LOOPBACK) : bpf_htonl(1);
	ctx->user_port = bpf_htons(port);
	return ALLOW;
}

INLINE struct meant *recall(struct bpf_sock_addr *ctx, const __be32 from[4])
{
	struct sent sent = { .version = version(from), .port = bpf_ntohs(ctx->user_port) };

	if (ctx->protocol != IPPROTO_UDP)
		return 0;
	sent.cookie = bpf_get_socket_cookie(ctx);
	return bpf_map_lookup_elem(&senders, &sent);
}

INLINE int show4(struct bpf_sock_addr *ctx)
{
	__be32 from[4] = { 0, 0, bpf_htonl(0xffff), ctx->user_ip4 };
	struct meant *meant;

	if (ctx->user_ip4 != bpf_htonl(INADDR_LOOPBACK))
		return ALLOW;
	meant = recall(ctx, from);
	if (meant) {
		ctx->user_ip4 = meant->address[3];
		ctx->user_port = meant->port;
	}
	return ALLOW;
}

INLINE int show6(struct bpf_sock_addr *ctx)
{
	__be32 from[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };
	struct meant *meant = recall(ctx, from);

	if (meant) {
		ctx->user_ip6[0] = meant->address[0];
		ctx->user_ip6[1] = meant->address[1];
		ctx->user_ip6[2] = meant->address[2];
		ctx->user_ip6[3] = meant->address[3];
		ctx->user_port = meant->port;
	}
	return ALLOW;
}

#define HOOK(hook, what)                                                             \
	SEC("cgroup/" #hook)                                                         \
	int hook(struct bpf_sock_addr *ctx)                                          \
	{                                                                            \
		return what(ctx);                                                    \
	}

HOOK(connect4, lead4)
HOOK(sendmsg4, lead4)
HOOK(recvmsg4, show4)
HOOK(getpeername4, show4)
HOOK(connect6, lead6)
HOOK(sendmsg6, lead6)
HOOK(recvmsg6, show6)
HOOK(getpeername6, show6)
