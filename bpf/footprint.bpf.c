// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0-only
/*
 * bpf/footprint.bpf.c: records, for each slot, what the processes of its cell do.
 *
 * Whose a process is says its uid: each slot has one of its own, and nobody in a cell can change it
 * (no capability, no set-uid). So a stranger costs two loads and a compare, and PID 1 and a newborn
 * on its way in, which are root, leave no trace. A lookup by cgroup id or task storage costs more
 * (docs/design.md).
 *
 * Seen are the system calls that happen: what seccomp refuses it refuses before the tracepoint. The
 * arguments are the kernel's own copy of the registers: what is seen here is what is done.
 * Page faults come from the task's own counters, read when it leaves the CPU: they count the faults
 * that the kernel takes on a program's behalf, which the tracepoints of exceptions do not.
 */
#include "bpf/vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "bpf/event.h"
#include "bpf/uses.h"

#define SIGKILL 9
#define TS_COMPAT 0x0002 /* asm/thread_info.h: this call's number is of another table */

/* Set before loading. */
const volatile __u32 uid_first;
const volatile __u32 slot_count;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1); /* set before loading */
	__type(key, __u32);
	__type(value, struct footprint);
} footprints SEC(".maps");

/* Of the task on this CPU, since it came here; cpu_since is 0 for one that is nobody's. */
struct stay {
	__u64 cpu_since;
	__u64 faults_before;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct stay);
} stays SEC(".maps");

/* The record that a task's deeds go to; NULL: none. */
static __always_inline struct footprint *footprint_of(struct task_struct *task)
{
	__u32 slot = task->cred->uid.val - uid_first;
	struct footprint *footprint;

	if (slot >= slot_count)
		return NULL;
	footprint = bpf_map_lookup_elem(&footprints, &slot);
	return footprint && footprint->state != FOOTPRINT_OFF ? footprint : NULL;
}

static __always_inline void add(__u64 *counter, __u64 number)
{
	__sync_fetch_and_add(counter, number);
}

static __always_inline void exceed(struct footprint *footprint, __u32 excess)
{
	if (!footprint->excess)
		footprint->excess = excess;
	bpf_send_signal(SIGKILL);
}

static __always_inline __u32 bit_of(struct task_struct *task, struct pt_regs *regs, __u64 number)
{
	if (number >= FOOTPRINT_USES || task->thread_info.status & TS_COMPAT)
		return FOOTPRINT_CALLS - 1;
	return call_use(number, regs->di, regs->si, regs->dx, regs->r10);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(system_call, struct pt_regs *regs, long number)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct footprint *footprint = footprint_of(task);
	__u64 *word, mask;
	__u32 caller, bit;

	if (!footprint)
		return 0;
	caller = bpf_get_current_pid_tgid() >> 32;
	if (footprint->state == FOOTPRINT_ARMED) {
		if (number == FOOTPRINT_MARK) {
			footprint->worker = caller;
			footprint->state = FOOTPRINT_ON;
		}
		return 0;
	}
	bit = bit_of(task, regs, number);
	mask = 1ULL << (bit % 64);
	word = caller == footprint->worker ? footprint->worker_call_set
					   : footprint->others_call_set;
	word += bit / 64 % (FOOTPRINT_CALLS / 64);
	if (!(*word & mask))
		__sync_fetch_and_or(word, mask);
	add(&footprint->calls, 1);
	if (footprint->calls_max && footprint->calls > footprint->calls_max)
		exceed(footprint, FOOTPRINT_CALLS_EXCEEDED);
	return 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(forked, struct task_struct *parent, struct task_struct *child)
{
	struct footprint *footprint = footprint_of(parent);

	if (!footprint)
		return 0;
	add(child->pid == child->tgid ? &footprint->forks : &footprint->threads, 1);
	if (child->mm == parent->mm)
		__sync_fetch_and_or(&footprint->shared, FOOTPRINT_SHARED_MEMORY);
	if (child->files == parent->files || child->fs == parent->fs ||
	    child->sighand == parent->sighand)
		__sync_fetch_and_or(&footprint->shared, FOOTPRINT_SHARED_MORE);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(executed, struct task_struct *task)
{
	struct footprint *footprint = footprint_of(task);

	if (footprint)
		add(&footprint->execs, 1);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(ended, struct task_struct *task)
{
	struct footprint *footprint = footprint_of(task);

	if (footprint && task->signal->live.counter == 0)
		add(&footprint->ends, 1);
	return 0;
}

static __always_inline __u64 faults_of(struct task_struct *task)
{
	return task->min_flt + task->maj_flt;
}

/* Interrupts are off here; bpf_send_signal() then sends from an interrupt that it asks for. */
static __always_inline void left(struct task_struct *task, __u64 cpu_nsec, __u64 faults)
{
	struct footprint *footprint = footprint_of(task);

	if (!footprint)
		return;
	add(&footprint->cpu_nsec, cpu_nsec);
	add(&footprint->faults, faults);
	add(&footprint->switches, 1);
	if (footprint->cpu_nsec_max && footprint->cpu_nsec > footprint->cpu_nsec_max)
		exceed(footprint, FOOTPRINT_CPU_EXCEEDED);
}

/*
 * A kernel may have tasks that it does not trace, and who comes after one comes unseen (each time
 * behind some threads of pid 1 on the machine that this was found on). Then the time is the
 * scheduler's own, and the faults are unknown: one, which is more than none.
 */
SEC("tp_btf/sched_switch")
int BPF_PROG(switched, bool preempted, struct task_struct *prev, struct task_struct *next)
{
	bool is_ours = next->cred->uid.val - uid_first < slot_count;
	bool was_ours = prev->cred->uid.val - uid_first < slot_count;
	struct stay *stay;
	__u32 zero = 0;
	__u64 now;

	if (!is_ours && !was_ours)
		return 0;
	stay = bpf_map_lookup_elem(&stays, &zero);
	if (!stay)
		return 0;
	now = bpf_ktime_get_ns();
	if (stay->cpu_since)
		left(prev, now - stay->cpu_since, faults_of(prev) - stay->faults_before);
	else if (was_ours)
		left(prev, prev->se.sum_exec_runtime - prev->se.prev_sum_exec_runtime, 1);
	stay->cpu_since = is_ours ? now : 0;
	stay->faults_before = is_ours ? faults_of(next) : 0;
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
