// SPDX-License-Identifier: GPL-2.0-or-later
/* Lines, comments, blocks and scopes. */
#include "monitor/config_reader.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Where the comment begins, or the line's end. The original cuts at any # inside a block and at
 * none outside. */
static const char *find_comment(const struct xlvs_ld_reader *reader, struct span line)
{
	bool quoted = false;

	for (const char *c = line.start; c < line.end; c++) {
		if (*c == '#' && reader->reading->original) {
			if (reader->block)
				return c;
		} else if (*c == '"') {
			quoted = !quoted;
		} else if (*c == '#' && !quoted && (reader->block || xlvs_ld_is_blank(c[-1]))) {
			return c;
		}
	}
	return line.end;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || xlvs_ld_is_digit(c) ||
	       c == '_' || c == '-';
}

/* `text` is a line without its indentation. */
static void read_statement(struct xlvs_ld_reader *reader, struct span text)
{
	struct span name, value;

	text.end = find_comment(reader, text);
	value = text;
	name = xlvs_ld_take(&value, is_name);
	xlvs_ld_take(&value, xlvs_ld_is_blank);
	if (xlvs_ld_is_empty(name)) {
		xlvs_ld_error(reader, text.start, "expected the name of a directive");
		return;
	}
	if (value.start == value.end || *value.start != '=') {
		if (!reader->block && xlvs_ld_equals(name, "supervised") &&
		    xlvs_ld_is_empty(value)) {
			reader->config->supervised = 1;
			xlvs_ld_warn(reader, name.start,
				     "supervised without a value means supervised = yes");
			return;
		}
		xlvs_ld_error(reader, value.start, "expected = and a value after %.*s",
			      (int)xlvs_ld_length(name), name.start);
		return;
	}
	value.start++;
	xlvs_ld_take(&value, xlvs_ld_is_blank);
	/* The original keeps what stands behind a value, blanks included. */
	if (!reader->reading->original)
		value = xlvs_ld_trim(value);
	xlvs_ld_read_directive(reader, name, value);
}

static void read_line(struct xlvs_ld_reader *reader, struct span line)
{
	struct span text = line;
	bool is_indented;

	reader->line = line.start;
	reader->line_number++;
	is_indented = !xlvs_ld_is_empty(xlvs_ld_take(&text, xlvs_ld_is_blank));
	if (xlvs_ld_is_empty(text) || *text.start == '#')
		return;
	if (!is_indented && reader->block)
		xlvs_ld_close_virtual(reader);
	if (is_indented && !reader->block) {
		xlvs_ld_error(reader, text.start,
			      "an indented line outside a virtual service: expected a virtual = "
			      "line before it, or no indentation");
		return;
	}
	read_statement(reader, text);
}

void xlvs_ld_settings_init(struct xlvs_ld_settings *settings)
{
	*settings = (struct xlvs_ld_settings){
		.checktimeout_sec = -1,
		.negotiatetimeout_sec = -1,
		.checkinterval_sec = -1,
		.checkcount = -1,
		.failurecount = -1,
		.risecount = -1,
		.slowstart_sec = -1,
		.quiescent = -1,
		.cleanstop = -1,
		.emailalertfreq_sec = -1,
		.emailalertstatus = -1,
	};
}

static struct xlvs_ld_config *new_config(void)
{
	struct xlvs_ld_config *config = calloc(1, sizeof(*config));

	if (config)
		xlvs_ld_settings_init(&config->settings);
	return config;
}

void xlvs_ld_config_free(struct xlvs_ld_config *config)
{
	if (!config)
		return;
	xlvs_arena_free(&config->arena);
	free(config);
}

static void read_lines(struct xlvs_ld_reader *reader, struct span text)
{
	while (text.start < text.end) {
		const char *end = memchr(text.start, '\n', xlvs_ld_length(text));
		struct span line = {text.start, end ? end : text.end};

		if (memchr(line.start, '\0', xlvs_ld_length(line))) {
			reader->line = line.start;
			reader->line_number++;
			xlvs_ld_error(reader, memchr(line.start, '\0', xlvs_ld_length(line)),
				      "expected text, found a NUL character");
		} else {
			read_line(reader, line);
		}
		text.start = end ? end + 1 : text.end;
	}
	if (reader->block)
		xlvs_ld_close_virtual(reader);
}

int xlvs_ld_config_read(const char *text, size_t bytes, const struct xlvs_ld_reading *reading,
			struct xlvs_ld_problems *problems, struct xlvs_ld_config **ret_config)
{
	struct xlvs_ld_reader reader = {
		.reading = reading, .problems = problems, .config = new_config()};
	size_t n_errors = problems->n_errors;
	int r = 0;

	if (!reader.config)
		return -ENOMEM;
	read_lines(&reader, (struct span){text, text + bytes});
	xlvs_ld_finish(&reader);
	if (reading->look && !reader.out_of_memory)
		reading->look(reader.config, problems);
	if (reader.out_of_memory)
		r = -ENOMEM;
	else if (problems->n_errors > n_errors)
		r = -EINVAL;
	if (r < 0)
		xlvs_ld_config_free(reader.config);
	else
		*ret_config = reader.config;
	return r;
}
