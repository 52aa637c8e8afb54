//! Story 3: nothing wrong lands, nothing right is lost, each refusal says which record and why, whoever carries the bundle
//! and whatever keys the courier has.

use std::collections::BTreeSet;
use std::path::PathBuf;

use mirror_protocol::run::WireEvent;
use mirror_protocol::{ChainId, ChainOpen, Dep, EventId, Header, Lamport, MeshId, Run, WallTime};
use serde_json::Value;
use world::courier::{Keys, Parcel, forged, note, seal, sealed_run};
use world::dice::Dice;
use world::{Home, Ran, World, corpus, text};

mod limits;

/// The Mac and the phone have met; the phone's news are on their way in a bundle.
struct Story {
    world: World,
    mac: Home,
    phone: Home,
    bundle: PathBuf,
    parcel: Parcel,
    copies: std::cell::Cell<u32>,
}

fn story(news: usize) -> Story {
    let world = World::new();
    let mac = world.first("Mac");
    mac.captures("first on the Mac");
    let phone = world.joins("Pixel", "node", &mac);
    phone.captures_all(&corpus::notes(&mut Dice::seeded(31), news));
    let bundle = world.path("phone.bundle");
    phone.json(&["export", "--for", "Mac", "-o", path(&bundle)]);
    let parcel = Parcel::open(&bundle, &mac);
    Story { world, mac, phone, bundle, parcel, copies: 0.into() }
}

fn path(path: &std::path::Path) -> &str {
    path.to_str().unwrap()
}

/// What an import said.
#[derive(Debug)]
struct Said {
    code: i32,
    /// The error's words, or each refusal's.
    words: Vec<String>,
    answer: Value,
}

fn said(ran: Ran) -> Said {
    let answer = ran.lines().pop().unwrap_or_else(|| panic!("no answer: {ran:#?}"));
    let refused = answer["refused"].as_array().into_iter().flatten();
    let mut words: Vec<_> =
        refused.map(|one| format!("{}: {}", text(&one["what"]), text(&one["reason"]))).collect();
    words.extend(answer["error"]["detail"].as_str().map(str::to_owned));
    Said { code: ran.code.expect("no signal"), words, answer }
}

impl Story {
    /// The Mac before the bundle came, once more.
    fn mac_again(&self) -> Home {
        self.copies.set(self.copies.get() + 1);
        let name = format!("Mac {}", self.copies.get());
        self.mac.clone_as(&name, self.world.path(&name))
    }

    /// Seals these bytes to the Mac and has a copy of it import them. Whatever they are: nothing but what the phone wrote
    /// has landed, all verifies, and the good bundle completes it.
    fn carried(&self, plain: &[u8]) -> (Said, Home) {
        let spoilt = self.world.path("spoilt.bundle");
        seal(&spoilt, plain, &self.mac);
        let mac = self.mac_again();
        let (ours, theirs) = (mac.events(), self.phone.events());
        let said = said(mac.run(&["import", path(&spoilt), "--json"]));
        let after = mac.events();
        assert!(after.is_superset(&ours), "something right was lost: {said:?}");
        let right: BTreeSet<_> = ours.union(&theirs).cloned().collect();
        assert!(after.is_subset(&right), "something wrong landed: {said:?}");
        mac.verifies();
        (said, mac)
    }

    /// The same for what must be refused, in words that name the record and the reason.
    #[track_caller]
    fn refused(&self, plain: &[u8], code: i32, record: usize, reason: &str) {
        let (said, mac) = self.carried(plain);
        assert_eq!(said.code, code, "{said:?}");
        let first = &said.words[0];
        assert!(first.contains(&format!("record {record}:")), "record {record}: {said:?}");
        assert!(first.contains(reason), "{reason}: {said:?}");
        self.completes(&mac);
    }

    fn completes(&self, mac: &Home) {
        mac.json(&["import", path(&self.bundle)]);
        assert_eq!(mac.head(), self.phone.head(), "the good bundle completes it");
    }

    /// What the phone, lying, adds to its bundle behind its last event.
    fn lying(&self, body: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
        let key = Keys::of(&self.phone).incarnation;
        self.adding(forged(&self.parcel.last(), &key, body, change))
    }

    fn adding(&self, run: Run) -> Vec<u8> {
        let mut runs = self.parcel.runs();
        runs.push(run);
        self.parcel.with_runs(&runs).signed_by(&self.phone)
    }

    /// The record that an added run comes in.
    fn added(&self) -> usize {
        self.parcel.records.len() - 1
    }
}

// Cut

