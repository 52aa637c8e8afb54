//! `blob`: the files and recordings that notes carry.

use mirror_node::view::{Attachment, Blob, BlobState, Transcript};
use serde_json::json;

use super::Here;
use crate::args::Blob as BlobCommand;
use crate::output::{Exit, Result};
use crate::words;

/// `mirror blob …`
pub fn blob(here: &Here<'_>, command: BlobCommand) -> Result<Exit> {
    let node = here.node()?;
    match command {
        BlobCommand::List => {
            here.out.list(&node.blobs()?, "no note carries anything", blob_line)?
        }
        BlobCommand::Get { id, output } => {
            let blob = node.save_blob(&id, &output)?;
            let say =
                |blob: &Blob| format!("wrote {}: {}", output.display(), words::size(blob.size));
            here.out.answer(&blob, say)?;
        }
        BlobCommand::Want { id } => here.out.answer(&node.want_blob(&id)?, blob_line)?,
        BlobCommand::Cap { bytes } => {
            if let Some(bytes) = bytes {
                node.set_blob_cap(bytes)?;
            }
            let cap = json!({ "bytes": node.blob_cap()? });
            here.out.answer(&cap, |cap| format!("{} bytes", cap["bytes"]))?;
        }
    }
    Ok(Exit::Done)
}

fn blob_line(blob: &Blob) -> String {
    let Blob { blob: id, size, state, wanted, chunks_here, chunks, names, .. } = blob;
    let state = state_words(*state, *chunks_here, *chunks);
    let wanted = if *wanted && !state.contains("asked") { ", asked for" } else { "" };
    let (id, size) = (words::short(id), words::size(*size));
    format!("{id}  {size:>9}  {}: {state}{wanted}", names.join(", "))
}

/// One attachment of a note.
pub fn attachment_line(attachment: &Attachment) -> String {
    let Attachment { blob, name, media, size, state, chunks_here, chunks, transcript } = attachment;
    let state = state_words(*state, *chunks_here, *chunks);
    let heard = transcript.as_ref().map(transcript_words).unwrap_or_default();
    let (id, size) = (words::short(blob), words::size(*size));
    format!("{id}  {name} ({media}, {size}): {state}\n{heard}")
}

/// What was heard, behind a bar, so that it can't pass for what was written.
fn transcript_words(transcript: &Transcript) -> String {
    let Transcript { text, model, device_name, silent, doubtful, .. } = transcript;
    let text = match text.as_str() {
        "" if *silent => "the recording holds no sound".to_owned(),
        "" => "no speech was heard".to_owned(),
        text => words::indented(text),
    };
    let doubt = if *doubtful { "; parts are doubtful" } else { "" };
    format!("heard by {model} on {device_name}{doubt}:\n{text}\n")
}

fn state_words(state: BlobState, here: u32, all: u32) -> String {
    match state {
        BlobState::Present => "here".into(),
        BlobState::Partial => format!("{here} of {all} parts here"),
        BlobState::Wanted => "not here, asked for".into(),
        BlobState::Absent => "not here".into(),
        BlobState::Misnamed => "no content is what the note says of it".into(),
    }
}
