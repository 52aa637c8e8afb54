//! Structs as arrays of exactly their fields.
//!
//! The derived decoders skip fields that they do not know, and what is skipped may nest as deep as it is long: following it
//! takes many times its bytes of memory. Here nothing is skipped; a later format has another number.

use minicbor::Decoder;
use minicbor::decode::Error;

/// Reads an array's head, which must say this length.
pub fn of(d: &mut Decoder<'_>, length: u64) -> Result<(), Error> {
    let at = d.position();
    match d.array()? {
        Some(found) if found == length => Ok(()),
        _ => Err(Error::message(format!("expected an array of {length}")).at(at)),
    }
}

/// Decodes a struct from its fields in order, each of a type that decodes itself, or of `bytes`.
macro_rules! decode_array {
    ($name:ident, $length:literal: $($field:ident $(as $bytes:ident)?),+) => {
        impl<'b, C> minicbor::Decode<'b, C> for $name {
            fn decode(
                d: &mut minicbor::Decoder<'b>,
                c: &mut C,
            ) -> Result<Self, minicbor::decode::Error> {
                $crate::array::of(d, $length)?;
                Ok(Self { $($field: decode_array!(@ d, c $(, $bytes)?)),+ })
            }
        }
    };
    (@ $d:ident, $c:ident) => { $d.decode_with($c)? };
    (@ $d:ident, $c:ident, bytes) => { minicbor::bytes::decode($d, $c)? };
}

pub(crate) use decode_array;
