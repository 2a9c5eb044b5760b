# SPDX-License-Identifier: Apache-2.0
# Corral's build: one file, no recursion, everything below build/.
#
#   make            the programs            make test     all that CI runs
#   make demo       install, build, show    make install  DESTDIR and PREFIX honoured
#   make SAN=address,undefined check        the unit tests under sanitizers (in build/san-…)

PREFIX ?= /usr/local
VERSION := 0.1.0
SAN ?=
FAULTS ?=
COMMA := ,
BUILD := build$(if $(SAN),/san-$(subst $(COMMA),-,$(SAN)))$(if $(FAULTS),/faults)
V ?= 0
Q := $(if $(filter 1,$V),,@)
say = $(Q)printf '  %-4s %s\n' $(1) $(2);

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := all

PKGS := liburing libseccomp libcjson libxxhash inih libbpf
PYTHON_PKG := python-3.11-embed
MISSING := $(shell for p in $(PKGS) $(PYTHON_PKG) criterion; do pkg-config --exists $$p 2>/dev/null || echo $$p; done)
ifneq ($(filter-out criterion,$(MISSING)),)
ifeq ($(filter clean deps demo tidy,$(MAKECMDGOALS)),)
$(error Missing to build: $(MISSING). Install the Debian packages with: make deps)
endif
endif

CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wvla -Wstrict-prototypes -Wmissing-prototypes -Wno-unused-parameter
CPPFLAGS += -D_GNU_SOURCE -I. -I$(BUILD) -Ibuild -DCORRAL_VERSION='"$(VERSION)"' -DCORRAL_LIBEXEC='"$(PREFIX)/libexec/corral"' \
	$(if $(FAULTS),-DCORRAL_FAULTS)
CFLAGS += -std=gnu17 -O2 -g -fno-omit-frame-pointer -fstack-protector-strong -fPIE $(WARN) \
	$(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all,-D_FORTIFY_SOURCE=2)
LDFLAGS += -pie -Wl,-z,relro,-z,now $(if $(SAN),-fsanitize=$(SAN))
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS = $(shell pkg-config --libs $(PKGS)) -pthread -lm
PYTHON_CFLAGS := $(shell pkg-config --cflags $(PYTHON_PKG) 2>/dev/null)
PYTHON_LIBS = $(shell pkg-config --libs $(PYTHON_PKG))

# --- The programs -----------------------------------------------------------------------------
objects = $(patsubst %.c,$(BUILD)/%.o,$(sort $(1)))

