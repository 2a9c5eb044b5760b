// SPDX-License-Identifier: Apache-2.0
/*
 * tests/unit/snapshot_image.c: a process of C that is captured in read(2), does things to itself,
 * and is put back: it is then what it was, to the last bit, and goes on as it did.
 */
#include "tests/unit/snapshot_image_fixture.h"

#include <pthread.h>
#include <string.h>

#define ROUNDS 200
#define HEAP_BYTES 60000u

/* --- A child that scribbles over all it has --------------------------------------------------- */

struct pattern {
	uint8_t ymm[16][32];
	double x87[3];
	uint32_t mxcsr;
	uint16_t control;
};

static uint8_t initialized[20000] = { 1 };
static uint8_t zeroed[70000];

static void fill(uint8_t *bytes, size_t size, uint8_t salt)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 31 + i / 4096 + salt);
}

static bool holds(const uint8_t *bytes, size_t size, uint8_t salt)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (uint8_t)(i * 31 + i / 4096 + salt))
			return false;
	return true;
}

static void pattern_make(struct pattern *pattern, uint8_t salt)
{
	*pattern = (struct pattern){
		.x87 = { salt, salt + 0.5, -salt },
		.mxcsr = 0x1f80u | (uint32_t)(salt % 4) << 13, /* the direction of rounding */
		.control = (uint16_t)(0x037fu ^ (salt % 2 ? 0x0400u : 0)),
	};
	fill(&pattern->ymm[0][0], sizeof(pattern->ymm), salt);
}

#define LOAD(n) "vmovdqu " #n "*32(%[load]), %%ymm" #n "\n\t"
#define STORE(n) "vmovdqu %%ymm" #n ", " #n "*32(%[store])\n\t"
#define ALL(each) each(0) each(1) each(2) each(3) each(4) each(5) each(6) each(7) each(8) each(9) \
	each(10) each(11) each(12) each(13) each(14) each(15)

