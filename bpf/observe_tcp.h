/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * The life of TCP connections, from the moment that a socket of a lane connects, or is connected to, until it is gone.
 */
#ifndef OBSERVE_TCP_H
#define OBSERVE_TCP_H

#include "observe_connections.h"

/* States, as enum in net/tcp_states.h has them. */
#define ESTABLISHED 1
#define SYN_SENT 2
#define SYN_RECEIVED 3
#define FIN_WAIT1 4
#define CLOSE 7
#define LAST_ACK 9
#define BOTH_WAYS 3 /* of sk_shutdown */
#define ECONNREFUSED 111

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

/* The lane of the current task, for sockets that were made before their process came to its lane. */
INLINE struct lane *lane_of_task(__u64 *id)
{
	struct call *call = bpf_task_storage_get(&tasks, (void *)bpf_get_current_task_btf(), 0, 0);

	if (!call)
		return 0;
	*id = call->lane;
	return bpf_map_lookup_elem(&lanes, id);
}

/* A socket of a lane begins to connect. */
INLINE void begin_call(const struct sock *sk)
{
	struct connection fresh = { .called = 1 };
	struct addresses *addresses = &fresh.addresses;
	struct lane *lane = lane_of_socket(sk, &fresh.lane);
	__u64 key = (__u64)sk;

	if (!lane)
		lane = lane_of_task(&fresh.lane);
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

/* A listener of a lane (whose cgroup has the id `owner`) has been connected to. Who it was is known where that is one of
 * ours. */
static __noinline int begin_accepted(const struct sock *sk, struct lane *lane, __u64 owner)
{
	struct connection fresh = { .lane = owner };
	struct addresses *addresses = &fresh.addresses;
	struct caller caller = {};
	__u64 key = (__u64)sk;
	__u16 *found;

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
	return 0;
}

/* A connection is there to be accepted. */
INLINE void connected_to(const struct sock *sk)
{
	struct lane *lane;
	__u64 owner;

	lane = lane_of_socket(sk, &owner);
	if (lane)
		begin_accepted(sk, lane, owner);
}

/* It has been accepted, by the current task, which may have made its listener before it came to its lane. */
INLINE struct connection *accepted_connection(const struct sock *sk)
{
	struct connection *connection = connection_of(sk);
	struct lane *lane;
	__u64 owner;

	if (connection)
		return connection;
	lane = lane_of_task(&owner);
	if (!lane)
		return 0;
	begin_accepted(sk, lane, owner);
	return connection_of(sk);
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
	struct flow flow = { .kind = CLOSED, .end = connection->number, .pid = who >> 32, .tid = who };

	if (connection->said)
		give_flow(lane, &flow);
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
		connected_to(sk);
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
