//! Notes as people write them: several scripts, emoji, from a few words to many pages.

use crate::dice::Dice;

/// Our own sentences, a line each; `tests/corpus/README.md` says what is in them.
const SENTENCES: &str = include_str!("../corpus/sentences.txt");

/// The longest note that [`notes`] makes.
pub const MAX_BYTES: usize = 20 * 1024;

/// So many different notes, each one line, the same for the same dice.
pub fn notes(dice: &mut Dice, count: usize) -> Vec<String> {
    let sentences: Vec<&str> = SENTENCES.lines().filter(|line| !line.is_empty()).collect();
    (0..count).map(|number| note(dice, &sentences, number)).collect()
}

/// Most are short, some fill a page, one in twenty is as long as they get.
fn note(dice: &mut Dice, sentences: &[&str], number: usize) -> String {
    let bytes = match dice.below(20) {
        0 => MAX_BYTES,
        1..5 => 400 + dice.below(4000),
        _ => 20 + dice.below(380),
    };
    let mut text = format!("{number}:");
    // A person stays with one language for a while.
    let mut at = dice.below(sentences.len());
    loop {
        let sentence = sentences[at];
        if text.len() + 1 + sentence.len() > bytes && text.contains(' ') {
            return text;
        }
        text.push(' ');
        text.push_str(sentence);
        at = if dice.below(4) == 0 {
            dice.below(sentences.len())
        } else {
            (at + 1) % sentences.len()
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_dice_make_the_same_notes_and_they_are_what_they_claim() {
        let first = notes(&mut Dice::seeded(7), 300);
        assert_eq!(first, notes(&mut Dice::seeded(7), 300));
        assert!(first.iter().all(|note| note.len() <= MAX_BYTES && !note.contains('\n')));
        assert!(first.iter().any(|note| note.len() > MAX_BYTES - 300));
        let all: String = first.concat();
        for sign in [
            'é', 'ಕ', 'ह', 'ع', 'ש', '水', 'ひ', '한', 'Ж', 'Ω', 'ท', 'ሰ', '👩', '\u{200d}',
            '\u{301}',
        ] {
            assert!(all.contains(sign), "{sign:?} is in no note");
        }
    }
}
