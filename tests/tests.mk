# SPDX-License-Identifier: Apache-2.0
# Everything that proves something. Each part is a target of its own and ends with a line
# "N passed, M failed"; `make test` runs the parts in order, stops at the first that fails and
# ends with their sum. A part whose files are not there has no rule.
#
#   tests/unit/*.c   Criterion; linked with libcorral.a and tests/harness
#   tests/fuzz/*.c   libFuzzer; corpus in tests/fuzz/corpus/<name>/
#
# A unit test that needs more than libcorral.a, and every fuzz target, names its sources in a line
# at the top: `// sources: a.c b.c`

TALLY := tests/tally
sources_of = $(shell sed -n '1,20s|^// sources: *||p' $(1))
# Where tests find the programs.
export CORRAL_BUILD = $(abspath $(BUILD))

# --- Unit tests -------------------------------------------------------------------------------
HARNESS := $(call objects,$(wildcard tests/harness/*.c))
# They compare all memory of children of their own, and a sanitizer's is none that stays equal.
PLAIN_ALONE := $(if $(findstring address,$(SAN)),snapshot_image_apply snapshot_verify)
TESTS := $(filter-out $(PLAIN_ALONE:%=$(BUILD)/tests/%),$(patsubst tests/unit/%.c,$(BUILD)/tests/%,$(sort $(wildcard tests/unit/*.c))))
PYTHON_TESTED := $(call objects,$(filter-out %/main.c,$(PYTHON_SRCS)))
LEAKY := $(BUILD)/tests/harness/selftest/leaky

# A pool in a test finds its programs beside the test. They are the plain ones: what a template does
# with its memory, no sanitizer survives.
PLAIN_PROGRAMS := build/bin/corral-init build/bin/corral-python

plain-programs: $(if $(SAN)$(FAULTS),,$(PLAIN_PROGRAMS))
	$(if $(SAN)$(FAULTS),+$(Q)$(MAKE) --no-print-directory SAN= FAULTS= $(PLAIN_PROGRAMS))
	@mkdir -p $(BUILD)/tests
	$(Q)ln -sf $(abspath $(PLAIN_PROGRAMS)) $(BUILD)/tests/

check: $(TESTS) $(LEAKY) plain-programs
	$(Q)$(TALLY) -k "tests/harness/selftest/run $(LEAKY)" $(TESTS)

# The fault points are compiled in here alone.
check-sanitized:
	$(Q)$(MAKE) --no-print-directory SAN=address,undefined FAULTS=1 check

PYTHON_TESTS := $(filter $(BUILD)/tests/runtime_python%,$(TESTS))
.SECONDEXPANSION:
$(PYTHON_TESTS): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(PYTHON_TESTED) $(HARNESS) \
		$$(call objects,$$(call sources_of,tests/unit/$$*.c)) $(BUILD)/libcorral.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(PYTHON_LIBS) $(PKG_LIBS) -lcriterion

$(filter-out $(PYTHON_TESTS),$(TESTS)): $(BUILD)/tests/%: $(BUILD)/tests/unit/%.o $(HARNESS) \
		$$(call objects,$$(call sources_of,tests/unit/$$*.c)) $(BUILD)/libcorral.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcriterion

$(LEAKY): $(LEAKY).o $(HARNESS) $(BUILD)/libcorral.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lcriterion

$(BUILD)/tests/unit/runtime_python%.o: CPPFLAGS += $(PYTHON_CFLAGS) -Wno-shadow

# --- Fuzzing ----------------------------------------------------------------------------------
FUZZ_SECONDS ?= 10
FUZZERS := $(patsubst tests/fuzz/%.c,$(BUILD)/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
fuzz = $(1) -max_total_time=$(FUZZ_SECONDS) -verbosity=0 -artifact_prefix=$(1)- $(1).found tests/fuzz/corpus/$(notdir $(1))

$(BUILD)/fuzz/%: tests/fuzz/%.c $$(call sources_of,tests/fuzz/$$*.c) $(wildcard */*.h */*/*.h)
	@mkdir -p $(@D) $@.found
	$(call say,FUZZ,$@) clang $(CPPFLAGS) -I/usr/share/include/llhttp -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined \
		-fno-sanitize-recover=all -o $@ $(filter %.c,$^) $(PKG_LIBS)

ifneq ($(FUZZERS),)
fuzz-smoke: $(FUZZERS)
	$(Q)$(TALLY) -k $(foreach target,$(FUZZERS),"$(call fuzz,$(target))")
endif

# --- The whole daemon -------------------------------------------------------------------------
ifneq ($(wildcard tests/e2e/run),)
# tests/e2e/starts.py kills one with fault points; the soak takes the same.
e2e: all
	$(if $(FAULTS),,+$(Q)$(MAKE) --no-print-directory FAULTS=1 all)
	$(Q)tests/e2e/run
endif

# The driver embeds a pool, which looks for its programs beside the one that it is part of.
ATTACK_DRIVER := $(BUILD)/tests/attack/driver
ATTACK_NATIVES := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/attack/[0-9]*.c)))
$(ATTACK_DRIVER): $(call objects,$(wildcard tests/attack/[a-z]*.c)) $(BUILD)/tests/harness/census.o \
		$(BUILD)/libcorral.a | $(PROGRAMS)
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)
	$(Q)ln -sf $(abspath $(BUILD))/bin/corral-init $(abspath $(BUILD))/bin/corral-python $(@D)

# Carried into a cell, where nothing but the kernel may be counted on.
$(ATTACK_NATIVES): $(BUILD)/%: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) -D_GNU_SOURCE -std=gnu17 -Os $(WARN) -static -s -o $@ $<

ifneq ($(wildcard tests/attack/run),)
attack: all $(ATTACK_DRIVER) $(ATTACK_NATIVES)
	$(Q)tests/attack/run $(BUILD)
endif

# The daemon under everything at once: 30 minutes, and 2 of them in `make test`.
SOAK_SECONDS ?= 1800
soak:
	$(Q)$(MAKE) --no-print-directory FAULTS=1 all
	$(Q)tests/soak/run $(SOAK_SECONDS)

# The daemon killed at so many moments under load; tests/e2e/run does it for some.
crash: all
	$(Q)CRASHES=200 tests/e2e/run Crashes

# Every rewind proved, behind residue of every kind: so many programs, 10,000 by `make exactness`;
# and behind a dozen modules of Python's own tests, all of tests/rewind/modules.py by `make modules`.
rewind: all
	$(Q)$(TALLY) -k "tests/rewind/exactness.py 600" "tests/rewind/modules.py quick"

modules: all
	$(Q)tests/rewind/modules.py

exactness: all
	$(Q)tests/rewind/exactness.py 10000

# --- Style ------------------------------------------------------------------------------------
HEADERS := $(filter-out build/%,$(sort $(wildcard */*.h */*/*.h)))

tidy:
	$(Q)$(TALLY) tests/tidy/selftest tools/tidy

# Each compiles alone and so can be included first.
headers:
	$(Q)$(TALLY) -k $(foreach header,$(HEADERS),"$(CC) -D_GNU_SOURCE -I. -std=gnu17 $(WARN) \
		-Werror $(PKG_CFLAGS) $(PYTHON_CFLAGS) -fsyntax-only -include $(header) -x c /dev/null")

PARTS := tidy headers check check-sanitized $(if $(FUZZERS),fuzz-smoke) \
	$(patsubst tests/%/run,%,$(wildcard tests/e2e/run) $(wildcard tests/attack/run)) rewind soak
test: export SOAK_SECONDS = 120
test:
	+$(Q)$(TALLY) $(foreach part,$(PARTS),"$(MAKE) --no-print-directory $(part)")

.PHONY: check check-sanitized plain-programs tidy headers test soak crash exactness modules $(PARTS)
