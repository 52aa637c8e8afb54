//! One tap: meet the other devices, or a file, and report what happened with each.

use std::path::PathBuf;
use std::time::Instant;

use mirror_link::pair::{MAX_PAIR_BYTES, PairAnswer};
use mirror_link::{Endpoint, INCARNATION, RECONCILE};
use mirror_protocol::session::{Refused, Report};
use mirror_protocol::{ChainId, DeviceId, EventId, PublicKey, Tip};
use mirror_store::Meta;

use crate::blob_exchange::{self, Exchanged};
use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::exchange::Exchange;
use crate::node::Node;
use crate::view::{Change, Code, PeerReport, Phase, Problem, Progress, ReconcileReport, Refusal};
use crate::{clock, commit, convert, devices, intake, status};

/// Whom to reconcile with.
#[derive(Debug, Clone)]
pub enum With {
    /// Every member whose address is known.
    All,
    /// One device: its name, id, or a unique beginning.
    Device(String),
    /// Whoever answers at an address, if it is a member.
    Address(String),
    /// A bundle.
    File(PathBuf),
}

struct Target {
    device: DeviceId,
    name: String,
    key: Option<PublicKey>,
    addresses: Vec<String>,
    /// It was never seen at these addresses: that it does not answer there says nothing of it.
    guessed: bool,
}

impl Node {
    /// Reconciles. What fails with one peer stands in its report and stops no other.
    pub async fn reconcile(&self, with: With, cancel: CancelToken) -> Result<ReconcileReport> {
        let node = self.clone();
        let looked = tokio::task::spawn_blocking(move || node.look_or_warn());
        looked.await.map_err(|error| Error::integrity(format!("looking at the vault: {error}")))?;
        let peers = match with {
            With::File(path) => vec![self.reconcile_file(&path)?],
            With::Address(address) => self.reconcile_address(&address, &cancel).await?,
            With::All => self.reconcile_all(self.targets(None)?, &cancel).await?,
            With::Device(device) => {
                self.reconcile_all(self.targets(Some(&device))?, &cancel).await?
            }
        };
        if cancel.is_cancelled() && !peers.iter().any(|peer| peer.ok) {
            return Err(Error::cancelled());
        }
        intake::retry_waiting(self)?;
        let node = self.clone();
        let settled = tokio::task::spawn_blocking(move || {
            node.settle_or_warn();
            node.forget_orphans_or_warn();
        });
        settled.await.map_err(|error| Error::integrity(format!("the shared files: {error}")))?;
        let (head, conflicts) =
            self.read(|view| Ok((status::head_of(view)?, status::conflict_count(view)?)))?;
        let report =
            ReconcileReport { head: head.to_string(), conflicts: convert::count(conflicts), peers };
        self.tell(Change::Reconciled(report.clone()));
        Ok(report)
    }

    fn reconcile_file(&self, path: &std::path::Path) -> Result<PeerReport> {
        let begun = Instant::now();
        let before = self.current_head()?;
        let (manifest, imported) = self.import_bundle(path)?;
        let name = self.read(|view| crate::names::name_of(view, &manifest.device))?;
        Ok(PeerReport {
            device: manifest.device.to_string(),
            name,
            link: "bundle".to_owned(),
            ok: true,
            round_trips: 0,
            bytes_in: convert::count(std::fs::metadata(path).map_or(0, |meta| meta.len())),
            bytes_out: 0,
            received: imported.received,
            sent: 0,
            duplicates: imported.duplicates,
            quarantined: imported.quarantined,
            blobs_received: imported.blobs,
            blobs_sent: 0,
            blob_bytes_in: 0,
            blob_bytes_out: 0,
            refused: imported.refused,
            stale: imported.stale,
            head_before: before,
            head_after: imported.head,
            committed: false,
            ms: convert::count(begun.elapsed().as_millis()),
            error: None,
        })
    }

    async fn reconcile_all(
        &self,
        targets: Vec<Target>,
        cancel: &CancelToken,
    ) -> Result<Vec<PeerReport>> {
        let endpoint = Endpoint::bind(self.inner.keys.incarnation.as_bytes(), &[]).await?;
        let mut reports = Vec::new();
        for target in targets {
            if cancel.is_cancelled() {
                break;
            }
            reports.push(self.reconcile_one(&endpoint, target, cancel).await?);
        }
        endpoint.close().await;
        Ok(reports)
    }

