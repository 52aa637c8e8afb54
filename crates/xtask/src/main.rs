//! Developer commands: `cargo xtask run | test | check | tauri | bindings | sim | crash | fuzz | bench | shots`. Each installs what it needs and
//! says so.

mod agents;
mod android;
mod bench;
mod check;
mod crash;
mod cross;
mod fuzz;
mod install;
mod kotlin;
mod run;
mod sh;
mod sim;
mod speech;
mod test;
mod tidy;
mod window;

use std::process::ExitCode;

const HELP: &str = "cargo xtask COMMAND

  run [--sample] [--headless]   build and open the app; --sample opens a phone and a desktop of a sample mesh
  test [rust|ui|vectors|kotlin|window|speech|agents]
                                run the tests, all of them without a name
  check [kotlin|cross]          format, lints, licences, types, tidiness; or of these only what is Kotlin, or only the types
                                of the Rust for Android and macOS
  tauri [ARGS...]               the pinned Tauri command line, such as `tauri android build --apk`; see docs/PLATFORMS.md
  bindings                      write the Kotlin bindings of crates/ffi anew
  sim [--seeds N] [--from S]    simulate N worlds (2000), from seed S on; see docs/SIMULATION.md
  sim --seed S                  replay one world, telling each step
  crash [--full] [--only WORKLOAD] [--seed N] [--save DIR]
                                cut power and fail system calls under the real node; see docs/CRASH.md
  fuzz [--seconds N] [TARGET...]
                                fuzz every decoder and the session for N seconds each (60), and keep the corpus small
  bench [--full] [--rows NAME,NAME] [--json]
                                the figures of docs/FIGURES.md, as ratios
  shots                         screenshots of every screen under target/shots/, and the README's pictures
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let result = match args.as_slice() {
        ["run", flags @ ..] => run::run(flags),
        ["test", parts @ ..] => test::test(parts),
        ["sim", flags @ ..] => sim::sim(flags),
        ["crash", flags @ ..] => crash::crash(flags),
        ["fuzz", args @ ..] => fuzz::fuzz(args),
        ["check"] => check::check(),
        ["check", "kotlin"] => check::kotlin(),
        ["check", "cross"] => cross::check(),
        ["bindings"] => kotlin::bindings(),
        ["tauri", args @ ..] => run::tauri(args),
        ["bench", flags @ ..] => bench::bench(flags),
        ["shots"] => window::shots(),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        other => Err(format!("unknown: {}\n\n{HELP}", other.join(" "))),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error}");
            ExitCode::FAILURE
        }
    }
}
