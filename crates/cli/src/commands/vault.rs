//! `vault`: files that are written whole or not at all, with every version kept.

use std::io::{self, Read, Write};

use mirror_node::view::{
    AuditEntry, FileVersion, VaultAct, VaultDiff, VaultNoticed, VaultPruned, VaultScrubbed,
};
use mirror_node::{AuditQuery, Author, CancelToken, Node};

use super::{Here, paging};
use crate::args::{Vault as VaultCommand, VaultAuthor};
use crate::output::{Exit, Failure, Result};
use crate::words;

/// `mirror vault …`
pub fn vault(here: &Here<'_>, command: VaultCommand) -> Result<Exit> {
    let node = here.node()?;
    match command {
        VaultCommand::Write { path, expect, author } => {
            let mut stdin = io::stdin().lock();
            let written = node.vault_write(&path, &mut stdin, expect, &author.into())?;
            here.out.answer(&written, |written| written.version.clone())?;
        }
        VaultCommand::Read { path, version } => read(&node, &path, version.as_deref())?,
        VaultCommand::History { path } => {
            let versions = node.vault_history(&path)?;
            here.out.list(&versions, "nothing is recorded of it", version_line)?;
        }
        VaultCommand::Diff { path, from, to } => {
            let diff = node.vault_diff(&path, from.as_deref(), to.as_deref())?;
            here.out.answer(&diff, diff_text)?;
        }
        VaultCommand::Rollback { path, to, author } => {
            let written = node.vault_rollback(&path, &to, &author.into())?;
            here.out.answer(&written, |written| written.version.clone())?;
        }
        VaultCommand::Audit { path, page } => {
            let ask = |limit, cursor| {
                let query = AuditQuery { path: path.clone(), limit, cursor };
                let page = node.vault_audit(&query)?;
                Ok((page.entries, page.next))
            };
            paging::print(here.out, page, "nothing was done with the vault yet", ask, audit_line)?;
        }
        VaultCommand::Scan => here.out.answer(&node.vault_scan()?, scan_text)?,
        VaultCommand::Prune { keep, days } => {
            let pruned = node.vault_prune(keep, days)?;
            here.out.answer(&pruned, |pruned| {
                let VaultPruned { removed, mib, stay } = pruned;
                format!("{} removed, {mib} MiB; {stay} stay", words::count(*removed, "version"))
            })?;
        }
        VaultCommand::Scrub => return scrub(here, &node),
    }
    Ok(Exit::Done)
}

/// The bytes as they are, whatever form of answer was asked for.
fn read(node: &Node, path: &str, version: Option<&str>) -> Result<()> {
    let mut bytes = node.vault_read(path, version)?;
    let mut stdout = io::stdout().lock();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = bytes.read(&mut buffer).map_err(mirror_node::Error::from)?;
        let Some(chunk) = buffer.get(..count).filter(|chunk| !chunk.is_empty()) else { break };
        stdout.write_all(chunk).map_err(Failure::Output)?;
    }
    stdout.flush().map_err(Failure::Output)
}

fn scrub(here: &Here<'_>, node: &Node) -> Result<Exit> {
    let scrubbed = node.vault_scrub(&CancelToken::default(), &mut |_| {})?;
    here.out.answer(&scrubbed, scrub_text)?;
    Ok(if scrubbed.ok { Exit::Done } else { Exit::Integrity })
}

fn version_line(version: &FileVersion) -> String {
    let FileVersion { version: id, hash, at, device_name, act, by, reason, .. } = version;
    let (id, at, act) = (words::short(id), words::local(at), act_words(*act));
    let hash = hash.as_deref().map_or("gone", words::short);
    let marks = match (version.current, version.kept) {
        (true, _) => "  (stands there)",
        (false, true) => "",
        (false, false) => "  (not kept)",
    };
    format!("{id}  {at}  {hash}  {act} {}{}{marks}", who(device_name, by), why(reason))
}

fn audit_line(entry: &AuditEntry) -> String {
    let AuditEntry { id, at, device_name, act, path, from, to, by, reason, detail, .. } = entry;
    let short = |hash: &Option<String>| hash.as_deref().map_or("none", words::short).to_owned();
    let (id, at, act) = (words::short(id), words::local(at), act_words(*act));
    let path = path.as_deref().unwrap_or_default();
    let hashes = match (from, to) {
        (None, None) => String::new(),
        _ => format!("  {} -> {}", short(from), short(to)),
    };
    let detail = if detail.is_empty() { String::new() } else { format!("  {detail}") };
    format!("{id}  {at}  {act} {path} {}{hashes}{}{detail}", who(device_name, by), why(reason))
}

fn who(device: &str, by: &Option<String>) -> String {
    by.as_ref().map_or(format!("on {device}"), |by| format!("by {by} on {device}"))
}

fn why(reason: &Option<String>) -> String {
    reason.as_ref().map(|reason| format!(": {reason}")).unwrap_or_default()
}

fn act_words(act: VaultAct) -> &'static str {
    match act {
        VaultAct::Write => "written",
        VaultAct::Rollback => "rolled back",
        VaultAct::Outside => "changed by another program",
        VaultAct::Merge => "merged",
        VaultAct::Adopt => "first seen",
        VaultAct::Refuse => "refused",
        VaultAct::Scrub => "scrubbed",
        VaultAct::Prune => "pruned",
    }
}

fn diff_text(diff: &VaultDiff) -> String {
    match (diff.binary, diff.from == diff.to) {
        (_, true) => "no difference".to_owned(),
        (true, false) => "they differ, and are no text to be compared".to_owned(),
        (false, false) => words::word_diff(&diff.spans),
    }
}

fn scan_text(noticed: &VaultNoticed) -> String {
    let VaultNoticed { files, adopted, changed, gone, left } = noticed;
    let files = words::count(*files, "file");
    let mut text = format!("{files}: {adopted} new, {changed} changed, {gone} gone\n");
    text.extend(left.iter().map(|left| format!("left out {}: {}\n", left.what, left.finding)));
    text
}

fn scrub_text(scrubbed: &VaultScrubbed) -> String {
    let VaultScrubbed { files, versions, mib, findings, .. } = scrubbed;
    let (files, versions) = (words::count(*files, "file"), words::count(*versions, "version"));
    let mut text = format!("{files} and {versions} read, {mib} MiB\n");
    for finding in findings {
        let mended = if finding.repaired { " (mended)" } else { "" };
        text.push_str(&format!("{}: {}{mended}\n", finding.what, finding.finding));
    }
    text
}

impl From<VaultAuthor> for Author {
    fn from(author: VaultAuthor) -> Self {
        let VaultAuthor { by, reason, sources } = author;
        Self { by, reason, sources }
    }
}
