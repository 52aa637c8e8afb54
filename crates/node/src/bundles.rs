//! Bundles: a reconcile of one direction, in a file that any courier may carry.

use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::path::Path;

use mirror_link::{SealError, can_be_sealed_to, write_sealed};
use mirror_protocol::bundle::{BundleError, BundleReader, BundleWriter, Manifest};
use mirror_protocol::known::{leads_to, shared};
use mirror_protocol::session::{Range, Refused};
use mirror_protocol::{BlobRef, ChainId, Known, SignedHead, Tip, canonical_head};
use mirror_store::{ChainRow, Tx, View};

use crate::ahead;
use crate::commit::Courier;
use crate::error::{Error, Result};
use crate::exchange::Runs;
use crate::import::Import;
use crate::node::Node;
use crate::reconcile::{fallen_back, refusal};
use crate::view::{Code, Exported, Imported};
use crate::{blob_bundles, clock, convert, devices, forget, intake, status};

impl Node {
    /// Writes what another device may lack: everything, or what came since a head that was co-signed with a device.
    /// Sealed to one device, or to every member.
    pub fn export(
        &self,
        file: &Path,
        for_device: Option<&str>,
        since: Option<&str>,
    ) -> Result<Exported> {
        self.look_or_warn();
        let plan = self.read(|view| plan(view, for_device, since))?;
        let inner = &self.inner;
        let manifest = self.manifest(&plan.heads, plan.since);
        let mut runs = self.read(|view| Runs::new(view, plan.ranges, &plan.heads))?;
        let (events, blobs) = write_sealed(file, &plan.recipients, |out| {
            let mut writer = BundleWriter::new(out, &manifest, &inner.keys.incarnation)?;
            while let Some(run) = self.read(|view| runs.next(view))? {
                writer.run(run)?;
            }
            let blobs = blob_bundles::write(self, &mut writer, &plan.blobs)?;
            Ok::<_, Error>((writer.finish()?.0, blobs))
        })?;
        Ok(Exported {
            file: file.display().to_string(),
            events: convert::count(events),
            blobs: convert::count(blobs),
            bytes: convert::count(std::fs::metadata(file)?.len()),
        })
    }

    /// What a bundle with these heads says of itself.
    pub(crate) fn manifest(
        &self,
        heads: &BTreeMap<Tip, SignedHead>,
        since: Option<mirror_protocol::CanonicalHead>,
    ) -> Manifest {
        let inner = &self.inner;
        Manifest {
            mesh: inner.mesh,
            device: inner.device,
            key: inner.keys.public(),
            head: canonical_head(heads.values().map(|head| head.tip)),
            since,
            unix_ms: clock::now_ms(),
            tips: heads.values().map(|head| head.tip).collect(),
        }
    }

    /// Takes a bundle in: each run by itself, verified as if a stranger had carried it.
    pub fn import(&self, file: &Path) -> Result<Imported> {
        self.import_bundle(file).map(|(_, imported)| imported)
    }

    pub(crate) fn import_bundle(&self, file: &Path) -> Result<(Manifest, Imported)> {
        let (manifest, mut import, mut reader) = self.read_file(file, Courier::Unknown)?;
        let blobs = import.blobs(self, &mut reader)?;
        // Only now the end has proved who made it.
        let by_member = import.broken.is_none() && self.read(|view| by_member(view, &manifest))?;
        let stale = if by_member { self.write(|tx| heard_of(tx, &manifest))? } else { Vec::new() };
        if import.late && by_member {
            let (_, again, _) = self.read_file(file, Courier::Member)?;
            import.refused = again.refused;
            import.received += again.received;
            import.intake = again.intake;
        }
        import.keep_waiting(self)?;
        import.received += intake::retry_waiting(self)?;
        let refused = import.refused.listed();
        intake::record_refusals(self, &file.display().to_string(), &refused)?;
        if let Some(error) = import.broken {
            return Err(broken(error, import.received, &refused));
        }
        self.settle_or_warn();
        self.forget_orphans_or_warn();
        let (head, conflicts) =
            self.read(|view| Ok((status::head_of(view)?, status::conflict_count(view)?)))?;
        let imported = Imported {
            received: convert::count(import.received),
            duplicates: convert::count(import.duplicates),
            quarantined: convert::count(import.quarantined),
            blobs: convert::count(blobs),
            refused: refused.into_iter().map(refusal).collect(),
            stale: stale.iter().map(fallen_back).collect(),
            head: head.to_string(),
            conflicts: convert::count(conflicts),
        };
        Ok((manifest, imported))
    }

