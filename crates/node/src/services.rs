//! `services.toml`: what runs beside the devices, as a person wrote it down.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use mirror_domain::text::DeviceName;
use serde::Deserialize;

use crate::error::{Error, Result};
use crate::view;

/// The file's name in the home.
pub const FILE: &str = "services.toml";
/// How a service's id on the map begins.
pub const PREFIX: &str = "service:";
/// Bytes of the file.
const MAX_FILE_BYTES: u64 = 256 * 1024;
/// Services in it.
const MAX_SERVICES: usize = 200;
/// Bytes of an address, or of a command's words together.
const MAX_PROBE_BYTES: usize = 2048;
const HINT: &str = "services.toml names services like this: [[service]] name = \"Ollama\", kind = \"model\", \
    probe = \"http://127.0.0.1:11434/\"; see docs/SERVICES.md";

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Service {
    /// What people call it; each name once.
    pub name: String,
    /// What it is.
    pub kind: String,
    /// Where it is, unless the map says otherwise.
    pub place: Option<String>,
    /// The device that it runs on; this one, if none is named.
    pub device: Option<String>,
    /// How it is asked.
    pub probe: Probe,
}

/// How a service is asked whether it is well.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Probe {
    /// Answers below 400 are well.
    Http(String),
    /// A connection is well.
    Tcp(String),
    /// A program with its arguments, without a shell; exit code 0 is well.
    Command(Vec<String>),
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http(url) => f.write_str(url),
            Self::Tcp(address) => write!(f, "tcp://{address}"),
            Self::Command(words) => f.write_str(&words.join(" ")),
        }
    }
}

impl Service {
    /// Its id on the map.
    pub fn id(&self) -> String {
        format!("{PREFIX}{}", self.name)
    }

    /// The id of the device that it runs on.
    pub fn runs_on(&self, devices: &[view::Device]) -> String {
        let named = |device: &&view::Device| match &self.device {
            Some(name) => device.name == *name || device.device == *name,
            None => device.this,
        };
        let found = devices.iter().find(named).or_else(|| devices.iter().find(|one| one.this));
        found.map(|device| device.device.clone()).unwrap_or_default()
    }
}

/// The services of a home.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Services(Vec<Service>);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    service: Vec<WrittenService>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenService {
    name: String,
    kind: String,
    place: Option<String>,
    device: Option<String>,
    probe: Option<String>,
    command: Option<Vec<String>>,
}

impl Services {
    /// Reads a home's; no file is no services.
    pub fn read(home: &Path) -> Result<Self> {
        let path = home.join(FILE);
        let bytes = match path.metadata() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self::default());
            }
            metadata => metadata?.len(),
        };
        if bytes > MAX_FILE_BYTES {
            let detail = format!("{FILE} has {bytes} bytes, the limit is {MAX_FILE_BYTES}");
            return Err(Error::invalid(detail, HINT));
        }
        Self::parse(&std::fs::read_to_string(path)?)
    }

    /// Reads the file's text.
    pub fn parse(text: &str) -> Result<Self> {
        let written: Written = toml::from_str(text).map_err(|error| {
            Error::invalid(format!("{FILE}: {}", error.to_string().trim()), HINT)
        })?;
        if written.service.len() > MAX_SERVICES {
            let found = written.service.len();
            let detail = format!("{FILE} names {found} services, the limit is {MAX_SERVICES}");
            return Err(Error::invalid(detail, HINT));
        }
        let mut names = BTreeSet::new();
        let mut services = Vec::new();
        for one in written.service {
            let service = one.check()?;
            if !names.insert(service.name.clone()) {
                let detail = format!("{FILE} names {:?} twice", service.name);
                return Err(Error::invalid(detail, HINT));
            }
            services.push(service);
        }
        Ok(Self(services))
    }

    /// All of them, as they are written.
    pub fn all(&self) -> impl Iterator<Item = &Service> {
        self.0.iter()
    }
}

