//! A member that lies, on the real link: whatever it says in whichever phase, the victim keeps what it had, says why it
//! refused, and goes on to work with the others.

use mirror_protocol::message::{Message, Open, RefuseCode, Tips};
use mirror_protocol::{
    CanonicalHead, ChainId, Commitment, Dep, DeviceId, EventId, Lamport, MeshId, PublicKey, Run,
    SigningKey, Tip, canonical_head, public_key,
};
use serde_json::Value;
use world::courier::{Keys, Parcel, forged, note};
use world::peer::{Liar, Talk};
use world::{Home, Serve, World, text};

/// The Mac is the victim; the phone is a member whose keys the liar has.
struct Story {
    _world: World,
    mac: Home,
    phone: Home,
    parcel: Parcel,
    key: SigningKey,
    /// What the Mac's history was before.
    before: Value,
}

fn story() -> Story {
    let world = World::new();
    let mac = world.first("Mac");
    mac.captures("on the Mac");
    let phone = world.joins("Pixel", "node", &mac);
    mac.captures("since then on the Mac");
    phone.captures("early on the phone");
    let bundle = world.path("phone.bundle");
    phone.json(&["export", "-o", bundle.to_str().unwrap()]);
    mac.json(&["import", bundle.to_str().unwrap()]);
    let parcel = Parcel::open(&bundle, &phone);
    let (key, before) = (Keys::of(&phone).incarnation, mac.json(&["head"]));
    Story { _world: world, mac, phone, parcel, key, before }
}

impl Story {
    fn mac_key(&self) -> PublicKey {
        public_key(&Keys::of(&self.mac).incarnation)
    }

    /// How the phone would honestly begin.
    fn open(&self) -> Open {
        let manifest = self.parcel.manifest();
        Open {
            version: 1,
            mesh: manifest.mesh,
            device: manifest.device,
            head: manifest.head,
            fold_version: 1,
            state: [0; 32],
            base: None,
            tips: Tips::Whole(manifest.tips),
            addresses: vec![],
        }
    }

    /// The same, with its own chain going on to where the liar wants to lead.
    fn open_to(&self, run: &Run) -> Open {
        let mut tips = self.parcel.manifest().tips;
        let own = self.parcel.last().chain();
        tips.retain(|tip| tip.chain != own);
        tips.push(run.head.tip);
        tips.sort();
        let head = canonical_head(tips.iter().copied());
        Open { head, tips: Tips::Whole(tips), ..self.open() }
    }

    fn commitment(&self, head: CanonicalHead) -> Commitment {
        let manifest = self.parcel.manifest();
        Commitment::sign(manifest.mesh, head, manifest.device, self.mac_key(), &self.key)
    }

    /// Every message by itself, as the liar may say it at any time.
    fn every_message(&self) -> Vec<(&'static str, Message)> {
        let tips = self.parcel.manifest().tips;
        let point = self.parcel.last().tip();
        vec![
            ("Open", Message::Open(self.open())),
            ("NeedTips", Message::NeedTips),
            ("Tips", Message::Tips(tips)),
            ("Run", Message::Run(self.parcel.runs().pop().unwrap())),
            ("Done", Message::Done(true)),
            ("Commit", Message::Commit(self.commitment(self.parcel.manifest().head))),
            (
                "Locator",
                Message::Locator(vec![point, Tip { seq: 0, id: EventId(point.chain.0), ..point }]),
            ),
            ("Common", Message::Common(point)),
        ]
    }

    /// The Mac's history is what it was; the reasons of the refusals that it recorded, and forgets now.
    fn unchanged(&self) -> String {
        assert_eq!(self.mac.json(&["head"]), self.before);
        let home = rusqlite::Connection::open(self.mac.folder().join("mirror.db")).unwrap();
        let mut statement = home.prepare("SELECT reason, source FROM refusals").unwrap();
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let rows: Vec<(String, String)> = rows.map(Result::unwrap).collect();
        assert!(rows.iter().all(|(_, source)| source == "Pixel"), "{rows:?}");
        home.execute("DELETE FROM refusals", []).unwrap();
        rows.into_iter().map(|(reason, _)| reason).collect::<Vec<_>>().join("; ")
    }

    /// How many runs wait for their causes in the Mac, in sight; it gives them up now.
    fn waiting(&self) -> usize {
        let home = rusqlite::Connection::open(self.mac.folder().join("mirror.db")).unwrap();
        home.execute("DELETE FROM quarantine", []).unwrap()
    }

    /// The phone itself, honest, brings both to one head.
    fn still_works(&self, serve: &Serve) {
        self.phone.captures("on the phone");
        self.phone.reconciles(serve).exits(0);
        assert_eq!(self.phone.head(), self.mac.head());
        assert_eq!(self.mac.texts().len(), 4);
        self.mac.verifies();
    }
}

/// Says the last thing, and hears the victim end it: with a refusal, or by hanging up.
fn refused(mut talk: Talk<'_>, last: &[u8]) {
    talk.say(last);
    let heard = talk.hears_the_end();
    assert!(heard.iter().all(|message| matches!(message, Message::Refuse(_))), "{heard:?}");
}

