//! The map: what one device says of it, all show; services are asked, and unknown until they answered; the past is what
//! the chains prove.

use serde_json::Value;
use std::net::TcpListener;
use world::{Home, World, text};

fn thing<'m>(map: &'m Value, name: &str) -> &'m Value {
    let nodes = map["nodes"].as_array().unwrap();
    nodes.iter().find(|node| node["name"] == name).unwrap_or_else(|| panic!("no {name} in {map}"))
}

fn spot(home: &Home, name: &str) -> (f64, f64) {
    let map = home.json(&["map"]);
    let node = thing(&map, name);
    (node["x"].as_f64().unwrap(), node["y"].as_f64().unwrap())
}

fn near(found: (f64, f64), wanted: (f64, f64)) {
    let far = (found.0 - wanted.0).abs().max((found.1 - wanted.1).abs());
    assert!(far < 0.001, "{found:?}, wanted {wanted:?}");
}

fn met(world: &World) -> (Home, Home) {
    let mac = world.first("Mac");
    let phone = world.joins("Pixel", "capture", &mac);
    phone.reconciles(&mac.serve()).exits(0);
    (mac, phone)
}

#[test]
fn a_move_shows_on_the_other_device_and_stays_after_a_rebuild() {
    let world = World::new();
    let (mac, phone) = met(&world);
    assert_eq!(thing(&mac.json(&["map"]), "Pixel")["placed"], false);

    mac.json(&["map", "move", "Pixel", "0.25", "0.75"]);
    mac.json(&["map", "move", "Mac", "-4", "12"]);
    mac.json(&["map", "group", "Mac", "Home"]);
    near(spot(&mac, "Pixel"), (0.25, 0.75));
    near(spot(&mac, "Mac"), (0.0, 1.0));
    phone.reconciles(&mac.serve()).exits(0);

    near(spot(&phone, "Pixel"), (0.25, 0.75));
    assert_eq!(thing(&phone.json(&["map"]), "Mac")["place"], "Home");
    mac.json(&["doctor", "--rebuild"]);
    near(spot(&mac, "Pixel"), (0.25, 0.75));
    mac.json(&["map", "group", "Mac"]);
    assert_eq!(thing(&mac.json(&["map"]), "Mac")["place"], Value::Null);
    mac.verifies();
}

#[test]
fn two_moves_at_once_end_in_one_spot_on_both() {
    let world = World::new();
    let (mac, phone) = met(&world);

    mac.json(&["map", "move", "Mac", "0.1", "0.1"]);
    phone.json(&["map", "move", "Mac", "0.9", "0.9"]);
    let serve = mac.serve();
    phone.reconciles(&serve).exits(0);
    drop(serve);

    assert_eq!(spot(&mac, "Mac"), spot(&phone, "Mac"));
    assert_eq!(mac.json(&["head"])["state"], phone.json(&["head"])["state"]);
    mac.verifies();
    phone.verifies();
}

#[test]
fn a_reconcile_with_news_is_counted_once_on_both_sides_and_one_without_is_not() {
    let world = World::new();
    let (mac, phone) = met(&world);
    let counts = || {
        let count = |home: &Home| {
            let map = home.json(&["map"]);
            let edges = map["edges"].as_array().unwrap();
            edges.iter().map(|edge| edge["exchanges"].as_u64().unwrap()).sum::<u64>()
        };
        (count(&mac), count(&phone))
    };
    let (on_mac, on_phone) = counts();
    phone.captures("news");
    phone.reconciles(&mac.serve()).exits(0);
    assert_eq!(counts(), (on_mac + 1, on_phone + 1));
    phone.reconciles(&mac.serve()).exits(0);
    assert_eq!(counts(), (on_mac + 1, on_phone + 1), "nothing was new");
}

#[test]
fn what_is_not_there_can_t_be_moved() {
    let world = World::new();
    let mac = world.first("Mac");
    let refused = mac.run(&["map", "move", "service:NAS", "0.5", "0.5", "--json"]);
    assert_eq!(refused.code, Some(1), "{refused:?}");
    let refused = mac.run(&["map", "move", "Mac", "NaN", "0.5", "--json"]);
    assert_ne!(refused.code, Some(0), "{refused:?}");
}

