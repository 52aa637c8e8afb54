//! Edits on several disks: what is taken over, what waits for a person, and the decision.

use serde_json::Value;
use world::{World, text};

use crate::{Desk, PLAN, Story};

#[test]
fn an_edit_made_in_another_program_reaches_the_other_disk_and_the_old_bytes_stay() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.types("work/plan.md", "oat milk\nbread\ncoffee\n");

    laptop.meets(mac);

    assert_eq!(laptop.reads("work/plan.md"), "oat milk\nbread\ncoffee\n");
    let held = laptop.versions("work/plan.md");
    assert!(held.contains(PLAN), "what stood on the disk is in its versions: {held:?}");
    let again = laptop.meets(mac);
    assert_eq!(again["peers"][0]["received"], 0, "what was taken over is not said again: {again}");
    story.agree();
}

#[test]
fn offline_edits_of_different_lines_have_a_proposal_and_one_tap_settles_them() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.types("work/plan.md", "oat milk\nbread\ncoffee\n");
    laptop.types("work/plan.md", "milk\nbread\ncoffee, ground\n");

    let report = laptop.ends_with(mac, 3);

    assert_eq!(report["conflicts"], 1);
    assert_eq!(mac.reads("work/plan.md"), "oat milk\nbread\ncoffee\n", "each keeps its own");
    assert_eq!(laptop.reads("work/plan.md"), "milk\nbread\ncoffee, ground\n");
    let conflict = laptop.conflict();
    assert_eq!(conflict["file"], "work/plan.md");
    assert_eq!(conflict["base"]["text"], PLAN);
    assert_eq!(conflict["ours"]["text"], "milk\nbread\ncoffee, ground\n", "the laptop looks");
    assert_eq!(conflict["theirs"]["text"], "oat milk\nbread\ncoffee\n");
    assert_eq!(conflict["theirs"]["device_name"], "Mac");
    assert_eq!(conflict["proposal"], "oat milk\nbread\ncoffee, ground\n");
    assert_eq!(mac.conflict()["ours"]["device_name"], "Mac");
    let words = laptop.home.run(&["conflicts"]).exits(0).stdout;
    assert!(words.contains("work/plan.md") && words.contains("mirror resolve"), "{words}");

    laptop.home.json(&["resolve", text(&conflict["id"]), "--take", "merged"]);

    assert_eq!(laptop.reads("work/plan.md"), "oat milk\nbread\ncoffee, ground\n");
    laptop.meets(mac);
    assert_eq!(mac.reads("work/plan.md"), "oat milk\nbread\ncoffee, ground\n");
    story.agree();
    assert!(mac.versions("work/plan.md").contains("oat milk\nbread\ncoffee\n"));
    assert!(laptop.versions("work/plan.md").contains("milk\nbread\ncoffee, ground\n"));
}

#[test]
fn edits_of_one_line_are_settled_by_hand_byte_for_byte() {
    let story = Story::begins();
    let Story { world, mac, laptop } = &story;
    mac.types("work/plan.md", "oat milk\nbread\ncoffee\n");
    laptop.types("work/plan.md", "soy milk\nbread\ncoffee\n");
    laptop.ends_with(mac, 3);
    let conflict = mac.conflict();
    assert_eq!(conflict["proposal"], Value::Null);
    let id = text(&conflict["id"]);
    mac.home.fails(&["resolve", id, "--take", "merged"], 3, "conflict");
    let by_hand = world.write("by hand.md", "both\r\n\n");

    mac.home.json(&["resolve", id, "--take", &format!("file:{}", by_hand.display())]);

    laptop.meets(mac);
    for desk in [mac, laptop] {
        assert_eq!(desk.reads("work/plan.md"), "both\r\n\n");
    }
    story.agree();
    assert!(laptop.versions("work/plan.md").contains("soy milk\nbread\ncoffee\n"));
}

#[test]
fn a_side_is_taken_as_it_stands_also_when_it_is_no_file_any_more() {
    let story = Story::begins();
    let Story { mac, laptop, .. } = &story;
    mac.removes("work/plan.md");
    laptop.types("work/plan.md", "still needed\n");
    laptop.ends_with(mac, 3);
    assert!(!mac.has("work/plan.md") && laptop.has("work/plan.md"), "each keeps its own");
    let conflict = mac.conflict();
    assert_eq!(
        (&conflict["ours"]["archived"], &conflict["theirs"]["archived"]),
        (&true.into(), &false.into())
    );
    assert_eq!(conflict["proposal"], Value::Null);

    mac.home.json(&["resolve", text(&conflict["id"]), "--take", "ours"]);
    laptop.meets(mac);

    assert!(!laptop.has("work/plan.md"), "it is gone on both");
    assert!(laptop.versions("work/plan.md").contains("still needed\n"), "and kept");
    story.agree();
}

#[test]
fn two_files_of_one_name_that_nobody_shared_before_wait_and_equal_ones_do_not() {
    let world = World::new();
    let mac = Desk::of(world.first("Mac"));
    let laptop = Desk::of(world.joins("Laptop", "node", &mac.home));
    for desk in [&mac, &laptop] {
        desk.types("work/same.md", "same\n");
        desk.types("work/other.md", format!("of {}\n", desk.home.name()));
        desk.looks();
    }
    mac.shares("work");

    laptop.ends_with(&mac, 3);
    // What the laptop then said has to come to the Mac too.
    laptop.ends_with(&mac, 3);

    for desk in [&mac, &laptop] {
        let conflict = desk.conflict();
        assert_eq!(conflict["file"], "work/other.md");
        assert_eq!((&conflict["base"], &conflict["proposal"]), (&Value::Null, &Value::Null));
        assert_eq!(desk.reads("work/other.md"), format!("of {}\n", desk.home.name()));
    }
    laptop.home.json(&["resolve", text(&laptop.conflict()["id"]), "--take", "theirs"]);
    laptop.meets(&mac);
    assert_eq!(laptop.reads("work/other.md"), "of Mac\n");
    assert!(laptop.versions("work/other.md").contains("of Laptop\n"));
    Story { world, mac, laptop }.agree();
}

#[test]
fn three_devices_with_three_files_settle_them_two_at_a_time() {
    let story = Story::begins();
    let phone = Desk::of(story.world.joins("Pixel", "capture", &story.mac.home));
    let Story { mac, laptop, .. } = &story;
    phone.meets(mac);
    for desk in [mac, laptop, &phone] {
        desk.types("work/plan.md", format!("of {}\n", desk.home.name()));
    }
    laptop.ends_with(mac, 3);
    phone.ends_with(mac, 3);
    phone.home.json(&["resolve", text(&phone.conflict()["id"]), "--take", "ours"]);
    assert_eq!(phone.home.list(&["conflicts"]).len(), 1, "the third still waits");
    phone.home.json(&["resolve", text(&phone.conflict()["id"]), "--take", "ours"]);
    phone.meets(mac);
    laptop.meets(mac);
    for desk in [mac, laptop, &phone] {
        assert_eq!(desk.reads("work/plan.md"), "of Pixel\n");
        assert!(desk.versions("work/plan.md").contains(&format!("of {}\n", desk.home.name())));
    }
    story.agree();
}