impl WrittenService {
    fn check(self) -> Result<Service> {
        let wrong = |what: String| Error::invalid(format!("{FILE}, {:?}: {what}", self.name), HINT);
        let named = |text: &str| {
            DeviceName::new(text).map(|name| name.to_string()).map_err(|e| wrong(e.to_string()))
        };
        let probe = match (&self.probe, &self.command) {
            (Some(address), None) => Probe::parse(address).map_err(wrong)?,
            (None, Some(words)) => Probe::command(words).map_err(wrong)?,
            _ => return Err(wrong("it needs either `probe` or `command`".to_owned())),
        };
        let place = self.place.as_deref().map(named).transpose()?;
        let device = self.device.as_deref().map(named).transpose()?;
        Ok(Service { name: named(&self.name)?, kind: named(&self.kind)?, place, device, probe })
    }
}

impl Probe {
    fn parse(address: &str) -> std::result::Result<Self, String> {
        if address.len() > MAX_PROBE_BYTES {
            return Err(format!(
                "its probe has {} bytes, the limit is {MAX_PROBE_BYTES}",
                address.len()
            ));
        }
        if let Some(address) = address.strip_prefix("tcp://") {
            let port = address.rsplit_once(':').filter(|(host, _)| !host.is_empty());
            return match port.map(|(_, port)| port.parse::<u16>()) {
                Some(Ok(_)) => Ok(Self::Tcp(address.to_owned())),
                _ => Err(format!("tcp://{address} names no host and port")),
            };
        }
        if ["http://", "https://"].iter().any(|scheme| address.starts_with(scheme)) {
            return Ok(Self::Http(address.to_owned()));
        }
        Err(format!("{address:?} begins with none of http://, https://, tcp://"))
    }

    fn command(words: &[String]) -> std::result::Result<Self, String> {
        let bytes: usize = words.iter().map(String::len).sum();
        match words.first() {
            Some(program) if !program.is_empty() && bytes <= MAX_PROBE_BYTES => {
                Ok(Self::Command(words.to_vec()))
            }
            Some(_) if bytes > MAX_PROBE_BYTES => {
                Err(format!("its command has {bytes} bytes, the limit is {MAX_PROBE_BYTES}"))
            }
            _ => Err("its command names no program".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_read_as_they_are_written() {
        let services = Services::parse(
            r#"
            [[service]]
            name = "Ollama"
            kind = "model"
            place = "Home"
            probe = "http://127.0.0.1:11434/"
            [[service]]
            name = "SSH"
            kind = "shell"
            device = "Mac"
            probe = "tcp://[::1]:22"
            [[service]]
            name = "Syncthing"
            kind = "files"
            command = ["systemctl", "is-active", "--quiet", "syncthing"]
            "#,
        )
        .unwrap();
        let all: Vec<_> = services.all().collect();
        assert_eq!(all[0].place.as_deref(), Some("Home"));
        assert_eq!(all[1].probe, Probe::Tcp("[::1]:22".into()));
        assert_eq!(all[2].probe.to_string(), "systemctl is-active --quiet syncthing");
        assert_eq!(all[2].id(), "service:Syncthing");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let says = |text: &str| Services::parse(text).unwrap_err().detail;
        let service = |rest: &str| format!("[[service]]\nname = \"A\"\nkind = \"b\"\n{rest}");
        assert!(
            says("[[service]]\nname = 3").contains("name = 3"),
            "{}",
            says("[[service]]\nname = 3")
        );
        assert!(says(&service("")).contains("it needs either `probe` or `command`"));
        assert!(says(&service("probe = \"ftp://x\"")).contains("begins with none of"));
        assert!(says(&service("probe = \"tcp://x\"")).contains("no host and port"));
        assert!(says(&service("command = []")).contains("names no program"));
        assert!(says(&service("colour = \"red\"")).contains("unknown field `colour`"));
        let one = service("probe = \"tcp://x:1\"");
        assert!(says(&format!("{one}\n{one}")).contains("names \"A\" twice"));
        let many: String =
            (0..201).map(|n| one.replace("\"A\"", &format!("\"{n}\"")) + "\n").collect();
        assert!(says(&many).contains("names 201 services, the limit is 200"));
    }
}
