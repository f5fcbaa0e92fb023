//! Has the linker place the code that an agent runs together (docs/decisions/0017).

fn main() {
    println!("cargo::rerun-if-changed=order.ld");
    println!("cargo::rerun-if-env-changed=EVENKEEL_UNORDERED");
    let variable = |name: &str| std::env::var(name).unwrap_or_default();
    // Unoptimised code is several times as large, and is linked often.
    let is_wanted = variable("PROFILE") == "release" && variable("CARGO_CFG_TARGET_OS") == "linux";
    if is_wanted && std::env::var_os("EVENKEEL_UNORDERED").is_none() {
        let folder = variable("CARGO_MANIFEST_DIR");
        println!("cargo::rustc-link-arg-bin=evenkeel=-Wl,-T,{folder}/order.ld");
    }
}
