/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * TCP connections, from the moment that a socket of a lane connects, or is connected to, until it is closed. Whose a
 * connection is, its socket's cgroup says: in an interrupt no task does, and what is accepted inherits its listener's.
 */
#ifndef OBSERVE_TCP_H
#define OBSERVE_TCP_H

#include "observe_flows.h"

/* States, as enum in net/tcp_states.h has them. */
#define ESTABLISHED 1
#define SYN_SENT 2
#define SYN_RECEIVED 3
#define FIN_WAIT1 4
#define CLOSE 7
#define LAST_ACK 9
#define BOTH_WAYS 3 /* of sk_shutdown */
#define ECONNREFUSED 111
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
	__uint(max_entries, 16384);
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

INLINE void done_by(struct connection *connection, __u64 who)
{
	connection->pid = who >> 32;
	connection->tid = who;
}

INLINE void find_edge(struct edge *edge, __u16 lane, __u16 family, __u16 port, const __u8 *address)
{
	edge->lane = lane;
	edge->family = family;
	edge->port = port;
	__builtin_memcpy(edge->address, address, 16);
}

/* A socket of a lane begins to connect. */
INLINE void begin_call(const struct sock *sk)
{
	struct connection fresh = { .called = 1 };
	struct addresses *addresses = &fresh.addresses;
	struct lane *lane = lane_of_socket(sk, &fresh.lane);
	__u64 key = (__u64)sk;

	if (!lane)
		return;
	fresh.began_ns = bpf_ktime_get_ns();
	done_by(&fresh, bpf_get_current_pid_tgid());
	read_addresses(sk, addresses);
	find_edge(&fresh.edge, lane->number, addresses->family, addresses->remote_port, addresses->remote);
	if (bpf_map_update_elem(&connections, &key, &fresh, BPF_ANY))
		lose(lane, LOST_TOTALS);
}

INLINE void call_succeeded(struct lane *lane, struct connection *connection, const struct sock *sk)
{
	struct addresses *addresses = &connection->addresses;
	struct edge_totals *totals = totals_of(lane, connection);
	struct caller key = { .world = lane->world };

	read_addresses(sk, addresses);
	key.family = addresses->family;
	key.port = addresses->local_port;
	__builtin_memcpy(key.address, addresses->local, 16);
	bpf_map_update_elem(&callers, &key, &lane->number, BPF_ANY);
	connection->wrote = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	connection->read = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	connection->opened = 1;
	if (totals)
		__sync_fetch_and_add(&totals->opened, 1);
	tell_socket(lane, connection, CONNECTED);
}

/* A listener of a lane has been connected to. Who it was is known where that is one of ours. */
INLINE void begin_accepted(const struct sock *sk)
{
	struct connection fresh = {};
	struct addresses *addresses = &fresh.addresses;
	struct lane *lane = lane_of_socket(sk, &fresh.lane);
	struct caller caller = {};
	__u64 key = (__u64)sk;
	__u16 *found;

	if (!lane)
		return;
	fresh.began_ns = bpf_ktime_get_ns();
	read_addresses(sk, addresses);
	fresh.opened = 1;
	fresh.wrote = BPF_CORE_READ((struct tcp_sock *)sk, write_seq);
	fresh.read = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	caller.world = lane->world;
	caller.family = addresses->family;
	caller.port = addresses->remote_port;
	__builtin_memcpy(caller.address, addresses->remote, 16);
	found = bpf_map_lookup_elem(&callers, &caller);
	find_edge(&fresh.edge, found ? *found : NOBODY, addresses->family, addresses->local_port, addresses->local);
	if (bpf_map_update_elem(&connections, &key, &fresh, BPF_ANY))
		lose(lane, LOST_TOTALS);
}

INLINE void call_failed(struct lane *lane, struct connection *connection, const struct sock *sk)
{
	struct edge_totals *totals;

	if (BPF_CORE_READ(sk, sk_err) != ECONNREFUSED)
		return;
	totals = totals_of(lane, connection);
	if (totals)
		__sync_fetch_and_add(&totals->refused, 1);
	connection->over = 1;
	tell_socket(lane, connection, REFUSED_TO_CONNECT);
}

