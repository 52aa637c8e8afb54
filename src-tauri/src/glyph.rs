//! The tray's glyph, drawn: a small mesh of three dots whose shape tells the state.

use crate::controller::Mark;

/// Pixels on each side.
pub const SIZE: u32 = 44;
/// Samples a pixel on each side.
const SAMPLES: u32 = 4;
const DOTS: [(f32, f32); 3] = [(0.5, 0.22), (0.2, 0.74), (0.8, 0.74)];
const RADIUS: f32 = 0.15;
const INNER: f32 = 0.085;

/// The glyph as RGBA: black for the macOS menu bar, which colours it itself, a mid grey that stands on light and dark
/// panels elsewhere.
pub fn draw(mark: Mark) -> Vec<u8> {
    let shade = if cfg!(target_os = "macos") { 0 } else { 128 };
    let mut pixels = Vec::with_capacity((SIZE * SIZE * 4) as usize);
    for y in 0..SIZE {
        for x in 0..SIZE {
            let hits = (0..SAMPLES * SAMPLES).filter(|sample| {
                let offset = |n: u32| (n as f32 + 0.5) / SAMPLES as f32;
                let px = (x as f32 + offset(sample % SAMPLES)) / SIZE as f32;
                let py = (y as f32 + offset(sample / SAMPLES)) / SIZE as f32;
                is_ink(mark, px, py)
            });
            let alpha = hits.count() as u32 * 255 / (SAMPLES * SAMPLES);
            pixels.extend([shade, shade, shade, alpha as u8]);
        }
    }
    pixels
}

fn is_ink(mark: Mark, x: f32, y: f32) -> bool {
    if mark == Mark::Conflict {
        return (x - 0.5).abs() + (y - 0.5).abs() < 0.44
            && (x - 0.5).abs() + (y - 0.5).abs() > 0.26
            || (x - 0.5).abs() < 0.04 && (0.36..0.54).contains(&y)
            || (x - 0.5).hypot(y - 0.62) < 0.045;
    }
    for (n, (dx, dy)) in DOTS.into_iter().enumerate() {
        let distance = (x - dx).hypot(y - dy);
        let hollow = mark == Mark::Unknown || mark == Mark::Moving && n == 2;
        if distance < RADIUS {
            let dash = mark != Mark::Unknown || ((y - dy).atan2(x - dx) * 2.0).sin() > -0.35;
            return if hollow { distance > INNER && dash } else { true };
        }
    }
    let lines = [(DOTS[0], DOTS[1]), (DOTS[1], DOTS[2]), (DOTS[2], DOTS[0])];
    mark != Mark::Unknown && lines.iter().any(|(a, b)| off_line(*a, *b, x, y) < 0.03)
}

/// How far a point is from a line between two dots; infinite beyond its ends.
fn off_line(a: (f32, f32), b: (f32, f32), x: f32, y: f32) -> f32 {
    let (dx, dy) = (b.0 - a.0, b.1 - a.1);
    let length = dx.hypot(dy);
    let along = ((x - a.0) * dx + (y - a.1) * dy) / length;
    if !(0.0..=length).contains(&along) {
        return f32::INFINITY;
    }
    ((x - a.0) * dy - (y - a.1) * dx).abs() / length
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_has_a_shape_of_its_own() {
        let all = [Mark::Synced, Mark::Moving, Mark::Conflict, Mark::Unknown].map(draw);
        for (n, glyph) in all.iter().enumerate() {
            assert_eq!(glyph.len(), (SIZE * SIZE * 4) as usize);
            assert!(all[..n].iter().all(|other| other != glyph));
        }
    }
}