#[test]
fn a_service_is_unknown_until_it_was_asked_and_well_only_when_it_answered() {
    let world = World::new();
    let mac = world.first("Mac");
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let open = door.local_addr().unwrap().port();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let services = format!(
        r#"
        [[service]]
        name = "Open"
        kind = "door"
        place = "Home"
        probe = "tcp://127.0.0.1:{open}"
        [[service]]
        name = "Closed"
        kind = "door"
        probe = "http://127.0.0.1:{closed}/"
        [[service]]
        name = "Well"
        kind = "program"
        command = ["true"]
        [[service]]
        name = "Ill"
        kind = "program"
        command = ["sh", "-c", "exit 3"]
        "#
    );
    std::fs::write(mac.folder().join("services.toml"), services).unwrap();

    let map = mac.json(&["map"]);
    for name in ["Open", "Closed", "Well", "Ill"] {
        assert_eq!(thing(&map, name)["state"], "unknown");
        assert_eq!(thing(&map, name)["service"]["probed"], Value::Null);
    }

    let map = mac.json(&["map", "--probe"]);
    for (name, state) in
        [("Open", "synced"), ("Closed", "offline"), ("Well", "synced"), ("Ill", "offline")]
    {
        assert_eq!(thing(&map, name)["state"], state, "{map}");
        assert!(thing(&map, name)["service"]["probed"].is_string());
    }
    assert_eq!(thing(&map, "Open")["place"], "Home");
    assert!(text(&thing(&map, "Ill")["service"]["error"]).contains("exit status: 3"), "{map}");
    mac.json(&["map", "move", "Open", "0.2", "0.2"]);
    near(spot(&mac, "Open"), (0.2, 0.2));
}

#[test]
fn a_wrong_list_of_services_is_explained_and_hides_no_device() {
    let world = World::new();
    let mac = world.first("Mac");
    std::fs::write(mac.folder().join("services.toml"), "[[service]]\nname = \"A\"").unwrap();
    let map = mac.json(&["map"]);
    assert!(text(&map["services_problem"]["detail"]).contains("missing field `kind`"), "{map}");
    assert_eq!(thing(&map, "Mac")["kind"], "device");
}

#[test]
fn the_past_is_what_the_chains_prove() {
    let world = World::new();
    let (mac, phone) = met(&world);
    phone.captures("Both will have this");
    phone.reconciles(&mac.serve()).exits(0);
    mac.captures("The Mac has seen it");
    phone.captures("The phone has not seen the Mac's");
    phone.captures("Nor yet");
    phone.reconciles(&mac.serve()).exits(0);
    phone.captures("Now it has");
    phone.reconciles(&mac.serve()).exits(0);

    let log = mac.list(&["log"]);
    let clock = |device: &str, newest: usize| {
        let of = log.iter().filter(|event| event["device_name"] == device);
        of.map(|event| event["lamport"].as_u64().unwrap()).nth(newest).unwrap()
    };
    let at = |clock: u64| mac.json(&["map", "--at", &clock.to_string()]);
    let device = |cut: &Value, name: &str| {
        let all = cut["devices"].as_array().unwrap();
        all.iter().find(|one| one["name"] == name).cloned()
    };

    // Both wrote at that clock; the phone's next event shows that it had not what the Mac wrote.
    let cut = at(clock("Mac", 0));
    let of_phone = device(&cut, "Pixel").unwrap();
    assert_eq!(
        (text(&of_phone["state"]), of_phone["lacked"].as_u64()),
        ("behind", Some(1)),
        "{cut}"
    );
    assert_eq!(device(&cut, "Mac").unwrap()["state"], "unknown", "{cut}");
    // At the newest clock the phone has all, and of the Mac nothing later tells.
    let cut = at(clock("Pixel", 0));
    assert_eq!(cut["head"], mac.json(&["head"])["head"]);
    assert_eq!(device(&cut, "Pixel").unwrap()["state"], "synced", "{cut}");
    let of_mac = device(&cut, "Mac").unwrap();
    assert_eq!(
        (of_mac["state"].clone(), of_mac["lacked"].clone()),
        ("unknown".into(), Value::Null)
    );
    // Before it was admitted the phone was not there.
    assert_eq!(device(&at(2), "Pixel"), None);
}
