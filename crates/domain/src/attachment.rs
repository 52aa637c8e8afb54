//! What a note carries beside its text: content that lies elsewhere, named so that nothing else can pass for it.

use minicbor::{Decode, Encode};
use mirror_protocol::blob::BlobError;
use mirror_protocol::{BlobId, BlobRef, ChunkListHash};

/// Attachments of one note; with the longest text they fit a body.
pub const MAX_ATTACHMENTS: usize = 16;
/// Bytes of an attachment's name.
pub const MAX_FILE_NAME_BYTES: usize = 255;
/// Bytes of a media type.
pub const MAX_MEDIA_BYTES: usize = 127;

/// A file or a recording of a note.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Encode, Decode)]
#[cbor(map)]
pub struct Attachment {
    /// SHA-256 of the content.
    #[n(0)]
    pub blob: BlobId,
    /// Its size.
    #[n(1)]
    pub bytes: u64,
    /// The hash of its chunk list.
    #[n(2)]
    pub chunks: ChunkListHash,
    /// What the file was called.
    #[n(3)]
    pub name: String,
    /// Its media type.
    #[n(4)]
    pub media: String,
}

/// An attachment outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AttachmentError {
    /// Too many.
    #[error("{found} attachments, the limit is {MAX_ATTACHMENTS}")]
    TooMany {
        /// How many.
        found: usize,
    },
    /// A name that is none, or that could lead elsewhere.
    #[error(
        "{found:?} is no file name: 1 to {MAX_FILE_NAME_BYTES} bytes, without folders, control signs or signs that turn the writing direction"
    )]
    BadName {
        /// The name, cut.
        found: String,
    },
    /// A media type that is none.
    #[error("{found:?} is no media type: type/subtype in {MAX_MEDIA_BYTES} bytes")]
    BadMedia {
        /// The media type, cut.
        found: String,
    },
    /// Empty or too large.
    #[error(transparent)]
    Size(#[from] BlobError),
}

impl Attachment {
    /// Names content as a note's attachment.
    pub fn new(blob: BlobRef, name: &str, media: &str) -> Self {
        let BlobRef { id, bytes, chunks } = blob;
        Self { blob: id, bytes, chunks, name: name.to_owned(), media: media.to_owned() }
    }

    /// The content that it names.
    pub fn content(&self) -> BlobRef {
        BlobRef { id: self.blob, bytes: self.bytes, chunks: self.chunks }
    }

    /// It is a recording.
    pub fn is_audio(&self) -> bool {
        self.media.starts_with("audio/")
    }

    fn check(&self) -> Result<(), AttachmentError> {
        self.content().check()?;
        let turns = |c| matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let bad = |c: char| c.is_control() || turns(c) || matches!(c, '/' | '\\');
        let cut = |text: &str| text.chars().take(80).collect();
        let fits = (1..=MAX_FILE_NAME_BYTES).contains(&self.name.len());
        if !fits || self.name.chars().any(bad) || matches!(self.name.trim(), "" | "." | "..") {
            return Err(AttachmentError::BadName { found: cut(&self.name) });
        }
        let part = |part: &str| {
            let token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
            !part.is_empty() && part.bytes().all(token)
        };
        let media = self.media.len() <= MAX_MEDIA_BYTES
            && self.media.split_once('/').is_some_and(|(kind, sub)| part(kind) && part(sub));
        if !media {
            return Err(AttachmentError::BadMedia { found: cut(&self.media) });
        }
        Ok(())
    }
}

/// Checks the attachments of one note.
pub fn check_attachments(attachments: &[Attachment]) -> Result<(), AttachmentError> {
    if attachments.len() > MAX_ATTACHMENTS {
        return Err(AttachmentError::TooMany { found: attachments.len() });
    }
    attachments.iter().try_for_each(Attachment::check)
}

/// The media type of a file, by what its name ends in.
pub fn media_of(name: &str) -> Option<&'static str> {
    let (_, ending) = name.rsplit_once('.')?;
    Some(match ending.to_ascii_lowercase().as_str() {
        "aac" => "audio/aac",
        "amr" => "audio/AMR",
        "flac" => "audio/flac",
        "m4a" => "audio/mp4",
        "mp3" => "audio/mpeg",
        "oga" | "ogg" | "opus" => "audio/ogg",
        "wav" => "audio/wav",
        "weba" => "audio/webm",
        "csv" => "text/csv",
        "md" => "text/markdown",
        "txt" => "text/plain",
        "pdf" => "application/pdf",
        "json" => "application/json",
        "zip" => "application/zip",
        "gif" => "image/gif",
        "heic" => "image/heic",
        "jpeg" | "jpg" => "image/jpeg",
        "png" => "image/png",
        "svg" => "image/svg+xml",
        "webp" => "image/webp",
        "mov" => "video/quicktime",
        "mp4" => "video/mp4",
        "webm" => "video/webm",
        _ => return None,
    })
}

/// The media type of what is only known to be bytes.
pub const UNKNOWN_MEDIA: &str = "application/octet-stream";

#[cfg(test)]
mod tests {
    use super::*;

    fn attachment(name: &str, media: &str) -> Attachment {
        let blob = BlobRef { id: BlobId([1; 32]), bytes: 3, chunks: ChunkListHash([2; 32]) };
        Attachment::new(blob, name, media)
    }

    #[test]
    fn an_attachments_name_leads_nowhere_else() {
        let check = |name: &str| check_attachments(&[attachment(name, "audio/mp4")]);
        for name in ["memo.m4a", "शुभ.wav", "..memo", "a b"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in
            ["", " ", ".", "..", "../memo", "a\\b", "a\nb", "gpj.\u{202e}exe", &"x".repeat(256)]
        {
            assert!(matches!(check(name), Err(AttachmentError::BadName { .. })), "{name:?}");
        }
    }

    #[test]
    fn an_attachments_media_type_is_one() {
        let check = |media: &str| check_attachments(&[attachment("memo", media)]);
        assert_eq!(check("image/svg+xml"), Ok(()));
        for media in [
            "",
            "audio",
            "audio/",
            "/mp4",
            "audio/mp4; x",
            "a/b/c",
            &format!("a/{}", "b".repeat(126)),
        ] {
            assert!(matches!(check(media), Err(AttachmentError::BadMedia { .. })), "{media:?}");
        }
        for name in ["memo.M4A", "a.b.pdf", "clip.webm"] {
            assert_eq!(check(media_of(name).unwrap()), Ok(()));
        }
        assert_eq!((media_of("memo"), media_of("memo.xyz")), (None, None));
    }

    #[test]
    fn attachments_are_bounded() {
        let one = attachment("memo", UNKNOWN_MEDIA);
        let error = check_attachments(&vec![one.clone(); 17]).unwrap_err();
        assert_eq!(error.to_string(), "17 attachments, the limit is 16");
        let empty = Attachment { bytes: 0, ..one };
        assert!(check_attachments(&[empty]).unwrap_err().to_string().contains("0 bytes"));
    }
}
