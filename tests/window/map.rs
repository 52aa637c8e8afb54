//! The map: walked by keys, moved, scrubbed, narrowed; the same for all devices, and after a restart.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use world::window::{DESKTOP, Window};
use world::{Home, World, text, until};

const ENTER: &str = "\u{e007}";
const ESCAPE: &str = "\u{e00c}";

/// A Mac with its window on the map, a phone, a server, and a service that answers and one that was never asked.
struct Walked {
    window: Window,
    mac: Home,
    phone: Home,
    _door: std::net::TcpListener,
    _world: World,
}

fn walked() -> Walked {
    let world = World::new();
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    let _mini = world.joins("Mini", "node", &mac);
    phone.captures("From the phone");
    phone.reconciles(&mac.serve()).exits(0);
    let door = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let services = format!(
        "[[service]]\nname = \"Door\"\nkind = \"door\"\nprobe = \"tcp://{}\"\n\
         [[service]]\nname = \"Broken\"\nkind = \"program\"\ncommand = [\"false\"]\n",
        door.local_addr().unwrap()
    );
    std::fs::write(mac.folder().join("services.toml"), services).unwrap();
    let window = Window::open(&mac, DESKTOP);
    window.sees("nav-map");
    window.click("nav-map");
    window.sees("map-node");
    Walked { window, mac, phone, _door: door, _world: world }
}

fn node(home: &Home, name: &str) -> Value {
    let map = home.json(&["map"]);
    let nodes = map["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["name"] == name).cloned().unwrap()
}

fn focused(window: &Window) -> String {
    text(&window.runs("return document.activeElement.dataset.device ?? ''")).to_owned()
}

fn focus(window: &Window, id: &str) {
    window.runs(&format!(
        "document.querySelector('[data-testid=map-node][data-device=\"{id}\"]').focus()"
    ));
    until("the node has the focus", || (focused(window) == id).then_some(()));
}

/// Presses keys where the focus is: typing into the body would take it away.
fn press(window: &Window, key: &str, shift: bool) {
    window.runs(&format!(
        "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
         {{ key: {}, shiftKey: {shift}, bubbles: true, cancelable: true }}))",
        json!(key)
    ));
}

#[test]
#[ignore = "needs a screen"]
fn the_map_is_walked_by_keys_with_one_tab_stop_and_enter_opens() {
    let Walked { window, mac, .. } = &walked();
    let all = window.count("map-node");
    assert_eq!(all, 5, "three devices and two services");
    assert_eq!(window.count("map-node[tabindex='0']"), 1);
    let mut met = BTreeSet::new();
    focus(window, text(&node(mac, "Mac")["id"]));
    // Every node is reached by going on from those that were reached.
    let mut open = vec![focused(window)];
    while let Some(from) = open.pop() {
        if !met.insert(from.clone()) {
            continue;
        }
        for arrow in ["ArrowUp", "ArrowDown", "ArrowLeft", "ArrowRight"] {
            focus(window, &from);
            press(window, arrow, false);
            std::thread::sleep(std::time::Duration::from_millis(60));
            open.push(focused(window));
        }
    }
    assert_eq!(met.len(), all, "{met:?}");
    assert_eq!(window.count("map-node[tabindex='0']"), 1);
    let pixel = text(&node(mac, "Pixel")["id"]).to_owned();
    focus(window, &pixel);
    press(window, "Enter", false);
    assert_eq!(window.attribute("map-panel", "data-device"), pixel);
    window.presses(ESCAPE);
    window.sees_no_more("map-panel");
    until("the focus is back", || (focused(window) == pixel).then_some(()));
    let name = window.attribute(&format!("map-node[data-device='{pixel}']"), "aria-label");
    assert!(name.contains("Pixel") && name.contains("In step"), "{name}");
}

