//! Bundles: a reconcile of one direction, in a file that any courier may carry.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{Duration, Instant};

use mirror_link::{SealError, can_be_sealed_to, write_sealed};
use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Manifest};
use mirror_protocol::intake::Intake;
use mirror_protocol::known::shared;
use mirror_protocol::session::{Range, Refused, waiting_reason};
use mirror_protocol::{ChainId, SignedHead, Tip, VerifiedRun, canonical_head};
use mirror_store::{ChainRow, Tx, View};

use crate::ahead::{self, Coming};
use crate::commit::Courier;
use crate::error::{Error, Result};
use crate::exchange::Runs;
use crate::node::Node;
use crate::reconcile::refusal;
use crate::view::{Code, Exported, Imported};
use crate::{clock, commit, convert, devices, intake, status};

/// How long a transaction goes on taking records, for others of this home wait for it; and how many bytes it takes.
const STEP: Duration = Duration::from_millis(500);
const STEP_BYTES: usize = 32 * 1024 * 1024;

impl Node {
    /// Writes what another device may lack: everything, or what came since a head that was co-signed with a device.
    /// Sealed to one device, or to every member.
    pub fn export(
        &self,
        file: &Path,
        for_device: Option<&str>,
        since: Option<&str>,
    ) -> Result<Exported> {
        let plan = self.read(|view| plan(view, for_device, since))?;
        let inner = &self.inner;
        let manifest = Manifest {
            mesh: inner.mesh,
            device: inner.device,
            key: inner.keys.public(),
            head: canonical_head(plan.heads.values().map(|head| head.tip)),
            since: plan.since,
            unix_ms: clock::now_ms(),
            tips: plan.heads.values().map(|head| head.tip).collect(),
        };
        let mut runs = Runs::new(self, plan.ranges, &plan.heads)?;
        let events = write_sealed(file, &plan.recipients, |out| {
            let mut writer = BundleWriter::new(out, &manifest, &inner.keys.incarnation)?;
            while let Some(run) = runs.next(self)? {
                writer.run(run)?;
            }
            Ok::<_, Error>(writer.finish()?.0)
        })?;
        Ok(Exported {
            file: file.display().to_string(),
            events: convert::count(events),
            blobs: 0,
            bytes: convert::count(std::fs::metadata(file)?.len()),
        })
    }

    /// Takes a bundle in: each run by itself, verified as if a stranger had carried it.
    pub fn import(&self, file: &Path) -> Result<Imported> {
        self.import_bundle(file).map(|(_, imported)| imported)
    }

    pub(crate) fn import_bundle(&self, file: &Path) -> Result<(Manifest, Imported)> {
        let (manifest, mut import) = self.take_in(file, Courier::Unknown)?;
        // Only now the end has proved who made it.
        if import.late && import.broken.is_none() && self.read(|view| by_member(view, &manifest))? {
            let (_, again) = self.take_in(file, Courier::Member)?;
            import.refused = again.refused;
            import.received += again.received;
            import.intake = again.intake;
        }
        let waiting: Vec<_> =
            import.intake.waiting().map(|(r, m)| (r.clone(), waiting_reason(m))).collect();
        intake::keep_waiting(self, &waiting)?;
        import.quarantined += waiting.iter().map(|(run, _)| run.events.len() as u64).sum::<u64>();
        intake::record_refusals(self, &file.display().to_string(), &import.refused)?;
        import.received += intake::retry_waiting(self)?;
        if let Some(error) = import.broken {
            let Error { code, detail, .. } = error.into();
            let detail = format!("{detail}; {} new events before that are kept", import.received);
            let hint = "fetch the file again and import it: what is here already comes only once";
            return Err(Error::new(code, detail, hint));
        }
        let (head, conflicts) =
            self.read(|view| Ok((status::head_of(view)?, view.conflict_count()?)))?;
        let imported = Imported {
            received: convert::count(import.received),
            duplicates: convert::count(import.duplicates),
            quarantined: convert::count(import.quarantined),
            refused: import.refused.into_iter().map(refusal).collect(),
            head: head.to_string(),
            conflicts: convert::count(conflicts),
        };
        Ok((manifest, imported))
    }

