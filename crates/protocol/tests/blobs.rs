//! Blobs: what binds them, and the exchange under cuts, gaps and hostile peers.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use mirror_protocol::blob::{
    BlobError, BlobEvent, BlobExchange, BlobHasher, BlobMessage, ChunkRange, ExchangeError, Want,
    Wanted,
};
use mirror_protocol::limits::{CHUNK_BYTES, MAX_BLOB_BYTES, MAX_RANGES};
use mirror_protocol::{BlobRef, ChunkList, ChunkSet};
use proptest::prelude::*;

/// Bytes that differ from chunk to chunk.
fn content(seed: u8, bytes: usize) -> Vec<u8> {
    (0..bytes).map(|at| (at / CHUNK_BYTES) as u8 ^ (at as u8).wrapping_mul(31) ^ seed).collect()
}

fn chunk(content: &[u8], index: u32) -> Vec<u8> {
    content.chunks(CHUNK_BYTES).nth(index as usize).unwrap().to_vec()
}

/// A device's blobs: whole ones, parts, and names alone.
#[derive(Clone, Default)]
struct Shelf {
    blobs: BTreeMap<BlobRef, Held>,
    /// In this order it asks.
    order: Vec<BlobRef>,
}

#[derive(Clone)]
struct Held {
    list: Option<ChunkList>,
    chunks: BTreeMap<u32, Vec<u8>>,
}

impl Shelf {
    fn put(&mut self, content: &[u8], here: &dyn Fn(u32) -> bool) -> BlobRef {
        let list = ChunkList::of(content).unwrap();
        let name = list.name();
        let held = (0..name.count()).filter(|index| here(*index));
        let chunks: BTreeMap<_, _> = held.map(|index| (index, chunk(content, index))).collect();
        let list = (!chunks.is_empty()).then_some(list);
        self.blobs.insert(name, Held { list, chunks });
        self.order.push(name);
        name
    }

    fn missing(&self) -> u64 {
        let gaps =
            |(name, held): (&BlobRef, &Held)| u64::from(name.count()) - held.chunks.len() as u64;
        self.blobs.iter().map(gaps).sum()
    }

    fn wants(&self, without: &BTreeSet<BlobRef>) -> Vec<Wanted> {
        let asked = self.order.iter().filter(|name| !without.contains(name));
        let wanted = asked.map(|name| {
            let held = &self.blobs[name];
            let mut here = ChunkSet::none(name.count());
            held.chunks.keys().for_each(|index| here.insert(*index));
            Wanted { blob: *name, list: held.list.clone(), ranges: here.missing(MAX_RANGES) }
        });
        // A round of two, so that there are several.
        wanted.filter(|wanted| !wanted.ranges.is_empty()).take(2).collect()
    }
}

struct Side {
    exchange: BlobExchange,
    shelf: Shelf,
    without: BTreeSet<BlobRef>,
    serving: VecDeque<(BlobRef, Option<u32>)>,
    finished: bool,
}

impl Side {
    fn new(initiator: bool, shelf: Shelf) -> Self {
        let (without, serving) = (BTreeSet::new(), VecDeque::new());
        let exchange = BlobExchange::new(initiator);
        Self { exchange, shelf, without, serving, finished: false }
    }

    fn settle(&mut self) {
        while let Some(event) = self.exchange.poll_event() {
            match event {
                BlobEvent::Ask { short } => {
                    self.without.extend(short);
                    self.exchange.want(self.shelf.wants(&self.without));
                }
                BlobEvent::List { blob, list } => {
                    self.shelf.blobs.get_mut(&blob).unwrap().list = Some(list);
                }
                BlobEvent::Chunk { blob, index, bytes } => {
                    let new = self.shelf.blobs.get_mut(&blob).unwrap().chunks.insert(index, bytes);
                    assert!(new.is_none(), "chunk {index} came twice");
                }
                BlobEvent::Serve(wants) => {
                    for want in wants {
                        self.serving.extend(want.list.then_some((want.blob, None)));
                        let chunks = want.ranges.iter().flat_map(|r| r.first..r.first + r.count);
                        self.serving.extend(chunks.map(|index| (want.blob, Some(index))));
                    }
                    // The mark of the end.
                    self.serving.push_back((self.shelf.order[0], Some(u32::MAX)));
                }
                BlobEvent::Finished => self.finished = true,
            }
        }
    }