/* Reads a byte with these registers loaded, and tells which were there afterwards. */
static char read_with(int fd, const struct pattern *load, struct pattern *ret_store)
{
	char byte = 0;
	long result = SYS_read;

	*ret_store = (struct pattern){ .control = 0 };
	__asm__ volatile(ALL(LOAD) "fninit\n\t"
		"fldl %[x0]\n\tfldl %[x1]\n\tfldl %[x2]\n\t"
		"fldcw %[control]\n\tldmxcsr %[mxcsr]\n\t"
		"syscall\n\t"
		"stmxcsr %[ret_mxcsr]\n\tfnstcw %[ret_control]\n\t"
		"fstpl %[r2]\n\tfstpl %[r1]\n\tfstpl %[r0]\n\t"
		ALL(STORE) "vzeroupper\n\tfninit\n\t"
		: "+a"(result), [ret_mxcsr] "=m"(ret_store->mxcsr),
		  [ret_control] "=m"(ret_store->control), [r0] "=m"(ret_store->x87[0]),
		  [r1] "=m"(ret_store->x87[1]), [r2] "=m"(ret_store->x87[2])
		: "D"((long)fd), "S"(&byte), "d"(1L), [load] "r"(load), [store] "r"(ret_store),
		  [x0] "m"(load->x87[0]), [x1] "m"(load->x87[1]), [x2] "m"(load->x87[2]),
		  [control] "m"(load->control), [mxcsr] "m"(load->mxcsr)
		: "rcx", "r11", "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)",
		  "st(6)", "st(7)", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
		  "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	__asm__ volatile("ldmxcsr %0" : : "m"((uint32_t){ 0x1f80 }));
	return result == 1 ? byte : 0;
}

static void __attribute__((noinline)) stack_scribble(uint8_t salt)
{
	uint8_t block[50000];

	fill(block, sizeof(block), salt);
	__asm__ volatile("" : : "r"(block) : "memory");
}

struct moment {
	uint8_t *heap;
	uint8_t stack[9000];
	struct pattern pattern, found;
};

static void moment_fill(struct moment *moment, uint8_t salt)
{
	fill(initialized, sizeof(initialized), salt);
	fill(zeroed, sizeof(zeroed) / 2, salt);
	fill(moment->heap, HEAP_BYTES, salt);
	fill(moment->stack, sizeof(moment->stack), salt);
	pattern_make(&moment->pattern, salt);
}

static bool moment_holds(const struct moment *moment, uint8_t salt)
{
	return holds(initialized, sizeof(initialized), salt) &&
	       holds(zeroed, sizeof(zeroed) / 2, salt) &&
	       zeroed[sizeof(zeroed) - 1] == 0 && holds(moment->heap, HEAP_BYTES, salt) &&
	       holds(moment->stack, sizeof(moment->stack), salt) &&
	       memcmp(&moment->pattern, &moment->found, sizeof(moment->found)) == 0;
}

static int child_scribbles(const struct child_ends *ends)
{
	struct moment moment = { .heap = malloc(HEAP_BYTES) };
	uint8_t salt;
	sigset_t signals;

	moment_fill(&moment, 1);
	stack_scribble(1);
	child_say(ends, 'r');
	salt = (uint8_t)read_with(ends->commands, &moment.pattern, &moment.found);
	/* Here it comes each time that it was put back. */
	child_say(ends, moment_holds(&moment, 1) ? 'y' : 'n');
	if (salt == 'e')
		return 0;
	moment_fill(&moment, salt);
	fill(zeroed, sizeof(zeroed), salt);
	fill(malloc(20000), 20000, salt);
	stack_scribble(salt);
	sigfillset(&signals);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	read_with(ends->commands, &moment.pattern, &moment.found);
	return 1;
}

Test(image, puts_a_process_back_where_it_was_captured_to_the_last_bit)
{
	capture(child_scribbles);
	let_go();
	for (unsigned i = 0; i < ROUNDS; i++) {
		child_tell(&child, (char)(i % 90 + 2));
		cr_assert_eq(child_hear(&child), 'y', "round %u", i);
		hold_again();
		cr_expect_str_eq(difference(), "memory");
		cr_expect_eq(changes_now(), 0);
		if (i % 3 < 2) /* else: no mapping changed, and no page is new */
			image_own_forget(&own);
		apply();
		cr_assert_null(difference(), "round %u: %s", i, difference());
		let_go();
	}
	child_tell(&child, 'e');
	cr_expect_eq(child_hear(&child), 'y');
	cr_expect_eq(child_wait(&child), 0);
	child.pid = 0;
	finish();
}

/* --- What is not captured --------------------------------------------------------------------- */

static void expect_refused(
	int (*body)(const struct child_ends *ends), long call, int result, const char *why)
{
	struct error error = { .sentence = "" };

	child_start(&child, body);
	cr_assert_eq(child_hear(&child), 'r');
	process_hold_in(&tracee, child.pid, call);
	cr_expect_eq(image_capture(&image, &tracee, NULL, &error), result);
	cr_expect_null(image);
	cr_expect_not_null(strstr(error.sentence, why), "%s", error.sentence);
	finish();
}

static void *thread_waits(void *argument)
{
	pause();
	return NULL;
}

static int child_has_threads(const struct child_ends *ends)
{
	pthread_t thread;

	pthread_create(&thread, NULL, thread_waits, NULL);
	child_say(ends, 'r');
	return child_read(ends);
}

Test(image, is_not_taken_of_two_threads)
{
	expect_refused(child_has_threads, SYS_read, -ENOTSUP, "it has 2 threads");
}

static int child_sleeps(const struct child_ends *ends)
{
	const struct timespec for_long = { .tv_sec = 1000 };

	child_say(ends, 'r');
	return clock_nanosleep(CLOCK_MONOTONIC, 0, &for_long, NULL);
}

Test(image, is_not_taken_in_a_wait_with_a_time_out)
{
	expect_refused(child_sleeps, SYS_clock_nanosleep, -ENOTSUP, "only the kernel knows");
}

static int child_has_60000_mappings(const struct child_ends *ends)
{
	maps_60000();
	child_say(ends, 'r');
	return child_read(ends);
}

Test(image, is_not_taken_of_60000_mappings)
{
	expect_refused(
		child_has_60000_mappings, SYS_read, -E2BIG, "cannot capture the mapping table");
}

static int child_reads(const struct child_ends *ends)
{
	child_say(ends, 'r');
	return child_read(ends);
}

Test(image, cannot_be_changed)
{
	capture(child_reads);
	cr_expect_eq(pwrite(image->store_fd, "x", 1, 0), -1);
	cr_expect_eq(errno, EPERM);
	cr_expect_eq(ftruncate(image->store_fd, 0), -1);
	cr_expect_eq(mmap(NULL, WRITTEN_PAGE_BYTES, PROT_WRITE, MAP_SHARED, image->store_fd, 0),
		MAP_FAILED);
	finish();
}
