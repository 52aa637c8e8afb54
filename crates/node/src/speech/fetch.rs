//! Fetching a model: resumed, checked, and in its place only when it is whole.

use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::path::Path;
use std::time::Duration;

use crate::cancel::CancelToken;
use crate::error::{Error, Result};
use crate::speech::models::hash_of;
use crate::view::Code;

/// No model is larger.
const MAX_BYTES: u64 = 8_000_000_000;

/// Fetches from a URL, or copies a file.
pub fn fetch(
    to: &Path,
    from: &str,
    hash: &str,
    cancel: &CancelToken,
    progress: &mut dyn FnMut(u64, Option<u64>),
) -> Result<()> {
    let folder = to.parent().ok_or_else(|| Error::integrity("a model without a folder"))?;
    fs::create_dir_all(folder)?;
    let part = to.with_extension("bin.part");
    let mut file = OpenOptions::new().create(true).append(true).open(&part)?;
    let mut here = file.metadata()?.len();
    let (mut content, whole) = open(from, here)?;
    if let Content::Anew(_) = content {
        file.set_len(0)?;
        here = 0;
    }
    let total = whole.filter(|whole| *whole <= MAX_BYTES);
    progress(here, total);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        if cancel.is_cancelled() {
            file.sync_all()?;
            return Err(Error::cancelled());
        }
        let read = content.read(&mut buffer).map_err(|error| unreachable(from, error))?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else { break };
        file.write_all(bytes)?;
        here += read as u64;
        if here > MAX_BYTES {
            fs::remove_file(&part)?;
            let detail = format!("{from} is larger than {MAX_BYTES} bytes");
            return Err(Error::new(Code::Refused, detail, "that is no model"));
        }
        progress(here, total);
    }
    if total.is_some_and(|total| here < total) {
        file.sync_all()?;
        return Err(unreachable(from, format!("it ended after {here} bytes")));
    }
    file.sync_all()?;
    let found = hash_of(&part)?;
    if found != hash {
        fs::remove_file(&part)?;
        let detail = format!("what came from {from} has the SHA-256 {found}, expected was {hash}");
        return Err(Error::new(Code::Integrity, detail, "it was thrown away; try again"));
    }
    fs::rename(&part, to)?;
    File::open(folder)?.sync_all()?;
    Ok(())
}

enum Content {
    /// Behind what is here already.
    Behind(Box<dyn Read>),
    /// From its beginning.
    Anew(Box<dyn Read>),
}

impl Read for Content {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let (Self::Behind(content) | Self::Anew(content)) = self;
        content.read(buffer)
    }
}

/// The content behind `here`, if the server can go on there, and how long all of it is.
fn open(from: &str, here: u64) -> Result<(Content, Option<u64>)> {
    if !from.contains("://") {
        let file = File::open(from).map_err(|error| {
            Error::new(Code::NotFound, format!("{from}: {error}"), "name a file or a URL")
        })?;
        let length = file.metadata()?.len();
        return Ok((Content::Anew(Box::new(file)), Some(length)));
    }
    let config = ureq::Agent::config_builder()
        .timeout_connect(Some(Duration::from_secs(30)))
        .timeout_recv_response(Some(Duration::from_secs(60)))
        .http_status_as_error(false)
        .build();
    let mut request = ureq::Agent::new_with_config(config).get(from);
    if here > 0 {
        request = request.header("Range", format!("bytes={here}-"));
    }
    let response = request.call().map_err(|error| unreachable(from, error))?;
    let status = response.status().as_u16();
    let length = response.headers().get("content-length");
    let length = length.and_then(|text| text.to_str().ok()?.parse::<u64>().ok());
    let content = Box::new(response.into_body().into_reader());
    match status {
        200 => Ok((Content::Anew(content), length)),
        206 => Ok((Content::Behind(content), length.map(|length| length + here))),
        // All of it is here.
        416 => Ok((Content::Behind(Box::new(std::io::empty())), Some(here))),
        status => Err(unreachable(from, format!("the answer was {status}"))),
    }
}

fn unreachable(from: &str, error: impl std::fmt::Display) -> Error {
    let hint = "what came is kept: the same command goes on there";
    Error::new(Code::Offline, format!("{from}: {error}"), hint)
}
