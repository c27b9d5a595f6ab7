# SPDX-License-Identifier: LGPL-2.1-or-later
# The few commands that people type. CI runs `make check` and `make test`, nothing else.

PREFIX ?= /usr/local
DESTDIR ?=
# The release of Pacemaker whose interface `make lib` gives: 3.0 to libpcmk-remote-rs, 2.1 to libpcmk-remote-rs-2.1.
ABI ?= 3.0
# Looked for when it is needed, after the step that may install it.
CARGO = $(shell tests/setup cargo)
# What installs missing system packages. A build of a package says SETUP=true: it has declared what it needs.
SETUP ?= tests/setup
# No path of this machine in what is built for others.
RUSTC_WRAPPER ?= $(CURDIR)/packaging/rustc-without-paths

.PHONY: run build dropin lib test check bench attacks install uninstall deb rpm reproducible fuzz setup-build setup-library setup-package setup-test clean

## run: build, then show a daemon on loopback doing its main job
run: build
	@tests/setup demo
	target/release/pcmk-remote demo

## build: the daemon and the tool, with the system packages that they need
build: setup-build
	RUSTC_WRAPPER=$(RUSTC_WRAPPER) $(CARGO) build --release --locked
	CARGO=$(CARGO) packaging/crates notices >target/release/NOTICES
	CARGO=$(CARGO) packaging/crates sbom >target/release/sbom.cdx.json

## dropin: liblrmd.so.28 and liblrmd.so.52, for programs of Pacemaker 2.1 and 3.0 (target/dropin)
dropin: setup-library
	CARGO=$(CARGO) RUSTC_WRAPPER=$(RUSTC_WRAPPER) packaging/build-library dropin 2.1 target/dropin/2.1
	CARGO=$(CARGO) RUSTC_WRAPPER=$(RUSTC_WRAPPER) packaging/build-library dropin 3.0 target/dropin/3.0

## lib: libpcmk-remote-rs, shared and static, for programs of its own; ABI=2.1 makes libpcmk-remote-rs-2.1 (target/lib)
lib: setup-library
	CARGO=$(CARGO) RUSTC_WRAPPER=$(RUSTC_WRAPPER) packaging/build-library lib $(ABI) target/lib

## test: everything, on real peers and real clusters; installs what is missing
test:
	tests/run

## check: what a change must keep: format, lints (scripts too), documentation, layers, interface, licences, package
check: setup-test
	$(CARGO) fmt --check
	$(CARGO) clippy --locked --all-targets --all-features -- -D warnings
	$(CARGO) clippy --locked -- -D warnings
	$(CARGO) clippy --locked --no-default-features --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features agents --all-targets -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features tool --bins -- -D warnings
	$(CARGO) clippy --locked --no-default-features --features capi --lib -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --no-deps --all-features
	tests/check-scripts
	tests/check-dependencies
	tests/check-package
	CARGO=$(CARGO) packaging/crates check
	$(CARGO) test --locked --all-features --test architecture --test bindings --test options
	$(CARGO) test --locked --all-features --test capi generated

## bench: side by side with the distribution's daemons, in one run (benches/run --help)
bench: setup-test build
	benches/run

## attacks: attack our daemon and the distribution's; the table of docs/security.md (benches/attacks --help)
attacks: setup-test build
	benches/attacks

## fuzz: each fuzz target for a minute; needs rustup, installs what else is missing (fuzz/run --help)
fuzz:
	fuzz/run

## install: what has been built, into $(DESTDIR)$(PREFIX)
install:
	packaging/install "$(DESTDIR)" "$(PREFIX)"

## uninstall: remove what `make install` put there, but for settings that were edited
uninstall:
	packaging/install --uninstall "$(DESTDIR)" "$(PREFIX)"

## deb: the Debian packages (target/deb); offline after `cargo vendor`
deb: setup-package
	packaging/make-deb

## rpm: the RPM packages (target/rpm); offline after `cargo vendor`
rpm: setup-package
	packaging/make-rpm

## reproducible: build the packages twice, in two directories, and compare them byte for byte
reproducible: setup-package
	packaging/check-reproducible

setup-build:
	@$(SETUP) build

setup-library:
	@$(SETUP) build library

setup-package:
	@$(SETUP) build library package

setup-test:
	@tests/setup build check test

clean:
	$(CARGO) clean
