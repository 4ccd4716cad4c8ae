// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/config_reader.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

bool xlvs_ld_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f';
}

bool xlvs_ld_is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool xlvs_ld_is_host(char c)
{
	return is_letter(c) || xlvs_ld_is_digit(c) || c == '.' || c == '-' || c == '_';
}

bool xlvs_ld_is_port(char c)
{
	return is_letter(c) || xlvs_ld_is_digit(c) || c == '-' || c == '_';
}

bool xlvs_ld_is_address6(char c)
{
	return isxdigit((unsigned char)c) || c == ':' || c == '.';
}

size_t xlvs_ld_length(struct span span)
{
	return (size_t)(span.end - span.start);
}

bool xlvs_ld_is_empty(struct span span)
{
	return span.start == span.end;
}

struct span xlvs_ld_trim(struct span span)
{
	while (span.start < span.end && xlvs_ld_is_blank(*span.start))
		span.start++;
	while (span.start < span.end && xlvs_ld_is_blank(span.end[-1]))
		span.end--;
	return span;
}

bool xlvs_ld_equals(struct span span, const char *word)
{
	return xlvs_ld_length(span) == strlen(word) && memcmp(span.start, word, strlen(word)) == 0;
}

struct span xlvs_ld_take(struct span *rest, bool (*fits)(char c))
{
	struct span taken = {rest->start, rest->start};

	while (rest->start < rest->end && fits(*rest->start))
		rest->start++;
	taken.end = rest->start;
	return taken;
}

static bool is_no_blank(char c)
{
	return !xlvs_ld_is_blank(c);
}

struct span xlvs_ld_take_word(struct span *rest)
{
	xlvs_ld_take(rest, xlvs_ld_is_blank);
	return xlvs_ld_take(rest, is_no_blank);
}

const char *xlvs_ld_keep(struct xlvs_ld_reader *reader, struct span span)
{
	const char *text =
		xlvs_arena_text(&reader->config->arena, span.start, xlvs_ld_length(span));

	if (!text)
		reader->out_of_memory = true;
	return text ? text : "";
}

const char *xlvs_ld_keep_format(struct xlvs_ld_reader *reader, const char *format, ...)
{
	char text[512];
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(text))
		length = sizeof(text) - 1;
	return xlvs_ld_keep(reader, (struct span){text, text + length});
}

void *xlvs_ld_grow(struct xlvs_ld_reader *reader, void *array, size_t n, size_t *room,
		   size_t entry_bytes)
{
	size_t wider = *room ? 2 * *room : 8;
	void *copy;

	if (n < *room)
		return array;
	copy = xlvs_arena_alloc(&reader->config->arena, wider * entry_bytes);
	if (!copy) {
		reader->out_of_memory = true;
		return NULL;
	}
	if (n)
		memcpy(copy, array, n * entry_bytes);
	*room = wider;
	return copy;
}

struct xlvs_ld_place xlvs_ld_place_of(const struct xlvs_ld_reader *reader, const char *at)
{
	return (struct xlvs_ld_place){reader->line_number, (unsigned int)(at - reader->line) + 1};
}

void xlvs_ld_error(struct xlvs_ld_reader *reader, const char *at, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	xlvs_ld_problem_add(reader->problems, true, xlvs_ld_place_of(reader, at), "%s", text);
}

void xlvs_ld_warn(struct xlvs_ld_reader *reader, const char *at, const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	xlvs_ld_problem_add(reader->problems, false, xlvs_ld_place_of(reader, at), "%s", text);
}

const char *xlvs_ld_address_text(struct xlvs_ld_reader *reader, int family,
				 const struct xlvs_address *address)
{
	char text[INET6_ADDRSTRLEN] = "";

	inet_ntop(family, address->bytes, text, sizeof(text));
	return xlvs_ld_keep_format(reader, family == AF_INET6 ? "[%s]" : "%s", text);
}
