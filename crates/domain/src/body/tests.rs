use super::*;
use mirror_protocol::{BlobId, BlobRef, BodyHash, ChunkListHash, Header, Lamport, WallTime};

fn event(kind: &str, body: Vec<u8>) -> Event {
    let header = Header {
        chain: Some(mirror_protocol::ChainId([1; 32])),
        seq: 1,
        prev: Some(EventId([2; 32])),
        deps: vec![],
        lamport: Lamport(2),
        at: WallTime { unix_ms: 0, offset_min: 0 },
        kind: kind.into(),
        body_hash: BodyHash([0; 32]),
        body_bytes: 0,
    };
    Event::new(header, body).unwrap()
}

#[test]
fn a_body_reads_back_as_written() {
    let body = Body::NoteEdit(NoteEdit {
        note: EventId([7; 32]),
        replaces: vec![EventId([8; 32])],
        text: "शुभ 🙂".into(),
        tags: vec!["idea".into()],
        attachments: Some(vec![memo()]),
    });
    let event = event(body.kind().unwrap(), body.encode());
    assert_eq!(Body::read(&event), Ok(body));
}

#[test]
fn kinds_of_later_versions_are_kept_not_guessed() {
    assert_eq!(Body::read(&event("note.sing", vec![1])), Ok(Body::Unknown));
}

#[test]
fn keys_of_later_versions_are_skipped() {
    // {0: "hi", 1: [], 9: true}
    let bytes = vec![0xa3, 0x00, 0x62, b'h', b'i', 0x01, 0x80, 0x09, 0xf5];
    let body = Body::NoteAdd(NoteAdd { text: "hi".into(), tags: vec![], attachments: vec![] });
    assert_eq!(Body::read(&event("note.add", bytes)), Ok(body));
}

#[test]
fn a_body_has_one_form() {
    let whole: &[u8] = &[0xa2, 0x00, 0x62, b'h', b'i', 0x01, 0x80];
    assert!(Body::read(&event("note.add", whole.to_vec())).is_ok());
    let others: [&[u8]; 3] = [
        &[0xa2, 0x00, 0x62, b'h', b'i', 0x01, 0x80, 0x00],
        &[0xa2, 0x00, 0x78, 0x02, b'h', b'i', 0x01, 0x80],
        &[0xa2, 0x01, 0x80, 0x00, 0x62, b'h', b'i'],
    ];
    for other in others {
        assert!(Body::read(&event("note.add", other.to_vec())).is_err(), "{other:x?}");
    }
}

fn memo() -> Attachment {
    let (id, chunks) = (BlobId([3; 32]), ChunkListHash([4; 32]));
    Attachment::new(BlobRef { id, bytes: 9, chunks }, "memo.m4a", "audio/mp4")
}

#[test]
fn a_note_without_attachments_has_the_bytes_that_it_always_had() {
    let add = NoteAdd { text: "hi".into(), tags: vec![], attachments: vec![] };
    assert_eq!(Body::NoteAdd(add).encode(), [0xa2, 0x00, 0x62, b'h', b'i', 0x01, 0x80]);
    let edit = NoteEdit {
        note: EventId([7; 32]),
        replaces: vec![EventId([8; 32])],
        text: "hi".into(),
        tags: vec![],
        attachments: None,
    };
    assert_eq!(Body::NoteEdit(edit).encode()[0], 0xa4);
}

#[test]
fn only_a_note_that_carries_something_goes_without_text() {
    let add = |attachments| NoteAdd { text: String::new(), tags: vec![], attachments };
    let read = |body: Body| Body::read(&event("note.add", body.encode()));
    assert!(read(Body::NoteAdd(add(vec![memo()]))).is_ok());
    assert!(matches!(read(Body::NoteAdd(add(vec![]))), Err(BodyError::Text { .. })));
    let huge = Attachment { bytes: u64::MAX, ..memo() };
    let error = read(Body::NoteAdd(add(vec![huge]))).unwrap_err();
    assert!(matches!(error, BodyError::Attachment { .. }), "{error}");
}

