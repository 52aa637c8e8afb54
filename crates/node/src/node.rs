//! A running node: one home, its keys, its database, and what it tells the faces.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use mirror_domain::text::DeviceName;
use mirror_domain::{Body, FOLD_VERSION, Role};
use mirror_protocol::{ChainOpen, DeviceId, MeshId};
use mirror_store::{Meta, Store, StoreError, Tx, View};
use tokio::sync::broadcast;

use crate::error::{Error, Result};
use crate::keys::{Keys, hex, random};
use crate::platform::secrets;
use crate::view::{self, Change, Code};
use crate::{clock, commit, convert, fold, place};

/// How often other processes' commits are looked for.
const WATCH_EVERY: Duration = Duration::from_millis(500);
pub(crate) const DATABASE: &str = "mirror.db";

/// A home that belongs to a mesh. Cheap to clone; every blocking method may be called from any thread.
#[derive(Clone)]
pub struct Node {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub home: PathBuf,
    pub keys: Keys,
    pub key_store: &'static str,
    pub mesh: MeshId,
    pub device: DeviceId,
    /// Writers queue here before they queue at SQLite; readers have a connection of their own.
    writer: Mutex<Store>,
    reader: Mutex<Store>,
    pub changes: broadcast::Sender<Change>,
    /// Opened when it is first asked for.
    pub vault: Mutex<Option<Arc<mirror_vault::Vault>>>,
    /// What the services answered last.
    pub probes: Mutex<crate::probe::Probes>,
}

/// Tells subscribers of what other processes commit, until it is dropped.
pub struct Watch(tokio::task::JoinHandle<()>);

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The folder for a home when none is named: `mirrordna` in the system's place for application data.
pub fn default_home() -> PathBuf {
    let from = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|p| p.is_absolute());
    let home = || from("HOME").unwrap_or_else(|| PathBuf::from("."));
    let data = if cfg!(target_os = "macos") {
        home().join("Library/Application Support")
    } else {
        from("XDG_DATA_HOME").unwrap_or_else(|| home().join(".local/share"))
    };
    data.join("mirrordna")
}

