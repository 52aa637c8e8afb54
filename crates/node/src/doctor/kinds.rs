//! Every kind of damage that the doctor knows: what it means, and the way out. `docs/DOCTOR.md` is this table.

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// Good to know; nothing is ill.
    Advice,
    /// Something needs a person, and nothing is lost.
    Trouble,
    /// Bytes are not what they were.
    Damage,
}

impl Weight {
    pub fn name(self) -> &'static str {
        match self {
            Self::Advice => "advice",
            Self::Trouble => "trouble",
            Self::Damage => "damage",
        }
    }
}

macro_rules! kinds {
    ($($kind:ident $area:literal $weight:ident $name:literal $meaning:literal $way:literal)*) => {
        /// A kind of finding.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Kind {
            $($kind),*
        }

        impl Kind {
            /// All of them, in the table's order.
            pub const ALL: &[Self] = &[$(Self::$kind),*];

            /// Its name, for scripts.
            pub fn name(self) -> &'static str {
                match self { $(Self::$kind => $name),* }
            }

            /// Which check it belongs to.
            pub fn area(self) -> &'static str {
                match self { $(Self::$kind => $area),* }
            }

            pub fn weight(self) -> Weight {
                match self { $(Self::$kind => Weight::$weight),* }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self { $(Self::$kind => $meaning),* }
            }

            /// What `--repair` does, or what a person can do.
            pub fn way_out(self) -> &'static str {
                match self { $(Self::$kind => $way),* }
            }
        }
    };
}

