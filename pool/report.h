// SPDX-License-Identifier: Apache-2.0
/*
 * pool/report.h: results and states as JSON documents.
 */
#pragma once

#include "pool/artifacts.h"
#include "pool/capture.h"
#include "pool/pool.h"

/* What the daemon adds to an answer. */
struct report_labels {
	const char *id;
	const struct error *notes; /* what was changed in the request */
	unsigned note_count;
	const struct artifacts *artifacts; /* that were asked for, or NULL */
};

/*
 * The whole answer to one execution, labelled if `labels` is not NULL; the field names are those of
 * the API. Bytes that are not
 * UTF-8 stand beside the repaired text in base64 ("stdout_base64"). A new string of the caller's,
 * for memory_free(), or NULL without memory.
 */
char *report_result(
	const struct report_labels *labels, const struct result *result,
	const struct capture *capture);

/* {"namespaces":"enforced",…} into `object`, a cJSON object. */
struct cJSON;
void report_layers(struct cJSON *object, const struct pool_status *status);
