// SPDX-License-Identifier: Apache-2.0
/*
 * pool/commands/doctor.h: private to pool/: what corral doctor found, one finding a line.
 *
 *	doctor.c       the options, the layers, a real execution, the report
 *	doctor_host.c  what the host must give: rights, kernel, room, nothing dangerous
 */
#pragma once

#define DOCTOR_FINDINGS_MAX 40u

enum doctor_state {
	DOCTOR_OK,
	DOCTOR_NOTE,     /* worth knowing; nothing to mend */
	DOCTOR_DEGRADED, /* corral runs, with less than it could have */
	DOCTOR_MISSING,  /* corral cannot run */
};

struct doctor_finding {
	const char *group; /* "layers" */
	const char *name;
	enum doctor_state state;
	const char *word;  /* for the state: "ok"; of a layer "enforced" */
	char found[192];
	char advice[256];  /* why it matters and how to mend it; "" */
};

struct doctor {
	unsigned workers;  /* that the host is to have room for */
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	unsigned count;
};

/* A new finding, in state OK, which the caller goes on to write. */
struct doctor_finding *doctor_add(struct doctor *doctor, const char *group, const char *name);

/* Each sets the state and the sentence about it. */
void doctor_found(struct doctor_finding *finding, enum doctor_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
void doctor_advise(struct doctor_finding *finding, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void doctor_check_host(struct doctor *doctor);