    /// The next message, if there is one.
    fn speak(&mut self) -> Option<Vec<u8>> {
        self.settle();
        if let Some(message) = self.exchange.poll_transmit() {
            return Some(message.encode());
        }
        let (blob, index) = self.serving.pop_front()?;
        let held = self.shelf.blobs.get(&blob);
        match index {
            Some(u32::MAX) => self.exchange.sent(),
            None => {
                if let Some(list) = held.and_then(|held| held.list.as_ref()) {
                    self.exchange.send_list(blob, list.encode());
                }
            }
            Some(index) => {
                if let Some(bytes) = held.and_then(|held| held.chunks.get(&index)) {
                    self.exchange.send_chunk(blob, index, bytes.clone());
                }
            }
        }
        self.speak()
    }
}

/// Lets two shelves meet until they are done, or until so many bytes have travelled; the chunks that arrived.
fn meet(a: &mut Shelf, b: &mut Shelf, cut: usize) -> (u64, bool) {
    let before = a.missing() + b.missing();
    let mut sides = [Side::new(true, a.clone()), Side::new(false, b.clone())];
    let mut left = cut;
    let finished = 'session: loop {
        let mut silent = 0;
        for speaker in 0..2 {
            let Some(bytes) = sides[speaker].speak() else {
                silent += 1;
                continue;
            };
            if bytes.len() > left {
                break 'session false;
            }
            left -= bytes.len();
            let listener = &mut sides[1 - speaker];
            listener.exchange.handle_message(BlobMessage::decode(&bytes).unwrap()).unwrap();
            listener.settle();
        }
        if silent == 2 {
            break sides.iter().all(|side| side.finished);
        }
    };
    let [side_a, side_b] = sides;
    (*a, *b) = (side_a.shelf, side_b.shelf);
    (before - a.missing() - b.missing(), finished)
}

#[test]
fn a_name_binds_list_chunks_and_content() {
    let whole = content(1, 2 * CHUNK_BYTES + 7);
    let list = ChunkList::of(&whole).unwrap();
    let name = list.name();
    assert_eq!((name.bytes, name.count()), (whole.len() as u64, 3));
    assert_eq!(ChunkList::read(&name, &list.encode()), Ok(list.clone()));

    let longer = BlobRef { bytes: name.bytes + 1, ..name };
    assert!(matches!(ChunkList::read(&longer, &list.encode()), Err(BlobError::BadList { .. })));
    let other = ChunkList::of(&content(2, whole.len())).unwrap();
    assert!(matches!(ChunkList::read(&name, &other.encode()), Err(BlobError::OtherList { .. })));

    for index in 0..3 {
        assert_eq!(list.check(index, &chunk(&whole, index)), Ok(()));
        let mut changed = chunk(&whole, index);
        changed[3] ^= 1;
        assert_eq!(
            list.check(index, &changed),
            Err(BlobError::OtherChunk { blob: name.id, index })
        );
    }
    for (index, bytes) in [(0, chunk(&whole, 2)), (2, chunk(&whole, 0)), (3, vec![]), (2, vec![])] {
        assert!(matches!(list.check(index, &bytes), Err(BlobError::ChunkLength { .. })));
    }
}

#[test]
fn a_blob_has_its_limits() {
    assert_eq!(ChunkList::of(b""), Err(BlobError::Size { found: 0 }));
    let name = ChunkList::of(b"tea").unwrap().name();
    assert_eq!(name.check(), Ok(()));
    let huge = BlobRef { bytes: MAX_BLOB_BYTES + 1, ..name };
    assert!(huge.check().unwrap_err().to_string().contains("1 to 4294967295"));
    let ask = |blob, ranges| BlobMessage::Wants(vec![Want { blob, list: true, ranges }]).encode();
    let one = ChunkRange { first: 0, count: 1 };
    assert!(BlobMessage::decode(&ask(name, vec![one])).is_ok());
    for bytes in [
        ask(huge, vec![one]),
        ask(name, vec![]),
        ask(name, vec![ChunkRange { first: 0, count: 2 }]),
        ask(name, vec![ChunkRange { first: 0, count: 0 }]),
        ask(name, vec![one, one]),
    ] {
        assert!(BlobMessage::decode(&bytes).unwrap_err().to_string().contains("well-formed"));
    }
    let error = BlobMessage::decode(&ask(name, vec![one; 17])).unwrap_err();
    assert_eq!(error.to_string(), "17 ranges of a wanted blob, the limit is 16");
    let error = BlobMessage::decode(&BlobMessage::Wants(vec![]).encode()).unwrap_err();
    assert!(error.to_string().ends_with("wants nothing"), "{error}");
    // [20, array(2^32)]
    let error = BlobMessage::decode(&[0x82, 0x14, 0x9b, 0, 0, 0, 1, 0, 0, 0, 0]).unwrap_err();
    assert_eq!(error.to_string(), "4294967296 wanted blobs, the limit is 256");
    let bytes = vec![7; CHUNK_BYTES + 1];
    let error = BlobMessage::decode(&BlobMessage::Chunk { blob: name, index: 0, bytes }.encode());
    assert_eq!(error.unwrap_err().to_string(), "262145 bytes in a chunk, the limit is 262144");
}