    /// Reads a bundle through, run by run.
    fn take_in(&self, file: &Path, courier: Courier) -> Result<(Manifest, Import)> {
        let opened = self.inner.keys.sealing.open(file)?;
        let mut reader = BundleReader::new(opened)?;
        let manifest = reader.manifest().clone();
        if manifest.mesh != self.inner.mesh {
            return Err(Error::new(
                Code::Refused,
                format!("this bundle belongs to another mesh, {}", manifest.mesh),
                "export it on a device of this mesh",
            ));
        }
        let mut import = Import::of(courier);
        let keys = self.read(|view| Ok(view.chains()?))?;
        let keys = keys.into_iter().map(|chain| (chain.tip.chain, chain.key)).collect();
        ahead::runs(&mut reader, keys, |coming| {
            while !import.over {
                self.write(|tx| import.step(self, tx, coming))?;
            }
            Ok::<_, Error>(())
        })?;
        Ok((manifest, import))
    }
}

struct Import {
    courier: Courier,
    intake: Intake,
    received: u64,
    duplicates: u64,
    quarantined: u64,
    refused: Vec<Refused>,
    /// Some of it only for who may have brought it.
    late: bool,
    /// The file itself is damaged from some place on.
    broken: Option<BundleError>,
    over: bool,
}

/// Whether a member made the bundle.
fn by_member(view: &View<'_>, manifest: &Manifest) -> Result<bool> {
    let made = view.chains()?.into_iter().find(|chain| chain.key == manifest.key);
    let member = made.map(|chain| view.member(&chain.device)).transpose()?.flatten();
    Ok(member.is_some_and(|member| !member.revoked))
}

impl Import {
    fn of(courier: Courier) -> Self {
        Self {
            courier,
            intake: Intake::default(),
            received: 0,
            duplicates: 0,
            quarantined: 0,
            refused: Vec::new(),
            late: false,
            broken: None,
            over: false,
        }
    }

    /// Some records, in one transaction.
    fn step(
        &mut self,
        node: &Node,
        tx: &Tx<'_>,
        coming: &mut dyn Iterator<Item = Vec<Coming>>,
    ) -> Result<()> {
        let (begun, mut bytes) = (Instant::now(), 0);
        while bytes < STEP_BYTES && begun.elapsed() < STEP {
            let Some(records) = coming.next() else {
                self.over = true;
                break;
            };
            for record in records {
                bytes += self.offer(tx, record);
            }
            self.store(node, tx)?;
        }
        Ok(())
    }

    /// Takes a record in; answers its bytes.
    fn offer(&mut self, tx: &Tx<'_>, record: Coming) -> usize {
        let (what, run) = match record {
            Coming::Run(what, run) => (what, run),
            Coming::Bad(error) => {
                let what = "bundle".to_owned();
                self.refused.push(Refused { what, reason: error.to_string() });
                if breaks_off(&error) {
                    self.broken = Some(error);
                }
                return 0;
            }
        };
        let bytes = run.as_ref().map_or(0, VerifiedRun::bytes);
        let offered = run
            .map_err(|error| error.to_string())
            .and_then(|run| self.intake.offer(run, &**tx).map_err(|error| error.to_string()));
        match offered {
            Ok(offered) => self.duplicates += offered.duplicates,
            Err(reason) => self.refused.push(Refused { what: what.to_string(), reason }),
        }
        bytes
    }

    /// Stores what is complete.
    fn store(&mut self, node: &Node, tx: &Tx<'_>) -> Result<()> {
        let ready = self.intake.take_ready(&**tx);
        for (first, error) in ready.refused {
            let what = format!("run of {} from {}", first.chain, first.seq);
            self.refused.push(Refused { what, reason: error.to_string() });
        }
        let stored = commit::store_batch(&node.inner, tx, ready.batch, self.courier)?;
        self.received += stored.events;
        self.late |= stored.late;
        self.refused.extend(stored.refused);
        for (run, reason) in &stored.held {
            self.quarantined += run.events.len() as u64;
            intake::keep(tx, run, reason)?;
        }
        Ok(())
    }
}

