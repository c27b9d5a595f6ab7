# SPDX-License-Identifier: LGPL-2.1-or-later
"""Signs certificates and revocation lists with the program openssl, any date and any extension."""

import datetime
import os
import subprocess

DAY = 86400

CONFIG = """[ca]
default_ca = this
[this]
database = index
new_certs_dir = .
serial = serial
policy = anything
unique_subject = no
default_md = sha256
copy_extensions = none
[anything]
organizationName = optional
commonName = optional
[certificate]
%s
[list]
%s
"""


class OpensslFailed(Exception):
    pass


def openssl(*words, directory=None):
    done = subprocess.run(["openssl", *words], cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, check=False)
    if done.returncode:
        raise OpensslFailed("openssl %s\n%s" % (" ".join(words), done.stderr.decode(errors="replace")))
    return done.stdout


def date(seconds):
    """The time in so many seconds, in certificates' words."""
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds)
    return when.strftime("%Y%m%d%H%M%SZ")


def key_words(kind):
    """What `openssl genpkey` is told for a kind of key: p384, rsa2048, rsapss, ed25519..."""
    if kind.startswith("rsapss"):
        return ["RSA-PSS", "-pkeyopt", "rsa_keygen_bits:2048"]
    if kind.startswith("rsa"):
        return ["RSA", "-pkeyopt", "rsa_keygen_bits:" + kind[3:]]
    if kind.startswith("ed"):
        return [kind.upper()]
    curve = kind.replace("p", "P-") if kind[1:].isdigit() else kind
    return ["EC", "-pkeyopt", "ec_paramgen_curve:" + curve, "-pkeyopt", "ec_param_enc:named_curve"]


class Authority:
    """A directory with cert/, key/ and crl/, and what has signed what."""

    def __init__(self, directory):
        self.directory = os.path.abspath(directory)
        for name in ("cert", "key", "crl", "file", "work"):
            os.makedirs(os.path.join(self.directory, name), exist_ok=True)
        self.next_serial = 0x1000
        self.serials = {}
        self.keys = {}

    def path(self, kind, name):
        suffix = "" if kind in ("file", "work") else ".pem"
        return os.path.join(self.directory, kind, name + suffix)

    def read(self, kind, name):
        with open(self.path(kind, name), "rb") as file:
            return file.read()

    def _write(self, name, text):
        with open(self.path("work", name), "w", encoding="ascii") as file:
            file.write(text)

    def _ca(self, *words, extensions=(), list_extensions=()):
        self._write("config", CONFIG % ("\n".join(extensions), "\n".join(list_extensions)))
        openssl("ca", "-batch", "-config", "config", *words, directory=self.path("work", ""))

    def key(self, name, kind):
        path = self.path("key", name)
        if not os.path.exists(path):
            openssl("genpkey", "-out", path, "-algorithm", *key_words(kind))
        return path

    def certificate(self, name, issuer=None, kind="p256", key=None, subject=None, begin=-DAY, end=365 * DAY,
                    extensions=(), digest="sha256", pss=False):
        """Makes cert/NAME.pem; without an issuer it signs itself.  key: another one's, by its name."""
        self.keys[name] = key or name
        private = self.key(self.keys[name], kind)
        request = self.path("work", "request")
        openssl("req", "-new", "-key", private, "-subj", subject or "/O=Cluster/CN=" + name, "-out", request)
        self.next_serial += 1
        self.serials[name] = "%X" % self.next_serial
        self._write("serial", self.serials[name] + "\n")
        self._write("index", "")
        signer = ["-selfsign", "-keyfile", private] if issuer is None else \
            ["-cert", self.path("cert", issuer), "-keyfile", self.path("key", self.keys[issuer])]
        padding = ["-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"] if pss else []
        extensions = [e for e in extensions if issuer or not e.startswith("authorityKey")]
        words = ["-extensions", "certificate"] if extensions else []
        self._ca("-notext", "-preserveDN", "-in", request, "-out", self.path("cert", name), "-md", digest,
                 "-startdate", date(begin), "-enddate", date(end), *words, *padding, *signer,
                 extensions=extensions)

    def revocations(self, name, issuer, revoked=(), made=-DAY, following=30 * DAY, key_identifier=True,
                    extensions=(), digest="sha256"):
        """Makes crl/NAME.pem.  revoked: names of certificates, with a reason behind a colon."""
        lines = []
        for entry in revoked:
            which, _, reason = entry.partition(":")
            reason = "," + reason if reason else ""
            lines.append("R\t491231235959Z\t%s%s\t%s\tunknown\t/CN=x\n" % (
                date(-DAY)[2:], reason, self.serials.get(which, which)))
        self._write("index", "".join(lines))
        extensions = list(extensions) + (["authorityKeyIdentifier=keyid"] if key_identifier else [])
        words = ["-crlexts", "list"] if extensions else []
        self._ca("-gencrl", "-cert", self.path("cert", issuer), "-md", digest, "-out", self.path("crl", name),
                 "-keyfile", self.path("key", self.keys[issuer]), "-crl_lastupdate", date(made),
                 "-crl_nextupdate", date(following), *words, list_extensions=extensions)

    def file(self, name, *parts):
        """Makes file/NAME of bytes and of what was made: ("cert", "root")."""
        with open(self.path("file", name), "wb") as file:
            for part in parts:
                file.write(part if isinstance(part, bytes) else self.read(*part))