#[test]
fn a_number_of_a_later_version_is_named() {
    let error = BlobMessage::decode(&[0x81, 0x18, 0x1a]).unwrap_err();
    assert_eq!(error.to_string(), "message of unknown type 26");
}

/// A phone that asked for chunks 1 and 2 of a blob, whose list it has, and the content.
fn asked() -> (BlobExchange, BlobRef, Vec<u8>) {
    let whole = content(3, 3 * CHUNK_BYTES);
    let list = ChunkList::of(&whole).unwrap();
    let blob = list.name();
    let mut exchange = BlobExchange::new(true);
    assert!(matches!(exchange.poll_event(), Some(BlobEvent::Ask { .. })));
    let ranges = vec![ChunkRange { first: 1, count: 2 }];
    exchange.want(vec![Wanted { blob, list: Some(list), ranges }]);
    assert!(matches!(exchange.poll_transmit(), Some(BlobMessage::Wants(_))));
    (exchange, blob, whole)
}

#[test]
fn what_was_not_asked_for_and_what_is_wrong_is_refused() {
    let (_, blob, whole) = asked();
    let list = ChunkList::of(&whole).unwrap().encode();
    let stranger = ChunkList::of(b"stranger").unwrap().name();
    let send = |blob, index, bytes| BlobMessage::Chunk { blob, index, bytes };
    let cases = [
        ("an unwanted chunk", send(blob, 0, chunk(&whole, 0))),
        ("an unwanted blob", send(stranger, 0, b"stranger".to_vec())),
        ("a list that is here", BlobMessage::List { blob, list }),
        ("another chunk", send(blob, 1, chunk(&whole, 2))),
        ("a short chunk", send(blob, 1, chunk(&whole, 1)[1..].to_vec())),
        ("a chunk behind the last", send(blob, 3, b"more".to_vec())),
    ];
    for (case, message) in cases {
        let (mut exchange, ..) = asked();
        let error = exchange.handle_message(message).unwrap_err();
        let refused = matches!(error, ExchangeError::Wrong(_) | ExchangeError::Unwanted { .. });
        assert!(refused, "{case}: {error}");
        assert_eq!(exchange.poll_event(), None, "{case}: nothing of it is kept");
        assert_eq!(exchange.poll_transmit(), Some(BlobMessage::Refuse), "{case}: the peer is told");
    }
}

#[test]
fn a_chunk_comes_once_and_in_order() {
    for again in [1, 2] {
        let (mut exchange, blob, whole) = asked();
        let send = |index| BlobMessage::Chunk { blob, index, bytes: chunk(&whole, index) };
        exchange.handle_message(send(2)).unwrap();
        let error = exchange.handle_message(send(again)).unwrap_err();
        assert!(matches!(error, ExchangeError::Unwanted { .. }), "{error}");
    }
}

