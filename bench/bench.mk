# SPDX-License-Identifier: Apache-2.0
# What measures something. Each bench/*.c answers one question with one line of JSON.
#
#   make demo          install what is missing, build, run the programs under load for 10 s
#   make bench         all questions, one after the other, into bench/results/<date>.json
#   make bench-peers   print(1+1) here, under the floor and under other sandboxes
#   make benches       build them: build/bench/<question>

BENCH_SHARED := $(call objects,bench/harness.c bench/census.c)
BENCHES := $(patsubst bench/%.c,$(BUILD)/bench/%,$(filter-out bench/harness.c bench/census.c,$(wildcard bench/*.c)))
FLOOR := $(BUILD)/bench/floor
# A pool looks for its programs beside the program that embeds it.
BENCH_PROGRAMS := $(BUILD)/bench/corral-init $(BUILD)/bench/corral-python
DEMO_STREAMS = $(shell n=$$(nproc); echo $$((n < 2 ? 2 : n)))
BENCH_RESULT = bench/results/$(shell date -u +%Y-%m-%dT%H%M%SZ).json

demo:
	sh tools/install-deps
	$(MAKE) all
	$(BUILD)/bin/corral bench --programs bench/programs/python --streams $(DEMO_STREAMS) --seconds 10

benches: $(BENCHES) $(BENCH_PROGRAMS)

$(BENCH_PROGRAMS): $(BUILD)/bench/%: $(BUILD)/bin/%
	@mkdir -p $(@D)
	$(Q)ln -sf ../bin/$* $@

$(filter-out $(FLOOR),$(BENCHES)): $(BUILD)/bench/%: $(BUILD)/bench/%.o $(BENCH_SHARED) $(BUILD)/libcorral.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

# The pool's own functions that the bench stands before, as it names them.
ANATOMY := $(BUILD)/bench/anatomy
ANATOMY_STEPS := message_send errand_start errand_check $(shell sed -n 's/^TIMED.[A-Z_]*, [a-z]*, \([a-z_]*\),.*/\1/p; s/^ENTERED.[a-z_]*, \([a-z_]*\),.*/\1/p' bench/anatomy.c)
$(ANATOMY): LDFLAGS += $(ANATOMY_STEPS:%=-Wl,--wrap=%)

# The same Python as in a worker, and the same view as in a cell, without a pool around them.
$(FLOOR): $(FLOOR).o $(BENCH_SHARED) $(call objects,runtime/seal.c runtime/maps.c jail/init/view.c $(filter-out %/main.c,$(PYTHON_SRCS))) \
		$(BUILD)/libcorral.a
	$(call say,LD,$@) $(CC) $(LDFLAGS) -rdynamic -o $@ $^ $(PYTHON_LIBS) $(PKG_LIBS)

$(FLOOR).o: CPPFLAGS += $(PYTHON_CFLAGS) -Wno-shadow

bench: all benches
	@mkdir -p bench/results
	$(Q)set -e; result=$(BENCH_RESULT); \
	for question in output_ring output_flood stream_rate timeout_lateness idle_workers tracing anatomy noisy_neighbour saturation "soak 20000" "floor 1" "floor 2"; do \
		$(BUILD)/bench/$$question | tee -a $$result; \
	done; \
	for streams in 1 2; do $(BUILD)/bin/corral bench --streams $$streams --json | tee -a $$result; done; \
	bench/daemon_overhead --build $(BUILD) | tee -a $$result; \
	echo "written to $$result"

bench-peers: all $(FLOOR)
	@mkdir -p bench/results
	bench/peers --build $(BUILD) --json bench/results/peers.json

.PHONY: demo bench bench-peers benches
