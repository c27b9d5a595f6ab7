# SPDX-License-Identifier: LGPL-2.1-or-later
"""The certificates, keys, lists and files that the cases of TLS with X.509 need, good ones and bad ones."""

import os

from authority import DAY, openssl

AKI = "authorityKeyIdentifier=keyid"
SKI = "subjectKeyIdentifier=hash"
IS_CA = "basicConstraints=critical,CA:TRUE"
NO_CA = "basicConstraints=CA:FALSE"
SIGNS = "keyUsage=critical,digitalSignature"
CERTIFIES = "keyUsage=critical,keyCertSign,cRLSign"
NAMES = "subjectAltName=DNS:localhost,IP:127.0.0.1"

AUTHORITY = [IS_CA, CERTIFIES, SKI, AKI]
NODE = [NO_CA, SIGNS, SKI, AKI, NAMES]


def authorities(pki):
    def root(name, subject, **more):
        pki.certificate(name, subject="/O=Cluster/CN=" + subject, extensions=AUTHORITY, **more)

    root("root", "Cluster CA")
    root("impostor", "Cluster CA")
    pki.certificate("root2", subject="/O=Other/CN=Other CA", extensions=AUTHORITY)
    pki.certificate("cross", issuer="root2", key="root", subject="/O=Cluster/CN=Cluster CA",
                    extensions=AUTHORITY)
    pki.certificate("renewed", key="root", subject="/O=Cluster/CN=Cluster CA", extensions=AUTHORITY)
    root("root-expired", "Expired CA", begin=-400 * DAY, end=-DAY)
    root("root-sha1", "Old CA", kind="rsa2048", digest="sha1")
    root("root-rsa2048", "RSA CA", kind="rsa2048")
    root("root-rsa4096", "RSA 4096 CA", kind="rsa4096")
    root("root-rsa1024", "RSA 1024 CA", kind="rsa1024")
    root("root-pss", "PSS CA", kind="rsa2048", pss=True)
    root("root-ed25519", "Ed25519 CA", kind="ed25519", digest="default")
    root("root-p384", "P-384 CA", kind="p384", digest="sha384")
    pki.certificate("root-no-lists", subject="/O=Cluster/CN=CA without lists",
                    extensions=[IS_CA, "keyUsage=critical,keyCertSign", SKI, AKI])
    below = [
        ("inter", "root", "Issuing CA", AUTHORITY, {}),
        ("inter2", "inter", "Site CA", AUTHORITY, {}),
        ("inter-expired", "root", "Expired issuing CA", AUTHORITY, {"begin": -400 * DAY, "end": -DAY}),
        ("inter-names", "root", "Constrained CA",
         AUTHORITY + ["nameConstraints=critical,permitted;DNS:cluster.example"], {}),
        ("inter-server", "root", "Server CA", AUTHORITY + ["extendedKeyUsage=serverAuth"], {}),
        ("inter-path0", "root", "Last CA", [IS_CA + ",pathlen:0", CERTIFIES, SKI, AKI], {}),
        ("below-path0", "inter-path0", "Too deep CA", AUTHORITY, {}),
        ("inter-not-ca", "root", "No CA", [NO_CA, CERTIFIES, SKI, AKI], {}),
        ("inter-no-sign", "root", "Silent CA", [IS_CA, SIGNS, SKI, AKI], {}),
        ("inter-no-constraints", "root", "Vague CA", [CERTIFIES, SKI, AKI], {}),
        ("inter-sha1", "root-rsa2048", "Weak CA", AUTHORITY, {"kind": "rsa2048", "digest": "sha1"}),
    ]
    for name, issuer, subject, extensions, more in below:
        pki.certificate(name, issuer=issuer, subject="/O=Cluster/CN=" + subject, extensions=extensions, **more)


