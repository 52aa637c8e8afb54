//! What the app is started with.

use std::net::SocketAddr;
use std::path::PathBuf;

/// The command line.
#[derive(Debug, Clone, PartialEq)]
pub struct Args {
    /// The home.
    pub home: PathBuf,
    /// The window's size.
    pub window: (f64, f64),
    /// Where other devices reach this one; any free port of every interface, when it is not given.
    pub listen: Option<SocketAddr>,
    /// Start in the tray.
    pub hidden: bool,
}

impl Args {
    /// Reads the arguments behind the program's name.
    pub fn parse(args: impl Iterator<Item = String>) -> Result<Self, String> {
        let home = std::env::var_os("MIRROR_HOME").map(PathBuf::from);
        let mut parsed = Self {
            home: home.unwrap_or_else(mirror_node::default_home),
            window: (1280.0, 800.0),
            listen: None,
            hidden: false,
        };
        let mut args = args;
        while let Some(name) = args.next() {
            let mut value = || args.next().ok_or(format!("{name} needs a value"));
            match name.as_str() {
                "--home" => parsed.home = PathBuf::from(value()?),
                "--window" => parsed.window = size(&value()?)?,
                "--listen" => {
                    let text = value()?;
                    let wrong = |_| format!("{text:?} is no address; write it like 127.0.0.1:0");
                    parsed.listen = Some(text.parse().map_err(wrong)?);
                }
                "--hidden" => parsed.hidden = true,
                _ => {
                    return Err(format!(
                        "unknown argument {name:?}; there are --home DIR, --window WxH, --listen ADDR, --hidden"
                    ));
                }
            }
        }
        Ok(parsed)
    }
}

fn size(text: &str) -> Result<(f64, f64), String> {
    let wrong = || format!("{text:?} is no window size; write it like 1280x800");
    let (width, height) = text.split_once('x').ok_or_else(wrong)?;
    let (width, height) =
        (width.parse().map_err(|_| wrong())?, height.parse().map_err(|_| wrong())?);
    let fits = (200.0..=10_000.0).contains(&width) && (200.0..=10_000.0).contains(&height);
    if fits { Ok((width, height)) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Result<Args, String> {
        Args::parse(args.iter().map(|arg| (*arg).to_owned()))
    }

    #[test]
    fn a_phone_sized_window_of_a_home() {
        let args = parse(&["--home", "here", "--window", "390x844"]).unwrap();
        assert_eq!((args.home, args.window), (PathBuf::from("here"), (390.0, 844.0)));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert!(parse(&["--window", "big"]).unwrap_err().contains("1280x800"));
        assert!(parse(&["--colour"]).unwrap_err().contains("--colour"));
        assert!(parse(&["--home"]).unwrap_err().contains("needs a value"));
    }
}