struct Plan {
    heads: BTreeMap<Tip, SignedHead>,
    ranges: Vec<Range>,
    recipients: Vec<[u8; 32]>,
    since: Option<mirror_protocol::CanonicalHead>,
}

fn plan(view: &View<'_>, for_device: Option<&str>, since: Option<&str>) -> Result<Plan> {
    let only = for_device.map(|device| devices::find(view, device)).transpose()?;
    let chains = view.chains()?;
    let members = view.members()?;
    let reads = |chain: &&ChainRow| {
        let active = members.iter().any(|m| m.device == chain.device && !m.revoked);
        // One device's bad key keeps the others from nothing.
        let usable = can_be_sealed_to(&chain.recipient);
        active && usable && only.is_none_or(|only| only == chain.device)
    };
    let recipients: Vec<_> = chains.iter().filter(reads).map(|chain| chain.recipient).collect();
    if recipients.is_empty() {
        return Err(Error::new(
            Code::Refused,
            "that device is not a member, or has not been met yet",
            "see `mirror device list`",
        ));
    }
    let base = since.map(|head| base_of(view, head)).transpose()?;
    let seen: Vec<Tip> = base.iter().flat_map(|(_, tips)| tips).copied().collect();
    let ranges = ranges(view, &chains, seen);
    view.take_error()?;
    Ok(Plan {
        heads: chains.iter().map(|chain| (chain.tip, chain.head())).collect(),
        ranges,
        recipients,
        since: base.map(|(head, _)| head),
    })
}

/// Everything that does not lead to `seen`, each event once.
fn ranges(view: &View<'_>, chains: &[ChainRow], seen: Vec<Tip>) -> Vec<Range> {
    let mut covered: BTreeMap<ChainId, Vec<Tip>> = BTreeMap::new();
    for tip in seen {
        covered.entry(tip.chain).or_default().push(tip);
    }
    let mut ranges = Vec::new();
    for tip in chains.iter().map(|chain| chain.tip) {
        let covered = covered.entry(tip.chain).or_default();
        let after = covered.iter().filter_map(|seen| shared(view, seen, &tip)).map(|p| p.seq).max();
        if after != Some(tip.seq) {
            ranges.push(Range { tip, after });
            covered.push(tip);
        }
    }
    ranges
}

type Vector = (mirror_protocol::CanonicalHead, Vec<mirror_protocol::Tip>);

/// The vector behind a head that is known here: the present one, or one that was co-signed last with a device.
fn base_of(view: &View<'_>, head: &str) -> Result<Vector> {
    let wanted = head.to_lowercase();
    let now = status::head_of(view)?;
    if now.to_string() == wanted {
        return Ok((now, view.tips()?));
    }
    for member in view.members()? {
        let peer = view.peer(&member.device)?;
        if let Some(head) = peer.signed_head
            && head.to_string() == wanted
        {
            return Ok((head, peer.signed));
        }
    }
    Err(Error::new(
        Code::NotFound,
        format!("{head:?} is not the head of a last checkpoint"),
        "leave --since out: what the other device has already does no harm",
    ))
}

/// Whether what follows in the file is lost, unlike one record that can't be taken.
fn breaks_off(error: &BundleError) -> bool {
    !matches!(
        error,
        BundleError::Record { .. } | BundleError::Misplaced { .. } | BundleError::Unknown { .. }
    )
}

/// Reading a seal that was broken ends as invalid data or too early: the file is damaged, not the disk.
fn unsealed(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Error::new(
            Code::Integrity,
            format!("the bundle was cut or changed on its way: {error}"),
            "fetch the file again; nothing was changed",
        ),
        _ => error.into(),
    }
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        match error {
            SealError::NotForUs => {
                Self::new(Code::Refused, &error, "export it again with `--for` this device")
            }
            SealError::Io(error) => unsealed(error),
            _ => Self::new(Code::Integrity, &error, "fetch the file again; nothing was changed"),
        }
    }
}

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Io(error) => unsealed(error),
            _ => Self::new(Code::Integrity, &error, "fetch the file again; nothing was changed"),
        }
    }
}
