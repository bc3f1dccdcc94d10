/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Calls on connections and outputs: what they move, and the ends that they open.
 *
 * Not seen: what io_uring moves, and what somebody outside the lanes does with a connection of theirs. TCP's own
 * numbers show that something is missing then; an end that we count ourselves is given up (`exact`).
 */
#ifndef OBSERVE_SOCKETS_H
#define OBSERVE_SOCKETS_H

#include "observe_moves.h"
#include "observe_waits.h"

#define EINPROGRESS (-115)

/* A connection has been made, or will be: connect(2) without waiting. */
INLINE void end_connect(struct lane *lane, struct call *call)
{
	struct flow flow = { .kind = OPENED };
	struct subject subject = {};
	struct connection *connection;

	if (call->ret && call->ret != EINPROGRESS)
		return;
	find_subject(&subject, call->args[0]);
	flow.end = subject.number;
	if (subject.kind == TCP) {
		connection = connection_of((void *)subject.object);
		if (!connection || connection->over)
			return; /* it may have been refused already */
		read_addresses((void *)subject.object, &connection->addresses);
		meet_connection(lane, call, connection, subject.number);
	} else if (subject.kind == UNIX && !call->ret) {
		flow.other = peer_of((void *)subject.object);
		begin_end(subject.number, flow.other, 1);
		tell_flow(lane, call, &flow);
	}
}

INLINE void end_accept(struct lane *lane, struct call *call)
{
	struct flow flow = { .kind = OPENED, .accepted = 1 };
	struct subject subject = {};
	struct connection *connection;
	struct end_state *peer;

	if (call->ret < 0)
		return;
	find_subject(&subject, call->ret);
	flow.end = subject.number;
	if (subject.kind == TCP) {
		connection = accepted_connection((void *)subject.object);
		if (!connection)
			return;
		connection->taken = 1;
		connection->pid = call->pid;
		connection->tid = call->tid;
		tell_socket(lane, connection, ACCEPTED);
		meet_connection(lane, call, connection, subject.number);
	} else if (subject.kind == UNIX) {
		flow.other = peer_of((void *)subject.object);
		begin_end(subject.number, flow.other, 1);
		peer = end_of(flow.other);
		if (peer)
			peer->peer = subject.number;
		tell_flow(lane, call, &flow);
	}
}

/* socketpair(2): two ends that know each other. */
INLINE void end_pair(struct lane *lane, struct call *call)
{
	struct subject first = {}, second = {};
	struct flow flow = { .kind = OPENED };
	int fds[2];

	if (call->ret || bpf_probe_read_user(fds, sizeof(fds), (void *)call->args[3]))
		return;
	find_subject(&first, fds[0]);
	find_subject(&second, fds[1]);
	if (first.kind != UNIX || second.kind != UNIX)
		return;
	begin_end(first.number, second.number, 1);
	begin_end(second.number, first.number, 1);
	flow.end = first.number;
	flow.other = second.number;
	tell_flow(lane, call, &flow);
	flow.end = second.number;
	flow.other = first.number;
	tell_flow(lane, call, &flow);
}

/* pipe(2): from here on all its bytes are counted. */
INLINE void end_pipe(struct call *call)
{
	struct subject subject = {};
	int fds[2];

	if (call->ret || bpf_probe_read_user(fds, sizeof(fds), (void *)call->args[0]))
		return;
	if (find_subject(&subject, fds[0]) == PIPE)
		begin_end(subject.number, 0, 1);
}

/* A call has begun; no other field of it than its number and arguments is set. */
INLINE void observe_socket_begin(struct call *call)
{
	struct about *about = &call->about;
	__u32 number = call->number;
	__u8 act;

	about->act = NO_ACT;
	if (number >= CALLS)
		return;
	act = acts[number];
	if (!act)
		return;
	about->act = act;
	about->from.kind = about->to.kind = NOTHING;
	if (act <= LAST_MOVE)
		begin_moves(call, about);
	else if (act >= WAITS_EPOLL && act <= LAST_WAIT)
		begin_wait(call, about);
	else if (act == SYNCS || act == TRUNCATES)
		find_subject(&about->to, call->args[0]);
}

/* What the ended call was about; 0 where it concerns neither sockets nor files. */
INLINE struct about *about_of(struct call *call)
{
	return call->number < CALLS && acts[call->number] ? &call->about : 0;
}

ONCE int end_opening(struct lane *lane, struct call *call, __u8 act)
{
	if (!lane || !call)
		return 0;
	switch (act) {
	case CONNECTS:
		end_connect(lane, call);
		break;
	case ACCEPTS:
		end_accept(lane, call);
		break;
	case PAIRS:
		end_pair(lane, call);
		break;
	case MAKES_PIPE:
		end_pipe(call);
		break;
	case PIPES:
		distrust(call, call->args[0]);
		distrust(call, call->args[1]);
	}
	return 0;
}

/* A call of the 64-bit table has ended; `call->ret` is its result. One that never began was answered by a supervisor,
 * which may have moved bytes in its place. */
INLINE void observe_socket_call(struct lane *lane, struct call *call)
{
	struct about *about = about_of(call);
	__u8 act;

	if (!about)
		return;
	act = about->act;
	if (!call->began_ns) {
		if (acts[call->number & (CALLS - 1)] <= LAST_MOVE)
			distrust(call, call->args[0]);
	} else if (act && act <= LAST_MOVE) {
		end_moves(lane, call, about);
	} else if (act >= WAITS_EPOLL && act <= LAST_WAIT) {
		end_wait(lane, call, about);
	} else {
		end_opening(lane, call, act);
	}
	about->act = NO_ACT;
}

/* The current task has made a thread or a process. */
INLINE void observe_socket_fork(struct lane *lane, struct call *parent, struct call *child)
{
	struct flow flow = { .kind = FLOW_FORKED, .other = child->tid };

	tell_flow(lane, parent, &flow);
}

/* The current task ends, in a call that began then. */
INLINE void observe_socket_end(struct lane *lane, struct call *call, __u64 began_ns)
{
	struct about *about = &call->about;
	struct flow flow = { .kind = FLOW_ENDED, .pid = call->pid, .tid = call->tid, .began_ns = began_ns };

	if (about->act && about->act <= LAST_MOVE) {
		leave_move(&about->from, IN);
		leave_move(&about->to, OUT);
	}
	give_flow(lane, &flow);
}

INLINE void begin_output(int fd, __u16 output)
{
	struct subject subject = {};
	struct end_state *end;

	if (find_subject(&subject, fd) != PIPE)
		return;
	end = end_of(subject.number) ?: begin_end(subject.number, 0, 1); /* the world has made it, as the driver */
	if (end && !end->output)
		end->output = output;
}

/* A service begins: what it inherits as standard output and error, where these are pipes, is what Faultbox reads. */
INLINE void observe_socket_exec(void)
{
	begin_output(1, STDOUT);
	begin_output(2, STDERR);
}

#endif
