//! What a courier who has the keys may claim.

use super::*;

#[test]
fn clocks_that_do_not_follow_from_their_causes_are_refused() {
    let story = story(5);
    let clock = story.parcel.last().header.lamport.0 + 1;
    for wrong in [0, 1, clock - 1, clock + 1, 1 << 40, u64::MAX] {
        let plain = story.lying(&note("later"), |header| header.lamport = Lamport(wrong));
        story.refused(&plain, 5, story.added(), &format!("has Lamport time {wrong}"));
    }
}

#[test]
fn wall_clocks_are_shown_and_decide_nothing() {
    let story = story(3);
    for unix_ms in [i64::MIN, -62_135_596_800_000, 0, 253_402_300_799_999, i64::MAX] {
        let key = Keys::of(&story.phone).incarnation;
        let run = forged(&story.parcel.last(), &key, &note("when?"), |header| {
            header.at.unix_ms = unix_ms;
        });
        let id = mirror_protocol::event::id_of(&run.events[0].header).to_string();
        let (file, mac) = (story.world.path("when.bundle"), story.mac_again());
        seal(&file, &story.adding(run), &story.mac);

        mac.json(&["import", path(&file)]);

        // By causes it is the newest, whatever it says.
        let newest = &mac.list(&["log", "--limit", "1"])[0];
        assert_eq!(text(&newest["id"]), id, "{unix_ms}");
        assert!(!text(&newest["at"]).is_empty());
        assert!(mac.texts().contains("when?"), "{unix_ms}");
        mac.run(&["standup"]).exits(0);
        mac.run(&["search", "when"]).exits(0);
        mac.verifies();
        mac.captures("goes on");
    }
}

#[test]
fn causes_that_nobody_has_wait_in_sight_and_claims_of_a_million_are_refused() {
    let story = story(5);
    let nowhere = Dep { chain: ChainId([1; 32]), seq: 7, id: EventId([2; 32]) };
    let plain = story.lying(&note("rests on nothing"), |header| header.deps = vec![nowhere]);
    let (said, mac) = story.carried(&plain);
    assert_eq!((said.code, &said.answer["quarantined"]), (0, &1.into()), "{said:?}");
    let health = mac.run(&["doctor", "--json"]).json();
    assert!(health.to_string().contains("waits for event 7 of chain 0101"), "{health}");

    // 513 that are there, and a million that are only claimed.
    let many = |n: u16| {
        let mut id = [0; 32];
        id[..2].copy_from_slice(&n.to_be_bytes());
        Dep { chain: ChainId(id), seq: 0, id: EventId([2; 32]) }
    };
    let plain = story.lying(&note("x"), |header| header.deps = (0..513).map(many).collect());
    story.refused(&plain, 5, story.added(), "513 deps, the limit is 512");
    let key = Keys::of(&story.phone).incarnation;
    let run = forged(&story.parcel.last(), &key, &note("x"), |_| ());
    let mut header = run.events[0].header.clone();
    // Behind the array's head, version, chain, position and link stands the empty list of causes.
    let at = header.windows(2).rposition(|two| two[0] == 0x80).unwrap();
    header.splice(at..=at, [0x9a, 0x00, 0x0f, 0x42, 0x40]);
    let mut claims = run;
    claims.events[0].header = header;
    story.refused(&story.adding(claims), 5, story.added(), "1000000 deps, the limit is 512");
}

#[test]
fn limits_hold_for_what_is_really_there() {
    let story = story(2);
    let long = vec![0x80; 65_537];
    story.refused(&story.lying(&long, |_| ()), 5, story.added(), "limit");
    // A small file that would unfold into a large one is a file in another format: nothing is compressed here.
    let zeros = vec![0; 14_000_000];
    let mut parcel = story.parcel.clone();
    parcel.records.insert(1, zeros);
    story.refused(&parcel.signed_by(&story.phone), 5, 1, "not well-formed");
}

#[test]
fn what_a_later_version_writes_is_kept_passed_on_and_shown() {
    let story = story(2);
    let plain = story.lying(b"\xff a body of tomorrow", |header| header.kind = "note.sing".into());
    let file = story.world.path("later.bundle");
    seal(&file, &plain, &story.mac);
    let mac = story.mac_again();
    mac.json(&["import", path(&file)]);

    let newest = mac.list(&["log", "--limit", "1"]).remove(0);
    assert_eq!(newest["kind"], "note.sing");
    let words = mac.run(&["log", "--limit", "1"]).exits(0).stdout;
    assert!(words.contains("note.sing"), "{words}");
    mac.verifies();
    let third = story.world.joins("Tablet", "node", &mac);
    assert!(third.events().contains(text(&newest["id"])), "it was passed on");

    // A header of a later version can't be read, so that its chain stops here until the program is newer.
    let key = Keys::of(&story.phone).incarnation;
    let mut run = forged(&story.parcel.last(), &key, &note("x"), |_| ());
    run.events[0].header[1] = 2;
    story.refused(&story.adding(run), 5, story.added(), "header version 2, this program reads 1");
}
