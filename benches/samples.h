/* SPDX-License-Identifier: LGPL-2.1-or-later
 *
 * The clock, the latencies of one measure and its line of JSON, for the programs here.
 */
#ifndef SAMPLES_H
#define SAMPLES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <glib.h>

/* A measure ends after this many rounds or seconds, whichever comes first. */
static int max_rounds = 1000000;
static double max_seconds = 5.0;

/* The latency of each round, in seconds, and when the measure began. */
static struct {
    double *seconds;
    int count;
    int room;
    double began;
} samples;

static void __attribute__((noreturn, format(printf, 1, 2)))
fail(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    fputs("lrmd-bench: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
    exit(2);
}

static double
now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return time.tv_sec + time.tv_nsec / 1e9;
}

/* ---- Samples ---- */

static void
begin(void)
{
    samples.count = 0;
    samples.began = now();
}

static void
add_sample(double seconds)
{
    if (samples.count == samples.room) {
        samples.room = samples.room ? samples.room * 2 : 1024;
        samples.seconds = g_realloc(samples.seconds, samples.room * sizeof(double));
    }
    samples.seconds[samples.count++] = seconds;
}

static bool
time_is_up(void)
{
    return now() - samples.began >= max_seconds;
}

static int
compare(const void *left, const void *right)
{
    double a = *(const double *) left;
    double b = *(const double *) right;

    return (a > b) - (a < b);
}

static double
percentile_us(double part)
{
    return samples.seconds[(int) (samples.count * part)] * 1e6;
}

static void
report(const char *name)
{
    double total = now() - samples.began;
    double sum = 0;

    if (samples.count == 0) {
        fail("%s: not one round ended in %g s", name, max_seconds);
    }
    for (int i = 0; i < samples.count; i++) {
        sum += samples.seconds[i];
    }
    qsort(samples.seconds, samples.count, sizeof(double), compare);
    printf("{\"name\":\"%s\",\"count\":%d,\"seconds\":%.4f,\"per_second\":%.2f,\"mean_us\":%.1f,"
           "\"p50_us\":%.1f,\"p99_us\":%.1f,\"max_us\":%.1f}\n",
           name, samples.count, total, samples.count / total, sum / samples.count * 1e6,
           percentile_us(0.5), percentile_us(0.99), samples.seconds[samples.count - 1] * 1e6);
    fflush(stdout);
}

#endif