def leaves(pki):
    def leaf(name, issuer="root", extensions=NODE, **more):
        pki.certificate(name, issuer=issuer, extensions=extensions, **more)

    leaf("node")
    for kind in ("rsa768", "rsa1024", "rsa2048", "rsa3072", "rsa4096", "rsapss", "p384", "p521", "ed25519",
                 "ed448", "secp256k1"):
        leaf(kind, kind=kind)
    leaf("by-rsa1024", "root-rsa1024")
    leaf("by-rsa2048", "root-rsa2048", kind="rsa2048")
    leaf("by-rsa4096", "root-rsa4096", key="rsa4096")
    leaf("by-pss", "root-pss", kind="rsa2048", pss=True)
    leaf("by-ed25519", "root-ed25519", kind="ed25519", digest="default")
    leaf("by-p384", "root-p384", kind="p384", digest="sha384")
    leaf("p256-by-p384", "root-p384", digest="sha384")
    leaf("by-sha1-root", "root-sha1", kind="rsa2048")
    leaf("sha1", "root-rsa2048", kind="rsa2048", digest="sha1")
    leaf("md5", "root-rsa2048", kind="rsa2048", digest="md5")
    for issuer in ("inter", "inter2", "inter-expired", "inter-path0", "below-path0", "inter-not-ca",
                   "inter-no-sign", "inter-no-constraints", "inter-sha1", "inter-server", "impostor",
                   "root-expired", "root-no-lists"):
        leaf("by-" + issuer, issuer)
    leaf("by-leaf", "node")
    leaf("foreign", "root2")
    leaf("self", None)
    leaf("self-expired", None, begin=-400 * DAY, end=-DAY)
    leaf("self-ca", None, AUTHORITY + [NAMES])
    leaf("expired", begin=-400 * DAY, end=-DAY)
    leaf("not-yet", begin=DAY, end=400 * DAY)
    leaf("soon", end=10 * DAY)
    plain = [NO_CA, SKI, AKI, NAMES]
    for name, purpose in (("server", "serverAuth"), ("client", "clientAuth"), ("both", "serverAuth,clientAuth"),
                          ("code", "codeSigning"), ("any", "anyExtendedKeyUsage"),
                          ("critical", "critical,clientAuth")):
        leaf("purpose-" + name, extensions=plain + [SIGNS, "extendedKeyUsage=" + purpose])
    leaf("usage-none", extensions=plain)
    for name, usage in (("agreement", "keyAgreement"), ("repudiation", "nonRepudiation")):
        leaf("usage-" + name, extensions=plain + ["keyUsage=critical," + usage])
    leaf("usage-encipherment", kind="rsa2048", extensions=plain + ["keyUsage=critical,keyEncipherment"])
    leaf("ca-true", extensions=AUTHORITY + [NAMES])
    leaf("ca-true-signs", extensions=[IS_CA, CERTIFIES + ",digitalSignature", SKI, AKI])
    leaf("no-names", extensions=[NO_CA, SIGNS, AKI])
    leaf("other-host", subject="/CN=elsewhere.example",
         extensions=[NO_CA, SIGNS, AKI, "subjectAltName=DNS:elsewhere.example,IP:192.0.2.1"])
    leaf("wildcard", extensions=[NO_CA, SIGNS, AKI, "subjectAltName=DNS:*.cluster.example"])
    leaf("version1", extensions=[])
    leaf("many-names", extensions=[NO_CA, SIGNS, AKI, "subjectAltName=" + ",".join(
        "DNS:host%d.a-domain.example" % number for number in range(1500))])
    unknown = "1.2.3.4.5.6=%sASN1:UTF8String:something"
    leaf("extension-critical", extensions=NODE + [unknown % "critical,"])
    leaf("extension", extensions=NODE + [unknown % ""])
    for name, host in (("names-kept", "a.cluster.example"), ("names-broken", "a.other.example")):
        leaf(name, "inter-names", [NO_CA, SIGNS, AKI, "subjectAltName=DNS:" + host], subject="/CN=" + host)


def lists(pki):
    past, future = {"made": -40 * DAY, "following": -10 * DAY}, {"made": 10 * DAY, "following": 40 * DAY}
    made = pki.revocations
    made("none", "root")
    made("others", "root", ["foreign", "inter-expired"])
    made("node", "root", ["node", "expired"])
    made("rsa2048-listed", "root", ["rsa2048"])
    made("node-hold", "root", ["node:certificateHold"])
    made("node-removed", "root", ["node:removeFromCRL"])
    made("past-none", "root", **past)
    made("past-node", "root", ["node"], **past)
    made("future-none", "root", **future)
    made("future-node", "root", ["node"], **future)
    made("forged-none", "impostor", key_identifier=False)
    made("forged-node", "impostor", ["node"], key_identifier=False)
    made("critical-none", "root", extensions=["1.2.3.4.5.7=critical,ASN1:UTF8String:something"])
    made("critical-node", "root", ["node"], extensions=["1.2.3.4.5.7=critical,ASN1:UTF8String:something"])
    made("sha1-none", "root", digest="sha1")
    made("no-lists-none", "root-no-lists")
    made("old-node", "root", ["node"], made=-20 * DAY)
    made("newer-key-none", "impostor")
    made("root2-none", "root2")
    made("root2-same-number", "root2", ["node"])
    made("inter-none", "inter")
    made("inter-leaf", "inter", ["by-inter"])
    made("root-inter", "root", ["inter"])