kinds! {
    DatabaseMissing "database" Damage "database-missing"
        "the home has keys or files, and no database"
        "restore a backup into another home, or join the mesh again as a new device; keep this folder until then"
    DatabaseForeign "database" Damage "database-foreign"
        "the file in the database's place is none of ours"
        "move it away and put the right one back, or restore a backup into another home"
    WalOff "database" Trouble "wal-off"
        "the database was switched from its write-ahead log to another mode, which is not as durable"
        "opening the home switches it back; find the program that opened it"
    PagesDamaged "database" Damage "pages-damaged"
        "SQLite finds pages of the file damaged"
        "keep the file; restore a backup into another home, or join again as a new device; what others have is not lost"
    IndexWrong "database" Damage "index-wrong"
        "an index of the database does not fit its table"
        "--repair makes the indexes anew from their tables"
    HomeUnwritable "place" Trouble "home-unwritable"
        "nothing can be written into the home's folder"
        "give yourself the right to write there, or mount it for writing"
    DiskNearlyFull "place" Trouble "disk-nearly-full"
        "there is hardly room for what comes next"
        "make room on this disk"
    FilesOpen "place" Trouble "files-open"
        "others of this machine may read what is in the home"
        "--repair takes the right from them; what was read was read"
    TempFiles "place" Trouble "temp-files"
        "processes that were killed left unfinished files behind"
        "--repair removes those that are older than a day"
    HomeCopied "place" Advice "home-copied"
        "the home's files were copied or moved from another place"
        "nothing to do: the next note opens a new chain of this device, so that no chain is forked"
    KeysMissing "keys" Damage "keys-missing"
        "the home's keys are not where they were put"
        "put them back, or restore a backup into another home; notes can be read meanwhile by `export` on no device but another"
    KeysDamaged "keys" Damage "keys-damaged"
        "the home's keys don't read"
        "put them back, or restore a backup into another home"
    KeysForeign "keys" Damage "keys-foreign"
        "the keys in the home are another device's"
        "put this home's own keys back, or restore a backup into another home"
    KeyNotOfChain "keys" Damage "key-not-of-chain"
        "the home's incarnation key is not the one that its chain is signed with"
        "--repair lets the next note open a new chain"
    OwnChainGone "history" Damage "own-chain-gone"
        "the chain that this home writes is not here"
        "--repair lets the next note open a new chain; reconcile to get the old one back"
    MetaDamaged "lists" Damage "facts-damaged"
        "a small fact that the home keeps of itself does not read"
        "--repair makes it anew where it follows from the events"
    EventDamaged "history" Damage "event-damaged"
        "an event's header is not what its id says"
        "--repair --from BUNDLE puts it back from a bundle of another device"
    EventMissing "history" Damage "event-missing"
        "a chain has a gap"
        "--repair --from BUNDLE puts it back from a bundle of another device"
    IdWrong "history" Damage "id-wrong"
        "the id beside an event is not its own, and what stands around it tells which is right"
        "--repair writes the id that the event's bytes give"
    BodyDamaged "history" Damage "body-damaged"
        "what an event says is not what its header names"
        "--repair --from BUNDLE puts it back; --repair alone keeps the damaged bytes in aside/, so that the rest goes on"
    BodyMissing "history" Damage "body-missing"
        "what an event says is not here, and nothing has forgotten it"
        "import a bundle of a device that has it; if none has, an anchor can forget the event"
    ClockWrong "history" Damage "lamport-wrong"
        "an event's clock does not follow from its causes"
        "restore a backup into another home, or join again; keep this one to find out how that came in"
    CauseMissing "history" Damage "cause-missing"
        "an event names a cause that is not here"
        "--repair --from BUNDLE brings it if it lies in a gap; else restore a backup into another home"
    ChainRowWrong "history" Damage "tip-wrong"
        "what the home says of a chain's end is not its end"
        "--repair writes the end that a signature proves; --from BUNDLE brings one"
    HeadUnsigned "history" Damage "head-unsigned"
        "the signature over a chain's end does not hold"
        "--repair signs this device's own anew, and takes another's from a kept head or --from BUNDLE"
    OwnerWrong "history" Damage "owner-wrong"
        "the home says of a chain that it is another device's, or another key's, than its first event does"
        "--repair writes what the first event says, which the device's authority has signed"
    KeptHeadBad "history" Damage "kept-head-bad"
        "a signature that runs are cut at does not hold, so that other devices would refuse the run"
        "--repair signs this device's own anew, and lets another's go: the run is then cut at the next"
    NotesWrong "lists" Damage "notes-wrong"
        "the list of notes does not follow from the events"
        "--repair folds the events anew"
    TagsWrong "lists" Damage "tags-wrong"
        "the list of tags does not follow from the events"
        "--repair folds the events anew"
    RevisionsWrong "lists" Damage "revisions-wrong"
        "the list of edits does not follow from the events"
        "--repair folds the events anew"
    MembersWrong "lists" Damage "members-wrong"
        "the list of members does not follow from the events"
        "--repair folds the events anew"
    ForgottenWrong "lists" Damage "forgotten-wrong"
        "the list of what is forgotten does not follow from the events"
        "--repair folds the events anew"
    FileNamesWrong "lists" Damage "file-names-wrong"
        "the list of which events name which files does not follow from the events"
        "--repair folds the events anew"
    VaultListWrong "lists" Damage "vault-list-wrong"
        "the list of what was said of the vault's files does not follow from the events"
        "--repair folds the events anew"
    SessionsWrong "lists" Damage "sessions-wrong"
        "the list of agents' sessions and distillates does not follow from the events"
        "--repair folds the events anew; so does the next `mirror session open`"
    StateWrong "lists" Damage "state-wrong"
        "the state digest does not follow from the events, so that other devices are told another meaning"
        "--repair folds the events anew"
    CountWrong "lists" Damage "count-wrong"
        "the kept number of notes is not the number of notes"
        "--repair folds the events anew"
    FullTextDamaged "full text" Damage "full-text-damaged"
        "the full-text index is damaged"
        "--repair makes it anew from the notes"
    FullTextShort "full text" Damage "full-text-short"
        "the full-text index lacks notes that it says it has seen"
        "--repair makes it anew from the notes"
    FullTextBehind "full text" Advice "full-text-behind"
        "the full-text index has not seen the newest events yet"
        "nothing to do: the next search brings it up to date"
    BlobDamaged "files" Damage "blob-damaged"
        "a file that a note carries is not what its name says"
        "--repair moves it to blobs/aside and asks for it again; reconcile with a device that has it"
    BlobMissing "files" Damage "blob-missing"
        "a file that a note carries is gone"
        "--repair asks for it again; reconcile with a device that has it"
    BlobPartDamaged "files" Damage "blob-part-damaged"
        "of a file that is still coming, parts that came are not here"
        "--repair counts them anew; the rest comes with the next reconcile"
    BlobListDamaged "files" Damage "blob-list-damaged"
        "the list of a file's chunks does not read"
        "--repair makes it anew from the file, or asks for both again"
    BlobUnnoticed "files" Trouble "blob-unnoticed"
        "a file that a note carries is here whole, and the home does not know"
        "--repair takes it in"
    BlobOrphan "files" Advice "blob-orphan"
        "a file in the blobs' folder is named by no note here"
        "nothing to do: it may be of a note that is still to come; you may remove it"
    VaultDamaged "vault" Damage "vault-damaged"
        "a file, a version or a sidecar of the vault is not as it is recorded"
        "`mirror vault scrub` mends from verified bytes what can be, and records it"
    VaultGone "vault" Damage "vault-gone"
        "the vault's folder is not there, or does not open"
        "put it back, or mount its disk; nothing takes an absent folder for an empty one"
    Waiting "waiting" Trouble "waiting"
        "events wait for others that they rest on"
        "reconcile with the device that has the missing events"
    WaitingFull "waiting" Trouble "waiting-full"
        "there is hardly room for more events that have to wait"
        "reconcile with the device that has the missing events"
    WaitingDamaged "waiting" Damage "waiting-damaged"
        "a run that waits does not read"
        "--repair lets it go; it comes again with a reconcile"
    Remains "waiting" Trouble "remains"
        "bytes of something forgotten may still stand in the home's files"
        "--repair erases them; close what else uses the home"
    Leaving "waiting" Trouble "leaving"
        "files of something forgotten have not been removed yet"
        "--repair removes what no other note names"
    PeerDamaged "others" Damage "peer-damaged"
        "what the home knows of another device does not read"
        "--repair forgets it; it is learnt anew at the next reconcile"
    PeerSilent "others" Advice "peer-silent"
        "a device was not met for a month"
        "reconcile with it, or revoke it if it is lost"
    ClockOff "others" Trouble "clock-off"
        "an event is dated more than a day after this machine's clock"
        "set the clock that is wrong; order does not depend on it"
    Forked "others" Advice "forked"
        "a chain has two branches: its home was put back from a copy, or stolen"
        "if it was stolen, revoke the device; else nothing to do, both branches count"
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// `UPDATE_DOCS=1 cargo test -p mirror-node the_page` writes the page.
    #[test]
    fn the_page_is_the_table() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/DOCTOR.md");
        let page = std::fs::read_to_string(path).unwrap();
        let begin = page.find("| Kind |").unwrap();
        let end = page.get(begin..).unwrap().find("\n\n").map_or(page.len(), |at| begin + at);
        let mut table = String::from("| Kind | Weighs | Means | Way out |\n|---|---|---|---|");
        for kind in Kind::ALL {
            let (name, weight) = (kind.name(), kind.weight().name());
            let (meaning, way) = (kind.meaning(), kind.way_out());
            table.push_str(&format!("\n| `{name}` | {weight} | {meaning} | {way} |"));
        }
        if std::env::var_os("UPDATE_DOCS").is_some() {
            let mut page = page.clone();
            page.replace_range(begin..end, &table);
            std::fs::write(path, page).unwrap();
            return;
        }
        assert_eq!(page.get(begin..end).unwrap(), table, "docs/DOCTOR.md differs from the code");
    }
}
