//! Members that lie, and devices that were stolen: nothing outside the shared folders is touched, and nothing is lost.

use std::fs;

use mirror_domain::Body;
use mirror_domain::body::{Cause, VaultShare, VaultWrite};
use mirror_protocol::BlobId;
use sha2::{Digest, Sha256};
use world::courier::{Keys, Parcel, forged, seal};
use world::text;

use crate::{Desk, PLAN, Story};

/// An empty file at a path: a version whose content everybody has.
fn at(path: &str) -> Body {
    Body::VaultWrite(VaultWrite {
        path: path.to_owned(),
        replaces: vec![],
        from: None,
        to: Some(BlobId(Sha256::digest([]).into())),
        bytes: 0,
        cause: Cause::Write,
        by: None,
        reason: None,
        sources: vec![],
        shared: true,
        chunks: None,
    })
}

/// A member that has the keys of a device says these to another, behind all that it has said.
#[track_caller]
fn says(story: &Story, liar: &Desk, bodies: &[Body]) {
    let mac = &story.mac.home;
    liar.home.captures("the last honest word");
    let bundle = story.world.path("lies.bundle");
    liar.home.json(&["export", "--for", "Mac", "-o", bundle.to_str().unwrap()]);
    let parcel = Parcel::open(&bundle, mac);
    let (mut last, mut runs) = (parcel.last(), parcel.runs());
    let key = Keys::of(&liar.home).incarnation;
    for body in bodies {
        let run = forged(&last, &key, &body.encode(), |header| {
            header.kind = body.kind().unwrap().to_owned();
        });
        let event = run.events[0].clone();
        last = mirror_protocol::Event::read(event.header, event.body).unwrap();
        runs.push(run);
    }
    seal(&bundle, &parcel.with_runs(&runs).signed_by(&liar.home), mac);
    mac.json(&["import", bundle.to_str().unwrap()]);
}

#[test]
fn a_path_that_a_peer_names_never_leads_out_of_the_shared_folder() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    let outside = world.path("outside");
    fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, mac.vault.join("work/link")).unwrap();
    fs::create_dir_all(mac.vault.join(".obsidian")).unwrap();
    let waits = [
        ("work/link/evil.md", "link"),
        ("work/.obsidian/evil.js", "hidden"),
        ("work/CON.md", "reserved"),
        ("work/a\\b.md", "character"),
        ("work/plan.md.sha256", ".sha256"),
        ("work/plan.md/evil.md", "folder"),
        ("work/Plan.md", "case"),
        ("work/Cafe\u{301}.md", "NFC"),
        ("work/evil. ", "ends with"),
    ];
    let void = ["../evil.md", "work/../../evil.md", "/evil.md", "work//evil.md", "work/a\0b.md"];
    let beside = ["evil.md", ".obsidian/evil.js", ".mirror/pending/evil.json", "worker/evil.md"];
    let named = waits.iter().map(|(path, _)| *path).chain(void).chain(beside);
    let bodies: Vec<Body> = named.map(at).collect();

    says(&story, laptop, &bodies);

    let shared = mac.shared();
    let told = shared["first_waiting"].as_array().unwrap();
    assert_eq!(told.len(), waits.len(), "{shared}");
    for (path, why) in waits {
        let one = told.iter().find(|one| one["path"] == path);
        let reason = text(&one.unwrap_or_else(|| panic!("{path} in {shared}"))["reason"]);
        assert!(reason.contains(why), "{path}: {reason}");
    }
    let mut found: Vec<_> = fs::read_dir(mac.vault.join("work")).unwrap().flatten().collect();
    found.retain(|entry| entry.file_name() != "link" && entry.file_name() != "plan.md");
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 0);
    assert_eq!(fs::read_dir(mac.vault.join(".obsidian")).unwrap().count(), 0);
    assert!(!mac.has("evil.md") && !mac.has("worker") && !world.path("evil.md").exists());
    assert_eq!(mac.reads("work/plan.md"), PLAN);
    mac.home.verifies();
}

#[test]
fn a_phone_that_lies_gets_no_file_of_a_folder_that_nobody_shared() {
    let story = Story::begins();
    let phone = Desk::of(story.world.joins("Pixel", "capture", &story.mac.home));
    phone.meets(&story.mac);
    let all = Body::VaultShare(VaultShare { folder: String::new(), shared: true });

    says(&story, &phone, &[all, at("private.md")]);

    story.mac.looks();
    assert_eq!(story.mac.reads("private.md"), "mine alone", "nothing is written over it");
    assert_eq!(story.mac.shared()["folder"], "work", "what a phone says of folders is not heard");
    let blobs = story.mac.home.list(&["blob", "list"]);
    assert_eq!(blobs.len(), 1, "only the plan is given out: {blobs:?}");
    story.mac.home.verifies();
}

#[test]
fn what_a_stolen_device_wrote_beyond_its_cut_goes_from_the_disk_and_is_kept() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    let phone = Desk::of(world.joins("Pixel", "node", &mac.home));
    phone.meets(mac);
    laptop.meets(mac);
    laptop.types("work/plan.md", "by a thief\n");
    laptop.types("work/bait.md", "by a thief too\n");
    phone.meets(laptop);
    assert_eq!(phone.reads("work/plan.md"), "by a thief\n");
    mac.home.json(&["device", "revoke", "Laptop"]);

    phone.meets(mac);

    for desk in [&phone, mac] {
        assert_eq!(desk.reads("work/plan.md"), PLAN, "on {}", desk.home.name());
        desk.is_at_peace();
        desk.home.verifies();
    }
    assert!(phone.versions("work/plan.md").contains("by a thief\n"), "it can be looked at");
    assert!(!mac.has("work/bait.md"));
    assert_eq!(phone.home.head(), mac.home.head());
}