fn garbage() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("not well-formed", vec![]),
        ("not well-formed", b"GET / HTTP/1.1".to_vec()),
        ("unknown type 99", vec![0x81, 0x18, 0x63]),
        ("unknown type 10", vec![0x81, 0x0a]),
        ("not in deterministic encoding", vec![0x98, 0x01, 0x01]),
        ("4294967296", vec![0x82, 0x02, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0]),
        ("events in a run", vec![0x82, 0x03, 0x82, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0]),
    ]
}

#[test]
fn nothing_but_an_open_begins_a_session() {
    let story = story();
    let (serve, liar) = (story.mac.serve(), Liar::with_keys_of(&story.phone));
    for (reason, bytes) in garbage() {
        refused(liar.calls(&story.mac, serve.address()), &bytes);
        let said = story.unchanged();
        assert!(said.contains(reason), "{reason}: {said}");
    }
    for (name, message) in story.every_message().split_off(1) {
        refused(liar.calls(&story.mac, serve.address()), &message.encode());
        let said = story.unchanged();
        assert_eq!(said, format!("unexpected {name} while waiting for Open"));
    }
    let open = story.open();
    let others = [
        (Open { version: 2, ..open.clone() }, "session version 2"),
        (Open { mesh: MeshId([9; 32]), ..open.clone() }, "another mesh"),
        (Open { head: CanonicalHead([9; 32]), ..open.clone() }, "tips do not give the head"),
        (Open { tips: Tips::Same, ..open.clone() }, "tips do not give the head"),
        (Open { device: DeviceId([9; 32]), ..open }, "its key is another device's"),
    ];
    for (open, reason) in others {
        let mut talk = liar.calls(&story.mac, serve.address());
        talk.say(&Message::Open(open).encode());
        let heard = talk.hears_the_end();
        assert!(!heard.iter().any(|message| matches!(message, Message::Commit(_))), "{heard:?}");
        let said = story.unchanged();
        assert!(said.contains(reason), "{said}");
    }
    drop(liar);
    story.still_works(&serve);
}

#[test]
fn what_has_no_place_in_a_phase_ends_the_session() {
    let story = story();
    let (serve, liar) = (story.mac.serve(), Liar::with_keys_of(&story.phone));
    let open = Message::Open(story.open()).encode();
    let whole = story.parcel.manifest().tips;
    let changed = Open {
        base: Some(CanonicalHead([7; 32])),
        tips: Tips::Changed(whole.clone()),
        ..story.open()
    };
    let changed = Message::Open(changed).encode();
    // A phase, what leads there, and what has its place there.
    let vector = ("waiting for Tips", &changed, ["Tips"].as_slice());
    let receiving = ("receiving runs", &open, ["Run", "Done", "Locator", "Common"].as_slice());
    for (phase, lead, right) in [vector, receiving] {
        let begun = || {
            let mut talk = liar.calls(&story.mac, serve.address());
            talk.say(lead);
            talk.hears_out();
            talk
        };
        for (name, message) in story.every_message() {
            if !right.contains(&name) {
                refused(begun(), &message.encode());
                let said = story.unchanged();
                assert_eq!(said, format!("unexpected {name} while {phase}"));
            }
        }
        for (reason, bytes) in garbage() {
            refused(begun(), &bytes);
            assert!(story.unchanged().contains(reason));
        }
        refused(begun(), &Message::Refuse(RefuseCode::Failed).encode());
        assert!(story.unchanged().contains("the peer refused"));
    }
    let mut talk = liar.calls(&story.mac, serve.address());
    talk.say(&changed);
    talk.hears_out();
    refused(talk, &Message::Tips(whole[1..].to_vec()).encode());
    assert!(story.unchanged().contains("tips do not give the head"));
    drop(liar);
    story.still_works(&serve);
}

