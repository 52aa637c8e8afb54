//! `cargo xtask crash`, and the parts that it runs in processes of their own.

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("this needs Linux");
}

#[cfg(target_os = "linux")]
mod driver;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    driver::main()
}
