//! The seeds that every test run goes through.

use simulation::range;

#[test]
fn two_thousand_worlds_keep_the_promises_and_every_fault_occurs() {
    let summary = range::seeds(0, 2000, |_| {});
    println!("{}", summary.coverage);
    println!("{:.0} simulated hours, {} steps", summary.hours, summary.steps);
    for (seed, failure) in &summary.failures {
        println!("seed {seed} failed at step {}: {}", failure.step, failure.what);
        println!("    cargo xtask sim --seed {seed}");
    }
    assert!(summary.failures.is_empty(), "some seeds failed");
    let missing = summary.coverage.missing();
    assert!(missing.is_empty(), "never simulated: {missing:?}");
}

#[test]
fn a_seed_gives_the_same_world_twice() {
    for seed in [3, 77, 1234] {
        let run = |seed| simulation::run(seed, false).map(|o| (o.steps, o.ms, o.fingerprint));
        assert_eq!(run(seed).unwrap(), run(seed).unwrap());
    }
}