#[test]
fn a_bundle_that_ends_early_inside_its_seal_keeps_what_was_whole() {
    let story = story(300);
    for count in 0..story.parcel.records.len() {
        story.refused(&story.parcel.up_to(count), 4, count, "cut off");
    }
    let whole = story.parcel.plain();
    let mut dice = Dice::seeded(32);
    for _ in 0..12 {
        let cut = 8 + dice.below(whole.len() - 8);
        let (said, mac) = story.carried(&whole[..cut]);
        assert_eq!(said.code, 4, "cut at {cut}: {said:?}");
        assert!(said.words[0].starts_with("record "), "cut at {cut}: {said:?}");
        story.completes(&mac);
    }
}

// Changed

#[test]
fn every_byte_inside_the_seal_matters() {
    let story = story(1);
    let whole = story.parcel.plain();
    let (mac, spoilt) = (story.mac_again(), story.world.path("spoilt.bundle"));
    let (mut node, before) = (mirror_node::Node::open(mac.folder()).unwrap(), mac.head());
    let right: BTreeSet<_> = mac.events().union(&story.phone.events()).cloned().collect();
    // A head names a whole history: each is looked at once.
    let mut landed = BTreeSet::new();
    for at in 0..whole.len() {
        seal(&spoilt, &spoilt_at(&story, &whole, at), &story.mac);
        match node.import(&spoilt) {
            // What the phone signed is refused, or waits, or is another way to say the same.
            Ok(imported) if imported.refused.is_empty() && imported.quarantined == 0 => {
                let shows = node.head().unwrap().head;
                assert!([&before, &story.phone.head()].contains(&&shows), "byte {at}");
            }
            Ok(imported) => assert!(imported.refused.iter().all(|one| !one.reason.is_empty())),
            Err(error) => {
                let code = format!("{:?}", error.code);
                assert!(["Integrity", "Refused"].contains(&code.as_str()), "byte {at}: {error}");
            }
        }
        let after = node.head().unwrap().head;
        if after != before {
            drop(node);
            if landed.insert(after) {
                assert!(mac.events().is_subset(&right), "something wrong landed for byte {at}");
                mac.verifies();
            }
            mac.is_restored_from(story.mac.folder());
            node = mirror_node::Node::open(mac.folder()).unwrap();
        }
    }
    assert!(!landed.is_empty(), "what was whole before the damage is kept");
    drop(node);
    story.completes(&mac);
}

/// The bundle with one bit of a byte changed. Inside a record the phone signs for it; the courier alone has changed the
/// frames, and the end.
fn spoilt_at(story: &Story, whole: &[u8], at: usize) -> Vec<u8> {
    let flip = 1 << (at % 8);
    let mut start = 8;
    for (number, record) in story.parcel.records.iter().enumerate() {
        let inside = start + 4..start + 4 + record.len();
        if inside.contains(&at) && number + 1 < story.parcel.records.len() {
            let mut parcel = story.parcel.clone();
            parcel.records[number][at - inside.start] ^= flip;
            return parcel.signed_by(&story.phone);
        }
        start = inside.end;
    }
    let mut plain = whole.to_vec();
    plain[at] ^= flip;
    plain
}

#[test]
fn a_changed_field_is_refused_with_its_record_and_the_reason() {
    let story = story(140);
    let (runs, key) = (story.parcel.runs(), Keys::of(&story.phone).incarnation);
    let number = runs.len() - 2;
    type Spoil = fn(&mut Run);
    let cases: [(&str, Spoil, &str); 9] = [
        ("body", |run| run.events[5].body = Some(note("another")), "body hashes to"),
        ("header", |run| flip(&mut run.events[5].header, 60), "event"),
        ("order", |run| run.events.swap(5, 6), "does not follow"),
        ("left out", |run| drop(run.events.remove(5)), "does not follow"),
        ("cut short", |run| drop(run.events.pop()), "the signed head names"),
        ("position", |run| run.head.tip.seq += 1, "the signed head names"),
        ("chain", |run| run.head.tip.chain = ChainId([9; 32]), "the signed head names"),
        ("event", |run| run.head.tip.id = EventId([9; 32]), "the signed head names"),
        ("signature", |run| run.head.signature[40] ^= 1, "signature"),
    ];
    for (field, spoil, reason) in cases {
        let mut runs = runs.clone();
        spoil(&mut runs[number]);
        let parcel = story.parcel.with_runs(&runs);
        // The phone stands for it, then the courier alone: whose end does not hold, and still the record is told.
        story.refused(&parcel.signed_by(&story.phone), 5, number + 1, reason);
        story.refused(&parcel.plain(), 4, number + 1, reason);
        assert!(!field.is_empty());
    }
    let stolen = sealed_run(runs[number].events.clone(), &Keys::of(&story.mac).incarnation);
    let mut others = runs.clone();
    others[number] = stolen;
    let parcel = story.parcel.with_runs(&others);
    story.refused(&parcel.signed_by(&story.phone), 5, number + 1, "signature");
    assert_eq!(sealed_run(runs[number].events.clone(), &key), runs[number], "signed alike");
}

