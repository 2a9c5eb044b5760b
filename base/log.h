// SPDX-License-Identifier: Apache-2.0
/*
 * base/log.h: one event a line on stderr, JSON for machines, plain words on a terminal.
 *
 * Only pool/ logs; everything below it returns its error. A line names the object and the number
 * ("slot 12: cgroup.kill: Device or resource busy, retrying") and never holds code or output of
 * an execution. Safe from any thread; a line is one write(2).
 */
#pragma once

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_PLAIN, LOG_FORMAT_JSON };

/* Plain if stderr is a terminal, else JSON, from `level` up. */
void log_open(enum log_level level);

/* For tests and for the configuration: a fixed format. */
void log_set_format(enum log_format format);

void log_write(enum log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define log_debug(...) log_write(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...) log_write(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)