BASE_SRCS := $(wildcard base/*.c)
INIT_SRCS := $(wildcard jail/init/*.c) base/own.c base/fault.c ring/message.c
JAIL_SRCS := $(wildcard jail/*.c)
# The HTTP parser: Debian ships its C sources (package node-llhttp), no library.
LLHTTP := /usr/share/llhttp
# Not in every PATH.
BPFTOOL := $(firstword $(wildcard /usr/sbin/bpftool /usr/local/sbin/bpftool) bpftool)
LLHTTP_OBJS := $(patsubst %,$(BUILD)/llhttp/%.o,api http llhttp)
DAEMON_SRCS := $(BASE_SRCS) $(wildcard ring/*.c stats/*.c snapshot/*.c) $(filter-out %.bpf.c,$(wildcard bpf/*.c)) $(JAIL_SRCS) $(filter-out %/main.c,$(wildcard pool/*.c pool/*/*.c))
# What a runtime program needs of the other folders: its ends of the ring, and its way into a cell.
STUB_SRCS := $(wildcard runtime/*.c) $(addprefix base/,own.c fault.c file.c error.c clock.c) \
	$(addprefix ring/,channel.c message.c output_writer.c parcel.c restorer.c) \
	$(addprefix jail/,enter.c seccomp.c seccomp_policy.c landlock.c identity.c cgroup_entrance.c)
PYTHON_SRCS := $(wildcard runtime/python/*.c)

PROGRAMS := $(addprefix $(BUILD)/bin/,corral corral-init corral-python)

all: $(PROGRAMS)

$(BUILD)/llhttp/%.o: $(LLHTTP)/%.c
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) -I/usr/share/include/llhttp $(CFLAGS) -w -c $< -o $@

$(BUILD)/pool/http/request_reader.o $(BUILD)/pool/http/answer_reader.o: CPPFLAGS += -I/usr/share/include/llhttp

# The kernel's programs, built once whatever the rest is built with. The types are this machine's
# kernel's; libbpf adapts the offsets to the one that they are loaded into.
VMLINUX_BTF ?= /sys/kernel/btf/vmlinux
build/bpf/vmlinux.h: $(VMLINUX_BTF)
	@mkdir -p $(@D)
	$(call say,GEN,$@) $(BPFTOOL) btf dump file $< format c > $@

build/bpf/%.bpf.o: bpf/%.bpf.c bpf/event.h bpf/uses.h build/bpf/vmlinux.h
	$(call say,BPF,$@) clang -O2 -g -Wall -target bpf -D__TARGET_ARCH_x86 -I. -Ibuild -c $< -o $@.whole && \
		$(BPFTOOL) gen object $@ $@.whole

build/bpf/%.skel.h: build/bpf/%.bpf.o
	$(call say,GEN,$@) $(BPFTOOL) gen skeleton $< name $*_bpf > $@

.SECONDARY: build/bpf/footprint.bpf.o

$(BUILD)/bpf/footprints.o $(BUILD)/tests/unit/bpf_footprints.o: build/bpf/footprint.skel.h

$(BUILD)/libcorral.a: $(call objects,$(DAEMON_SRCS)) $(LLHTTP_OBJS)
	$(call say,AR,$@) rm -f $@ && ar rcs $@ $^

$(BUILD)/bin/corral: $(BUILD)/pool/commands/main.o $(BUILD)/libcorral.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(LDFLAGS) -o $@ $^ $(PKG_LIBS)

$(BUILD)/bin/corral-python: $(call objects,$(STUB_SRCS) $(PYTHON_SRCS))
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) $(LDFLAGS) -rdynamic -o $@ $^ -lseccomp $(PYTHON_LIBS) -lm

# PID 1 of every cell: static, so that it runs in any file view, and free of sanitizers.
$(BUILD)/bin/corral-init: $(patsubst %.c,$(BUILD)/static/%.o,$(INIT_SRCS))
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CC) -static -Wl,--gc-sections -Wl,-z,relro,-z,now -o $@ $^

$(BUILD)/static/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) $(CPPFLAGS) -std=gnu17 -Os -g -ffunction-sections -fdata-sections -D_FORTIFY_SOURCE=2 \
		-fstack-protector-strong $(WARN) -MMD -MP -c $< -o $@

$(BUILD)/runtime/python/%.o: runtime/python/%.c $(BUILD)/runtime/python/prelude.h
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) $(CPPFLAGS) $(CFLAGS) $(PYTHON_CFLAGS) -Wno-shadow -MMD -MP -c $< -o $@

# The Python half of the runtime, as a C string.
$(BUILD)/runtime/python/prelude.h: runtime/python/prelude.py
	@mkdir -p $(@D)
	$(call say,GEN,$@) { printf 'static const unsigned char prelude_source[] = {\n'; od -An -v -tu1 $< | sed 's/[0-9][0-9]*/&,/g'; printf '0};\n'; } > $@

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) $(CPPFLAGS) $(CFLAGS) $(PKG_CFLAGS) -MMD -MP -c $< -o $@

install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/libexec/corral $(DESTDIR)$(PREFIX)/share/doc/corral
	install -m 0755 $(BUILD)/bin/corral $(DESTDIR)$(PREFIX)/bin/corral
	install -m 0755 $(BUILD)/bin/corral-init $(BUILD)/bin/corral-python $(DESTDIR)$(PREFIX)/libexec/corral/
	install -m 0644 $(wildcard README.md docs/*.md) $(DESTDIR)$(PREFIX)/share/doc/corral/
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	for unit in corral.service corral.socket; do sed 's|@PREFIX@|$(PREFIX)|g' packaging/$$unit > $(DESTDIR)$(PREFIX)/lib/systemd/system/$$unit; done

clean:
	rm -rf build

deps:
	sh tools/install-deps

# The picture of a slot's states, from the table that the program runs by.
docs: $(BUILD)/bin/corral
	$(call say,GEN,docs/design.md) { echo '```dot'; $< --states; echo '```'; } | \
		sed -i -e '/^<!-- states -->$$/,/^<!-- \/states -->$$/{//!d}' \
		-e '/^<!-- states -->$$/r /dev/stdin' docs/design.md

include tests/tests.mk
include bench/bench.mk

.PHONY: all install clean deps docs
-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