#[test]
fn the_largest_transcript_fits_a_body() {
    use crate::text::MAX_TEXT_BYTES;
    let each = MAX_TEXT_BYTES / MAX_SEGMENTS;
    let segment = Segment { start_ms: u32::MAX, end_ms: u32::MAX, text: "x".repeat(each) };
    let mut transcript = NoteTranscript {
        note: EventId([7; 32]),
        audio: BlobId([3; 32]),
        replaces: vec![EventId([8; 32]); MAX_REPLACES],
        continues: Some(EventId([9; 32])),
        engine: "e".repeat(MAX_ENGINE_BYTES),
        model: "m".repeat(MAX_ENGINE_BYTES),
        model_hash: Some(BlobId([4; 32])),
        language: Some("l".repeat(MAX_LANGUAGE_BYTES)),
        silent: false,
        segments: vec![segment.clone(); MAX_SEGMENTS],
    };
    let read = |body: &NoteTranscript| {
        let body = Body::NoteTranscript(body.clone());
        let bytes = body.encode();
        assert!(bytes.len() <= mirror_protocol::limits::MAX_BODY_BYTES, "{}", bytes.len());
        Body::read(&event(NOTE_TRANSCRIPT, bytes)).map(|read| assert_eq!(read, body))
    };
    assert_eq!(read(&transcript), Ok(()));
    transcript.segments.push(segment.clone());
    let error = read(&transcript).unwrap_err().to_string();
    assert!(error.contains("513 segments, the limit is 512"), "{error}");
    let long = Segment { text: "x".repeat(MAX_TEXT_BYTES + 1), ..segment };
    transcript.segments = vec![long];
    let error = read(&transcript).unwrap_err().to_string();
    assert!(error.contains("49153 bytes, the limit of one event is 49152"), "{error}");
    // Divided, a transcript of any length fits.
    let many = vec![Segment { start_ms: 0, end_ms: 1, text: "x".repeat(900) }; 1300];
    for part in parts(many) {
        transcript.segments = part;
        assert_eq!(read(&transcript), Ok(()));
    }
}

#[test]
fn the_largest_note_fits_a_body() {
    use crate::attachment::{MAX_ATTACHMENTS, MAX_FILE_NAME_BYTES, MAX_MEDIA_BYTES};
    use crate::text::{MAX_TAG_BYTES, MAX_TAGS, MAX_TEXT_BYTES};
    let media = format!("a/{}", "b".repeat(MAX_MEDIA_BYTES - 2));
    let largest = Attachment {
        bytes: u32::MAX.into(),
        name: "n".repeat(MAX_FILE_NAME_BYTES),
        media,
        ..memo()
    };
    let edit = NoteEdit {
        note: EventId([7; 32]),
        replaces: vec![EventId([8; 32]); MAX_REPLACES],
        text: "x".repeat(MAX_TEXT_BYTES),
        tags: (0..MAX_TAGS).map(|n| format!("{n:0MAX_TAG_BYTES$}")).collect(),
        attachments: Some(vec![largest; MAX_ATTACHMENTS]),
    };
    let body = Body::NoteEdit(edit);
    assert_eq!(Body::read(&event("note.edit", body.encode())), Ok(body));
}

#[test]
fn one_tag_many_times_is_many_tags() {
    let body = Body::NoteAdd(NoteAdd {
        text: "hi".into(),
        tags: vec!["a".into(); 33],
        attachments: vec![],
    });
    let error = Body::read(&event("note.add", body.encode())).unwrap_err();
    assert!(error.to_string().contains("33 tags"), "{error}");
}

#[test]
fn white_space_makes_no_second_device_of_a_name() {
    let name = |name: &str| {
        let (device, name) = (DeviceId([1; 32]), name.to_owned());
        let body = Body::DeviceRename(DeviceRename { device, name });
        Body::read(&event("device.rename", body.encode()))
    };
    assert!(name("Pixel 9").is_ok());
    for other in ["Pixel 9 ", "\u{a0}Pixel 9", "Pixel\u{200b} 9", "\u{61c}Pixel 9"] {
        assert!(name(other).is_err(), "{other:?}");
    }
}

#[test]
fn a_forget_names_one_to_64_revisions_and_says_why() {
    let target = Tip { chain: mirror_protocol::ChainId([1; 32]), seq: 1, id: EventId([2; 32]) };
    let forget = |count, reason: &str| {
        let (targets, reason) = (vec![target; count], reason.to_owned());
        let body = Body::NoteForget(NoteForget { note: EventId([7; 32]), targets, reason });
        Body::read(&event(NOTE_FORGET, body.encode())).map_err(|error| error.to_string())
    };
    assert!(forget(1, "a password").is_ok());
    assert!(forget(MAX_FORGETS, &"x".repeat(1024)).is_ok());
    for count in [0, MAX_FORGETS + 1] {
        assert!(forget(count, "why").unwrap_err().contains("1 to 64 can be forgotten"));
    }
    for reason in ["", " \n", &"x".repeat(1025)] {
        assert!(forget(1, reason).unwrap_err().contains("1 to 1024 bytes"));
    }
}

#[test]
fn what_decides_who_belongs_or_what_is_forgotten_stays() {
    for kind in [CHAIN_OPEN, DEVICE_ADMIT, DEVICE_RENAME, DEVICE_REVOKE, NOTE_FORGET] {
        assert!(needs_body(kind) && !can_be_forgotten(kind));
    }
    for kind in [NOTE_ADD, "note.edit", "note.archive", "note.sing"] {
        assert!(can_be_forgotten(kind) && !needs_body(kind));
    }
    assert!(!can_be_forgotten("device.dance") && !needs_body("device.dance"));
}