#[test]
#[ignore = "needs a screen"]
fn a_move_stays_after_a_restart_shows_on_the_other_device_and_can_be_undone() {
    let Walked { window, mac, phone, _door, _world } = walked();
    let before = node(&mac, "Pixel");
    let id = text(&before["id"]).to_owned();
    focus(&window, &id);
    press(&window, "ArrowRight", true);
    let moved = until("the move is said", || {
        let now = node(&mac, "Pixel");
        (now["placed"] == true).then_some(now)
    });
    let address = window.address().to_owned();
    phone.json(&["reconcile", "--with", &address]);
    assert_eq!(node(&phone, "Pixel")["x"], moved["x"], "the other device shows it there");
    let place =
        |window: &Window| window.attribute(&format!("map-node[data-device='{id}']"), "transform");
    let there = place(&window);
    drop(window);

    let window = Window::open(&mac, DESKTOP);
    window.sees("nav-map");
    window.click("nav-map");
    window.sees("map-node");
    let spot = |place: &str| -> Vec<i64> {
        let numbers = place.split(['(', ' ', ')']).filter_map(|part| part.parse::<f64>().ok());
        numbers.take(2).map(|at| at.round() as i64).collect()
    };
    assert_eq!(spot(&there).len(), 2, "{there}");
    assert_eq!(spot(&place(&window)), spot(&there), "it stands where it was put");

    focus(&window, &id);
    press(&window, "ArrowRight", true);
    until("it moves again", || (node(&mac, "Pixel")["x"] != moved["x"]).then_some(()));
    window.click("map-undo");
    until("the move is taken back", || {
        let x = node(&mac, "Pixel")["x"].as_f64().unwrap() - moved["x"].as_f64().unwrap();
        (x.abs() < 0.001).then_some(())
    });
    mac.verifies();
}

#[test]
#[ignore = "needs a screen"]
fn a_panel_tells_what_is_missing_and_a_place_becomes_a_region() {
    let Walked { window, mac, .. } = &walked();
    let pixel = text(&node(mac, "Pixel")["id"]).to_owned();
    mac.captures("Only here");
    window.sees(&format!("map-node[data-device='{pixel}'][data-state=ahead]"));
    window.click_shape(&format!("map-node[data-device='{pixel}']"));
    window.reads("map-missing", "1 event from here");
    let map = mac.json(&["map"]);
    let edge = map["edges"].as_array().unwrap().iter().find(|edge| edge["to"] == pixel.as_str());
    let times = edge.unwrap()["exchanges"].as_u64().unwrap();
    assert!(times > 1, "the join, and the reconcile");
    window.reads("map-link", &format!("{times} reconciles in seven days"));
    window.writes("map-place", "Home");
    window.types("map-place", ENTER);
    until("the place is said", || (node(mac, "Pixel")["place"] == "Home").then_some(()));
    until("the region has a name", || {
        let found = window.runs("return document.querySelector('.placename')?.textContent ?? ''");
        (found == "Home").then_some(())
    });
    window.shoot("map-place-desktop");
}

#[test]
#[ignore = "needs a screen"]
fn services_tell_whether_they_answer() {
    let Walked { window, .. } = &walked();
    window.sees("map-node[data-device='service:Door'][data-state=synced]");
    window.sees("map-node[data-device='service:Broken'][data-state=offline]");
    window.click_shape("map-node[data-device='service:Broken']");
    window.reads("service-error", "false ended with exit status: 1");
    window.reads("service-state", "Does not answer");
}

#[test]
#[ignore = "needs a screen"]
fn the_past_is_looked_at_by_keys_and_left_again() {
    let Walked { window, .. } = &walked();
    window.sees("scrubber");
    let now = window.attribute("scrubber", "aria-valuemax");
    window.runs("document.querySelector('[data-testid=scrubber]').focus()");
    press(window, "Home", false);
    window.reads("scrub-words", "As of 1: 1 event");
    until("only what was there then is shown", || (window.count("map-node") <= 1).then_some(()));
    press(window, "PageUp", false);
    press(window, "ArrowRight", false);
    until("time goes on", || (window.attribute("scrubber", "data-at") != "1").then_some(()));
    window.shoot("map-past-desktop");
    press(window, "End", false);
    window.reads("scrub-words", "Now");
    until("all is back", || (window.count("map-node") == 5).then_some(()));
    assert_eq!(window.attribute("scrubber", "data-at"), now);
}

#[test]
#[ignore = "needs a screen"]
fn the_list_tells_the_same_and_both_are_narrowed_alike() {
    let Walked { window, .. } = &walked();
    window.click("map-list");
    until("every row is there", || (window.count("map-row") == 5).then_some(()));
    window.types("map-search", "pix");
    until("one is left", || (window.count("map-row") == 1).then_some(()));
    window.reads("map-found", "1 of 5");
    window.click("map-view");
    window.sees("map-node");
    assert_eq!(window.count("map-node[aria-hidden=false]"), 1);
    window.writes("map-search", "\u{e003}");
    until("all are back", || (window.count("map-node[aria-hidden=false]") == 5).then_some(()));
}