impl Node {
    /// Whether a home belongs to a mesh already; an error when that can't be told.
    pub fn is_initialised(home: &Path) -> Result<bool> {
        match Store::open(&home.join(DATABASE)) {
            Ok(mut store) => store.read(|view| Ok(view.meta(Meta::Mesh)?.is_some())),
            Err(StoreError::Missing { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// Founds a mesh: this device is its first member, and admits the others.
    pub fn init(home: &Path, name: &str, role: view::Role) -> Result<Self> {
        let name = DeviceName::new(name)
            .map_err(|error| Error::invalid(error, "give it a short name, such as Mac"))?;
        let keys = Keys::generate()?;
        let open = ChainOpen::found(
            &keys.authority,
            &keys.incarnation,
            keys.sealing.recipient(),
            random()?,
        );
        let node = Self::create(home, keys, open.mesh)?;
        node.write(|tx| {
            commit::open_chain(&node.inner, tx, &open, clock::now())?;
            let admit = mirror_domain::body::DeviceAdmit {
                device: open.device,
                name: name.to_string(),
                role: convert::role_from(role),
            };
            commit::append(&node.inner, tx, &Body::DeviceAdmit(admit), clock::now())?;
            node.belong(tx)
        })?;
        Ok(node)
    }

    /// Lays down a home with fresh keys; it belongs to nothing until its mesh is set.
    pub(crate) fn create(home: &Path, keys: Keys, mesh: MeshId) -> Result<Self> {
        make_folder(home)?;
        if Self::is_initialised(home)? {
            return Err(Error::invalid(
                format!("{} holds a device already", home.display()),
                "choose another folder with --home, or use the device that is there",
            ));
        }
        let mut store = Store::create(&home.join(DATABASE))?;
        store.write::<_, Error>(|tx| {
            // An attempt to join that was interrupted has left them.
            if tx.event_count()? > 0 { Ok(tx.start_over()?) } else { Ok(()) }
        })?;
        place::settle(&mut store, home)?;
        let kept = keep_keys(home, &keys, &mut store)?;
        let reader = Store::open(&home.join(DATABASE))?;
        Ok(Self::assemble(home, keys, kept, mesh, store, reader))
    }

    /// Lays down a home that is not taken for one yet: its keys are in memory alone.
    pub(crate) fn stage(folder: &Path, keys: Keys, mesh: MeshId) -> Result<Self> {
        let mut store = Store::create(&folder.join(DATABASE))?;
        place::settle(&mut store, folder)?;
        let reader = Store::open(&folder.join(DATABASE))?;
        Ok(Self::assemble(folder, keys, "nowhere", mesh, store, reader))
    }

    /// The last step to a home: its keys are kept, and it belongs to its mesh.
    pub(crate) fn keep_keys(&self) -> Result<&'static str> {
        let mut writer = lock(&self.inner.writer);
        let kept = keep_keys(&self.inner.home, &self.inner.keys, &mut writer)?;
        let mesh = self.inner.mesh;
        writer.write::<_, Error>(|tx| Ok(tx.set_meta(Meta::Mesh, &mesh.0)?))?;
        Ok(kept)
    }

    /// Says that the home belongs to its mesh: last, in one transaction with its first events, so that a home is there
    /// whole or not at all.
    pub(crate) fn belong(&self, tx: &Tx<'_>) -> Result<()> {
        let ours = tx.meta_id(Meta::Device)? == Some(self.inner.device.0);
        if !ours || tx.meta(Meta::Mesh)?.is_some() {
            return Err(Error::invalid(
                format!(
                    "another process has made a device of {} meanwhile",
                    self.inner.home.display()
                ),
                "use the device that is there, or choose another folder with --home",
            ));
        }
        Ok(tx.set_meta(Meta::Mesh, &self.inner.mesh.0)?)
    }

    /// Opens a home.
    pub fn open(home: &Path) -> Result<Self> {
        let (node, unkeyed) = Self::open_to_examine(home)?;
        if let Some(error) = unkeyed {
            return Err(Error::new(Code::Integrity, error.detail, error.hint));
        }
        node.refold()?;
        if node.read(|view| Ok(view.has_remains()?))? {
            node.erase_now();
        }
        Ok(node)
    }

    /// Opens a home even when its keys are not its own, and says so: such a node signs nothing that anybody believes, and
    /// is for reading alone.
    pub(crate) fn open_to_examine(home: &Path) -> Result<(Self, Option<Error>)> {
        let path = home.join(DATABASE);
        let mut store = Store::open(&path)?;
        place::settle(&mut store, home)?;
        let (mesh, device, account, kept) = store.read::<_, Error>(|view| {
            Ok((
                view.meta_id(Meta::Mesh)?,
                view.meta_id(Meta::Device)?,
                view.meta_text(Meta::Account)?.unwrap_or_default(),
                view.meta_text(Meta::KeyStore)?.unwrap_or_default(),
            ))
        })?;
        let mesh = MeshId(mesh.ok_or_else(|| not_initialised(home))?);
        let secrets = secrets::for_home(home, &account, &kept)?;
        let (keys, unkeyed) = match own_keys(home, secrets.get()?, device) {
            Ok(keys) => (keys, None),
            Err(error) if error.code == Code::TooNew => return Err(error),
            Err(error) => (Keys::generate()?, Some(error)),
        };
        let reader = Store::open(&path)?;
        let mut node = Self::assemble(home, keys, secrets.name(), mesh, store, reader);
        if let (Some(inner), Some(device)) = (Arc::get_mut(&mut node.inner), device) {
            inner.device = DeviceId(device);
        }
        Ok((node, unkeyed))
    }

    /// What an earlier version folded otherwise is folded anew, once.
    fn refold(&self) -> Result<()> {
        let old = |view: &View<'_>| Ok(fold::state(view)?.0 < FOLD_VERSION);
        if !self.read(old)? {
            return Ok(());
        }
        // Another process may have been faster.
        self.quiet_write(|tx| if old(tx)? { fold::rebuild(tx, self.inner.mesh) } else { Ok(()) })
    }

    fn assemble(
        home: &Path,
        keys: Keys,
        key_store: &'static str,
        mesh: MeshId,
        writer: Store,
        reader: Store,
    ) -> Self {
        let device = keys.device();
        let inner = Inner {
            home: home.to_owned(),
            keys,
            key_store,
            mesh,
            device,
            writer: Mutex::new(writer),
            reader: Mutex::new(reader),
            changes: broadcast::channel(256).0,
            vault: Mutex::new(None),
            probes: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// This device, as `init` and `join` print it.
    pub fn identity(&self) -> Result<view::Identity> {
        let member = self.read(|view| {
            Ok(view.members()?.into_iter().find(|member| member.device == self.inner.device))
        })?;
        let role = member.as_ref().and_then(|m| Role::from_number(m.role)).unwrap_or(Role::Node);
        Ok(view::Identity {
            device: self.inner.device.to_string(),
            mesh: self.inner.mesh.to_string(),
            name: member.map_or_else(|| "not admitted yet".to_owned(), |member| member.name),
            role: convert::role(role),
            home: self.inner.home.display().to_string(),
            keys: self.inner.key_store.to_owned(),
        })
    }

    /// Hears of this process's changes, and with [`Node::watch`] of other processes'.
    pub fn subscribe(&self) -> broadcast::Receiver<Change> {
        self.inner.changes.subscribe()
    }

    /// Begins to look for other processes' commits.
    pub fn watch(&self) -> Watch {
        let node = self.clone();
        Watch(tokio::spawn(async move {
            let mut seen = node.data_version();
            loop {
                tokio::time::sleep(WATCH_EVERY).await;
                let now = node.data_version();
                if now != seen {
                    seen = now;
                    node.tell(Change::Data);
                }
            }
        }))
    }

    fn data_version(&self) -> Option<i64> {
        lock(&self.inner.reader).data_version().ok()
    }

    pub(crate) fn tell(&self, change: Change) {
        // Nobody listening is no error.
        let _ = self.inner.changes.send(change);
    }

    pub(crate) fn read<T>(&self, read: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        lock(&self.inner.reader).read(read)
    }

    /// A read on a connection of its own, beside those that other threads do.
    pub(crate) fn read_apart<T>(&self, read: impl FnOnce(&View<'_>) -> Result<T>) -> Result<T> {
        Store::open_to_read(&self.inner.home.join(DATABASE))?.read(read)
    }

    /// One durable write, told to the subscribers.
    pub(crate) fn write<T>(&self, write: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let result = self.quiet_write(write)?;
        self.tell(Change::Data);
        Ok(result)
    }

    /// A durable write that changes nothing a face shows.
    pub(crate) fn quiet_write<T>(&self, write: impl FnOnce(&Tx<'_>) -> Result<T>) -> Result<T> {
        let mut writer = lock(&self.inner.writer);
        let result = writer.write(write)?;
        if writer.take_remains() {
            self.erase(&mut writer);
        }
        Ok(result)
    }

    pub(crate) fn erase_now(&self) {
        self.erase(&mut lock(&self.inner.writer));
    }

    /// Work that writes very much, in many transactions.
    pub(crate) fn in_bulk<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        lock(&self.inner.writer).set_bulk(true)?;
        let result = work();
        let ended = lock(&self.inner.writer).set_bulk(false);
        let result = result?;
        ended?;
        Ok(result)
    }

    /// Erases from the files what was forgotten. It is committed already, so a failure is no error of the write; the next
    /// opening of the home tries again.
    fn erase(&self, writer: &mut Store) {
        let files = self.blob_files();
        let erased = writer.write(|tx| tx.erase_blobs(&files));
        if let Err(error) = erased.and_then(|()| writer.erase_remains()) {
            tracing::warn!(%error, "what was forgotten still stands in the home's files");
        }
    }

    /// SQLite's whole check.
    pub(crate) fn check_integrity(&self) -> Result<Vec<String>> {
        Ok(lock(&self.inner.reader).check_integrity()?)
    }

    pub(crate) fn reindex(&self) -> Result<()> {
        Ok(lock(&self.inner.writer).reindex()?)
    }

    /// On a connection of its own: one that has checked the full-text index before goes by what it remembers of it, and
    /// takes what another connection has merged since for damage.
    pub(crate) fn check_pages(&self) -> Result<Option<String>> {
        Ok(Store::open_to_read(&self.inner.home.join(DATABASE))?.check_pages()?)
    }

    /// The text that is being written.
    pub fn draft(&self) -> Result<String> {
        self.read(|view| Ok(view.meta_text(Meta::Draft)?.unwrap_or_default()))
    }

    /// Keeps the text that is being written; durable when it returns.
    pub fn save_draft(&self, text: &str) -> Result<()> {
        self.quiet_write(|tx| Ok(tx.set_meta(Meta::Draft, text.as_bytes())?))
    }
}

/// A home's own keys. The error's code tells what is wrong with them.
fn own_keys(home: &Path, secret: Option<String>, device: Option<[u8; 32]>) -> Result<Keys> {
    let home = home.display();
    let secret = secret.ok_or_else(|| {
        Error::new(
            Code::NotFound,
            format!("the keys of {home} are gone"),
            "restore them from a backup, or join the mesh again as a new device",
        )
    })?;
    let keys = Keys::from_secret(&secret)?;
    match device {
        Some(device) if device != keys.device().0 => Err(Error::new(
            Code::Refused,
            format!("the keys in {home} are another device's"),
            "put this home's own keys back, or restore a backup; nothing was changed",
        )),
        _ => Ok(keys),
    }
}

/// Puts a new home's keys where they are kept; where that is.
fn keep_keys(home: &Path, keys: &Keys, store: &mut Store) -> Result<&'static str> {
    let account = hex(&random::<16>()?);
    let secrets = secrets::for_new_home(home, &account);
    secrets.put(&keys.to_secret()?)?;
    let device = keys.device();
    store.write::<_, Error>(|tx| {
        tx.set_meta(Meta::Account, account.as_bytes())?;
        tx.set_meta(Meta::KeyStore, secrets.name().as_bytes())?;
        Ok(tx.set_meta(Meta::Device, &device.0)?)
    })?;
    Ok(secrets.name())
}

/// Makes a home's folder, of the owner's alone; its name is durable when it returns, and so are those above that it made.
fn make_folder(home: &Path) -> Result<()> {
    let missing: Vec<&Path> =
        home.ancestors().skip(1).take_while(|above| !above.exists()).collect();
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.recursive(true).create(home)?;
    for folder in std::iter::once(home).chain(missing) {
        let above = folder.parent().filter(|above| !above.as_os_str().is_empty());
        match std::fs::File::open(above.unwrap_or(Path::new("."))) {
            Ok(above) => above.sync_all()?,
            // Whoever may not read it did not make anything in it.
            Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// A panic elsewhere can't leave a store half changed: its transaction was rolled back.
pub(crate) fn lock<T>(store: &Mutex<T>) -> MutexGuard<'_, T> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

fn not_initialised(home: &Path) -> Error {
    Error::new(
        Code::NotInitialised,
        format!("there is no device in {}", home.display()),
        "start a mesh with `mirror init --name NAME`, or join one with `mirror join TICKET`",
    )
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Missing { path } => {
                not_initialised(path.parent().unwrap_or(Path::new(".")))
            }
            StoreError::TooNew { .. } => {
                Self::new(Code::TooNew, &error, "update MirrorDNA; nothing was changed")
            }
            StoreError::NotAStore { .. } => Self::new(
                Code::Integrity,
                &error,
                "point --home at another folder, or move the file away; nothing was changed",
            ),
            StoreError::Ambiguous { .. } => Self::invalid(&error, "write more of the id's digits"),
            StoreError::Blob(_) => Self::invalid(&error, "attach it in parts"),
            StoreError::Damaged { .. } | StoreError::NoChain { .. } => Self::integrity(&error),
            _ => convert::fault(&error),
        }
    }
}
