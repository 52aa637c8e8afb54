//! Where things stand on the map: where a person put them, or where they begin.

use crate::body::{Body, MapBodyError, MapGroup, MapPlace, SPOT_MAX};
use crate::text::DeviceName;

/// Puts a thing onto a spot of the unit square; what lies outside comes to its edge.
pub fn put(node: &str, x: f64, y: f64) -> Result<Body, MapBodyError> {
    if !(x.is_finite() && y.is_finite()) {
        return Err(MapBodyError::NoSpot);
    }
    let step = |at: f64| (at.clamp(0.0, 1.0) * f64::from(SPOT_MAX)).round() as u32;
    let place = MapPlace { node: node.to_owned(), x: step(x), y: step(y) };
    place.check()?;
    Ok(Body::MapPlace(place))
}

/// Says in which place a thing is; none takes it out of the one where it was.
pub fn group(node: &str, place: Option<&str>) -> Result<Body, MapBodyError> {
    let place = place.map(DeviceName::new).transpose()?.map(|name| name.to_string());
    let group = MapGroup { node: node.to_owned(), place };
    group.check()?;
    Ok(Body::MapGroup(group))
}

/// A spot in the unit square.
pub fn spot(place: &MapPlace) -> (f32, f32) {
    let part = |step: u32| step.min(SPOT_MAX) as f32 / SPOT_MAX as f32;
    (part(place.x), part(place.y))
}

/// The place of the n-th admitted device in the unit square: a sunflower spiral (Vogel 1979) from the middle, so that
/// nobody moves when another comes.
pub fn place(admitted: u32) -> (f32, f32) {
    const GOLDEN_ANGLE: f32 = 2.399_963;
    // 0.2 apart, so that the first handful of devices stand well apart; more are pressed towards the edge.
    let radius = (0.2 * (admitted as f32).sqrt()).min(0.45);
    let angle = GOLDEN_ANGLE * admitted as f32;
    (0.5 + radius * angle.cos(), 0.5 + radius * angle.sin())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spot_is_finite_and_inside_the_square() {
        let at = |x, y| match put("service:NAS", x, y) {
            Ok(Body::MapPlace(place)) => Some(spot(&place)),
            _ => None,
        };
        assert_eq!(at(0.25, 0.5), Some((0.25, 0.5)));
        assert_eq!(at(-3.0, 1e300), Some((0.0, 1.0)));
        assert_eq!(put("a", f64::NAN, 0.0), Err(MapBodyError::NoSpot));
        assert_eq!(put("a", 0.0, f64::INFINITY), Err(MapBodyError::NoSpot));
        assert!(matches!(put("", 0.0, 0.0), Err(MapBodyError::BadNode { .. })));
    }

    #[test]
    fn a_place_is_named_as_a_device_is() {
        let named = |name| match group("a", name) {
            Ok(Body::MapGroup(group)) => Ok(group.place),
            other => Err(Box::new(other)),
        };
        assert_eq!(named(Some(" Home ")), Ok(Some("Home".to_owned())));
        assert_eq!(named(None), Ok(None));
        assert!(named(Some("")).is_err());
        assert!(named(Some("a\u{202e}b")).is_err());
    }

    #[test]
    fn devices_stand_apart_inside_the_square() {
        let places: Vec<_> = (0..7).map(place).collect();
        for (n, a) in places.iter().enumerate() {
            assert!((0.0..=1.0).contains(&a.0) && (0.0..=1.0).contains(&a.1));
            for b in &places[..n] {
                assert!((a.0 - b.0).hypot(a.1 - b.1) > 0.1);
            }
        }
    }
}
