# SPDX-License-Identifier: GPL-2.0-or-later
"""Each service of ldirectord.cf against a real server program: up, wrong answer, hanging, refusing,
and for TLS a certificate nobody trusts."""

import os
import shutil

import pytest

from namespace import run

PATH = os.environ["PATH"] + ":/usr/sbin:/sbin"


def program(name):
    found = shutil.which(name, path=PATH)
    if not found:
        pytest.skip(f"not installed: {name}")
    return found


def readable(certificates, name, alternative):
    key, certificate = certificates.issue(name, alternative)
    os.chmod(key, 0o644)
    return key, certificate


@pytest.fixture
def nginx(lab, certificates):
    key, certificate = readable(certificates, "www", "DNS:www.example.com")
    lab.write("nginx.conf", f"""
daemon off; pid {lab.path("pid")}; error_log stderr;
events {{ }}
http {{
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    server {{
        listen 127.0.0.1:80; listen [::1]:80; listen 127.0.0.1:443 ssl;
        ssl_certificate {certificate}; ssl_certificate_key {key};
        location / {{ return 200 "all is well on $host\\n"; }}
        location /gone {{ return 404; }}
        location /moved {{ return 302 /; }}
    }}
}}
""")
    lab.serve(program("nginx"), "-p", lab.folder.name, "-c", "nginx.conf")
    return lab


@pytest.mark.parametrize("real", ["127.0.0.1:80", "[::1]:80"])
def test_http_nginx(nginx, real):
    good = {"service": "http", "real": real, "virtualhost": "www.example.com", "request": "/moved",
            "receive": "^all is well on www.example.com$"}
    nginx.prove(good, [{"request": "/gone"}, {"receive": "ill"}, {"virtualhost": "other.example.com"}])


def test_https_nginx(nginx, certificates):
    good = {"service": "https", "real": "127.0.0.1:443", "virtualhost": "www.example.com",
            "ca_file": certificates.ca_file, "verify": 3, "receive": "well"}
    nginx.prove(good, [{"virtualhost": "other.example.com"}, {"ca_file": ""}, {"real": "127.0.0.1:80"}])


def test_http_proxy_nginx(nginx):
    good = {"service": "http_proxy", "real": "127.0.0.1:80", "request": "http://site.example.com/",
            "receive": "on site.example.com"}
    nginx.prove(good, [{"request": "http://site.example.com/gone"}])


def test_ftp_vsftpd(lab):
    lab.write("files/f", "all is well\n")
    os.chmod(lab.path("files"), 0o555)
    os.makedirs(lab.path("empty"))
    conf = lab.write("vsftpd.conf", f"""
listen=YES
background=NO
listen_address=127.0.0.1
anonymous_enable=YES
local_enable=NO
anon_root={lab.path("files")}
ftp_username=ftp
secure_chroot_dir={lab.path("empty")}
seccomp_sandbox=NO
xferlog_enable=NO
""")
    lab.serve(program("vsftpd"), conf)
    good = {"service": "ftp", "real": "127.0.0.1:21", "request": "/f", "receive": "is well"}
    lab.prove(good, [{"request": "/g"}, {"receive": "ill"}, {"login": "me", "password": "x"}])


@pytest.mark.parametrize("service, port", [("smtp", 25), ("submission", 587)])
def test_mail_postfix(lab, service, port):
    postfix = program("postfix")
    for name in ("queue", "data"):
        os.makedirs(lab.path(f"postfix/{name}"))
    shutil.chown(lab.path("postfix/data"), "postfix")
    lab.write("postfix/main.cf", f"""
compatibility_level = 3.6
queue_directory = {lab.path("postfix/queue")}
data_directory = {lab.path("postfix/data")}
inet_interfaces = 127.0.0.1
maillog_file = /dev/stdout
myhostname = mail.example.com
""")
    lab.write("postfix/master.cf", """
smtp      inet n - n - - smtpd
submission inet n - n - - smtpd
postlog   unix-dgram n - n - 1 postlogd
cleanup   unix n - n - 0 cleanup
qmgr      unix n - n 300 1 qmgr
rewrite   unix - - n - - trivial-rewrite
anvil     unix - - n - 1 anvil
proxymap  unix - - n - - proxymap
""")
    lab.serve(postfix, "-c", lab.path("postfix"), "start-fg")
    lab.prove({"service": service, "real": f"127.0.0.1:{port}"})


