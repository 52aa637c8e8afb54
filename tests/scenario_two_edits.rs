//! Story 2: one note, two devices, no network; first in different lines, then in the same line.

use serde_json::Value;
use world::{Home, World, text};

struct Story {
    world: World,
    mac: Home,
    phone: Home,
    note: String,
}

impl Story {
    /// Both devices hold one note of three lines.
    fn begins() -> Self {
        let world = World::new();
        let mac = world.first("Mac");
        let phone = world.joins("Pixel", "capture", &mac);
        let captured = mac.captures_lines("milk\nbread\ncoffee\n");
        let story = Self { world, mac, phone, note: text(&captured["note"]).to_owned() };
        story.reconciles(0);
        story
    }

    fn edits(&self, mac: &str, phone: &str) {
        self.mac.json(&["note", "edit", &self.note, mac]);
        self.phone.json(&["note", "edit", &self.note, phone]);
    }

    fn reconciles(&self, exit: i32) -> Value {
        self.phone.reconciles(&self.mac.serve()).exits(exit).json()
    }

    fn conflict(&self, on: &Home) -> Value {
        let conflicts = on.list(&["conflicts"]);
        assert_eq!(conflicts.len(), 1, "{conflicts:?}");
        conflicts[0].clone()
    }

    fn both_read(&self, expected: &str) {
        for home in [&self.mac, &self.phone] {
            let note = home.json(&["note", "show", &self.note]);
            assert_eq!(note["text"], expected, "on {}", home.name());
            assert_eq!(note["state"], "current", "on {}", home.name());
            assert_eq!(home.list(&["conflicts"]).len(), 0, "on {}", home.name());
        }
        assert_eq!(self.mac.head(), self.phone.head());
    }
}

#[test]
fn edits_of_different_lines_wait_for_a_person_and_merge_on_one_tap() {
    let story = Story::begins();
    story.edits("oat milk\nbread\ncoffee", "milk\nbread\ncoffee, ground");

    let report = story.reconciles(3);

    assert_eq!(report["conflicts"], 1);
    let conflict = story.conflict(&story.phone);
    assert_eq!(conflict["base"]["text"], "milk\nbread\ncoffee");
    assert_eq!(conflict["ours"]["text"], "milk\nbread\ncoffee, ground", "the phone looks");
    assert_eq!(conflict["theirs"]["text"], "oat milk\nbread\ncoffee");
    assert_eq!(conflict["proposal"], "oat milk\nbread\ncoffee, ground");
    assert_eq!(
        story.conflict(&story.mac)["ours"]["text"],
        "oat milk\nbread\ncoffee",
        "the Mac looks"
    );

    let id = text(&conflict["id"]);
    let settled = story.phone.json(&["resolve", id, "--take", "merged"]);
    assert_eq!(settled["note"], story.note.as_str());
    story.reconciles(0);
    story.both_read("oat milk\nbread\ncoffee, ground");
}

#[test]
fn edits_of_the_same_line_are_settled_by_hand() {
    let story = Story::begins();
    story.edits("oat milk\nbread\ncoffee", "soy milk\nbread\ncoffee");

    story.reconciles(3);

    let conflict = story.conflict(&story.mac);
    assert_eq!(conflict["proposal"], Value::Null);
    let id = text(&conflict["id"]);
    let refused = story.mac.run(&["resolve", id, "--take", "merged", "--json"]);
    assert_ne!(refused.code, Some(0), "there is nothing to take: {refused:#?}");
    refused.error();
    let by_hand =
        story.world.write("by hand.md", "oat milk for me, soy milk for Ines\nbread\ncoffee\n");
    story.mac.json(&["resolve", id, "--take", &format!("file:{}", by_hand.display())]);
    story.reconciles(0);
    story.both_read("oat milk for me, soy milk for Ines\nbread\ncoffee");
}

#[test]
fn a_side_can_be_taken_as_it_stands_and_the_other_stays_in_the_history() {
    let story = Story::begins();
    story.edits("oat milk\nbread\ncoffee", "soy milk\nbread\ncoffee");
    story.reconciles(3);

    story.phone.json(&["resolve", &story.note, "--take", "theirs"]);

    story.reconciles(0);
    story.both_read("oat milk\nbread\ncoffee");
    let history = story.mac.list(&["note", "show", &story.note, "--history"]);
    let texts: Vec<_> = history.iter().map(|revision| text(&revision["text"])).collect();
    assert!(texts.contains(&"soy milk\nbread\ncoffee"), "{texts:?}");
}

#[test]
fn a_person_sees_base_and_both_sides_with_device_and_time() {
    let story = Story::begins();
    story.edits("oat milk\nbread\ncoffee", "soy milk\nbread\ncoffee");
    let ran = story.phone.run(&["reconcile", "--with", story.mac.serve().address()]).exits(3);
    assert!(ran.stdout.contains("mirror conflicts"), "it says where to look: {ran:#?}");

    let shown = story.phone.run(&["conflicts"]).exits(0).stdout;

    for part in ["base", "ours", "theirs", "Mac", "Pixel", "{+oat", "{+soy", "mirror resolve"] {
        assert!(shown.contains(part), "{part:?} is missing in\n{shown}");
    }
    let conflict = story.conflict(&story.phone);
    for side in ["base", "ours", "theirs"] {
        let at = text(&conflict[side]["at"]);
        let minute = at.get(..16).unwrap().replace('T', " ");
        assert!(shown.contains(&minute), "{minute} is missing in\n{shown}");
        assert_eq!(text(&conflict[side]["device"]).len(), 64);
    }
}

#[test]
fn a_conflict_that_nobody_settled_is_told_again() {
    let story = Story::begins();
    story.edits("oat milk\nbread\ncoffee", "soy milk\nbread\ncoffee");
    story.reconciles(3);

    let again = story.reconciles(3);

    assert_eq!(again["conflicts"], 1);
    assert_eq!(story.mac.head(), story.phone.head(), "they agree on the history all the same");
}
