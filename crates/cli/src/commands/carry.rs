//! `export` and `import`: a reconcile of one direction, as a file that anyone may carry.

use mirror_node::view::{Imported, Refusal};

use super::{Here, find_device};
use crate::args::{Export, Import};
use crate::output::{Exit, Result};
use crate::words;

/// `mirror export`
pub fn export(here: &Here<'_>, args: &Export) -> Result<Exit> {
    let node = here.node()?;
    let devices = node.devices()?;
    let reader = args.for_device.as_deref();
    let reader =
        reader.map(|text| find_device(&devices, text).map_or(text, |device| &device.device));
    let written = node.export(&args.output, reader, args.since.as_deref())?;
    here.out.answer(&written, |written| {
        let (events, size) = (words::count(written.events, "event"), words::size(written.bytes));
        let blobs = words::count(written.blobs, "blob");
        format!("wrote {}: {events}, {blobs}, {size}", written.file)
    })?;
    Ok(Exit::Done)
}

/// `mirror import`
pub fn import(here: &Here<'_>, args: &Import) -> Result<Exit> {
    let taken = here.node()?.import(&args.file)?;
    here.out.answer(&taken, imported_words)?;
    Ok(match taken {
        Imported { refused, .. } if !refused.is_empty() => Exit::Refused,
        Imported { conflicts: 1.., .. } => Exit::Conflicts,
        _ => Exit::Done,
    })
}

fn imported_words(taken: &Imported) -> String {
    let Imported { received, duplicates, quarantined, blobs, refused, stale, head, conflicts } =
        taken;
    let mut text = format!("{received} new, {duplicates} already here\n");
    if *blobs > 0 {
        text.push_str(&format!("{} came whole\n", words::count(*blobs, "blob")));
    }
    if *quarantined > 0 {
        text.push_str(&format!("{quarantined} wait for what they build on\n"));
    }
    if !stale.is_empty() {
        text.push_str("this is an older state than its maker has told of; nothing is taken back\n");
    }
    text.extend(refused.iter().map(refusal_line));
    text.push_str(&format!("head {head}\n"));
    text.push_str(&conflicts_words(*conflicts));
    text
}

/// What was not taken.
pub fn refusal_line(refusal: &Refusal) -> String {
    format!("refused {}: {}\n", refusal.what, refusal.reason)
}

/// How many notes and files wait, and where to look.
pub fn conflicts_words(conflicts: u32) -> String {
    match conflicts {
        0 => String::new(),
        1 => "1 note or file was changed on two devices: see `mirror conflicts`\n".into(),
        many => {
            format!("{many} notes and files were changed on two devices: see `mirror conflicts`\n")
        }
    }
}