    /// Takes in what a backup of this very device holds; what of it was not taken. It is no stranger's.
    pub(crate) fn take_back<R: Read + Send>(
        &self,
        mut reader: BundleReader<R>,
    ) -> Result<Vec<Refused>> {
        let mut import = self.read_runs(&mut reader, Courier::Member)?;
        import.blobs(self, &mut reader)?;
        import.keep_waiting(self)?;
        match import.broken {
            Some(error) => Err(error.into()),
            None => Ok(import.refused.listed()),
        }
    }

    fn read_file(
        &self,
        file: &Path,
        courier: Courier,
    ) -> Result<(Manifest, Import, BundleReader<impl Read + Send + use<>>)> {
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
        let import = self.read_runs(&mut reader, courier)?;
        Ok((manifest, import, reader))
    }

    /// Reads a bundle run by run, up to its blobs or its end.
    fn read_runs<R: Read + Send>(
        &self,
        reader: &mut BundleReader<R>,
        courier: Courier,
    ) -> Result<Import> {
        let mut import = Import::of(courier, self.read(forget::missing)?);
        let keys = self.read(|view| Ok(view.chains()?))?;
        let keys = keys.into_iter().map(|chain| (chain.tip.chain, chain.key)).collect();
        self.in_bulk(|| {
            ahead::runs(reader, keys, |coming| {
                while !import.over {
                    self.write(|tx| import.step(self, tx, coming))?;
                }
                Ok::<_, Error>(())
            })
        })?;
        Ok(import)
    }
}

/// Whether a member made the bundle, as it says.
fn by_member(view: &View<'_>, manifest: &Manifest) -> Result<bool> {
    let made = view.chains()?.into_iter().find(|chain| chain.key == manifest.key);
    let member = made.map(|chain| view.member(&chain.device)).transpose()?.flatten();
    Ok(member.is_some_and(|member| !member.revoked && member.device == manifest.device))
}

/// What the maker had told of before, or signed for, and no longer names. An older state than that is no news: what is
/// known of the maker stays as it is.
fn heard_of(tx: &Tx<'_>, manifest: &Manifest) -> Result<Vec<Tip>> {
    let mut peer = tx.peer(&manifest.device)?;
    let leads = |tip: &Tip| {
        let later = manifest.tips.iter().filter(|one| one.chain == tip.chain);
        later.into_iter().any(|one| leads_to(&**tx, tip, one).unwrap_or(one.seq > tip.seq))
    };
    let mut stale: Vec<Tip> = peer.told.iter().chain(&peer.signed).copied().collect();
    stale.retain(|tip| tx.point(tip).is_some() && !leads(tip));
    stale.sort_unstable();
    stale.dedup();
    tx.take_error()?;
    if stale.is_empty() {
        peer.told = manifest.tips.clone();
        tx.put_peer(&manifest.device, &peer)?;
    }
    Ok(stale)
}

struct Plan {
    heads: BTreeMap<Tip, SignedHead>,
    ranges: Vec<Range>,
    blobs: Vec<BlobRef>,
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
    Ok(Plan {
        heads: chains.iter().map(|chain| (chain.tip, chain.head())).collect(),
        blobs: blob_bundles::named_since(view, &seen)?,
        ranges: ranges(view, &chains, seen),
        recipients,
        since: base.map(|(head, _)| head),
    })
}

/// Everything that does not lead to `seen`, each event once.
pub fn ranges(view: &View<'_>, chains: &[ChainRow], seen: Vec<Tip>) -> Vec<Range> {
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

/// A damaged file. The first record that was refused before tells more than the end that does not fit.
fn broken(error: BundleError, received: u64, refused: &[Refused]) -> Error {
    let Error { code, detail, .. } = error.into();
    let first = refused.first().map(|first| format!("{}: {}; ", first.what, first.reason));
    let first = first.unwrap_or_default();
    let detail = format!("{first}{detail}; {received} new events before that are kept");
    let hint = "fetch the file again and import it: what is here already comes only once";
    Error::new(code, detail, hint)
}

/// Reading a seal that was broken ends as invalid data or too early: the file is damaged, not the disk.
fn unsealed(error: std::io::Error, place: &str) -> Error {
    match error.kind() {
        ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Error::new(
            Code::Integrity,
            format!("{place}the bundle was cut or changed on its way: {error}"),
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
            SealError::WrongKey { .. } => {
                Self::new(Code::Refused, &error, "try again; nothing was changed")
            }
            SealError::OtherKey { .. } | SealError::NoKey { .. } => {
                Self::invalid(&error, "see `mirror backup --help`; nothing was changed")
            }
            SealError::Io(error) => unsealed(error, ""),
            _ => Self::new(Code::Integrity, &error, "fetch the file again; nothing was changed"),
        }
    }
}

impl From<BundleError> for Error {
    fn from(error: BundleError) -> Self {
        match error {
            BundleError::Io { record, error } => unsealed(error, &format!("record {record}: ")),
            _ => Self::new(Code::Integrity, &error, "fetch the file again; nothing was changed"),
        }
    }
}