def start_dovecot(lab, certificates):
    key, certificate = readable(certificates, "mail", "DNS:mail.example.com")
    os.makedirs(lab.path("mail"))
    os.chmod(lab.path("mail"), 0o777)
    users = lab.write("users", "me:{PLAIN}secret:8:8::/:::\n")
    conf = lab.write("dovecot.conf", f"""
base_dir = {lab.path("run")}
state_dir = {lab.path("state")}
log_path = /dev/stderr
listen = 127.0.0.1
protocols = imap pop3
ssl = yes
ssl_cert = <{certificate}
ssl_key = <{key}
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:{lab.path("mail")}/%u
first_valid_uid = 1
passdb {{
  driver = passwd-file
  args = {users}
}}
userdb {{
  driver = static
  args = uid=8 gid=8 home={lab.path("mail")}
}}
""")
    lab.serve(program("dovecot"), "-F", "-c", conf)


@pytest.mark.parametrize("service, port", [("pop", 110), ("imap", 143)])
def test_mail_dovecot(lab, certificates, service, port):
    start_dovecot(lab, certificates)
    good = {"service": service, "real": f"127.0.0.1:{port}", "login": "me", "password": "secret"}
    lab.prove(good, [{"password": "guess"}, {"login": "you"}])


@pytest.mark.parametrize("service, port", [("pops", 995), ("imaps", 993)])
def test_mail_dovecot_tls(lab, certificates, service, port):
    start_dovecot(lab, certificates)
    good = {"service": service, "real": f"127.0.0.1:{port}", "login": "me", "password": "secret",
            "virtualhost": "mail.example.com", "verify": 3, "ca_file": certificates.ca_file}
    lab.prove(good, [{"password": "guess"}, {"ca_file": ""}, {"virtualhost": "www.example.com"},
                     {"real": "127.0.0.1:110"}])


def start_slapd(lab, certificates):
    slapd = program("slapd")
    key, certificate = readable(certificates, "ldap", "DNS:ldap.example.com")
    os.makedirs(lab.path("db"))
    conf = lab.write("slapd.conf", f"""
include /etc/ldap/schema/core.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {lab.path("pid")}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
database mdb
suffix "dc=example,dc=com"
rootdn "cn=admin,dc=example,dc=com"
rootpw secret
directory {lab.path("db")}
""")
    ldif = lab.write("tree.ldif", "dn: dc=example,dc=com\nobjectClass: dcObject\nobjectClass: organization\n"
                                  "dc: example\no: Example\n")
    run([program("slapadd"), "-f", conf, "-l", ldif])
    lab.serve(slapd, "-d", "0", "-f", conf, "-h", "ldap://127.0.0.1 ldaps://127.0.0.1")


def test_ldap_slapd(lab, certificates):
    start_slapd(lab, certificates)
    good = {"service": "ldap", "real": "127.0.0.1:389", "request": "/dc=example,dc=com",
            "receive": "^dc=example", "login": "cn=admin,dc=example,dc=com", "password": "secret"}
    lab.prove(good, [{"password": "guess"}, {"request": "/dc=example,dc=org"}, {"receive": "dc=org"}])


def test_ldaps_slapd(lab, certificates):
    start_slapd(lab, certificates)
    good = {"service": "ldaps", "real": "127.0.0.1:636", "request": "/dc=example,dc=com",
            "virtualhost": "ldap.example.com", "verify": 3, "ca_file": certificates.ca_file}
    lab.prove(good, [{"virtualhost": "www.example.com"}, {"ca_file": ""}, {"real": "127.0.0.1:389"}])


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_dns_dnsmasq(lab, protocol):
    lab.serve(program("dnsmasq"), "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--user=root",
              "--pid-file=", "--listen-address=127.0.0.1", "--bind-interfaces",
              "--host-record=www.example.com,192.0.2.9")
    good = {"service": "dns", "protocol": protocol, "real": "127.0.0.1:53", "request": "/www.example.com",
            "receive": "^192.0.2.9$"}
    lab.prove(good, [{"receive": "198"}, {"request": "/none.example.com"}])


def test_dns_dnsmasq_address(lab):
    lab.serve(program("dnsmasq"), "-k", "-C", "/dev/null", "--no-resolv", "--no-hosts", "--user=root",
              "--pid-file=", "--listen-address=127.0.0.1", "--bind-interfaces",
              "--host-record=www.example.com,192.0.2.9,2001:db8::9")
    base = {"service": "dns", "protocol": "udp", "real": "127.0.0.1:53", "receive": "^www.example.com"}
    lab.prove({**base, "request": "/192.0.2.9"}, [{"request": "/2001:db8::8"}])


