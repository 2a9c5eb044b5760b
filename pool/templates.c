// SPDX-License-Identifier: Apache-2.0
/*
 * pool/templates.c: a shard's templates: the one that bears its workers, and room for another.
 *
 * A template that got ready has the next number, and every worker the number of the one that bore
 * it: workers of one number are forks of the same memory at the same addresses, and only they can
 * be made the image of one of them (pool/image.c).
 */
#include "base/clock.h"
#include "pool/pool_private.h"

#define TEMPLATES (sizeof(((struct shard *)0)->templates) / sizeof(struct template))

/* What the other one is bearing is no stray, but cannot be told from one before it is answered. */
static void strays_end_when_told(struct shard *shard)
{
	for (size_t i = 0; i < TEMPLATES; i++)
		shard->strays_wait |= shard->templates[i].unanswered != 0;
	if (!shard->strays_wait)
		strays_end(shard, false);
}

static void template_is_ready(struct template *template)
{
	struct shard *shard = template->config.owner;
	struct list *node;

	if (template == shard->successor)
		shard_template_succeeded(shard);
	shard->template_number++;
	shard->renewal.looked = 0;
	shard_renewal_arm(shard);
	while (shard->template->state == TEMPLATE_READY && (node = list_pop(&shard->childless)))
		slot_bear(list_owner(node, struct slot, node));
	shard_renewal_go_on(shard);
}

static void template_bore(struct template *template, const struct birth_reply *reply)
{
	struct shard *shard = template->config.owner;
	struct slot *slot = shard_slot(shard, reply->slot);

	if (slot)
		slot_birth_replied(slot, reply);
	if (shard->strays_wait && !template->unanswered) {
		shard->strays_wait = false;
		strays_end_when_told(shard);
	}
}

static void template_is_lost(struct template *template, const char *sentence)
{
	struct shard *shard = template->config.owner;

	/* An old one was asked to end. */
	if (!shard->stopping && !template->stopping) {
		atomic_fetch_add(&shard->counters.template_restarts, 1);
		shard_failed(shard, "the %s template is gone: %s; starting it again",
			shard->pool->config.runtime, sentence);
	}
	for (unsigned i = 0; i < shard->slot_count; i++)
		if (shard->slots[i].template == template)
			slot_template_lost(&shard->slots[i]);
	/* After the slots: some have found out by now whose child is whose. */
	shard->strays_wait = false;
	strays_end_when_told(shard);
	shard_stop_when_quiet(shard);
}

void shard_template_prepare(struct shard *shard, struct template *template)
{
	struct template_config config = {
		.program = shard->pool->runtime_program,
		.imports = shard->pool->config.imports,
		.cpu = shard->cpu,
		.loop = shard->loop,
		.receive_type = OP_TEMPLATE_RECEIVE,
		.exit_type = OP_TEMPLATE_EXIT,
		.owner = shard,
		.ready = template_is_ready,
		.born = template_bore,
		.lost = template_is_lost,
	};

	cgroups_entrance(shard->pool->cgroups, &config.entrance);
	if (cgroups_memory_is_late(shard->pool->cgroups))
		config.entrance.memory_v1 = -1;
	template_init(template, &config);
}

void shard_templates_init(struct shard *shard)
{
	for (size_t i = 0; i < TEMPLATES; i++)
		shard_template_prepare(shard, &shard->templates[i]);
	shard->template = &shard->templates[0];
	shard_renewal_init(shard);
}

int shard_templates_start(struct shard *shard, struct error *error)
{
	return template_start(shard->template, error);
}

void shard_templates_stop(struct shard *shard)
{
	for (size_t i = 0; i < TEMPLATES; i++)
		template_stop(&shard->templates[i]);
}

bool shard_templates_are_gone(const struct shard *shard)
{
	for (size_t i = 0; i < TEMPLATES; i++)
		if (shard->templates[i].pid)
			return false;
	return true;
}