fn flip(bytes: &mut [u8], at: usize) {
    bytes[at] ^= 1;
}

#[test]
fn records_that_do_not_belong_are_named_and_the_others_go_on() {
    let story = story(10);
    let with = |at: usize, record: Vec<u8>| {
        let mut parcel = story.parcel.clone();
        parcel.records.insert(at, record);
        parcel.signed_by(&story.phone)
    };
    let first = story.parcel.records[0].clone();
    let run = story.parcel.records[1].clone();
    let longer = [&[0x98, 0x02], &run[1..]].concat();
    for (record, reason) in [
        (vec![0x82, 0x18, 0x2a, 0x00], "unknown type 42"),
        (vec![0x82, 0x04, 0xf5], "expected a run or the end"),
        (first.clone(), "expected a run or the end"),
        (longer, "deterministic"),
        (vec![], "not well-formed"),
        // A run of 2^32 events, a vector of as many tips: claims that nothing follows.
        (vec![0x82, 0x03, 0x82, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0], "4294967296 events in a run"),
        (vec![0x82, 0x02, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0], "4294967296 tips"),
    ] {
        let plain = with(2, record);
        story.refused(&plain, 5, 2, reason);
        let (said, mac) = story.carried(&plain);
        assert_eq!(said.words.len(), 1, "{said:?}");
        assert_eq!(mac.head(), story.phone.head(), "what is right lands all the same");
    }
    let mut parcel = story.parcel.clone();
    let last = parcel.records[0].len() - 1;
    flip(&mut parcel.records[0], last);
    story.refused(&parcel.signed_by(&story.phone), 4, 0, "tips do not give the head");
    story.refused(
        &[story.parcel.plain(), vec![0]].concat(),
        4,
        story.added() + 1,
        "behind the end",
    );
}

#[test]
fn a_claimed_length_is_refused_before_it_is_read() {
    let story = story(2);
    let plain = [story.parcel.up_to(2), vec![0xff; 4], vec![0; 64]].concat();
    story.refused(&plain, 4, 2, "4294967295 bytes, the limit is 14683136");
}

#[test]
fn a_thousand_bad_records_are_counted_and_not_listed() {
    let story = story(2);
    let mut parcel = story.parcel.clone();
    for _ in 0..1000 {
        parcel.records.insert(1, vec![0x81, 0x18, 0x2a]);
    }
    let (said, mac) = story.carried(&parcel.signed_by(&story.phone));
    assert_eq!((said.code, said.words.len()), (5, 101), "{said:?}");
    assert!(said.words[100].starts_with("900 more"), "{said:?}");
    assert_eq!(mac.head(), story.phone.head());
}

// Moved about

#[test]
fn runs_in_any_order_and_any_number_of_times_are_the_same_bundle() {
    let story = story(300);
    let mut runs = story.parcel.runs();
    runs.reverse();
    let backwards = story.parcel.with_runs(&runs).signed_by(&story.phone);
    // The first event of a chain has to come before the rest of it: those are refused, and come again.
    let (said, mac) = story.carried(&backwards);
    assert!(said.words.iter().all(|words| words.contains("unknown")), "{said:?}");
    story.completes(&mac);

    let mut runs = story.parcel.runs();
    let again = runs.clone();
    runs.extend(again.iter().rev().cloned());
    runs.extend(again);
    let (said, mac) = story.carried(&story.parcel.with_runs(&runs).signed_by(&story.phone));
    assert_eq!((said.code, said.words.len()), (0, 0), "{said:?}");
    assert_eq!(mac.head(), story.phone.head());
    let duplicates = said.answer["duplicates"].as_u64().unwrap();
    assert!(duplicates > 2 * 300, "{said:?}");
}

#[test]
fn last_weeks_bundle_brings_nothing_and_undoes_nothing() {
    let story = story(20);
    story.mac.json(&["import", path(&story.bundle)]);
    story.phone.captures("since then");
    let today = story.world.path("today.bundle");
    story.phone.json(&["export", "-o", path(&today)]);
    story.mac.json(&["import", path(&today)]);
    let before = story.mac.all_that_shows();

    let replayed = story.mac.json(&["import", path(&story.bundle)]);

    assert_eq!((&replayed["received"], &replayed["quarantined"]), (&0.into(), &0.into()));
    assert_eq!(story.mac.all_that_shows(), before);
}

