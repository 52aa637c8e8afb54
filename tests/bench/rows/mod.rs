//! The rows, each in a file with its child processes.

mod append;
mod hook;
mod import;
mod open;
mod reconcile;
mod search;
mod session;
mod vault;
mod verify;

pub use reconcile::NEW;

use std::fmt;

use serde::Serialize;

use crate::measure::Sample;
use crate::mesh::Size;

/// Takes rows as they are measured.
pub type Print<'a> = &'a mut dyn FnMut(Row);

/// Measures the rows of one name; `full` with the sizes of the design.
type Measure = fn(full: bool, print: Print<'_>);

/// By name.
pub const ROWS: &[(&str, Measure)] = &[
    ("append", append::rows),
    ("import", import::rows),
    ("verify", verify::rows),
    ("reconcile", reconcile::rows),
    ("open", open::rows),
    ("hook", hook::rows),
    ("search", search::rows),
    ("vault", vault::rows),
    ("session", session::rows),
];

/// One figure beside the bare one.
#[derive(Debug, Serialize)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// Our figure.
    pub ours: f64,
    /// The bare operation's.
    pub bare: Option<f64>,
    /// Of both figures.
    pub unit: &'static str,
    /// Ours to the bare one: of speeds and bytes as they are, of times the other way round, so that more is faster.
    pub ratio: Option<f64>,
    /// How many events, notes or bytes it was measured on.
    pub n: usize,
    /// The most memory that the process had.
    pub peak_mib: Option<f64>,
    /// What the design asks for.
    pub reach: &'static str,
    /// Whether it is reached; `None` for a figure that the design says nothing of.
    pub ok: Option<bool>,
}

impl Row {
    /// Operations a second.
    pub fn speed(name: &str, n: usize, count: usize, ours: &Sample, bare: &Sample) -> Self {
        let speed = |sample: &Sample| count as f64 / sample.ms * 1000.0;
        let ratio = Some(bare.ms / ours.ms);
        Self {
            ours: speed(ours),
            bare: Some(speed(bare)),
            unit: "/s",
            ratio,
            ..Self::ms(name, n, ours, None)
        }
    }

    /// A time.
    pub fn ms(name: &str, n: usize, ours: &Sample, bare: Option<&Sample>) -> Self {
        Self {
            name: name.to_owned(),
            ours: ours.ms,
            bare: bare.map(|bare| bare.ms),
            unit: "ms",
            ratio: bare.map(|bare| bare.ms / ours.ms),
            n,
            peak_mib: ours.peak_mib,
            reach: "",
            ok: None,
        }
    }

    /// Any figure.
    pub fn of(name: &str, n: usize, ours: f64, bare: Option<f64>, unit: &'static str) -> Self {
        let ratio = bare.map(|bare| ours / bare);
        let sample = Sample::default();
        Self { ours, bare, unit, ratio, ..Self::ms(name, n, &sample, None) }
    }

    /// What it is to reach.
    pub fn to(self, reach: &'static str, ok: impl FnOnce(&Self) -> bool) -> Self {
        let ok = Some(ok(&self));
        Self { reach, ok, ..self }
    }

    /// Is to reach this ratio.
    pub fn at_least(self, ratio: f64, reach: &'static str) -> Self {
        self.to(reach, |row| row.ratio.is_some_and(|found| found >= ratio))
    }

    /// The head of a table.
    pub fn title() -> String {
        format!(
            "{:<34} {:>9} {:>12} {:>12} {:<3} {:>6} {:>9}  {}",
            "", "n", "ours", "bare", "", "ratio", "peak MiB", "to reach"
        )
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let figure = |value: Option<f64>, digits| {
            value.map_or("-".to_owned(), |value| format!("{value:.digits$}"))
        };
        let digits = if self.ours < 100.0 { 1 } else { 0 };
        let ok = match self.ok {
            Some(true) => "ok",
            Some(false) => "MISSED",
            None => "",
        };
        write!(
            f,
            "{:<34} {:>9} {:>12} {:>12} {:<3} {:>6} {:>9}  {} {ok}",
            self.name,
            self.n,
            figure(Some(self.ours), digits),
            figure(self.bare, digits),
            self.unit,
            figure(self.ratio, 2),
            figure(self.peak_mib, 0),
            self.reach,
        )
    }
}

/// The sizes that a row grows over.
pub fn growth(full: bool, small: usize) -> Vec<Size> {
    let events = if full { vec![10_000, 100_000, 1_000_000] } else { vec![small] };
    events.into_iter().map(size).collect()
}

/// 500 chains for a million events, fewer for fewer.
pub fn size(events: usize) -> Size {
    Size { events, chains: (events / 2000).clamp(5, 500) }
}

/// What a child process does, by name.
pub fn child(args: &[String]) -> Sample {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["append", rest @ ..] => append::child(rest),
        ["import", rest @ ..] => import::child(rest),
        ["verify", rest @ ..] => verify::child(rest),
        ["reconcile", rest @ ..] => reconcile::child(rest),
        ["open", rest @ ..] => open::child(rest),
        ["search", rest @ ..] => search::child(rest),
        ["session", rest @ ..] => session::child(rest),
        ["vault", rest @ ..] => vault::child(rest),
        _ => panic!("no such operation: {args:?}"),
    }
}
