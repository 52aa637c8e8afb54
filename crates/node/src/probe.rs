//! Asking the services whether they are well: apart from everything else, never often, never for long.

use std::collections::BTreeMap;
use std::process::Stdio;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

use crate::clock;
use crate::node::{Node, lock};
use crate::services::{Probe, Service, Services};
use crate::view::Change;

/// How long a service may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// A service that is well is asked again after this.
const EVERY_MS: i64 = 60_000;
/// One that is not, after this, and twice as long each time that it is not.
const AGAIN_MS: i64 = 15_000;
/// But never later than this.
const LONGEST_MS: i64 = 15 * 60_000;
/// How often is looked which are due, and whether the file has changed.
const LOOK: Duration = Duration::from_secs(2);
/// How many are asked at once.
const AT_ONCE: usize = 8;

/// What a service answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// When it was asked.
    pub at_ms: i64,
    /// How long it took.
    pub took_ms: u32,
    /// Why it is not well.
    pub error: Option<String>,
    /// How often in a row it was not well.
    failures: u32,
}

impl Answer {
    /// When to ask again.
    fn due_ms(&self) -> i64 {
        let after = match self.failures {
            0 => EVERY_MS,
            failures => (AGAIN_MS << (failures - 1).min(10)).min(LONGEST_MS),
        };
        self.at_ms.saturating_add(after)
    }

    /// Whether it should have been asked again by now, and was not: nothing can be said of it then.
    pub fn is_old(&self, now_ms: i64) -> bool {
        now_ms > self.due_ms().saturating_add(2 * EVERY_MS) || now_ms < self.at_ms - EVERY_MS
    }
}

/// The last answers, by all that is written of a service: a changed one has not been asked.
#[derive(Debug, Clone, Default)]
pub struct Probes(BTreeMap<Service, Answer>);

impl Probes {
    /// The last answer of a service.
    pub fn get(&self, service: &Service) -> Option<&Answer> {
        self.0.get(service)
    }

    fn is_due(&self, service: &Service, now_ms: i64) -> bool {
        self.get(service).is_none_or(|answer| answer.due_ms() <= now_ms)
    }
}

/// Asks the services until it is dropped.
pub struct ProbeWatch(JoinHandle<()>);

impl Drop for ProbeWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Node {
    pub(crate) fn probed(&self) -> Probes {
        lock(&self.inner.probes).clone()
    }

    /// Begins to ask the services of `services.toml`, each when it is due.
    pub fn watch_services(&self) -> ProbeWatch {
        let node = self.clone();
        ProbeWatch(tokio::spawn(async move {
            let mut asked = JoinSet::new();
            let mut running: Vec<Service> = Vec::new();
            loop {
                let services = Services::read(&node.inner.home).unwrap_or_default();
                lock(&node.inner.probes)
                    .0
                    .retain(|known, _| services.all().any(|one| one == known));
                let now = clock::now_ms();
                let probes = node.probed();
                for service in services.all().filter(|one| probes.is_due(one, now)) {
                    if !running.contains(service) && running.len() < AT_ONCE {
                        running.push(service.clone());
                        asked.spawn(ask(service.clone()));
                    }
                }
                tokio::select! {
                    Some(Ok((service, answer))) = asked.join_next() => {
                        running.retain(|one| *one != service);
                        node.keep_answer(service, answer);
                    }
                    () = tokio::time::sleep(LOOK) => {}
                }
            }
        }))
    }

    /// Asks all services once, now, and returns when the slowest has answered or run out of time.
    pub async fn probe_services(&self) {
        let services = Services::read(&self.inner.home).unwrap_or_default();
        let room = Arc::new(Semaphore::new(AT_ONCE));
        let mut asked = JoinSet::new();
        for service in services.all().cloned() {
            let room = Arc::clone(&room);
            asked.spawn(async move {
                let _place = room.acquire_owned().await;
                ask(service).await
            });
        }
        while let Some(answered) = asked.join_next().await {
            if let Ok((service, answer)) = answered {
                self.keep_answer(service, answer);
            }
        }
    }

    fn keep_answer(&self, service: Service, mut answer: Answer) {
        let before = {
            let mut probes = lock(&self.inner.probes);
            let before = probes.0.get(&service).cloned();
            let failed = before.as_ref().map_or(0, |before| before.failures);
            answer.failures = if answer.error.is_some() { failed.saturating_add(1) } else { 0 };
            probes.0.insert(service, answer.clone());
            before
        };
        let said = |answer: &Answer| answer.error.clone();
        if before.as_ref().map(said) != Some(said(&answer)) {
            self.tell(Change::Data);
        }
    }
}

async fn ask(service: Service) -> (Service, Answer) {
    let (at_ms, began) = (clock::now_ms(), Instant::now());
    let asking = async {
        match &service.probe {
            Probe::Http(url) => http(url.clone()).await,
            Probe::Tcp(address) => tcp(address).await,
            Probe::Command(words) => command(words).await,
        }
    };
    let error = match tokio::time::timeout(TIMEOUT, asking).await {
        Ok(answer) => answer.err(),
        Err(_) => Some(format!("no answer within {} seconds", TIMEOUT.as_secs())),
    };
    let took_ms = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    (service, Answer { at_ms, took_ms, error, failures: 0 })
}

async fn tcp(address: &str) -> Result<(), String> {
    TcpStream::connect(address).await.map(drop).map_err(|error| error.to_string())
}

async fn http(url: String) -> Result<(), String> {
    static AGENT: OnceLock<ureq::Agent> = OnceLock::new();
    let get = move || {
        let agent = AGENT.get_or_init(|| {
            let config = ureq::Agent::config_builder().timeout_global(Some(TIMEOUT));
            // What it answers itself counts, not where it sends others.
            config.max_redirects(0).max_redirects_will_error(false).build().into()
        });
        agent.get(&url).call().map(drop).map_err(|error| error.to_string())
    };
    tokio::task::spawn_blocking(get).await.map_err(|error| error.to_string())?
}

async fn command(words: &[String]) -> Result<(), String> {
    let Some((program, arguments)) = words.split_first() else { return Ok(()) };
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).kill_on_drop(true);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    match command.status().await {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{program} ended with {status}")),
        Err(error) => Err(format!("{program}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(failures: u32) -> Answer {
        Answer { at_ms: 0, took_ms: 1, error: (failures > 0).then(|| "no".into()), failures }
    }

    #[test]
    fn a_service_that_fails_is_asked_less_and_less_often() {
        let due: Vec<i64> = [0, 1, 2, 3, 30].map(|failures| answer(failures).due_ms()).to_vec();
        assert_eq!(due, [60_000, 15_000, 30_000, 60_000, 900_000]);
    }

    #[test]
    fn an_answer_from_long_ago_or_from_the_future_says_nothing() {
        assert!(!answer(0).is_old(EVERY_MS));
        assert!(answer(0).is_old(4 * EVERY_MS));
        assert!(answer(0).is_old(-2 * EVERY_MS));
    }
}
