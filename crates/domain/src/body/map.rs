//! What is said of the map: where a thing stands, and in which place it is.

use minicbor::{Decode, Encode};

use crate::text::{DeviceName, TextError};

/// Bytes of a map node's id.
pub const MAX_NODE_BYTES: usize = 160;
/// The far edge of the map, in whole steps: a number has one form, and is never infinite.
pub const SPOT_MAX: u32 = 10_000;

/// `map.place`: where a thing stands.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MapPlace {
    /// The thing: a device's id, or `service:NAME`.
    #[n(0)]
    pub node: String,
    /// From the left, 0 to [`SPOT_MAX`].
    #[n(1)]
    pub x: u32,
    /// From the top, 0 to [`SPOT_MAX`].
    #[n(2)]
    pub y: u32,
}

/// `map.group`: in which place a thing is, such as "Home".
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct MapGroup {
    /// The thing.
    #[n(0)]
    pub node: String,
    /// The place; none when it is in no place any more.
    #[n(1)]
    pub place: Option<String>,
}

/// What is said of the map, and outside its limits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapBodyError {
    /// No name that a thing of the map can have.
    #[error("{found:?} is no id on the map: 1 to {MAX_NODE_BYTES} bytes without control signs")]
    BadNode {
        /// The id, cut.
        found: String,
    },
    /// Off the map.
    #[error("{x}, {y} is off the map, which ends at {SPOT_MAX}, {SPOT_MAX}")]
    Outside {
        /// From the left.
        x: u32,
        /// From the top.
        y: u32,
    },
    /// Not a number, or infinite.
    #[error("a spot is two numbers between 0 and 1")]
    NoSpot,
    /// The name of a place outside its limits, which are those of a device's.
    #[error(transparent)]
    Place(#[from] TextError),
}

impl MapPlace {
    /// Checks the limits.
    pub fn check(&self) -> Result<(), MapBodyError> {
        check_node(&self.node)?;
        let Self { x, y, .. } = *self;
        if x > SPOT_MAX || y > SPOT_MAX { Err(MapBodyError::Outside { x, y }) } else { Ok(()) }
    }
}

impl MapGroup {
    /// Checks the limits.
    pub fn check(&self) -> Result<(), MapBodyError> {
        check_node(&self.node)?;
        let Some(place) = &self.place else { return Ok(()) };
        // As it is shown: not even white space around it makes another name of it.
        if DeviceName::new(place)?.as_str() != place {
            return Err(TextError::BadName { found: place.clone() }.into());
        }
        Ok(())
    }
}

/// Checks a map node's id.
pub fn check_node(node: &str) -> Result<(), MapBodyError> {
    if (1..=MAX_NODE_BYTES).contains(&node.len()) && !node.chars().any(char::is_control) {
        return Ok(());
    }
    Err(MapBodyError::BadNode { found: node.chars().take(80).collect() })
}
