//! Where devices first stand on the map.

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
