// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_verify.c: the fingerprint stays while nothing changes, and names the part in
 * which a single bit did.
 */
#include "snapshot/verify.h"

#include "tests/unit/snapshot_child.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/uio.h>

static struct child child;
static struct tracee tracee;
static struct verify_digest before, now;
static uint8_t zeroed[3 * 4096];
static uint8_t *unwritten; /* a page that is there in the table alone */
static uint8_t *constant;

static int child_acts(const struct child_ends *ends)
{
	child_say(ends, 'r');
	switch (child_read(ends)) {
	case 'a':
		madvise(unwritten, 4096, MADV_DONTDUMP);
		break;
	case 'l':
		mlock(unwritten, 4096);
		break;
	case 'p':
		mprotect(unwritten, 4096, PROT_READ);
		break;
	case 'u':
		umask(0123);
		break;
	case 'w':
		mprotect(constant, 4096, PROT_READ | PROT_WRITE);
		constant[4095] = 1;
		mprotect(constant, 4096, PROT_READ);
		break;
	}
	child_say(ends, 'd');
	child_read(ends);
	return 0;
}

static void start(void)
{
	if (SANITIZED)
		cr_skip_test("the sanitizer's memory is too large to read");
	unwritten = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	constant = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	child_start(&child, child_acts);
	cr_assert_eq(child_hear(&child), 'r');
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_assert_eq(verify_process(&tracee, &before), 0);
}

static const char *difference(void)
{
	cr_assert_eq(verify_process(&tracee, &now), 0);
	return verify_compare(&before, &now);
}

static void flip(void *address)
{
	uint8_t byte;
	struct iovec local = { &byte, 1 }, remote = { address, 1 };

	cr_assert_eq(process_vm_readv(child.pid, &local, 1, &remote, 1, 0), 1);
	byte ^= 1;
	cr_assert_eq(process_vm_writev(child.pid, &local, 1, &remote, 1, 0), 1);
}

Test(verify, sees_each_bit_of_memory)
{
	start();
	cr_expect_null(difference());
	flip(&zeroed[5000]);
	cr_expect_str_eq(difference(), "memory");
	flip(&zeroed[5000]);
	cr_expect_null(difference());
	flip(unwritten);
	cr_expect_str_eq(difference(), "memory", "a page that was not there");
	flip(unwritten);
	cr_expect_null(difference(), "it is there now, and holds what it would hold");
	child_kill(&child);
}

static uint64_t address_of_difference(const struct verify_memory *taken)
{
	uint64_t address = 0;

	cr_assert_eq(verify_memory_compare(&tracee, taken, &address), 0);
	return address;
}

Test(verify, names_the_page_that_differs)
{
	struct verify_memory taken = { .pages = NULL };
	uint64_t page = ((uintptr_t)zeroed + 4096) & ~(uint64_t)4095;

	start();
	cr_assert_eq(verify_memory_take(&tracee, &taken), 0);
	cr_expect_eq(address_of_difference(&taken), UINT64_MAX);
	flip((void *)(page + 4095));
	cr_expect_eq(address_of_difference(&taken), page);
	flip((void *)(page + 4095));
	cr_expect_eq(address_of_difference(&taken), UINT64_MAX);
	taken.count--;
	cr_expect_eq(address_of_difference(&taken), taken.pages[taken.count].address, "is new");
	taken.count++;
	taken.pages[taken.count / 2].address -= 1;
	cr_expect_eq(address_of_difference(&taken), taken.pages[taken.count / 2].address,
		"is gone");
	verify_memory_free(&taken);
	child_kill(&child);
}

Test(verify, sees_each_register)
{
	static struct tracee_registers registers, original;

	start();
	cr_assert_eq(tracee_get_registers(&tracee, &original), 0);
	registers = original;
	registers.general.r15 ^= 1;
	cr_assert_eq(tracee_set_registers(&tracee, &registers), 0);
	cr_expect_str_eq(difference(), "registers");
	registers = original;
	registers.xstate[160] ^= 1; /* xmm0 */
	registers.xstate[512] |= 2; /* the header says that SSE is there */
	cr_assert_eq(tracee_set_registers(&tracee, &registers), 0);
	cr_expect_str_eq(difference(), "registers");
	registers = original;
	registers.blocked ^= 1u << (SIGUSR1 - 1);
	cr_assert_eq(tracee_set_registers(&tracee, &registers), 0);
	cr_expect_str_eq(difference(), "registers");
	cr_assert_eq(tracee_set_registers(&tracee, &original), 0);
	cr_expect_null(difference());
	child_kill(&child);
}

/* Memory is the same in each case but the last, and so are registers but for the byte read. */
static const char *difference_after(char command)
{
	start();
	cr_assert_eq(tracee_end(&tracee), 0);
	child_tell(&child, command);
	cr_assert_eq(child_hear(&child), 'd');
	process_hold_in(&tracee, child.pid, SYS_read);
	cr_assert_eq(verify_process(&tracee, &now), 0);
	child_kill(&child);
	memcpy(now.registers, before.registers, sizeof(now.registers));
	if (command != 'w')
		memcpy(now.memory, before.memory, sizeof(now.memory));
	return verify_compare(&before, &now);
}

Test(verify, sees_what_madvise_did)
{
	cr_expect_str_eq(difference_after('a'), "mapping table");
}

Test(verify, sees_what_mlock_did)
{
	cr_expect_str_eq(difference_after('l'), "mapping table");
}

Test(verify, sees_what_mprotect_did)
{
	cr_expect_str_eq(difference_after('p'), "mapping table");
}

Test(verify, sees_what_was_written_and_then_protected)
{
	cr_expect_str_eq(difference_after('w'), "memory");
}

Test(verify, sees_the_posture)
{
	cr_expect_str_eq(difference_after('u'), "posture");
	cr_expect_null(difference_after('-'));
}

Test(verify, says_that_the_process_was_killed)
{
	start();
	child_kill(&child);
	cr_expect_eq(verify_process(&tracee, &now), -ESRCH);
}
