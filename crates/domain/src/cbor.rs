//! Deterministic CBOR (RFC 8949, section 4.2.1), of items whose keys need not be known.

use minicbor::Decoder;
use minicbor::data::Type;

/// How deep items may lie in each other.
const MAX_DEPTH: u32 = 16;

/// Whether bytes are one item in the one form that it has: of numbers, bytes, texts, arrays, maps with rising keys,
/// booleans and null.
pub(crate) fn is_deterministic(bytes: &[u8]) -> bool {
    let mut decoder = Decoder::new(bytes);
    item(&mut decoder, bytes, MAX_DEPTH).is_some() && decoder.position() == bytes.len()
}

fn item(decoder: &mut Decoder<'_>, bytes: &[u8], depth: u32) -> Option<()> {
    let deeper = depth.checked_sub(1)?;
    let start = decoder.position();
    let argument = match decoder.datatype().ok()? {
        Type::Bool | Type::Null => return decoder.skip().ok(),
        Type::Bytes => decoder.bytes().ok()?.len() as u64,
        Type::String => decoder.str().ok()?.len() as u64,
        Type::Array => {
            let length = decoder.array().ok()??;
            return has_shortest_head(bytes, start, length)
                .then(|| (0..length).try_for_each(|_| item(decoder, bytes, deeper)))?;
        }
        Type::Map => {
            let length = decoder.map().ok()??;
            return has_shortest_head(bytes, start, length)
                .then(|| pairs(decoder, bytes, length, deeper))?;
        }
        _ => {
            let number = i128::from(decoder.int().ok()?);
            u64::try_from(if number < 0 { -1 - number } else { number }).ok()?
        }
    };
    has_shortest_head(bytes, start, argument).then_some(())
}

fn pairs(decoder: &mut Decoder<'_>, bytes: &[u8], length: u64, depth: u32) -> Option<()> {
    let mut before: Option<&[u8]> = None;
    for _ in 0..length {
        let start = decoder.position();
        item(decoder, bytes, depth)?;
        let key = bytes.get(start..decoder.position())?;
        if before.is_some_and(|before| before >= key) {
            return None;
        }
        before = Some(key);
        item(decoder, bytes, depth)?;
    }
    Some(())
}

/// Whether the number in an item's head takes no more bytes than it needs.
fn has_shortest_head(bytes: &[u8], start: usize, argument: u64) -> bool {
    let needed = match argument {
        0..=23 => u8::try_from(argument).unwrap_or(23),
        24..=0xff => 24,
        0x100..=0xffff => 25,
        0x1_0000..=0xffff_ffff => 26,
        _ => 27,
    };
    bytes.get(start).is_some_and(|head| head & 0x1f == needed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_item_has_one_form() {
        let right: [&[u8]; 6] = [
            &[0xa2, 0x00, 0x62, b'h', b'i', 0x01, 0x80],
            &[0x82, 0x18, 0x18, 0x38, 0x18],
            &[0x58, 24, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3],
            &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x3b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            &[0x83, 0xf4, 0xf5, 0xf6],
        ];
        for right in right {
            assert!(is_deterministic(right), "{right:x?}");
        }
        let wrong: [&[u8]; 15] = [
            &[],
            &[0xa2, 0x00, 0x62, b'h', b'i', 0x01, 0x80, 0x00],
            &[0xa2, 0x00, 0x78, 0x02, b'h', b'i', 0x01, 0x80],
            &[0xa2, 0x01, 0x80, 0x00, 0x62, b'h', b'i'],
            &[0xa2, 0x00, 0x80, 0x00, 0x80],
            &[0xb8, 0x02, 0x00, 0x62, b'h', b'i', 0x01, 0x80],
            &[0xbf, 0x00, 0x80, 0xff],
            &[0x9f, 0xff],
            &[0x7f, 0x61, b'a', 0xff],
            &[0x18, 0x17],
            &[0x1b, 0, 0, 0, 0, 1, 0, 0, 0],
            &[0x61, 0xff],
            &[0xf9, 0x3c, 0x00],
            &[0xc0, 0x00],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ];
        for wrong in wrong {
            assert!(!is_deterministic(wrong), "{wrong:x?}");
        }
        assert!(is_deterministic(&[[0x81; 15].as_slice(), &[0]].concat()));
        assert!(!is_deterministic(&[[0x81; 16].as_slice(), &[0]].concat()));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_check_of_a_form_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            is_deterministic(&bytes);
        }
    }
}
