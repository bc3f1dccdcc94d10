// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * Loopback addresses of their own for services that listen on the same port: what such a service binds on every or on
 * the usual loopback address it gets on its own, and what it connects to there is itself.
 */
#include "faultbox.h"

#include <bpf/bpf_core_read.h>

LICENSED;

#define ALLOW 1

/* Of the kernel's own types, what we read; libbpf finds where the running kernel keeps it. */
#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)
struct sock_common {
	unsigned char skc_ipv6only : 1;
};

struct sock {
	struct sock_common __sk_common;
};
#pragma clang attribute pop

/* The IPv4 address, in host order; the IPv6 one follows from it. `world`: as in steer.bpf.c. */
struct own {
	__u64 world;
	__u32 address;
	__u32 unused;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 16384);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct end);
	__type(value, struct own);
} addresses SEC(".maps");

#define CALLER(level) bpf_get_current_ancestor_cgroup_id(level)

/* The address that the service has of its own for this port, 0 for none. */
INLINE __u32 own(struct bpf_sock_addr *ctx)
{
	struct end end = { .port = bpf_ntohs(ctx->user_port) };
	struct own *found = FIND_UPWARDS(addresses, &end, 0, CALLER);

	return found ? found->address : 0;
}

INLINE int is_usual4(__be32 address)
{
	return !address || address == bpf_htonl(INADDR_LOOPBACK);
}

INLINE void set_mapped4(struct bpf_sock_addr *ctx, __u32 address)
{
	ctx->user_ip6[0] = 0;
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = bpf_htonl(0xffff);
	ctx->user_ip6[3] = bpf_htonl(address);
}

INLINE void set6(struct bpf_sock_addr *ctx, __u32 address)
{
	ctx->user_ip6[0] = bpf_htonl(OWN6_0);
	ctx->user_ip6[1] = 0;
	ctx->user_ip6[2] = 0;
	ctx->user_ip6[3] = bpf_htonl(address & ~OWN_MASK);
}

INLINE int usual4(struct bpf_sock_addr *ctx)
{
	__u32 address;

	if (!is_usual4(ctx->user_ip4))
		return ALLOW;
	address = own(ctx);
	if (address)
		ctx->user_ip4 = bpf_htonl(address);
	return ALLOW;
}

/* A socket for both families that is bound to no address serves IPv4: that address is the one its name means. */
INLINE int serves4(struct bpf_sock_addr *ctx, const __be32 address[4])
{
	struct sock *sk;

	if (address[3])
		return 0;
	sk = ctx->protocol == IPPROTO_TCP ? (struct sock *)bpf_skc_to_tcp6_sock(ctx->sk)
					  : (struct sock *)bpf_skc_to_udp6_sock(ctx->sk);
	return sk && !BPF_CORE_READ_BITFIELD(&sk->__sk_common, skc_ipv6only);
}

SEC("cgroup/bind6")
int bind6(struct bpf_sock_addr *ctx)
{
	__be32 to[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };
	int mapped = is_mapped4(to);
	__u32 address;

	if (mapped ? !is_usual4(to[3]) : !is_here6(to))
		return ALLOW;
	address = own(ctx);
	if (!address)
		return ALLOW;
	if (mapped || serves4(ctx, to))
		set_mapped4(ctx, address);
	else
		set6(ctx, address);
	return ALLOW;
}

INLINE int listens6(struct bpf_sock_addr *ctx, __u32 address)
{
	struct bpf_sock_tuple tuple = { .ipv6 = { .dport = ctx->user_port } };
	struct bpf_sock *sk;

	tuple.ipv6.daddr[0] = bpf_htonl(OWN6_0);
	tuple.ipv6.daddr[3] = bpf_htonl(address & ~OWN_MASK);
	if (ctx->protocol == IPPROTO_TCP)
		sk = bpf_sk_lookup_tcp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	else
		sk = bpf_sk_lookup_udp(ctx, &tuple, sizeof(tuple.ipv6), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	bpf_sk_release(sk);
	return 1;
}

/* `maps`: whether the hook may lead a socket of IPv6 to an IPv4 address. */
INLINE int usual6(struct bpf_sock_addr *ctx, int maps)
{
	__be32 to[4] = { ctx->user_ip6[0], ctx->user_ip6[1], ctx->user_ip6[2], ctx->user_ip6[3] };
	int mapped = is_mapped4(to);
	__u32 address;

	if (mapped ? !is_usual4(to[3]) : !is_here6(to))
		return ALLOW;
	address = own(ctx);
	if (!address)
		return ALLOW;
	if (!mapped && listens6(ctx, address))
		set6(ctx, address);
	else if (mapped || maps)
		set_mapped4(ctx, address);
	return ALLOW;
}

INLINE int connects6(struct bpf_sock_addr *ctx)
{
	return usual6(ctx, 1);
}

/* The kernel answers ENOTSUPP where this hook changes an IPv6 destination to a mapped one. */
INLINE int sends6(struct bpf_sock_addr *ctx)
{
	return usual6(ctx, 0);
}

#define HOOK(hook, what)                                                             \
	SEC("cgroup/" #hook)                                                         \
	int hook(struct bpf_sock_addr *ctx)                                          \
	{                                                                            \
		return what(ctx);                                                    \
	}

HOOK(bind4, usual4)
HOOK(connect4, usual4)
HOOK(sendmsg4, usual4)
HOOK(connect6, connects6)
HOOK(sendmsg6, sends6)
