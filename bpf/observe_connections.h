/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * What is kept of TCP connections: whose they are, what went through them, and totals of who connects where.
 *
 * Whose a connection is, its socket's cgroup says: in an interrupt no task does, and what is accepted inherits its
 * listener's.
 */
#ifndef OBSERVE_CONNECTIONS_H
#define OBSERVE_CONNECTIONS_H

#include "observe_flows.h"

#define FIN_HAS_COME 2 /* 1 << SOCK_DONE of enum sock_flags */

/* Who connects where. `lane` is the caller's, NOBODY where it is none of the world's. */
#define NOBODY 0xffff

struct edge {
	__u16 lane;
	__u16 family;
	__u16 port;
	__u16 unused;
	__u8 address[16];
};

/* As model.observation.ConnectionTotals, seen from the caller. */
struct edge_totals {
	__u64 opened;
	__u64 refused;
	__u64 reset;
	__u64 sent;
	__u64 received;
	__u64 retransmits;
};

/* Of each world. */
struct edge_counts {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 8192);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(key_size, sizeof(struct edge));
	__uint(value_size, sizeof(struct edge_totals));
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, WORLDS);
	__type(key, __u32);
	__array(values, struct edge_counts);
} edges SEC(".maps");

/* One end of a connection. `wrote`, `read`: the numbers of the next bytes that its owner will write and read, as they
 * were last looked at, `sent` and `received` the sums of the differences. `number`: of its inode, once it has one.
 * `pid`, `tid`: who did the last thing with it that is told; 0 where no task did. */
struct connection {
	struct addresses addresses;
	struct edge edge;
	__u64 lane;
	__u64 began_ns;
	__u64 wrote;
	__u64 read;
	__u64 sent;
	__u64 received;
	__u32 number;
	__u32 pid;
	__u32 tid;
	__u16 unused;
	__u8 called;	/* it connected; else it was connected to */
	__u8 opened;	/* and that succeeded */
	__u8 said;	/* its flow "opened" */
	__u8 finished;	/* its owner writes no more */
	__u8 over;	/* its end has been told */
	__u8 taken;	/* who was connected to has accepted it */
};

/* By the address of the struct sock. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* The lanes of callers by the addresses that their sockets have of their own. */
struct caller {
	__u64 world;
	__u16 family;
	__u16 port;
	__u32 unused;
	__u8 address[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 16384);
	__type(key, struct caller);
	__type(value, __u16);
} callers SEC(".maps");

enum socket_kind { CONNECTED = SOCKET_FIRST, ACCEPTED, REFUSED_TO_CONNECT, RESET, ENDED, RETRANSMITTED };

struct socket_record {
	struct record head;
	__u64 sent;
	__u64 received;
	__u64 lasted_ns;
	__u32 unused;
	__u16 caller;
	__u16 called;
	struct addresses addresses;
};

struct cgroup___ancestors {
	struct cgroup *ancestors[0];
} __attribute__((preserve_access_index));

struct cgroup___ids { /* until Linux 6.0 */
	__u64 ancestor_ids[0];
} __attribute__((preserve_access_index));

/* The lane that a socket belongs to, and the id of its cgroup. */
static __noinline struct lane *lane_of_socket(const struct sock *sk, __u64 *id)
{
	struct cgroup *cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup), *above = 0;
	__u32 only = 0, *level = bpf_map_lookup_elem(&depth, &only);

	if (!level || !cgroup || BPF_CORE_READ(cgroup, level) < (int)*level)
		return 0;
	if (bpf_core_field_exists(struct cgroup___ancestors, ancestors)) {
		bpf_probe_read_kernel(&above, sizeof(above), (void *)cgroup +
			bpf_core_field_offset(struct cgroup___ancestors, ancestors) + sizeof(above) * (*level & 0xff));
		*id = BPF_CORE_READ(above, kn, id);
	} else {
		bpf_probe_read_kernel(id, sizeof(*id), (void *)cgroup +
			bpf_core_field_offset(struct cgroup___ids, ancestor_ids) + sizeof(*id) * (*level & 0xff));
	}
	return bpf_map_lookup_elem(&lanes, id);
}

