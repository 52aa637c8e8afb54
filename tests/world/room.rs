//! A room with a microphone in it: a sound server of its own, whose microphone hears what is played.

use std::f64::consts::TAU;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::webdriver::until;

const RATE: u32 = 16_000;

/// As long as nothing is played its microphone gives zeros, as one does that the system withholds.
pub struct Room {
    server: Child,
    folder: TempDir,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    pub fn new() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let path = |name: &str| folder.path().join(name).display().to_string();
        let script = format!(
            "load-module module-null-sink sink_name=room rate={RATE}\n\
             load-module module-native-protocol-unix socket={} auth-anonymous=1\n\
             set-default-source room.monitor\n",
            path("sound")
        );
        std::fs::write(path("sound.pa"), script).expect("a file");
        std::fs::write(
            path("alsa.conf"),
            "pcm.!default { type pulse }\nctl.!default { type pulse }\n",
        )
        .expect("a file");
        let mut server = Command::new("pulseaudio");
        server.args(["-n", "-F", &path("sound.pa"), "--exit-idle-time=-1", "--use-pid-file=no"]);
        server.args(["--disable-shm=yes", "--daemonize=no"]);
        server.env("HOME", folder.path()).env("XDG_RUNTIME_DIR", folder.path());
        server.stdout(Stdio::null()).stderr(Stdio::null());
        let server =
            server.spawn().expect("pulseaudio is installed: `cargo xtask test window` does");
        let room = Self { server, folder };
        until("the sound server listens", || room.path("sound").exists().then_some(()));
        room
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What a program needs to hear it.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("PULSE_SERVER", format!("unix:{}", self.path("sound").display())),
            ("ALSA_CONFIG_PATH", self.path("alsa.conf").display().to_string()),
        ]
    }

    /// The same of a room without a microphone.
    pub fn deaf_variables() -> [(&'static str, String); 2] {
        [("PULSE_SERVER", "unix:/nowhere".into()), ("ALSA_CONFIG_PATH", "/dev/null".into())]
    }

    /// Somebody hums until it is dropped.
    pub fn hums(&self) -> Humming {
        let tone = (0..RATE * 60).flat_map(|at| {
            let wave = (f64::from(at) * 220.0 * TAU / f64::from(RATE)).sin();
            #[allow(clippy::cast_possible_truncation)]
            let sample = (wave * 8000.0) as i16;
            sample.to_le_bytes()
        });
        std::fs::write(self.path("tone"), tone.collect::<Vec<u8>>()).expect("a file");
        let mut player = Command::new("pacat");
        player.args(["--playback", "--format=s16le", "--channels=1", &format!("--rate={RATE}")]);
        player.arg(self.path("tone")).envs(self.variables());
        Humming(player.spawn().expect("pacat is installed with pulseaudio-utils"))
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A sound that goes on.
pub struct Humming(Child);

impl Drop for Humming {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