    /// An address has no name: each member's key is tried there, first those that were seen at it.
    async fn reconcile_address(
        &self,
        address: &str,
        cancel: &CancelToken,
    ) -> Result<Vec<PeerReport>> {
        let wrong = |_| {
            Error::invalid(format!("{address:?} is no address"), "write it like 192.0.2.7:4711")
        };
        let _: std::net::SocketAddr = address.parse().map_err(wrong)?;
        let mut targets = self.members(None)?;
        targets.sort_by_key(|target| !target.addresses.iter().any(|known| known == address));
        let mut first = None;
        for mut target in targets {
            target.guessed = !target.addresses.iter().any(|known| known == address);
            target.addresses = vec![address.to_owned()];
            let reports = self.reconcile_all(vec![target], cancel).await?;
            let absent = |problem: &Problem| problem.code == Code::Offline;
            if !reports.iter().all(|report| report.error.as_ref().is_some_and(absent)) {
                return Ok(reports);
            }
            first.get_or_insert(reports);
        }
        first.ok_or_else(|| {
            let detail = format!("no other device of this mesh could answer at {address}");
            Error::new(Code::Offline, detail, "let a device in with `mirror invite --wait`")
        })
    }

    fn targets(&self, device: Option<&str>) -> Result<Vec<Target>> {
        let wanted = device.map(|text| self.read(|view| devices::find(view, text))).transpose()?;
        if wanted == Some(self.inner.device) {
            return Err(Error::invalid("this is that device", "name another one"));
        }
        let mut targets = self.members(wanted)?;
        if wanted.is_none() {
            targets.retain(|target| !target.addresses.is_empty());
        }
        if targets.is_empty() {
            let (detail, hint) = match wanted {
                Some(_) => ("that device is not a member any more", "see `mirror device list`"),
                None => (
                    "no other device's address is known",
                    "pair one with `mirror invite`, or start the reconcile on the other device",
                ),
            };
            return Err(Error::new(Code::Offline, detail, hint));
        }
        Ok(targets)
    }

    /// The other members, or one of them, with the key of their newest incarnation.
    fn members(&self, only: Option<DeviceId>) -> Result<Vec<Target>> {
        self.read(|view| {
            let chains = view.chains()?;
            let members = match only {
                Some(device) => view.member(&device)?.into_iter().collect(),
                None => view.members()?,
            };
            let mut targets = Vec::new();
            for member in members {
                if member.revoked || member.device == self.inner.device {
                    continue;
                }
                let own = chains.iter().filter(|chain| chain.device == member.device);
                targets.push(Target {
                    device: member.device,
                    name: member.name,
                    key: own.max_by_key(|chain| chain.lamport).map(|chain| chain.key),
                    addresses: view.peer(&member.device)?.addresses,
                    guessed: false,
                });
            }
            Ok(targets)
        })
    }

    async fn reconcile_one(
        &self,
        endpoint: &Endpoint,
        target: Target,
        cancel: &CancelToken,
    ) -> Result<PeerReport> {
        let begun = Instant::now();
        let head_before = self.current_head()?;
        self.tell(Change::Progress(Progress {
            device: target.device.to_string(),
            name: target.name.clone(),
            phase: Phase::Connecting,
            received: 0,
            notes: 0,
            to_receive: 0,
            sent: 0,
            to_send: 0,
        }));
        let (bytes, result) = self.meet(endpoint, &target, cancel).await;
        let (mut report, mut blobs, failure) = match result {
            Ok((report, mut blobs)) => {
                let failure = shortfall(&report).or(blobs.error.take());
                (report, blobs, failure)
            }
            Err(error) => (Report::default(), Exchanged::default(), Some(error)),
        };
        report.refused.append(&mut blobs.refused);
        if let Some(error) = &failure
            && !target.guessed
        {
            self.note_failure(&target.device, error)?;
        }
        let error = failure.as_ref().map(Error::problem);
        Ok(PeerReport {
            device: target.device.to_string(),
            name: target.name,
            link: "iroh".to_owned(),
            ok: error.is_none(),
            round_trips: report.round_trips,
            bytes_in: convert::count(bytes.0),
            bytes_out: convert::count(bytes.1),
            received: convert::count(report.received),
            sent: convert::count(report.sent),
            duplicates: convert::count(report.duplicates),
            quarantined: convert::count(report.quarantined),
            blobs_received: convert::count(blobs.received),
            blobs_sent: convert::count(blobs.sent),
            blob_bytes_in: convert::count(blobs.bytes_in),
            blob_bytes_out: convert::count(blobs.bytes_out),
            refused: report.refused.into_iter().map(refusal).collect(),
            stale: report.stale.iter().map(fallen_back).collect(),
            head_before,
            head_after: self.current_head()?,
            committed: report.committed,
            ms: convert::count(begun.elapsed().as_millis()),
            error,
        })
    }

