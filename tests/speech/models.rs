//! A model is fetched by a person's command, checked, and in its place only when it is whole.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use world::{World, text};

/// A server that hangs up early the first time, and goes on where it is asked to.
struct Shop {
    url: String,
    asked: Arc<AtomicUsize>,
}

fn shop(content: Vec<u8>) -> Shop {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/model.bin", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicUsize::new(0));
    let count = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let first = count.fetch_add(1, Ordering::SeqCst) == 0;
            let _ = answer(stream.unwrap(), &content, first);
        }
    });
    Shop { url, asked }
}

fn answer(mut stream: TcpStream, content: &[u8], cut: bool) -> std::io::Result<()> {
    let mut from = 0;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let line = line?.to_lowercase();
        if let Some(range) = line.strip_prefix("range: bytes=") {
            from = range.trim_end_matches('-').parse().unwrap();
        }
        if line.is_empty() {
            break;
        }
    }
    let status = if from > 0 { "206 Partial Content" } else { "200 OK" };
    let rest = &content[from..];
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", rest.len());
    stream.write_all(head.as_bytes())?;
    let end = if cut { rest.len() / 3 } else { rest.len() };
    stream.write_all(&rest[..end])
}

#[test]
#[ignore = "needs a model: cargo xtask test speech"]
fn a_model_comes_whole_or_goes_on_later_and_one_with_another_checksum_is_thrown_away() {
    let world = World::new();
    let mac = world.first("Mac");
    let content = std::fs::read(super::model()).unwrap();
    let hash = text(&mac.json(&["speech", "use", &super::model()])["hash"]).to_owned();
    let shop = shop(content.clone());
    let fetch = |hash: &str| {
        let args = ["speech", "fetch", "mine", "--from", &shop.url, "--sha256", hash];
        args.map(str::to_owned)
    };
    let args = fetch(&hash);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let folder = mac.folder().join("models");

    let error = mac.fails(&args, 1, "offline");
    assert!(text(&error["hint"]).contains("goes on there"), "{error}");
    let part = std::fs::metadata(folder.join("ggml-mine.bin.part")).unwrap().len();
    assert!(part > 0 && part < content.len() as u64, "{part}");
    assert!(!folder.join("ggml-mine.bin").exists());
    let model = mac.json(&args);
    assert_eq!((&model["name"], &model["hash"]), (&"mine".into(), &hash.clone().into()));
    assert!(std::fs::read(folder.join("ggml-mine.bin")).unwrap() == content);
    assert_eq!(mac.json(&["speech", "status"])["model"], model);
    assert_eq!(shop.asked.load(Ordering::SeqCst), 2);
    mac.json(&args);
    assert_eq!(shop.asked.load(Ordering::SeqCst), 2, "what is here is not fetched again");

    let other = "0".repeat(64);
    let error = mac.fails(
        &["speech", "fetch", "false", "--from", &shop.url, "--sha256", &other],
        4,
        "integrity",
    );
    assert!(text(&error["detail"]).contains(&hash), "{error}");
    let left: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["ggml-mine.bin"], "nothing of it stays");
    // What is known has its checksum in the program.
    let error =
        mac.fails(&["speech", "fetch", "tiny.en", "--from", &super::model()], 4, "integrity");
    assert!(text(&error["detail"]).contains("921e4cf8686f"), "{error}");
    mac.fails(&["speech", "fetch", "unknown", "--from", &shop.url], 1, "invalid");
    mac.fails(
        &["speech", "fetch", "../mine", "--from", &shop.url, "--sha256", &hash],
        1,
        "invalid",
    );
}
