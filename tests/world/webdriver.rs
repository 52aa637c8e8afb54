//! As much of WebDriver (W3C Recommendation, 2018) as the stories need, over plain HTTP.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Longer than a window takes on the slowest machine; only a hang gets there.
pub(crate) const LIMIT: Duration = Duration::from_secs(60);

/// One session of one window, and the driver that runs it.
pub(crate) struct Session {
    driver: Child,
    address: String,
    agent: ureq::Agent,
}

impl Session {
    /// Starts a driver of its own (one driver runs one session), and the app under it.
    pub(crate) fn start(application: &str, args: &[&str], variables: &[(&str, &str)]) -> Self {
        let (port, native) = (free_port(), free_port());
        let binary = std::env::var_os("TAURI_DRIVER").unwrap_or_else(|| "tauri-driver".into());
        let mut driver = Command::new(binary);
        driver.args(["--port", &port.to_string(), "--native-port", &native.to_string()]);
        driver.args(["--native-driver", "/usr/bin/WebKitWebDriver"]);
        driver.envs(variables.iter().copied()).env_remove("MIRROR_HOME");
        // An orphan must not hold the pipe of whoever reads our output.
        driver.stdout(Stdio::null()).stderr(Stdio::null());
        let driver = driver.spawn().expect("tauri-driver starts (TAURI_DRIVER names it)");
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(LIMIT))
            .http_status_as_error(false)
            .build();
        let mut session = Self {
            driver,
            address: format!("http://127.0.0.1:{port}"),
            agent: ureq::Agent::new_with_config(config),
        };
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "browserName": "wry",
            "tauri:options": {"application": application, "args": args},
        }}});
        let begun = until("the window opens", || session.ask("/session", Some(&wanted)).ok());
        let id = begun["sessionId"].as_str().expect("a session has an id");
        session.address = format!("{}/session/{id}", session.address);
        session
    }

    /// Sends one command; the error is the driver's own words.
    fn ask(&self, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let url = format!("{}{path}", self.address);
        let answer = match body {
            Some(body) => self.agent.post(&url).send_json(body),
            None => self.agent.get(&url).call(),
        };
        let mut answer = answer.map_err(|error| error.to_string())?;
        let mut value: Value = answer.body_mut().read_json().map_err(|error| error.to_string())?;
        let value = value["value"].take();
        if answer.status().is_success() { Ok(value) } else { Err(value.to_string()) }
    }

    /// The elements of a CSS selector, as they are now.
    pub(crate) fn find(&self, css: &str) -> Vec<String> {
        let query = json!({"using": "css selector", "value": css});
        let found = self.ask("/elements", Some(&query)).unwrap_or_default();
        let ids = found.as_array().into_iter().flatten();
        ids.filter_map(|element| element[ELEMENT].as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn attribute(&self, element: &str, name: &str) -> Result<String, String> {
        let value = self.ask(&format!("/element/{element}/attribute/{name}"), None)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    /// What a field holds.
    pub(crate) fn value(&self, element: &str) -> Result<String, String> {
        let value = self.ask(&format!("/element/{element}/property/value"), None)?;
        Ok(value.as_str().unwrap_or_default().to_owned())
    }

    pub(crate) fn click(&self, element: &str) -> Result<(), String> {
        self.ask(&format!("/element/{element}/click"), Some(&json!({}))).map(drop)
    }

    /// Types into an element; control keys are the private code points of the standard, section 17.4.2.
    pub(crate) fn type_in(&self, element: &str, keys: &str) -> Result<(), String> {
        self.ask(&format!("/element/{element}/value"), Some(&json!({"text": keys}))).map(drop)
    }

    pub(crate) fn run(&self, script: &str, args: &[Value]) -> Result<Value, String> {
        self.ask("/execute/sync", Some(&json!({"script": script, "args": args})))
    }

    /// The window as a PNG.
    pub(crate) fn screenshot(&self) -> Result<Vec<u8>, String> {
        use base64::Engine as _;
        let png = self.ask("/screenshot", None)?;
        let text = png.as_str().unwrap_or_default();
        base64::engine::general_purpose::STANDARD.decode(text).map_err(|error| error.to_string())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.address).call();
        // Asked kindly, it ends the browser's driver too.
        let _ = Command::new("kill").arg(self.driver.id().to_string()).status();
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if matches!(self.driver.try_wait(), Ok(Some(_))) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A port that nobody listens at.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("it has an address").port()
}

/// Asks again until there is an answer.
#[track_caller]
pub fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + LIMIT;
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(Instant::now() < end, "waited {} s: {what}", LIMIT.as_secs());
        thread::sleep(Duration::from_millis(50));
    }
}
