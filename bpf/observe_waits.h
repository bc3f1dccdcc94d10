/* SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
 *
 * Waits: calls in which a thread has nothing to do until something comes, and how long they might have lasted.
 */
#ifndef OBSERVE_WAITS_H
#define OBSERVE_WAITS_H

#include "observe_flows.h"

#define FOR_EVER 0xffffffff

struct timespec {
	__u64 seconds;
	__u64 fraction;
};

INLINE __u64 limit_of(__u64 at, __u32 per_us)
{
	struct timespec limit;

	if (!at || bpf_probe_read_user(&limit, sizeof(limit), (void *)at))
		return FOR_EVER;
	return limit.seconds > FOR_EVER / 1000000 ? FOR_EVER : limit.seconds * 1000000 + limit.fraction / per_us;
}

/* A limit that is a time of CLOCK_MONOTONIC. */
INLINE __u64 limit_until(__u64 at)
{
	__u64 now = bpf_ktime_get_ns() / 1000;
	struct timespec limit;

	if (!at || bpf_probe_read_user(&limit, sizeof(limit), (void *)at))
		return FOR_EVER;
	limit.seconds = limit.seconds * 1000000 + limit.fraction / 1000;
	return limit.seconds > now ? limit.seconds - now : 0;
}

INLINE __u64 limit_of_ms(int ms)
{
	return ms < 0 ? FOR_EVER : (__u64)ms * 1000;
}

#define FUTEX_COMMAND 127
#define FUTEX_WAIT 0
#define FUTEX_LOCK_PI 6
#define FUTEX_WAIT_BITSET 9
#define FUTEX_WAIT_REQUEUE_PI 11
#define FUTEX_LOCK_PI2 13
#define FUTEX_CLOCK_REALTIME 256

/* A limit by the wall clock isn't known here. */
INLINE __u64 limit_of_futex(struct call *call, struct about *about)
{
	__u32 command = call->args[1] & FUTEX_COMMAND;

	if (command == FUTEX_WAIT)
		return limit_of(call->args[3], 1000);
	if (command == FUTEX_LOCK_PI)
		return FOR_EVER;
	if (command == FUTEX_WAIT_BITSET || command == FUTEX_WAIT_REQUEUE_PI || command == FUTEX_LOCK_PI2)
		return call->args[1] & FUTEX_CLOCK_REALTIME ? FOR_EVER : limit_until(call->args[3]);
	about->act = NO_ACT;
	return 0;
}

/* How long a wait may last, read before it: the kernel writes the rest of the time into some of these. */
static __noinline int begin_wait(struct call *call, struct about *about)
{
	__u64 limit = FOR_EVER;

	switch (about->act) {
	case WAITS_EPOLL: limit = limit_of_ms(call->args[3]); break;
	case WAITS_EPOLL2: limit = limit_of(call->args[3], 1000); break;
	case WAITS_POLL: limit = limit_of_ms(call->args[2]); break;
	case WAITS_PPOLL: limit = limit_of(call->args[2], 1000); break;
	case WAITS_SELECT: limit = limit_of(call->args[4], 1); break;
	case WAITS_PSELECT: limit = limit_of(call->args[4], 1000); break;
	case WAITS_FUTEX: limit = limit_of_futex(call, about); break;
	case SLEEPS: limit = limit_of(call->args[0], 1000); break;
	case SLEEPS_CLOCK:
		if (!(call->args[1] & 1))
			limit = limit_of(call->args[2], 1000);
		else if (call->args[0] == 1)
			limit = limit_until(call->args[2]);
		break;
	}
	about->limit_us = limit;
	return 0;
}

#define NOT_WAITED (-11) /* EAGAIN: the futex had another value already */

static __noinline int end_wait(struct lane *lane, struct call *call, struct about *about)
{
	struct flow flow = { .kind = WAITED };

	switch (about->act) {
	case WAITS_EPOLL:
	case WAITS_EPOLL2: flow.detail = IN_EPOLL; break;
	case WAITS_POLL:
	case WAITS_PPOLL: flow.detail = IN_POLL; break;
	case WAITS_SELECT:
	case WAITS_PSELECT: flow.detail = IN_SELECT; break;
	case WAITS_FUTEX: flow.detail = IN_FUTEX; break;
	default: flow.detail = IN_SLEEP;
	}
	if (flow.detail == IN_FUTEX && call->ret == NOT_WAITED)
		return 0;
	if (flow.detail == IN_FUTEX)
		flow.length = call->ret == 0;
	else if (call->ret > 0)
		flow.length = call->ret;
	flow.position = about->limit_us > FOR_EVER ? FOR_EVER : about->limit_us;
	return tell_flow(lane, call, &flow);
}

#endif