/* Its owner has closed it (`who`), or nobody will use it any more. */
static __noinline int tell_end_of(struct lane *lane, struct connection *connection, __u64 who)
{
	struct call whose = { .pid = who >> 32, .tid = who };
	struct flow flow = { .kind = CLOSED, .end = connection->number };

	if (connection->said)
		tell_flow(lane, &whose, &flow);
	connection->said = 0;
	if (connection->over || !connection->opened)
		return 0;
	connection->over = 1;
	if (!connection->called && !connection->taken)
		return 0;
	done_by(connection, who);
	return tell_socket(lane, connection, ENDED);
}

/* A connection goes from one state to another: by its owner's doing where it is the beginning of FIN_WAIT1 with both
 * ways shut (from then on it can't be read), or where the state stays the same (close(2) after shutdown(2)). */
INLINE void follow(struct lane *lane, struct connection *connection, const struct sock *sk, int was, int is)
{
	int both = BPF_CORE_READ(sk, sk_shutdown) == BOTH_WAYS;

	if (was == SYN_SENT && is == ESTABLISHED) {
		call_succeeded(lane, connection, sk);
		return;
	}
	if (was == SYN_SENT && is == CLOSE) {
		call_failed(lane, connection, sk);
		return;
	}
	if (!connection->opened)
		return;
	if (!connection->finished && (is == FIN_WAIT1 || is == LAST_ACK || is == CLOSE)) {
		tally(lane, connection, sk);
		connection->finished = 1;
	}
	if (both && (was == is || is == FIN_WAIT1))
		tell_end_of(lane, connection, bpf_get_current_pid_tgid());
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(observe_state, const struct sock *sk, int was, int is)
{
	struct connection *connection;
	struct lane *lane;

	if (BPF_CORE_READ(sk, sk_protocol) != IPPROTO_TCP)
		return 0;
	if (is == SYN_SENT)
		begin_call(sk);
	else if (is == ESTABLISHED && was == SYN_RECEIVED)
		begin_accepted(sk);
	connection = connection_of(sk);
	if (!connection)
		return 0;
	lane = bpf_map_lookup_elem(&lanes, &connection->lane);
	if (lane)
		follow(lane, connection, sk, was, is);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(observe_destroyed, struct sock *sk)
{
	struct connection *connection = connection_of(sk);
	__u64 key = (__u64)sk;
	struct lane *lane;

	if (!connection)
		return 0;
	lane = bpf_map_lookup_elem(&lanes, &connection->lane);
	if (lane)
		tell_end_of(lane, connection, 0);
	bpf_map_delete_elem(&connections, &key);
	return 0;
}

/* Whoever refuses a connection resets it too: that isn't counted here. */
SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(observe_reset, struct sock *sk)
{
	struct connection *connection = connection_of(sk);
	struct edge_totals *totals;
	struct lane *lane;

	if (!connection || !connection->opened || connection->over)
		return 0;
	lane = bpf_map_lookup_elem(&lanes, &connection->lane);
	if (!lane)
		return 0;
	tally(lane, connection, sk);
	connection->over = 1;
	totals = totals_of(lane, connection);
	if (totals)
		__sync_fetch_and_add(&totals->reset, 1);
	done_by(connection, 0);
	tell_socket(lane, connection, RESET);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(observe_retransmit, const struct sock *sk)
{
	struct connection *connection = connection_of(sk);
	struct edge_totals *totals;
	struct lane *lane;

	if (!connection)
		return 0;
	lane = bpf_map_lookup_elem(&lanes, &connection->lane);
	if (!lane)
		return 0;
	totals = totals_of(lane, connection);
	if (totals)
		__sync_fetch_and_add(&totals->retransmits, 1);
	done_by(connection, 0);
	tell_socket(lane, connection, RETRANSMITTED);
	return 0;
}

#endif
