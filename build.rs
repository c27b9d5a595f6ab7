// SPDX-License-Identifier: LGPL-2.1-or-later
//! Compiles the one file of C: stable Rust cannot read a `va_list`.

fn main() {
    #[cfg(feature = "capi")]
    {
        const SHIM: &str = "src/capi/client/output/arguments.c";
        println!("cargo::rerun-if-changed={SHIM}");
        cc::Build::new()
            .file(SHIM)
            .warnings_into_errors(true)
            .extra_warnings(true)
            .compile("pcmk_remote_rs_arguments");
    }
    println!("cargo::rerun-if-changed=build.rs");
}