#[test]
fn a_list_is_asked_for_and_checked_before_its_chunks() {
    let whole = content(4, CHUNK_BYTES + 1);
    let list = ChunkList::of(&whole).unwrap();
    let (blob, ranges) = (list.name(), vec![ChunkRange { first: 0, count: 2 }]);
    let begin = || {
        let mut exchange = BlobExchange::new(true);
        exchange.want(vec![Wanted { blob, list: None, ranges: ranges.clone() }]);
        exchange
    };
    let first = BlobMessage::Chunk { blob, index: 0, bytes: chunk(&whole, 0) };
    assert!(begin().handle_message(first.clone()).is_err(), "a chunk without a list");
    let other = ChunkList::of(b"other").unwrap().encode();
    let error = begin().handle_message(BlobMessage::List { blob, list: other }).unwrap_err();
    assert_eq!(error, ExchangeError::Wrong(BlobError::OtherList { blob: blob.id }));

    let mut exchange = begin();
    exchange.handle_message(BlobMessage::List { blob, list: list.encode() }).unwrap();
    exchange.handle_message(first).unwrap();
    let error = exchange.handle_message(BlobMessage::List { blob, list: list.encode() });
    assert!(error.is_err(), "a list twice");
}

#[test]
fn messages_without_a_place_end_the_exchange() {
    let name = ChunkList::of(b"tea").unwrap().name();
    let ranges = vec![ChunkRange { first: 0, count: 1 }];
    let wants = BlobMessage::Wants(vec![Want { blob: name, list: true, ranges }]);
    let cases: [&[BlobMessage]; 4] = [
        &[BlobMessage::Sent],
        &[wants.clone(), wants.clone()],
        &[wants.clone(), BlobMessage::Done],
        &[BlobMessage::Done, wants.clone()],
    ];
    for case in cases {
        let mut exchange = BlobExchange::new(true);
        let (last, before) = case.split_last().unwrap();
        before.iter().for_each(|message| exchange.handle_message(message.clone()).unwrap());
        let error = exchange.handle_message(last.clone()).unwrap_err();
        assert_eq!(error, ExchangeError::Unexpected { message: last.name() }, "{case:?}");
    }
    let mut exchange = BlobExchange::new(false);
    assert_eq!(exchange.handle_message(BlobMessage::Refuse), Err(ExchangeError::Refused));
    assert_eq!(exchange.poll_transmit(), None, "a refusal is not answered");
}

#[test]
fn the_one_who_called_is_served_first_and_neither_waits_to_speak() {
    let (mut mac, mut phone) = (Shelf::default(), Shelf::default());
    mac.put(b"from the Mac", &|_| true);
    phone.put(b"from the Mac", &|_| false);
    phone.put(b"from the phone", &|_| true);
    mac.put(b"from the phone", &|_| false);
    let (mut caller, mut other) = (Side::new(true, phone), Side::new(false, mac));
    let wants = other.speak().unwrap();
    assert_eq!(wants[1], 20, "the one who is called does not wait");
    caller.exchange.handle_message(BlobMessage::decode(&wants).unwrap()).unwrap();
    let asks = caller.speak().unwrap();
    assert_eq!(asks[1], 20);
    assert_eq!(caller.speak(), None, "the other's wants are held");
    other.exchange.handle_message(BlobMessage::decode(&asks).unwrap()).unwrap();
    let mut numbers = Vec::new();
    loop {
        let (to, bytes) = match (other.speak(), caller.speak()) {
            (Some(bytes), None) => (&mut caller, bytes),
            (None, Some(bytes)) => (&mut other, bytes),
            (None, None) => break,
            both => panic!("both speak: {both:?}"),
        };
        let message = BlobMessage::decode(&bytes).unwrap();
        numbers.push(message.name());
        to.exchange.handle_message(message).unwrap();
    }
    let turn = ["List", "Chunk", "Sent", "Done"];
    assert_eq!(numbers, [turn, turn].concat());
    assert!(caller.finished && other.finished);
    assert_eq!(caller.shelf.missing() + other.shelf.missing(), 0);
}

#[test]
fn what_is_asked_for_comes_in_the_order_of_asking() {
    let (mut mac, mut phone) = (Shelf::default(), Shelf::default());
    for seed in [5, 6, 7] {
        mac.put(&content(seed, 9), &|_| true);
        phone.put(&content(seed, 9), &|_| false);
    }
    phone.order.reverse();
    let order = phone.order.clone();
    let (mut caller, mut other) = (Side::new(true, phone), Side::new(false, mac));
    let mut came = Vec::new();
    while !(caller.finished && other.finished) {
        if let Some(bytes) = caller.speak() {
            other.exchange.handle_message(BlobMessage::decode(&bytes).unwrap()).unwrap();
        }
        if let Some(bytes) = other.speak() {
            let message = BlobMessage::decode(&bytes).unwrap();
            if let BlobMessage::Chunk { blob, .. } = &message {
                came.push(*blob);
            }
            caller.exchange.handle_message(message).unwrap();
        }
        caller.settle();
    }
    assert_eq!(came, order);
}

