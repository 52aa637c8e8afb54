//! The deterministic simulation, optimised.

use crate::sh::{Result, cargo, step};

pub fn sim(flags: &[&str]) -> Result<()> {
    let mut sim = cargo();
    sim.args(["run", "--release", "--quiet", "-p", "mirror-simulation", "--bin", "simulate", "--"]);
    step("simulation", sim.args(flags))
}