def test_radius_freeradius(lab):
    freeradius = program("freeradius")
    lab.write("raddb/dictionary", "$INCLUDE /usr/share/freeradius/dictionary\n")
    lab.write("raddb/radiusd.conf", f"""
name = radiusd
prefix = /usr
libdir = /usr/lib/freeradius
logdir = {lab.folder.name}
run_dir = {lab.folder.name}
raddbdir = {lab.path("raddb")}
log {{
    destination = stdout
}}
security {{
    allow_vulnerable_openssl = yes
    reject_delay = 0
}}
client lab {{
    ipaddr = 127.0.0.1
    secret = shared
    require_message_authenticator = yes
}}
modules {{
    pap {{
    }}
}}
server default {{
    listen {{
        type = auth
        ipaddr = 127.0.0.1
        port = 1812
    }}
    authorize {{
        if (User-Name == "me") {{
            update control {{
                Cleartext-Password := "secret"
            }}
        }}
        pap
    }}
    authenticate {{
        pap
    }}
}}
""")
    lab.serve(freeradius, "-f", "-d", lab.path("raddb"))
    good = {"service": "radius", "real": "127.0.0.1:1812", "login": "me", "password": "secret",
            "secret": "shared"}
    lab.prove(good, [{"password": "guess"}, {"login": "you"}, {"secret": "other", "timeout_ms": 500}])


def test_pgsql_postgresql(lab):
    folders = sorted(os.listdir("/usr/lib/postgresql")) if os.path.isdir("/usr/lib/postgresql") else []
    if not folders:
        pytest.skip("not installed: postgresql")
    binaries = f"/usr/lib/postgresql/{folders[-1]}/bin"
    data = lab.path("db")
    os.makedirs(data)
    shutil.chown(data, "postgres")
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
    run([*as_postgres, f"{binaries}/initdb", "-D", data, "-U", "me", "-A", "scram-sha-256",
         "--no-sync", "--pwfile", lab.write("password", "secret\n")])
    lab.serve(*as_postgres, f"{binaries}/postgres", "-D", data, "-F", "-c", "listen_addresses=127.0.0.1",
              "-c", f"unix_socket_directories={data}")
    good = {"service": "pgsql", "real": "127.0.0.1:5432", "login": "me", "password": "secret",
            "database": "postgres", "request": "SELECT 1"}
    lab.prove(good, [{"password": "guess"}, {"database": "none"}, {"request": "SELECT 1 WHERE false"},
                     {"request": "SELECT * FROM nothing"}, {"verify": 2},
                     {"request": "SELECT pg_sleep(30)", "timeout_ms": 500}])


def test_mysql_mariadb(lab):
    mariadbd, data = program("mariadbd"), lab.path("db")
    run([program("mariadb-install-db"), "--no-defaults", "--user=root", f"--datadir={data}",
         "--skip-test-db", "--auth-root-authentication-method=normal"])
    init = lab.write("init.sql", "CREATE USER me@'%' IDENTIFIED BY 'secret';\n"
                                 "CREATE DATABASE db;\nGRANT ALL ON db.* TO me@'%';\n")
    lab.serve(mariadbd, "--no-defaults", "--user=root", f"--datadir={data}", "--bind-address=127.0.0.1",
              "--port=3306", f"--socket={lab.path('socket')}", f"--init-file={init}",
              "--innodb-buffer-pool-size=8M", "--skip-name-resolve")
    good = {"service": "mysql", "real": "127.0.0.1:3306", "login": "me", "password": "secret",
            "database": "db", "request": "SELECT 1"}
    lab.prove(good, [{"password": "guess"}, {"database": "none"}, {"request": "SELECT 1 FROM DUAL WHERE 0"},
                     {"request": "SELECT * FROM nothing"}, {"request": "SET @a = 1"},
                     {"request": "SELECT SLEEP(30)", "timeout_ms": 500}])


SIP_SCENARIO = """<?xml version="1.0" encoding="us-ascii"?>
<scenario name="options">
  <recv request="OPTIONS"/>
  <send><![CDATA[
    SIP/2.0 %s
    [last_Via:]
    [last_From:]
    [last_To:];tag=[call_number]
    [last_Call-ID:]
    [last_CSeq:]
    Content-Length: 0

  ]]></send>
</scenario>
"""


@pytest.mark.parametrize("protocol, transport", [("udp", "u1"), ("tcp", "t1")])
def test_sip_sipp(lab, protocol, transport):
    sipp = program("sipp")
    for port, answer in ((5060, "200 OK"), (5070, "503 Busy")):
        scenario = lab.write(f"{port}.xml", SIP_SCENARIO % answer)
        lab.serve(sipp, "-sf", scenario, "-i", "127.0.0.1", "-p", port, "-t", transport, "-nostdin")
    good = {"service": "sip", "protocol": protocol, "real": "127.0.0.1:5060", "login": "me@example.com"}
    lab.prove(good, [{"real": "127.0.0.1:5070"}])