#[test]
fn what_the_peer_has_not_is_not_asked_for_again() {
    let (mut mac, mut phone) = (Shelf::default(), Shelf::default());
    let whole = content(8, 3 * CHUNK_BYTES);
    // The Mac has one chunk of three, and knows the other blob by name only.
    mac.put(&whole, &|index| index == 1);
    phone.put(&whole, &|_| false);
    mac.put(&content(9, 9), &|_| false);
    phone.put(&content(9, 9), &|_| false);
    let (came, finished) = meet(&mut phone, &mut mac, usize::MAX);
    assert_eq!((came, finished), (1, true));
    assert_eq!((phone.missing(), mac.missing()), (3, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_gaps_and_any_cuts_end_in_all_that_either_had(
        sizes in proptest::collection::vec(1..6 * CHUNK_BYTES, 1..4),
        here in any::<(u64, u64)>(),
        cuts in proptest::collection::vec(0..2_000_000usize, 0..6),
        turn in any::<bool>(),
    ) {
        let (mut a, mut b) = (Shelf::default(), Shelf::default());
        let mut complete = 0;
        for (n, bytes) in sizes.iter().enumerate() {
            let whole = content(n as u8, *bytes);
            let bit = |bits: u64| move |index: u32| bits >> (n as u32 * 8 + index) & 1 == 1;
            a.put(&whole, &bit(here.0));
            b.put(&whole, &bit(here.1));
            let chunks = bytes.div_ceil(CHUNK_BYTES) as u32;
            complete += (0..chunks).filter(|i| bit(here.0)(*i) || bit(here.1)(*i)).count() as u64;
        }
        if turn {
            std::mem::swap(&mut a, &mut b);
        }
        let missing = a.missing() + b.missing();
        let mut came = 0;
        for cut in cuts {
            came += meet(&mut a, &mut b, cut).0;
        }
        let (last, finished) = meet(&mut a, &mut b, usize::MAX);
        prop_assert!(finished);
        let total: u64 = a.blobs.keys().map(|name| u64::from(name.count())).sum();
        prop_assert_eq!(a.missing(), total - complete);
        prop_assert_eq!(b.missing(), total - complete);
        // No chunk came twice: a cut loses what was under way and nothing else.
        prop_assert_eq!(came + last, missing - 2 * (total - complete));
    }

    #[test]
    fn no_bytes_make_the_decoder_of_blobs_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), number in 20u8..26) {
        let _ = BlobMessage::decode(&bytes);
        let begun = [vec![0x80 | (bytes.len() as u8 % 5), number], bytes].concat();
        if let Ok(message) = BlobMessage::decode(&begun) {
            prop_assert_eq!(message.encode(), begun);
        }
    }

    #[test]
    fn a_changed_message_about_blobs_is_refused_or_reads_as_itself(at in 0usize..200, flip in 1u8..=255) {
        let whole = content(1, CHUNK_BYTES + 9);
        let list = ChunkList::of(&whole).unwrap();
        let (blob, range) = (list.name(), ChunkRange { first: 0, count: 2 });
        for message in [
            BlobMessage::Wants(vec![Want { blob, list: true, ranges: vec![range] }]),
            BlobMessage::List { blob, list: list.encode() },
            BlobMessage::Chunk { blob, index: 1, bytes: chunk(&whole, 1) },
        ] {
            let mut bytes = message.encode();
            let at = at % bytes.len();
            bytes[at] ^= flip;
            if let Ok(other) = BlobMessage::decode(&bytes) {
                prop_assert_ne!(&other, &message);
                prop_assert_eq!(other.encode(), bytes);
            }
        }
    }

    #[test]
    fn content_read_in_any_pieces_has_one_name(bytes in 1..3 * CHUNK_BYTES, piece in 1..CHUNK_BYTES) {
        let whole = content(2, bytes);
        let mut hasher = BlobHasher::default();
        for piece in whole.chunks(piece) {
            hasher.update(piece).unwrap();
        }
        prop_assert_eq!(hasher.finish().unwrap(), ChunkList::of(&whole).unwrap());
    }
}