INLINE int copy_address(__u8 *to, struct in6_addr *from)
{
	if (is_mapped4(from->in6_u.u6_addr32)) {
		__builtin_memcpy(to, &from->in6_u.u6_addr32[3], 4);
		return 1;
	}
	__builtin_memcpy(to, from, 16);
	return 0;
}

static __noinline int read_addresses(const struct sock *sk, struct addresses *addresses)
{
	struct in6_addr local, remote;

	addresses->family = BPF_CORE_READ(sk, __sk_common.skc_family);
	addresses->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	addresses->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (addresses->family == AF_INET) {
		BPF_CORE_READ_INTO((__be32 *)addresses->local, sk, __sk_common.skc_rcv_saddr);
		BPF_CORE_READ_INTO((__be32 *)addresses->remote, sk, __sk_common.skc_daddr);
		return 0;
	}
	BPF_CORE_READ_INTO(&local, sk, __sk_common.skc_v6_rcv_saddr);
	BPF_CORE_READ_INTO(&remote, sk, __sk_common.skc_v6_daddr);
	copy_address(addresses->local, &local);
	if (copy_address(addresses->remote, &remote))
		addresses->family = AF_INET;
	return 0;
}

INLINE struct connection *connection_of(const struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&connections, &key);
}

INLINE struct edge_totals *totals_of(struct lane *lane, struct connection *connection)
{
	static const struct edge_totals nothing;
	struct edge_totals *found;
	__u32 slot = lane->slot;
	void *counts = bpf_map_lookup_elem(&edges, &slot);

	if (!counts || connection->edge.lane == NOBODY)
		return 0;
	found = bpf_map_lookup_elem(counts, &connection->edge);
	if (found)
		return found;
	bpf_map_update_elem(counts, &connection->edge, &nothing, BPF_NOEXIST);
	found = bpf_map_lookup_elem(counts, &connection->edge);
	if (!found)
		lose(lane, LOST_TOTALS);
	return found;
}

/* Add what its owner has written and read since the last look. Two looks at once are right in sum: each adds the
 * difference to the number that it replaces, and a difference may be negative. A FIN takes a number too. */
static __noinline int tally(struct lane *lane, struct connection *connection, const struct sock *sk)
{
	struct tcp_sock *tcp = (struct tcp_sock *)sk;
	struct edge_totals *totals;
	__u32 read = BPF_CORE_READ(tcp, copied_seq);
	__s64 sent = 0, received;

	if (BPF_CORE_READ(sk, __sk_common.skc_flags) & FIN_HAS_COME)
		read -= read == BPF_CORE_READ(tcp, rcv_nxt);
	if (!connection->finished) {
		__u32 wrote = BPF_CORE_READ(tcp, write_seq);

		sent = (__s32)(wrote - (__u32)__sync_lock_test_and_set(&connection->wrote, wrote));
	}
	received = (__s32)(read - (__u32)__sync_lock_test_and_set(&connection->read, read));
	__sync_fetch_and_add(&connection->sent, sent);
	__sync_fetch_and_add(&connection->received, received);
	totals = connection->called ? totals_of(lane, connection) : 0;
	if (totals) {
		__sync_fetch_and_add(&totals->sent, sent);
		__sync_fetch_and_add(&totals->received, received);
	}
	return 0;
}

/* By whom it was, `connection` says; 0 where no task did it. */
static __noinline int tell_socket(struct lane *lane, struct connection *connection, __u16 kind)
{
	struct socket_record record = { .head = { .kind = kind } };

	if (!(lane->wants & WANTS_SOCKETS))
		return 0;
	record.head.pid = connection->pid;
	record.head.tid = connection->tid;
	record.sent = connection->sent;
	record.received = connection->received;
	record.lasted_ns = bpf_ktime_get_ns() - connection->began_ns;
	record.caller = connection->edge.lane;
	record.called = connection->called;
	record.addresses = connection->addresses;
	emit(lane, &record.head, sizeof(record), LOST_SOCKETS);
	return 0;
}

#endif
