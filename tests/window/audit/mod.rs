//! Takes pictures, and finds what a program can find wrong in them.

use serde_json::Value;
use world::window::Window;

/// Goes through one window's screens.
pub struct Shooting<'w> {
    window: &'w Window,
    size: &'static str,
    theme: &'static str,
    faults: Vec<String>,
}

impl<'w> Shooting<'w> {
    pub fn new(window: &'w Window, size: &'static str) -> Self {
        let shooting = Self { window, size, theme: "light", faults: Vec::new() };
        // An audit that finds nothing wrong here finds nothing anywhere.
        window.runs("document.body.insertAdjacentHTML('beforeend', '<p id=wrong style=\"width: 200vw; color: #aaa\">wrong</p><img id=blind>')");
        let found = shooting.faults();
        assert!(found.iter().any(|fault| fault.contains("beyond the edge")), "{found:?}");
        assert!(found.iter().any(|fault| fault.contains("contrast 2.")), "{found:?}");
        assert!(found.iter().any(|fault| fault.contains("axe image-alt")), "{found:?}");
        window.runs(
            "document.getElementById('wrong').remove(); document.getElementById('blind').remove()",
        );
        shooting
    }

    fn faults(&self) -> Vec<String> {
        let mut faults = self.own_faults();
        faults.extend(self.axe_faults());
        faults
    }

    /// What axe-core finds that is serious.
    fn axe_faults(&self) -> Vec<String> {
        let axe = concat!(env!("CARGO_MANIFEST_DIR"), "/../ui/node_modules/axe-core/axe.min.js");
        let axe = std::fs::read_to_string(axe).expect("`npm ci` in ui brings axe-core");
        self.window.runs(&format!("if (!window.axe) {{ {axe}\n }}\n{}", include_str!("axe.js")));
        let found = world::until("axe-core answers", || {
            let found = self.window.runs("return window.axeFound ?? null");
            found.is_array().then_some(found)
        });
        texts(&found)
    }

    fn own_faults(&self) -> Vec<String> {
        let found = self.window.runs(include_str!("audit.js"));
        texts(&found)
    }

    /// Light or dark, without waiting for the person's choice.
    pub fn theme(&mut self, theme: &'static str) {
        self.theme = theme;
        self.window.runs(&format!("document.documentElement.dataset.theme = '{theme}'"));
    }

    /// A picture of what shows now, once it rests; its faults are kept for the end.
    pub fn shot(&mut self, screen: &str) {
        self.rests();
        self.window.shoot(&format!("{screen}-{}-{}", self.size, self.theme));
        self.note_faults(screen);
    }

    /// Its faults without a picture.
    pub fn looks(&mut self, screen: &str) {
        self.rests();
        self.note_faults(screen);
    }

    fn note_faults(&mut self, screen: &str) {
        for fault in self.faults() {
            self.faults.push(format!("{screen} {} {}: {fault}", self.size, self.theme));
        }
    }

    /// Two looks a little apart show the same, and the last one was painted: the picture is of what was painted last, which
    /// can be long before.
    fn rests(&self) {
        let look = || {
            self.window.runs(
                "return document.body.innerHTML.length + ' ' + document.getAnimations().length",
            )
        };
        let mut before = look();
        world::until("the window comes to rest", || {
            std::thread::sleep(std::time::Duration::from_millis(150));
            let now = look();
            let rests = now == before && now.as_str().is_some_and(|now| now.ends_with(" 0"));
            before = now;
            rests.then_some(())
        });
        self.window.runs(
            "window.painted = false;
            requestAnimationFrame(() => requestAnimationFrame(() => { window.painted = true; }))",
        );
        world::until("the window is painted", || {
            (self.window.runs("return window.painted") == true).then_some(())
        });
    }

    /// Tells every fault at once.
    #[track_caller]
    pub fn end(self) {
        assert!(
            self.faults.is_empty(),
            "{} faults:\n{}",
            self.faults.len(),
            self.faults.join("\n")
        );
    }
}

fn texts(found: &Value) -> Vec<String> {
    let found = found.as_array().expect("a list of faults");
    found.iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// Half past four in the afternoon of the day before, in UTC.
pub fn yesterday() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{}", now.as_secs() - 86_400), "+%Y-%m-%dT16:30:00+00:00"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