#[test]
fn a_bundle_spliced_from_two_devices_brings_what_each_of_them_signed() {
    let story = story(20);
    let tablet = story.world.joins("Tablet", "node", &story.mac);
    tablet.captures_all(&corpus::notes(&mut Dice::seeded(33), 20));
    let other = story.world.path("tablet.bundle");
    tablet.json(&["export", "--for", "Mac", "-o", path(&other)]);
    let tablets = Parcel::open(&other, &story.mac);
    let (ours, theirs) = (story.parcel.runs(), tablets.runs());
    let spliced: Vec<Run> = ours.iter().chain(&theirs).cloned().collect();
    let spliced = story.parcel.with_runs(&spliced);
    let right: BTreeSet<_> = story.phone.events().union(&tablet.events()).cloned().collect();

    // The courier can't sign for the phone: the end tells.
    for (plain, code) in [(spliced.plain(), 4), (spliced.signed_by(&story.phone), 0)] {
        let (file, mac) = (story.world.path("spliced.bundle"), story.mac_again());
        seal(&file, &plain, &story.mac);
        let said = said(mac.run(&["import", path(&file), "--json"]));
        assert_eq!(said.code, code, "{said:?}");
        let end = format!("record {}: the bundle was changed", spliced.records.len() - 1);
        assert!(code == 0 || said.words[0].contains(&end), "{said:?}");
        assert_eq!(mac.events(), right);
        mac.verifies();
    }
}

// Strangers

#[test]
fn a_strangers_bundle_and_a_strangers_chain_are_refused() {
    let story = story(5);
    let stranger = story.world.first("Stranger");
    let file = story.world.path("stranger.bundle");
    stranger.json(&["export", "-o", path(&file)]);
    let theirs = Parcel::open(&file, &stranger);
    // As it is, sealed to the Mac: another mesh.
    let (said, mac) = story.carried(&theirs.plain());
    assert_eq!(said.code, 5, "{said:?}");
    assert!(said.words[0].contains("another mesh"), "{said:?}");
    assert_eq!(mac.head(), story.mac.head());

    // Its runs in the phone's bundle.
    let mut runs = story.parcel.runs();
    runs.extend(theirs.runs());
    let plain = story.parcel.with_runs(&runs).signed_by(&story.phone);
    story.refused(&plain, 5, story.added(), "another mesh");

    // A chain of this mesh that nobody admitted.
    let keys = Keys::of(&stranger);
    let mesh = story.parcel.manifest().mesh;
    let chain = |mesh: MeshId| {
        let open = ChainOpen::new(mesh, &keys.authority, &keys.incarnation, [5; 32], [6; 32]);
        let at = WallTime { unix_ms: 0, offset_min: 0 };
        let first = open.first_event(at).unwrap();
        let wire = WireEvent { header: first.bytes.clone(), body: first.body.clone() };
        (sealed_run(vec![wire], &keys.incarnation), first)
    };
    let (opened, first) = chain(mesh);
    story.refused(&story.adding(opened.clone()), 5, story.added(), "not a member");
    let says = forged(&first, &keys.incarnation, &note("let me in"), |_| ());
    let mut runs = story.parcel.runs();
    runs.extend([opened, says]);
    let (said, mac) = story.carried(&story.parcel.with_runs(&runs).signed_by(&story.phone));
    assert_eq!((said.code, said.words.len()), (5, 2), "{said:?}");
    assert_eq!(mac.head(), story.phone.head(), "the phone's own runs land");
}

#[test]
fn a_bundle_whose_end_nobody_signed_is_no_members() {
    let story = story(2);
    let tablet = story.world.joins("Tablet", "node", &story.mac);
    story.mac.json(&["import", path(&story.bundle)]);
    story.mac.json(&["device", "revoke", "Pixel"]);
    let late = story.phone.captures("after it was revoked");
    // The revoked phone says that the tablet made its bundle; an end that can't be read proves nothing else.
    let file = story.world.path("late.bundle");
    story.phone.json(&["export", "--for", "Mac", "-o", path(&file)]);
    let mut parcel = Parcel::open(&file, &story.mac);
    let (phones, tablets) = (Keys::of(&story.phone), Keys::of(&tablet));
    let [phones, tablets] =
        [phones, tablets].map(|keys| keys.incarnation.verifying_key().to_bytes());
    let manifest = &mut parcel.records[0];
    let at = manifest.windows(32).position(|bytes| bytes == phones).unwrap();
    manifest[at..at + 32].copy_from_slice(&tablets);
    let last = parcel.records.len() - 1;
    for end in [vec![0x83, 0x0b, 0x00, 0x40], parcel.records[last].clone()] {
        parcel.records[last] = end;
        seal(&file, &parcel.plain(), &story.mac);

        story.mac.fails(&["import", path(&file)], 4, "integrity");

        assert!(!story.mac.events().contains(text(&late["id"])));
    }
}

// A member that lies