#[test]
fn garbage_of_a_known_kind_is_an_error_that_names_the_event() {
    let event = event("note.add", vec![0xff]);
    assert!(Body::read(&event).unwrap_err().to_string().contains(&event.id.to_string()));
}

fn version(path: &str) -> VaultWrite {
    VaultWrite {
        path: path.into(),
        replaces: vec![EventId([7; 32])],
        from: Some(BlobId([1; 32])),
        to: Some(BlobId([2; 32])),
        bytes: 3,
        cause: Cause::Rollback,
        by: Some("codex".into()),
        reason: Some("wrong file".into()),
        sources: vec![EventId([8; 32])],
        shared: false,
        chunks: None,
    }
}

#[test]
fn what_is_said_of_the_vault_reads_back_as_written() {
    let content = BlobId([2; 32]);
    let adopted = Adopted { path: "दैनिक/a.md".into(), content, bytes: 3 };
    let finding = VaultFinding { what: "a.md".into(), finding: "rotten".into() };
    let bodies = [
        Body::VaultWrite(version("a/b.md")),
        Body::VaultWrite(VaultWrite { to: None, bytes: 0, ..version("a/b.md") }),
        Body::VaultRefuse(VaultRefuse {
            path: "a.md".into(),
            expected: None,
            found: Some(content),
            offered: Some(content),
            bytes: 3,
            by: None,
            reason: None,
        }),
        Body::VaultScrub(VaultScrub {
            files: 1,
            versions: 2,
            bytes: 3,
            findings: vec![finding],
            found: 1,
        }),
        Body::VaultAdopt(VaultAdopt { files: vec![adopted] }),
        Body::VaultShare(VaultShare { folder: String::new(), shared: true }),
        Body::VaultShare(VaultShare { folder: "a/b".into(), shared: false }),
        Body::VaultPrune(VaultPrune { newest: 20, days: 365 }),
    ];
    for body in bodies {
        let event = event(body.kind().unwrap(), body.encode());
        assert_eq!(Body::read(&event), Ok(body));
    }
}

#[test]
fn a_path_in_the_vault_leads_nowhere_else() {
    let read = |write: VaultWrite| {
        let body = Body::VaultWrite(write);
        Body::read(&event("vault.write", body.encode()))
    };
    assert!(read(version("a b/शुभ.md")).is_ok());
    let share = Body::VaultShare(VaultShare { folder: "../a".into(), shared: true });
    assert!(Body::read(&event("vault.share", share.encode())).is_err());
    let long = "x".repeat(MAX_PATH_BYTES + 1);
    for path in ["", "/etc/passwd", "../a", "a/../b", "a//b", "a/", "./a", "a\nb", &long] {
        assert!(matches!(read(version(path)), Err(BodyError::Vault { .. })), "{path:?}");
    }
}

#[test]
fn a_shared_version_names_its_content_as_a_blob() {
    let chunks = Some(ChunkListHash([4; 32]));
    let shared = VaultWrite { shared: true, chunks, ..version("a.md") };
    let content = shared.content().unwrap();
    assert_eq!((content.id, content.bytes), (BlobId([2; 32]), 3));
    assert_eq!(shared.check(), Ok(()));
    let nothing = Some(BlobId(<sha2::Sha256 as sha2::Digest>::digest([]).into()));
    let empty = VaultWrite { shared: true, to: nothing, bytes: 0, ..version("a.md") };
    assert_eq!((empty.check(), empty.content()), (Ok(()), None), "no content has no list");
    for wrong in [
        VaultWrite { chunks: None, ..shared.clone() },
        VaultWrite { shared: false, ..shared.clone() },
        VaultWrite { to: None, ..version("a.md") },
        VaultWrite { shared: true, bytes: 0, ..version("a.md") },
        VaultWrite { shared: true, bytes: u64::MAX, ..shared },
    ] {
        assert!(matches!(wrong.check(), Err(VaultBodyError::Content { .. })), "{wrong:?}");
    }
}

#[test]
fn lists_about_the_vault_are_bounded() {
    let content = BlobId([2; 32]);
    let adopted = |n: usize| Adopted { path: n.to_string(), content, bytes: 3 };
    let files = (0..=MAX_ADOPTED).map(adopted).collect();
    let body = Body::VaultAdopt(VaultAdopt { files });
    let error = Body::read(&event("vault.adopt", body.encode())).unwrap_err();
    assert!(error.to_string().contains("257 adopted files, the limit is 256"), "{error}");
    let many = VaultWrite { sources: vec![EventId([1; 32]); MAX_SOURCES + 1], ..version("a") };
    assert!(many.check().unwrap_err().to_string().contains("the limit is 64"));
}
