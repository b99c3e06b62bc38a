/*
 * Turns libav's log messages into whole lines and hands them to one sink. See shim.h for the contract.
 *
 * libav writes a line in pieces ("Stream #0", ": ", "h264\n"), so the pieces are gathered per thread until the line
 * ends. Nothing is allocated and nothing locked: this runs inside decoders and encoders.
 */
#define _GNU_SOURCE /* fopencookie */
#include "shim.h"

#include <libavutil/log.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As long as the lines of libav's own handler. */
#define LINE_BYTES 1024
/* The longest component name of FFmpeg 5.1, a demuxer's list of names, has 24 characters. */
#define COMPONENT_BYTES 64

/* The line that a thread is writing. Invariant: `length` < LINE_BYTES, and text[length] is 0. */
struct pending_line {
    char text[LINE_BYTES];
    size_t length;
    char component[COMPONENT_BYTES];
    int level;
    /* Who writes it. Compared, never followed: it may be freed by now. */
    const void *owner;
    /* The sink runs on this thread. */
    bool delivering;
};

static _Thread_local struct pending_line pending;
static _Atomic(reelmill_log_sink) installed_sink;

static const char *component_name(void *context)
{
    const AVClass *class = context ? *(AVClass **)context : NULL;
    const char *name = NULL;

    if (!class)
        return "";
    name = class->item_name ? class->item_name(context) : class->class_name;
    return name ? name : "";
}

static void replace_control_characters(char *text)
{
    for (unsigned char *c = (unsigned char *)text; *c; c++)
        if (*c < 0x20 || *c == 0x7f)
            *c = *c == '\t' ? ' ' : '?';
}

/* Hands the pending line over, if it says anything, and begins a new one. */
static void deliver(void)
{
    reelmill_log_sink sink = atomic_load(&installed_sink);

    if (pending.length && sink) {
        replace_control_characters(pending.text);
        pending.delivering = true;
        sink(pending.level, pending.component, pending.text);
        pending.delivering = false;
    }
    pending.length = 0;
    pending.text[0] = '\0';
    pending.owner = NULL;
}

/* Adds `bytes` of text without a line end; what does not fit is dropped. */
static void append(void *context, int level, const char *text, size_t bytes)
{
    size_t room = LINE_BYTES - 1 - pending.length;

    if (!pending.length) {
        snprintf(pending.component, sizeof(pending.component), "%s", component_name(context));
        pending.level = level;
        pending.owner = context;
    }
    if (bytes > room)
        bytes = room;
    memcpy(pending.text + pending.length, text, bytes);
    pending.length += bytes;
    pending.text[pending.length] = '\0';
}

static void on_message(void *context, int level, const char *format, va_list arguments)
{
    char piece[LINE_BYTES];
    const char *rest = piece;

    if (level >= 0)
        level &= 0xff; /* the bits above are a colour */
    if (level > av_log_get_level() || pending.delivering)
        return;
    /* Not av_log_format_line2(): it writes "[component @ 0x...]" in front, which differs from run to run. */
    if (vsnprintf(piece, sizeof(piece), format, arguments) < 0)
        return;
    /* Somebody who never ended his line must not have another's text glued to it. */
    if (pending.length && pending.owner != context)
        deliver();
    while (*rest) {
        size_t bytes = strcspn(rest, "\r\n");

        append(context, level, rest, bytes);
        rest += bytes;
        if (*rest) {
            deliver();
            rest++;
        }
    }
    /* A message that was cut has lost its line end. */
    if (strlen(piece) == sizeof(piece) - 1)
        deliver();
}

void reelmill_log_install(reelmill_log_sink sink)
{
    atomic_store(&installed_sink, sink);
    av_log_set_callback(sink ? on_message : av_log_default_callback);
}

#ifdef __GLIBC__
static FILE *usual_stderr;
static FILE *diverted_stderr;

/* Takes what was written to the diverted stream: whole lines, since it is buffered by line. */
static ssize_t on_written(void *cookie, const char *text, size_t bytes)
{
    reelmill_log_sink sink = atomic_load(&installed_sink);
    char line[LINE_BYTES];
    size_t begin = 0;

    (void)cookie;
    if (!sink)
        return write(STDERR_FILENO, text, bytes);
    while (begin < bytes) {
        const char *end = memchr(text + begin, '\n', bytes - begin);
        size_t length = end ? (size_t)(end - (text + begin)) : bytes - begin;

        snprintf(line, sizeof(line), "%.*s", (int)(length < LINE_BYTES ? length : LINE_BYTES - 1), text + begin);
        replace_control_characters(line);
        if (line[0])
            sink(strstr(line, "[error]") ? AV_LOG_ERROR : AV_LOG_INFO, "stderr", line);
        begin += length + 1;
    }
    return (ssize_t)bytes;
}

void reelmill_log_divert(int on)
{
    if (!diverted_stderr) {
        cookie_io_functions_t functions = { .write = on_written };

        diverted_stderr = fopencookie(NULL, "w", functions);
        if (!diverted_stderr)
            return;
        setvbuf(diverted_stderr, NULL, _IOLBF, LINE_BYTES);
        usual_stderr = stderr;
    }
    stderr = on ? diverted_stderr : usual_stderr;
}
#else
/* Elsewhere `stderr` cannot be set; what is said there is seen. */
void reelmill_log_divert(int on)
{
    (void)on;
}
#endif
