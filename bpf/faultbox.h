/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What the programs here share: packets on `lo`, and who in the cgroup tree is asking.
 *
 * One load serves every world of a run, so nothing may be keyed by a port or an address alone: worlds have the same
 * ones. A cgroup's id is unique on the host, and every key holds one.
 */
#ifndef FAULTBOX_H
#define FAULTBOX_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* What the kernel asks for before it lets a program read its types; these files may be used under that licence too. */
#define LICENSED char _license[] SEC("license") = "GPL"

/* The depth at which a service's cgroup may lie below the root. */
#define DEEPEST 16

/* The upper half of skb->mark says what the egress side of `lo` decided, for the ingress side to carry out. */
#define MARK_KIND 0xffff0000
#define MARK_SLOT 0x0000ffff
#define MARK_STEER 0x46490000
#define MARK_REFUSE 0x464a0000
#define MARK_CUT 0x464b0000

/* 127.77.0.0/16 and fdfb:77::/112 are the addresses that services of one port have of their own, in host order. */
#define OWN_NET 0x7f4d0000
#define OWN_MASK 0xffff0000
#define OWN6_0 0xfdfb0077

#define INLINE static __attribute__((always_inline)) inline

#define AF_INET 2
#define AF_INET6 10

/* Numbers in host order. `address`: the IPv4 destination where it is a service's own, and 0 for any other. */
struct end {
	__u64 caller;
	__u32 address;
	__u16 port;
	__u16 kind;
};

/* What `map` has for this end: the entry for its exact address goes before the one for any. */
#define FIND(map, end, own)                                                          \
	({                                                                           \
		void *_found = 0;                                                    \
		(end)->address = (own);                                              \
		if (own)                                                             \
			_found = bpf_map_lookup_elem(&(map), (end));                 \
		if (!_found) {                                                       \
			(end)->address = 0;                                          \
			_found = bpf_map_lookup_elem(&(map), (end));                 \
		}                                                                    \
		_found;                                                              \
	})

/* FIND for the caller's cgroup and those above it, as `ancestor(level)` gives them. */
#define FIND_UPWARDS(map, end, own, ancestor)                                        \
	({                                                                           \
		void *_upwards = 0;                                                  \
		for (int _level = 1; _level < DEEPEST && !_upwards; _level++) {      \
			(end)->caller = ancestor(_level);                            \
			if (!(end)->caller)                                          \
				break;                                               \
			_upwards = FIND(map, end, own);                              \
		}                                                                    \
		_upwards;                                                            \
	})

/* One packet, as far as we read it: both ends' ports, and their addresses as in struct end. `opens`: the first SYN. */
struct packet {
	__u32 own_from;
	__u32 own_to;
	__u16 from;
	__u16 to;
	__u8 protocol;
	__u8 version;
	__u8 opens;
};

INLINE __u32 own4(__be32 address)
{
	__u32 host = bpf_ntohl(address);

	return (host & OWN_MASK) == OWN_NET ? host : 0;
}

/* A service's own IPv6 address ends in the number that its IPv4 address ends in. */
INLINE __u32 own6(const __be32 address[4])
{
	if (address[0] == bpf_htonl(OWN6_0) && !address[1] && !address[2])
		return OWN_NET | (bpf_ntohl(address[3]) & ~OWN_MASK);
	return 0;
}

INLINE int is_mapped4(const __be32 address[4])
{
	return !address[0] && !address[1] && address[2] == bpf_htonl(0xffff);
}

/* To connect to no address is to connect to this host. */
INLINE int is_here4(__be32 address)
{
	return !address || (bpf_ntohl(address) >> 24) == 127;
}

INLINE int is_here6(const __be32 address[4])
{
	return !address[0] && !address[1] && !address[2] && (!address[3] || address[3] == bpf_htonl(1));
}

INLINE int read_transport(void *at, void *limit, struct packet *packet)
{
	if (packet->protocol == IPPROTO_TCP) {
		struct tcphdr *tcp = at;

		if ((void *)(tcp + 1) > limit)
			return 0;
		packet->from = bpf_ntohs(tcp->source);
		packet->to = bpf_ntohs(tcp->dest);
		packet->opens = tcp->syn && !tcp->ack;
		return 1;
	}
	if (packet->protocol == IPPROTO_UDP) {
		struct udphdr *udp = at;

		if ((void *)(udp + 1) > limit)
			return 0;
		packet->from = bpf_ntohs(udp->source);
		packet->to = bpf_ntohs(udp->dest);
		return 1;
	}
	return 0;
}

/* Whether it is TCP or UDP. `link`: the bytes before the IP header. Headers that this host sent are always linear. */
INLINE int read_packet(struct __sk_buff *skb, __u32 link, struct packet *packet)
{
	void *data = (void *)(long)skb->data, *limit = (void *)(long)skb->data_end;

	packet->opens = 0;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + link;

		if ((void *)(ip + 1) > limit)
			return 0;
		packet->version = 4;
		packet->protocol = ip->protocol;
		packet->own_from = own4(ip->saddr);
		packet->own_to = own4(ip->daddr);
		return read_transport((void *)ip + ip->ihl * 4, limit, packet);
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + link;

		if ((void *)(ip + 1) > limit)
			return 0;
		packet->version = 6;
		packet->protocol = ip->nexthdr;
		packet->own_from = own6(ip->saddr.in6_u.u6_addr32);
		packet->own_to = own6(ip->daddr.in6_u.u6_addr32);
		return read_transport(ip + 1, limit, packet);
	}
	return 0;
}

#endif