    async fn meet(
        &self,
        endpoint: &Endpoint,
        target: &Target,
        cancel: &CancelToken,
    ) -> ((u64, u64), Result<(Report, Exchanged)>) {
        let connected = async {
            let key = target.key.ok_or_else(|| {
                let detail = format!("{} has not been met since it was admitted", target.name);
                Error::new(Code::Offline, detail, "reconcile from that device first")
            })?;
            let Some(body) = self.introduction(&target.device)? else {
                return Ok(endpoint.connect(key, &target.addresses, RECONCILE).await?);
            };
            let mut channel = endpoint.connect(key, &target.addresses, INCARNATION).await?;
            channel.send(&body).await?;
            let answer = channel.recv(MAX_PAIR_BYTES).await?.unwrap_or_default();
            match PairAnswer::decode(&answer).map_err(Error::integrity)?.refused {
                None => Ok(channel),
                Some(reason) => {
                    channel.finish().await;
                    let reason = mirror_link::printable(&reason);
                    Err(mirror_link::LinkError::Refused { reason }.into())
                }
            }
        };
        let connected = tokio::select! {
            connected = connected => connected,
            () = cancel.cancelled() => Err(Error::cancelled()),
        };
        let mut channel = match connected {
            Ok(channel) => channel,
            Err(error) => return ((0, 0), Err(error)),
        };
        let result = match Exchange::initiate(self, &mut channel, target.device, cancel) {
            Ok(exchange) => exchange.run().await,
            Err(error) => Err(error),
        };
        let result = match result {
            Ok(report) => {
                let name = &target.name;
                Ok((report, blob_exchange::run(self, &mut channel, true, name, cancel).await))
            }
            Err(error) => Err(error),
        };
        let bytes = channel.bytes();
        channel.finish().await;
        (bytes, result)
    }

    /// The first body of the own chain, when a device may not know this incarnation: it was restored from a backup, and
    /// that device has not told of its chain. A restored home opens its chain before it calls.
    fn introduction(&self, device: &DeviceId) -> Result<Option<Vec<u8>>> {
        let own = self.inner.keys.public();
        let restored = self.read(|view| {
            let mut chains = view.chains()?;
            chains.retain(|chain| chain.device == self.inner.device);
            Ok(chains.iter().any(|chain| chain.key != own))
        })?;
        if !restored {
            return Ok(None);
        }
        self.quiet_write(|tx| commit::ensure_chain(&self.inner, tx))?;
        self.read(|view| {
            let (peer, own) = (view.peer(device)?, view.meta_id(Meta::Chain)?.map(ChainId));
            if peer.told.iter().chain(&peer.signed).any(|tip| Some(tip.chain) == own) {
                return Ok(None);
            }
            let first = own.map(|own| view.event(&EventId(own.0))).transpose()?.flatten();
            Ok(first.and_then(|first| first.body))
        })
    }

    fn current_head(&self) -> Result<String> {
        self.read(|view| Ok(status::head_of(view)?.to_string()))
    }

    fn note_failure(&self, device: &DeviceId, error: &Error) -> Result<()> {
        if error.code == Code::Cancelled {
            return Ok(());
        }
        self.write(|tx| {
            let mut row = tx.peer(device)?;
            row.attempt_ms = Some(clock::now_ms());
            row.error = Some(error.detail.clone());
            Ok(tx.put_peer(device, &row)?)
        })
    }
}

/// Why a session that ran to its end did not bring both devices to one head.
fn shortfall(report: &Report) -> Option<Error> {
    if report.committed {
        return None;
    }
    let detail = match (report.refused.len(), report.quarantined) {
        (0, 0) => "the other device did not take everything that this one has".to_owned(),
        (refused, waiting) => {
            format!(
                "not everything was taken: {refused} refused, {waiting} waiting for their causes"
            )
        }
    };
    let hint = "what could be taken is kept; `mirror log` on both devices shows what is missing";
    Some(Error::new(Code::Refused, detail, hint))
}

/// What a peer no longer has, as a face is shown it.
pub fn fallen_back(tip: &Tip) -> Refusal {
    Refusal {
        what: format!("chain {}", tip.chain),
        reason: format!("it had acknowledged event {}, and names an older state now", tip.seq),
    }
}

/// As a face is shown it.
pub fn refusal(refused: Refused) -> Refusal {
    Refusal { what: refused.what, reason: refused.reason }
}
