//! A deterministic simulation: many homes with the real protocol and domain, in a world where everything goes wrong.
//!
//! A seed is the whole of a world: the same seed gives the same steps. After every step each home is compared with a
//! reference model that is naive on purpose. It reads no clock, opens no file and asks for no randomness.
//! `docs/SIMULATION.md` says what is simulated and what was found with it.

mod act;
mod carry;
pub mod coverage;
pub mod disk;
mod exchange;
mod flood;
mod fold;
mod heal;
mod hostile;
mod model;
mod naive;
mod plan;
mod policy;
pub mod range;
pub mod rng;
mod shell;
mod wire;
mod world;

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use coverage::Coverage;
pub use world::Failure;
use world::World;

/// What a seed came to.
#[derive(Debug)]
pub struct Outcome {
    /// What happened in it.
    pub coverage: Coverage,
    /// Steps.
    pub steps: u64,
    /// Virtual time, in milliseconds.
    pub ms: u64,
    /// Devices at the end.
    pub homes: usize,
    /// Events at the end.
    pub events: usize,
    /// A number that another run of the seed must give too.
    pub fingerprint: u64,
}

thread_local! {
    static STEP: Cell<u64> = const { Cell::new(0) };
}

/// Runs one seed to its end.
pub fn run(seed: u64, trace: bool) -> Result<Outcome, Failure> {
    STEP.set(0);
    // No bytes may make the core panic; if some do, the seed and the step are told as for any failure.
    catch_unwind(AssertUnwindSafe(|| run_inner(seed, trace))).unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<String>().cloned();
        let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let what = format!("panic: {}", text.unwrap_or_default());
        Err(Failure { step: STEP.get(), what })
    })
}

fn run_inner(seed: u64, trace: bool) -> Result<Outcome, Failure> {
    let mut world = World::new(seed, trace)?;
    while world.step < world.plan.steps {
        world.step()?;
        STEP.set(world.step);
    }
    let ms = world.now;
    world.heal()?;
    if world.plan.flood {
        world.flood()?;
    }
    Ok(Outcome {
        steps: world.step,
        ms,
        homes: world.homes.len(),
        events: world.model.said.len(),
        fingerprint: world.fingerprint(),
        coverage: world.coverage,
    })
}
