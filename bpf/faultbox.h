/* SPDX-License-Identifier: Apache-2.0
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

#define LICENSED char _license[] SEC("license") = "Apache-2.0"

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

/* One packet, as far as we read it. `opens`: a SYN that is not an answer. `own`: see struct end. */
struct packet {
	__u32 own;
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

INLINE int is_loopback4(__be32 address)
{
	return (bpf_ntohl(address) >> 24) == 127;
}

INLINE int is_loopback6(const __be32 address[4])
{
	return !address[0] && !address[1] && !address[2] && address[3] == bpf_htonl(1);
}

INLINE int is_any6(const __be32 address[4])
{
	return !address[0] && !address[1] && !address[2] && !address[3];
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

/* Whether it is TCP or UDP. Headers of what was sent on this host are always linear. */
INLINE int read_packet(struct __sk_buff *skb, struct packet *packet)
{
	void *data = (void *)(long)skb->data, *limit = (void *)(long)skb->data_end;

	packet->opens = 0;
	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		struct iphdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > limit)
			return 0;
		packet->version = 4;
		packet->protocol = ip->protocol;
		packet->own = own4(ip->daddr);
		return read_transport((void *)ip + ip->ihl * 4, limit, packet);
	}
	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		struct ipv6hdr *ip = data + ETH_HLEN;

		if ((void *)(ip + 1) > limit)
			return 0;
		packet->version = 6;
		packet->protocol = ip->nexthdr;
		packet->own = own6(ip->daddr.in6_u.u6_addr32);
		return read_transport(ip + 1, limit, packet);
	}
	return 0;
}

#endif
