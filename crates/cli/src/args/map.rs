//! `mirror map` on the command line.

/// `mirror map`
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Map {
    /// Ask the services first
    #[arg(long, conflicts_with = "at")]
    pub probe: bool,
    /// As of this clock
    #[arg(long, value_name = "CLOCK")]
    pub at: Option<u32>,
    #[command(subcommand)]
    pub change: Option<MapChange>,
}

/// What can be changed of the map, for all devices.
#[derive(Debug, clap::Subcommand)]
pub enum MapChange {
    /// Put a device or a service somewhere
    #[command(after_help = "Example:\n  mirror map move Mac 0.3 0.5")]
    Move {
        /// Its name or id
        node: String,
        /// From the left, 0 to 1
        #[arg(allow_negative_numbers = true)]
        x: f64,
        /// From the top, 0 to 1
        #[arg(allow_negative_numbers = true)]
        y: f64,
    },
    /// Say in which place a device or a service is
    #[command(after_help = "Example:\n  mirror map group Mac Home")]
    Group {
        /// Its name or id
        node: String,
        /// Such as Home; in none without one
        place: Option<String>,
    },
}
