//! Generates the Kotlin bindings; run by `cargo xtask bindings`.

fn main() {
    uniffi::uniffi_bindgen_main();
}
