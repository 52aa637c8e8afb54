//! Every limit of the wire format. A peer's claim never allocates more than these.

/// Bytes of an event's body; larger content is a blob.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Causal links to other chains in one event.
pub const MAX_DEPS: usize = 512;
/// Bytes of an encoded header: `MAX_DEPS` links and the fixed fields fit.
pub const MAX_HEADER_BYTES: usize = 48 * 1024;
/// Bytes of an event kind.
pub const MAX_KIND_BYTES: usize = 40;
/// Events from one kept signed head to the next, so a run always ends within as many.
pub const SPAN_EVENTS: u64 = 128;
/// Bytes of one message: the largest run and its framing fit.
pub const MAX_MESSAGE_BYTES: usize =
    SPAN_EVENTS as usize * (MAX_BODY_BYTES + MAX_HEADER_BYTES + 16) + 1024;
/// Chains of one mesh.
pub const MAX_CHAINS: usize = 4096;
/// Branches of one forked chain.
pub const MAX_BRANCHES: usize = 64;
/// Tips of one mesh: a chain's, or of a forked chain its branches'.
pub const MAX_TIPS: usize = MAX_CHAINS + MAX_BRANCHES * 16;
/// Points of a [`crate::message::Message::Locator`]: they are spaced exponentially, so that any chain fits.
pub const MAX_POINTS: usize = 66;
/// Addresses that a peer may name, and the bytes of each.
pub const MAX_ADDRESSES: usize = 16;
/// Bytes of one address.
pub const MAX_ADDRESS_BYTES: usize = 256;
/// Bytes of runs that wait in memory, or in quarantine, for their causes.
pub const MAX_PENDING_BYTES: usize = 64 * 1024 * 1024;
/// Refusals that a session's report lists; further ones are counted.
pub const MAX_REFUSED: usize = 100;
/// Bytes of a chunk of a blob; the last one may be shorter.
pub const CHUNK_BYTES: usize = 256 * 1024;
/// Bytes of a blob: its size fits 32 bits.
pub const MAX_BLOB_BYTES: u64 = u32::MAX as u64;
/// Chunks of a blob.
pub const MAX_CHUNKS: usize = MAX_BLOB_BYTES.div_ceil(CHUNK_BYTES as u64) as usize;
/// Blobs that are asked for at once.
pub const MAX_WANTS: usize = 256;
/// Chunks of all blobs that are asked for at once: their lists are held in memory.
pub const MAX_WANTED_CHUNKS: usize = 2 * MAX_CHUNKS;
/// Gaps of one blob that are asked for at once.
pub const MAX_RANGES: usize = 16;
/// Bytes of one message about blobs: the longest chunk list and its framing fit.
pub const MAX_BLOB_MESSAGE_BYTES: usize = MAX_CHUNKS * 34 + 1024;
