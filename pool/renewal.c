// SPDX-License-Identifier: Apache-2.0
/*
 * pool/renewal.c: templates are executed anew, so that what an execution learns of addresses does
 * not stay true.
 *
 * When a template has served so many executions, or is so old, another one gets warm beside it, in
 * the room that pool/templates.c has for it. Nobody waits for that: the old one bears until the new
 * one can. Then the old one is asked to end, and its workers are replaced, a few at a time: those
 * that are idle where enough others are, and those whose execution is over. The rest of them are
 * rewound to their own image until the first worker of the new template is captured.
 */
#include "base/clock.h"
#include "pool/pool_private.h"

#include <sys/resource.h>

/* A third of the weight: executions come first, and yet it is warm in time where all is busy. */
#define WARMING_NICE 5

/* So many may be missing at one time that the others carry on. */
static unsigned places(const struct shard *shard)
{
	unsigned half = shard->slot_count / 2;

	return half < 1 ? 1 : half < RENEWALS_MAX ? half : RENEWALS_MAX;
}

static bool is_old(const struct slot *slot)
{
	return slot->template_number != slot->shard->template_number;
}

/* A place is free again when its slot has, or will never have, its new worker. */
static bool place_is_free(const struct slot *slot)
{
	return !slot || !slot_is_coming(slot->state);
}

static bool place_take(struct shard *shard, struct slot *slot)
{
	struct shard_renewal *renewal = &shard->renewal;

	for (unsigned i = 0; i < places(shard); i++) {
		if (!place_is_free(renewal->places[i]))
			continue;
		renewal->places[i] = slot;
		return true;
	}
	return false;
}

bool slot_is_renewed(struct slot *slot)
{
	return is_old(slot) && place_take(slot->shard, slot);
}

bool shard_renews(const struct shard *shard)
{
	for (unsigned i = 0; i < RENEWALS_MAX; i++)
		if (!place_is_free(shard->renewal.places[i]))
			return true;
	return false;
}

static void idle_renew(struct shard *shard)
{
	struct shard_renewal *renewal = &shard->renewal;

	while (renewal->looked < shard->slot_count && !shard_has_few_idle(shard)) {
		struct slot *slot = &shard->slots[renewal->looked];

		if (slot->state == SLOT_IDLE && is_old(slot)) {
			if (!place_take(shard, slot))
				return;
			slot_replace(slot, "renewal");
		}
		renewal->looked++;
	}
}

static void renewal_begin(struct shard *shard)
{
	struct template *template = &shard->templates[shard->template == &shard->templates[0]];
	struct error error;

	if (shard->stopping || shard->successor || !template_is_gone(template))
		return;
	shard_template_prepare(shard, template);
	if (template_start(template, &error) < 0) {
		shard_failed(shard, "%s, retrying later", error.sentence);
		shard_renewal_arm(shard);
		return;
	}
	setpriority(PRIO_PROCESS, (id_t)template->pid, WARMING_NICE);
	shard->successor = template;
}

static void age_reached(void *owner)
{
	struct shard *shard = owner;

	shard->renewal.is_due = true;
	renewal_begin(shard);
	/* The one before it has not ended: it will have, by then. */
	if (!shard->successor && !shard->renewal.age.place)
		loop_timer_arm(shard->loop, &shard->renewal.age,
			clock_now_nsec() + TEMPLATE_STOP_NSEC_MAX);
}

void shard_renewal_init(struct shard *shard)
{
	shard->renewal = (struct shard_renewal){ .executions_due = UINT64_MAX };
	loop_timer_init(&shard->renewal.age, age_reached, shard);
}

void shard_renewal_arm(struct shard *shard)
{
	const struct pool_config *config = &shard->pool->config;
	struct shard_renewal *renewal = &shard->renewal;

	renewal->is_due = false;
	if (config->template_executions)
		renewal->executions_due =
			atomic_load(&shard->counters.executions) + config->template_executions;
	loop_timer_disarm(shard->loop, &renewal->age);
	if (config->template_age_nsec)
		loop_timer_arm(shard->loop, &renewal->age,
			clock_now_nsec() + config->template_age_nsec);
}

void shard_renewal_stop(struct shard *shard)
{
	loop_timer_disarm(shard->loop, &shard->renewal.age);
}

void shard_template_succeeded(struct shard *shard)
{
	struct template *old = shard->template;

	shard->template = shard->successor;
	shard->successor = NULL;
	setpriority(PRIO_PROCESS, (id_t)shard->template->pid, 0);
	atomic_fetch_add(&shard->counters.template_renewals, 1);
	template_stop(old);
}

void shard_renewal_go_on(struct shard *shard)
{
	struct shard_renewal *renewal = &shard->renewal;

	if (shard->stopping)
		return;
	if (renewal->is_due ||
	    atomic_load(&shard->counters.executions) >= renewal->executions_due)
		renewal_begin(shard);
	idle_renew(shard);
}

void slot_renewal_note(struct slot *slot)
{
	struct shard_renewal *renewal = &slot->shard->renewal;
	unsigned index = slot->number - slot->shard->slots[0].number;

	if (is_old(slot) && index < renewal->looked)
		renewal->looked = index;
}