def chains(pki):
    def chain(name, *certificates):
        pki.file(name, *(("cert", certificate) for certificate in certificates))

    chain("chain.pem", "by-inter", "inter")
    chain("chain-root.pem", "by-inter", "inter", "root")
    chain("chain-twice.pem", "by-inter", "inter", "inter")
    chain("chain-stranger.pem", "by-inter", "foreign", "inter")
    chain("chain-disorder.pem", "by-inter2", "root", "inter", "inter2")
    chain("chain-3.pem", "by-inter2", "inter2", "inter")
    chain("chain-3-gap.pem", "by-inter2", "inter2")
    chain("chain-cross.pem", "node", "cross")
    chain("chain-old-root.pem", "node", "root")
    for issuer in ("inter-expired", "inter-server", "inter-path0", "inter-not-ca", "inter-no-sign", "inter-no-constraints",
                   "inter-sha1", "impostor"):
        chain("chain-%s.pem" % issuer, "by-" + issuer, issuer)
    chain("chain-below-path0.pem", "by-below-path0", "below-path0", "inter-path0")
    chain("chain-leaf.pem", "by-leaf", "node")
    for name in ("names-kept", "names-broken"):
        chain("chain-%s.pem" % name, name, "inter-names")
    chain("wrong-order.pem", "inter", "by-inter")
    chain("two-leaves.pem", "node", "foreign")
    chain("two-cas.pem", "root", "root2")
    chain("two-cas-reversed.pem", "root2", "root")
    chain("same-name-cas.pem", "impostor", "root")
    chain("root-inter.pem", "root", "inter")
    chain("duplicates.pem", *["root"] * 200)
    pki.file("ca-with-key-and-list.pem", ("key", "node"), ("cert", "root"), ("crl", "none"))
    for name, *members in (("lists", "none", "root2-none"), ("lists-node", "root2-none", "node"),
                           ("lists-both", "none", "inter-none"), ("lists-and-stale", "past-none", "none"), ("lists-newer", "old-node", "none"),
                           ("lists-newer-key", "old-node", "newer-key-none")):
        pki.file(name + ".pem", *(("crl", member) for member in members))


def forms(pki):
    """The same things in other forms, and things of other kinds."""
    cert, key = pki.read("cert", "node"), pki.read("key", "node")
    for name, *parts in (("cert-and-key", cert, key), ("key-and-cert", key, cert),
                         ("chain-and-key", ("file", "chain.pem"), ("key", "by-inter")),
                         ("key-then-other", key, ("key", "p384")), ("other-then-key", ("key", "p384"), key)):
        pki.file(name + ".pem", *parts)
    rsa, node = pki.path("key", "rsa2048"), pki.path("key", "node")

    def converted(name, *words):
        openssl(*words, "-out", pki.path("file", name))

    converted("key-pkcs1.pem", "pkey", "-in", rsa, "-traditional")
    converted("key-sec1.pem", "pkey", "-in", node, "-traditional")
    converted("parameters", "ecparam", "-name", "prime256v1")
    pki.file("key-sec1-parameters.pem", ("file", "parameters"), ("file", "key-sec1.pem"))
    converted("key-encrypted.pem", "pkcs8", "-topk8", "-in", node, "-passout", "pass:secret")
    converted("key-encrypted-old.pem", "rsa", "-in", rsa, "-aes128", "-traditional", "-passout", "pass:secret")
    converted("cert.der", "x509", "-in", pki.path("cert", "node"), "-outform", "DER")
    converted("ca.der", "x509", "-in", pki.path("cert", "root"), "-outform", "DER")
    converted("key.der", "pkey", "-in", node, "-outform", "DER")
    converted("crl.der", "crl", "-in", pki.path("crl", "none"), "-outform", "DER")
    converted("cert-and-text.pem", "x509", "-in", pki.path("cert", "node"), "-text")
    converted("trusted.pem", "x509", "-in", pki.path("cert", "node"), "-trustout")
    changes = {
        "crlf": lambda data: data.replace(b"\n", b"\r\n"),
        "bom": lambda data: b"\xef\xbb\xbf" + data,
        "text": lambda data: b"Some words before it.\nAnd more: a=b\n\n" + data + b"and after it\n",
        "no-newline": lambda data: data.rstrip(b"\n"),
        "long-text": lambda data: b"# a comment\n" * 6000 + data,
        "utf16": lambda data: data.decode().encode("utf-16"),
    }
    for change, apply in changes.items():
        for name, data in (("cert", cert), ("key", key), ("ca", pki.read("cert", "root")),
                           ("crl", pki.read("crl", "node"))):
            pki.file("%s-%s.pem" % (name, change), apply(data))
    pki.file("x509-certificate.pem", cert.replace(b" CERTIFICATE", b" X509 CERTIFICATE"))
    pki.file("empty")
    pki.file("garbage", b"this is not a certificate\n" * 4)
    pki.file("cut.pem", cert[:len(cert) // 2])
    damaged = pki.read("cert", "root2")[:200] + b"\n-----END CERTIFICATE-----\n"
    pki.file("ca-damaged-last.pem", ("cert", "root"), damaged)
    pki.file("ca-damaged-first.pem", damaged, ("cert", "root"))
    os.makedirs(pki.path("file", "directory"), exist_ok=True)
    if not os.path.exists(pki.path("file", "fifo")):
        os.mkfifo(pki.path("file", "fifo"))


def make_all(pki):
    for part in (authorities, leaves, lists, chains, forms):
        part(pki)