#[test]
fn runs_that_do_not_hold_are_refused_and_recorded() {
    let story = story();
    let (serve, liar) = (story.mac.serve(), Liar::with_keys_of(&story.phone));
    let last = story.parcel.last();
    let add = |change: &dyn Fn(&mut mirror_protocol::Header)| {
        forged(&last, &story.key, &note("a lie"), change)
    };
    let good = add(&|_| ());
    let mut tips = story.parcel.manifest().tips.into_iter();
    let foreign = tips.find(|tip| tip.chain != last.chain()).unwrap().chain;
    let nowhere = Dep { chain: ChainId([1; 32]), seq: 7, id: EventId([2; 32]) };
    let spoilt = |spoil: &dyn Fn(&mut Run)| {
        let mut run = good.clone();
        spoil(&mut run);
        run
    };
    let runs = [
        (spoilt(&|run| run.events.clear()), "a run holds 1 to 128 events"),
        (spoilt(&|run| run.events[0].body = Some(note("another lie"))), "body hashes to"),
        (spoilt(&|run| run.events[0].header[4] ^= 1), ""),
        (spoilt(&|run| run.head.signature[9] ^= 1), "signature is not by"),
        (
            forged(&last, &SigningKey::from_bytes(&[9; 32]), &note("a lie"), |_| ()),
            "signature is not by",
        ),
        (add(&|header| header.lamport = Lamport(u64::MAX)), "Lamport time"),
        (add(&|header| header.lamport = Lamport(1)), "Lamport time"),
        (add(&|header| header.kind = "chain.open".into()), "already open"),
        (add(&|header| header.deps = vec![nowhere]), "waits"),
        (add(&|header| header.chain = Some(foreign)), ""),
    ];
    for (run, reason) in runs {
        let mut talk = liar.calls(&story.mac, serve.address());
        let mut open = story.open_to(&good);
        if run.head.tip.chain == last.chain() && run.head.tip != good.head.tip {
            open = story.open_to(&run);
        }
        talk.say(&Message::Open(open).encode());
        talk.hears_out();
        talk.say(&Message::Run(run).encode());
        talk.say(&Message::Done(true).encode());
        let heard = talk.hears_the_end();
        assert!(!heard.iter().any(|message| matches!(message, Message::Commit(_))), "{heard:?}");
        let said = story.unchanged();
        match reason {
            "waits" => assert_eq!((story.waiting(), said.as_str()), (1, "")),
            reason => assert!(!said.is_empty() && said.contains(reason), "{reason}: {said}"),
        }
    }
    // It hangs up in the middle of it: what was refused until then is recorded all the same.
    let mut talk = liar.calls(&story.mac, serve.address());
    talk.say(&Message::Open(story.open_to(&good)).encode());
    talk.hears_out();
    talk.say(&Message::Run(spoilt(&|run| run.head.signature[9] ^= 1)).encode());
    talk.hangs_up();
    std::thread::sleep(std::time::Duration::from_millis(500));
    assert!(story.unchanged().contains("signature is not by"));
    drop(liar);
    story.still_works(&serve);
}

#[test]
fn a_false_commitment_makes_no_checkpoint() {
    let story = story();
    let (serve, liar) = (story.mac.serve(), Liar::with_keys_of(&story.phone));
    // Nothing new from the liar: then the target is what the Mac has.
    let mac = CanonicalHead::try_from(unhex(text(&story.before["head"])).as_slice()).unwrap();
    let known = Open { tips: Tips::Whole(vec![]), head: canonical_head([]), ..story.open() };
    let right = story.commitment(mac);
    let wrong = [
        Commitment { head: CanonicalHead([9; 32]), ..right },
        Commitment { signature: [9; 64], ..right },
        Commitment { device: DeviceId([9; 32]), ..right },
        Commitment { key: PublicKey([9; 32]), ..right },
        story.commitment(CanonicalHead([9; 32])),
    ];
    for commitment in wrong {
        let mut talk = liar.calls(&story.mac, serve.address());
        talk.say(&Message::Open(known.clone()).encode());
        talk.hears_out();
        talk.say(&Message::Done(true).encode());
        refused(talk, &Message::Commit(commitment).encode());
        assert!(story.unchanged().contains("commitment is not its signature"));
    }
    drop(liar);
    story.still_works(&serve);
}

fn unhex(text: &str) -> Vec<u8> {
    data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap()
}

#[test]
fn a_liar_that_is_called_gets_no_further() {
    let story = story();
    let liar = Liar::with_keys_of(&story.phone);
    let address = liar.address();
    let mut lies: Vec<(String, Vec<u8>)> =
        garbage().into_iter().map(|(reason, bytes)| (reason.to_owned(), bytes)).collect();
    for (name, message) in story.every_message().split_off(2) {
        let reason = format!("unexpected {name} while waiting for Open");
        lies.push((reason, message.encode()));
    }
    let open = story.open();
    for (open, reason) in [
        (Open { version: 2, ..open.clone() }, "session version 2"),
        (Open { mesh: MeshId([9; 32]), ..open.clone() }, "another mesh"),
        (Open { head: CanonicalHead([9; 32]), ..open.clone() }, "tips do not give the head"),
        (
            Open { base: Some(CanonicalHead([7; 32])), tips: Tips::Changed(vec![]), ..open },
            "tips do not give",
        ),
    ] {
        lies.push((reason.to_owned(), Message::Open(open).encode()));
    }
    for (reason, bytes) in lies {
        let running = story.mac.start(&["--json", "reconcile", "--with", &address]);
        let mut talk = liar.answers();
        assert!(matches!(talk.hear(), Ok(Message::Open(_))));
        talk.say(&bytes);
        talk.hears_the_end();
        let ran = running.finish();
        assert!(matches!(ran.code, Some(1 | 4 | 5)), "{ran:#?}");
        let problem = &ran.lines()[0]["peers"][0]["error"];
        assert!(text(&problem["detail"]).contains(&reason), "{reason}: {problem}");
        assert!(story.unchanged().contains(&reason));
    }
    drop(liar);
    story.still_works(&story.mac.serve());
}
