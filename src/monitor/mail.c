// SPDX-License-Identifier: GPL-2.0-or-later
#include "monitor/mail.h"

#include <curl/curl.h>
#include <errno.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define SMTP_LIMIT_SEC 60

struct xlvs_ld_mail {
	char *text;
	char *to, *smtp; /* smtp NULL: sendmail */
	char sender[320];
	char problem[CURL_ERROR_SIZE];
};

/* Header and body lines hold no line ends of their own. */
static void put_line(FILE *out, const char *name, const char *value)
{
	fputs(name, out);
	for (; *value; value++)
		fputc(*value == '\r' || *value == '\n' ? ' ' : *value, out);
	fputs("\r\n", out);
}

static char *compose(const struct xlvs_ld_mail *mail, const struct xlvs_ld_virtual *service,
		     const char *from, const char *subject, const char *condition)
{
	const char *name = service->servicename;
	char host[256] = "localhost";
	char tagged[1024];
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);

	if (!out)
		return NULL;
	gethostname(host, sizeof(host) - 1);
	snprintf(tagged, sizeof(tagged), name && *name ? "[%s] %s" : "%s%s",
		 name && *name ? name : "", subject);
	put_line(out, "From: ", from ? from : mail->sender);
	put_line(out, "To: ", mail->to);
	put_line(out, "Subject: ", tagged);
	fputs("\r\n", out);
	put_line(out, "ldirectord host: ", host);
	put_line(out, "Log-Message: ", tagged);
	put_line(out, "Daemon-Status: ", condition);
	fputs("\r\n", out);
	if (name && *name)
		put_line(out, "Service name: ", name);
	if (service->comment && *service->comment)
		put_line(out, "Comment: ", service->comment);
	return fclose(out) == 0 ? text : NULL;
}

struct xlvs_ld_mail *xlvs_ld_mail_new(const struct xlvs_ld_virtual *service, const char *from,
				      const char *subject, const char *condition)
{
	struct xlvs_ld_mail *mail = calloc(1, sizeof(*mail));
	const struct passwd *user = getpwuid(geteuid());
	char host[256] = "localhost";

	if (!mail)
		return NULL;
	gethostname(host, sizeof(host) - 1);
	snprintf(mail->sender, sizeof(mail->sender), "%.60s@%s", user ? user->pw_name : "root",
		 host);
	mail->to = strdup(service->settings.emailalert);
	if (service->settings.smtp)
		mail->smtp = strdup(service->settings.smtp);
	if (mail->to && (mail->smtp || !service->settings.smtp))
		mail->text = compose(mail, service, from, subject, condition);
	if (!mail->text) {
		xlvs_ld_mail_free(mail);
		return NULL;
	}
	return mail;
}

void xlvs_ld_mail_free(struct xlvs_ld_mail *mail)
{
	if (!mail)
		return;
	free(mail->text);
	free(mail->to);
	free(mail->smtp);
	free(mail);
}

const char *xlvs_ld_mail_text(const struct xlvs_ld_mail *mail)
{
	return mail->text;
}

const char *xlvs_ld_mail_problem(const struct xlvs_ld_mail *mail)
{
	return mail->problem;
}

static int send_by_sendmail(struct xlvs_ld_mail *mail)
{
	FILE *out = popen("/usr/sbin/sendmail -t -i", "w");
	int status;

	if (!out) {
		snprintf(mail->problem, sizeof(mail->problem), "%s", strerror(errno));
		return -EIO;
	}
	/* sendmail wants the line ends of its machine. */
	for (const char *c = mail->text; *c; c++)
		if (*c != '\r')
			fputc(*c, out);
	status = pclose(out);
	if (status == 0)
		return 0;
	snprintf(mail->problem, sizeof(mail->problem), "/usr/sbin/sendmail: exit status %d",
		 WIFEXITED(status) ? WEXITSTATUS(status) : -1);
	return -EIO;
}

static struct curl_slist *recipients(const char *list)
{
	struct curl_slist *addresses = NULL;
	char *copy = strdup(list), *rest = copy, *word;

	while (copy && (word = strsep(&rest, ", \t")))
		if (*word)
			addresses = curl_slist_append(addresses, word);
	free(copy);
	return addresses;
}

static int send_by_smtp(struct xlvs_ld_mail *mail)
{
	struct curl_slist *to = recipients(mail->to);
	FILE *in = fmemopen(mail->text, strlen(mail->text), "r");
	CURL *curl = curl_easy_init();
	CURLcode code = CURLE_OUT_OF_MEMORY;
	char url[300];

	if (curl && in && to) {
		snprintf(url, sizeof(url), "smtp://%s", mail->smtp);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_MAIL_FROM, mail->sender);
		curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
		curl_easy_setopt(curl, CURLOPT_READDATA, in);
		curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
		curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)SMTP_LIMIT_SEC);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, mail->problem);
		code = curl_easy_perform(curl);
	}
	if (code != CURLE_OK && !*mail->problem)
		snprintf(mail->problem, sizeof(mail->problem), "%s", curl_easy_strerror(code));
	curl_easy_cleanup(curl);
	curl_slist_free_all(to);
	if (in)
		fclose(in);
	return code == CURLE_OK ? 0 : -EIO;
}

int xlvs_ld_mail_send(struct xlvs_ld_mail *mail)
{
	return mail->smtp ? send_by_smtp(mail) : send_by_sendmail(mail);
}
